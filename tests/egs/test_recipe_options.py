"""tools/steps/recipe_options.sh: what later stages know of the options that stage 1 was run with."""

import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
SCRIPT = f"""#!/usr/bin/env bash
set -euo pipefail
. "{TOOLS}/steps/recipe_options.sh"
pairs="a:b c:d"
. "{TOOLS}/utils/parse_options.sh"
unset held_out_noise unlabelled_dir
begin data/x pairs
if at_stage 1; then
  open_stage data/x/options.conf; mkdir -p data/x; keep_options data/x/options.conf "${{bound[@]}}"
fi
if at_stage 2; then open_stage data/x/features.conf; keep_options data/x/features.conf "${{heard[@]}}"; fi
check_trained exp/stl
echo "noise '$noise_dir', pairs '$pairs'"
command_line conf/stl.yaml
"""


@pytest.fixture
def run(tmp_path):
    recipe = tmp_path / "a recipe"
    recipe.mkdir()
    (recipe / "run.sh").write_text(SCRIPT)
    (recipe / "conf").mkdir()
    for name in ("mtlaug", "stl", "seed"):
        (recipe / "conf" / f"{name}.yaml").touch()
    for name in ("a b/no=ise", "one", "other", "noise", "x"):
        (recipe / name).mkdir(parents=True)

    def call(*arguments):
        command = ["bash", "./run.sh", *map(str, arguments)]
        return subprocess.run(command, cwd=recipe, env=os.environ, capture_output=True, text=True, check=False)

    return call


def test_later_stages_are_of_the_options_that_stage_1_had(run):
    assert run("--noise-dir", "a b/no=ise").returncode == 0
    for given in ((), ("--noise-dir", "a b/no=ise")):
        done = run("--stage", 4, "--nj", 3, *given)
        assert done.stdout.splitlines() == [
            "noise 'a b/no=ise', pairs 'a:b c:d'",
            './run.sh --train-config conf/stl.yaml --noise-dir "a b/no=ise"',
        ]


@pytest.mark.parametrize("option", ["--noise-dir", "--pairs"])
def test_others_are_refused_until_stage_1_is_run_again(run, option):
    assert run("--stop-stage", 1).returncode == 0
    done = run("--stage", 2, option, "x")
    assert done.returncode == 1
    assert f"run.sh: {option} 'x': stage 1 was run with '" in done.stderr
    assert run("--stage", 1, option, "x").returncode == 0
    done = run("--stage", 2)
    assert done.stdout.splitlines()[-1] == f"./run.sh --train-config conf/stl.yaml {option} x"


def test_copies_and_features_are_of_the_configuration_that_stage_2_had(run):
    assert run("--stop-stage", 2, "--feature-config", "conf/seed.yaml").returncode == 0
    assert run("--stage", 4).stdout.splitlines()[-1].endswith(" --feature-config conf/seed.yaml")
    done = run("--stage", 4, "--feature-config", "conf/stl.yaml")
    assert done.returncode == 1
    assert "--feature-config 'conf/stl.yaml': stage 2 was run with 'conf/seed.yaml'; run it again first" in done.stderr
    assert run("--stage", 2).stdout.splitlines()[-1] == "./run.sh --train-config conf/stl.yaml"


def test_stage_2_is_run_again_after_a_stage_1_with_other_noise(run):
    """Else the copies would be of the noise of before, and the command that is noted would not make them again."""
    assert run("--noise-dir", "one").returncode == 0
    assert run("--stop-stage", 1, "--noise-dir", "other").returncode == 0
    done = run("--stage", 3)
    said = "run.sh: --noise-dir 'other': stage 2 was run with 'one'; run it again first\n"
    assert (done.returncode, done.stderr) == (1, said)
    assert run("--stage", 2).returncode == 0
    assert run("--stage", 3).returncode == 0
    assert run("--stop-stage", 1, "--noise-dir", "other").returncode == 0
    assert run("--stage", 3).returncode == 0  # the same noise, whatever else stage 1 has made anew


@pytest.mark.parametrize("arguments", [("--seeds", 1, 2, 3), ("--stage", 8, "x"), ("x", "--stage", 8)])
def test_a_stray_word_is_no_option(run, arguments):
    done = run(*arguments)
    assert done.returncode == 1
    assert "is no option (see --help)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stage", 9), "--stage 9 --stop-stage 8: no stage is left; the last one is 8"),
        (("--stage", 5, "--stop-stage", 4), "no stage is left"),
        (("--train-config", ""), "--train-config is empty"),
        (("--nj", 0), "--nj 0: expected a whole number above zero"),
        (("--ngpu", -1), "--ngpu -1: expected a whole number"),
        (("--seeds", "1 2 1"), "--seeds 1 2 1: names one twice"),
        (("--max-loss", "5%"), "--max-loss 5%: expected a percentage"),
        (("--exp-name", "x/y"), "--exp-name x/y: is the name of a folder in exp/"),
        (("--rir-dir", "no/rooms"), "run.sh: no/rooms: no such directory"),
        (("--pairs", "a:b\nc:d"), "--pairs: has a line break in it"),
        (("--train-config", "conf/stl.yaml,conf/typo.yaml"), "run.sh: conf/typo.yaml: no such file"),
        (("--train-config", "conf/stl.yaml,./conf/stl.yaml"), "several of them would be exp/stl; rename them"),
        (("--exp-name", "x", "--train-config", "conf/stl.yaml,conf/seed.yaml"), "--exp-name x: is of one model"),
        (("--normalisation", "spekaer"), "normalisation spekaer: known are global, utterance and speaker"),
        (("--normalisation", "speaker", "--train-args", "dataset_args.normalisation=global"), "an option of its own"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(run, arguments, message):
    done = run(*arguments)
    assert done.returncode == 1
    assert message in done.stderr


def test_stage_1_comes_first(run):
    done = run("--stage", 4, "--noise-dir", "x")
    assert (done.returncode, "data/x/options.conf: no such file: run stage 1 (touch" in done.stderr) == (1, True)


def test_noise_that_was_made_anew_for_other_data_is_refused(run, tmp_path):
    assert run("--stop-stage", 1, "--noise-dir", "one").returncode == 0
    made = tmp_path / "a recipe/data/noise_train/options.conf"
    made.parent.mkdir()
    made.write_text("noise_dir=one\n")
    assert run("--stage", 2).returncode == 0
    made.write_text("# not done\n")
    assert "data/noise_train: was not made to its end for other data; run stage 1 again" in run("--stage", 2).stderr
    made.write_text("noise_dir=other\n")
    done = run("--stage", 2)
    said = "data/noise_train was made anew with another --noise-dir for other data; run stage 1 again"
    assert (done.returncode, done.stderr) == (1, f"run.sh: {said}\n")


def test_a_stage_1_that_failed_is_run_again(run, tmp_path):
    assert run("--noise-dir", "noise").returncode == 0
    script = tmp_path / "a recipe/run.sh"
    script.write_text(SCRIPT.replace("; keep_options data/x/options", "; false; keep_options data/x/options"))
    assert run("--noise-dir", "noise", "--stage", 1).returncode == 1
    done = run("--stage", 2)
    assert (done.returncode, done.stderr) == (1, "run.sh: data/x: stage 1 has not come to its end; run it again\n")
    (tmp_path / "a recipe/data/x/options.conf").unlink()  # as where the first one failed
    done = run("--stage", 2)
    said = "data/x/options.conf: no such file: run stage 1 (touch this file for data prepared by hand)"
    assert (done.returncode, done.stderr) == (1, f"run.sh: {said}\n")
    assert run("--stage", 8).returncode == 0  # a report is of what is there


def test_a_stage_2_that_failed_is_run_again(run, tmp_path):
    assert run("--feature-config", "conf/seed.yaml").returncode == 0
    script = tmp_path / "a recipe/run.sh"
    script.write_text(SCRIPT.replace("; keep_options data/x/features", "; false; keep_options data/x/features"))
    assert run("--stage", 2).returncode == 1
    done = run("--stage", 3)
    assert (done.returncode, done.stderr) == (1, "run.sh: data/x: stage 2 has not come to its end; run it again\n")


def test_a_recipe_that_does_not_begin_is_told_so(tmp_path):
    text = f'set -euo pipefail\n. "{TOOLS}/steps/recipe_options.sh"\n. "{TOOLS}/steps/recipe_stages.sh"\n'
    done = subprocess.run(["bash", "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "call begin before stage 0" in done.stderr) == (1, True)


def test_seeds_that_are_not_trained_are_not_tested(run, tmp_path):
    assert run("--stop-stage", 1).returncode == 0
    (tmp_path / "a recipe/exp/stl/fold_a b/seed_1").mkdir(parents=True)
    assert run("--stage", 5, "--seeds", "1").returncode == 0
    assert run("--stage", 4, "--seeds", "1 7").returncode == 0
    assert run("--stage", 8, "--seeds", "1 7").returncode == 0
    done = run("--stage", 5, "--seeds", "1 7")
    assert (done.returncode, done.stderr) == (1, "run.sh: exp/stl has no seed 7; train it by stage 4 first\n")
