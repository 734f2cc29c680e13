"""mtlaug plan, and a recipe's --dry-run: the right jobs, sizes near the real ones, nothing done."""

from pathlib import Path

import pytest
import recipes

from mtlaug import config, plan
from mtlaug.augment import manifest
from mtlaug.cli import main

RECIPE = {
    "copied": "",
    "overrides": [],
    "nj": 4,
    "seeds": 2,
    "snrs": 0,
    "noise_dir": "",
    "attack_jobs": 0,
    "attacked": 0,
    "passes": 0,
}


def steps(corpus, **changes):
    recipe = RECIPE | {"sets": [corpus.data_dir], "configs": [corpus.config], "feature_config": corpus.config} | changes
    return {step.what.replace(corpus.data_dir, "x"): step for step in plan.steps(plan.Recipe(**recipe))}


def test_jobs_are_those_that_the_steps_start(corpus):
    made = steps(corpus, snrs=2, attack_jobs=3, passes=10)
    assert made["features of x_aug"].jobs == 4
    assert made["training of tiny: folds x seeds"].jobs == 3 * 2
    assert made["attacks on tiny"].jobs == 3
    assert "noisy speech: features of 8 copies of each utterance" in made  # four colours


def test_babble_is_a_kind_of_noise_too(corpus, tmp_path):
    (tmp_path / "more_babble").mkdir()
    made = steps(corpus, snrs=2, sets=[corpus.data_dir, str(tmp_path / "more")])
    assert "noisy speech: features of 10 copies of each utterance" in made


def test_without_noise_there_are_neither_stage_6_nor_7(corpus):
    assert {step.stage for step in steps(corpus).values()} == {2, 3, 4, 5, 8}


def test_copies_are_as_many_as_the_manifest_has(corpus, tmp_path):
    settings = config.load(corpus.config, [])
    counts = manifest.make(corpus.data_dir, str(tmp_path / "copies"), settings)
    utterances = len(Path(corpus.data_dir, "utt2spk").read_text().splitlines())
    assert plan.copies_of_each(settings) * utterances == sum(counts.values())


def test_disk_is_near_what_the_features_take(corpus):
    taken = sum(path.stat().st_size for path in Path(corpus.aug_dir, "data").glob("*.ark"))
    assert taken / 2 < steps(corpus)["features of x_aug"].disk < 3 * taken


def test_a_part_that_has_copies_is_planned_by_its_own_size(corpus, tmp_path):
    part = tmp_path / "part"
    part.mkdir()
    durations = Path(corpus.data_dir, "utt2dur").read_text().splitlines(keepends=True)
    (part / "utt2dur").write_text("".join(durations[: len(durations) // 2]))
    made, whole = steps(corpus, copied=str(part)), steps(corpus)
    assert made["features of x"] == whole["features of x"]
    assert 0 < made[f"features of {part}_aug"].disk < whole["features of x_aug"].disk
    assert "features of x_aug" not in made


def test_adversarial_training_takes_twice_the_time(corpus):
    plain, adversarial = (
        steps(corpus, overrides=overrides)["training of tiny: folds x seeds"].seconds
        for overrides in ([], ["loss_args.adversarial_epsilon=0.1"])
    )
    assert adversarial == 2 * plain > 0


def test_attacked_waveforms_stay_on_disk(corpus):
    made = steps(corpus, snrs=2, seeds=3, attacked=8)["attacks on tiny"]
    recordings = 3 * 8 * plan.measure(corpus.data_dir).seconds * 16000 * plan.SAMPLE
    assert recordings < made.disk < 2 * recordings
    assert steps(corpus, snrs=2)["attacks on tiny"].disk == 0


def test_what_is_not_there_is_unknown(corpus, tmp_path):
    made = steps(corpus, sets=[str(tmp_path / "none")])
    training = made["training of tiny: folds x seeds"]
    assert (training.jobs, training.seconds, training.disk) == (None, None, None)


@pytest.mark.parametrize(
    "text, passes",
    [("", 4 * (1 + 10 + 20)), ("--methods pgd --budgets 0.1,0.2 --steps 5 --step_size 0.5 --restarts 1", 10)],
)
def test_options_of_the_attacks_are_read(corpus, capsys, text, passes):
    arguments = ["--configs", corpus.config, "--feature-config", corpus.config, "--snrs", "0", f"--attack-args={text}"]
    assert main(["plan", corpus.data_dir, *arguments]) == 0
    seconds = passes * plan.measure(corpus.data_dir).seconds / plan.ATTACKING
    assert f" {seconds:.0f} s        0 MB  attacks on tiny" in capsys.readouterr().out


def test_budgets_below_zero_are_no_options(corpus, capsys):
    text = "--domain waveform --budgets -5,0 --methods fgsm --source exp/stl"
    arguments = ["--configs", corpus.config, "--feature-config", corpus.config, "--snrs", "0", "--attack-args", text]
    assert main(["plan", corpus.data_dir, *arguments]) == 0
    assert "attacks on tiny" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text, message",
    [
        ("--methods cw", "known are fgsm, bim, pgd"),
        ("--domain waves", "known are features, waveform"),
        ("--budget 0.1", "--budget=0.1 is no option of stage 7\n"),
        ("--budgets 0.1 0.3", "0.3 is no option of stage 7; lists are written with commas"),
    ],
)
def test_attacks_that_stage_7_would_refuse_are_refused(corpus, capsys, text, message):
    arguments = ["--configs", corpus.config, "--feature-config", corpus.config, "--snrs", "0", f"--attack-args={text}"]
    assert main(["plan", corpus.data_dir, *arguments]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--train-args", "loss_args.alpa=3", "alpa"),
        ("--snrs", "", "--snrs '': expected different numbers"),
        ("--unlabelled-dir", "conf", "unknown option --unlabelled-dir"),  # mini has speech of its own
        ("--snrs", "20 ten", "--snrs '20 ten': 'ten' is not a finite number"),
        ("--attack-args", "--budget 3", "--budget=3 is no option of stage 7"),
    ],
)
def test_options_of_later_stages_are_looked_at_before_the_first(tmp_path, option, value, message):
    recipe = recipes.copy("mini", tmp_path)
    (recipe / "data/mini").mkdir(parents=True)
    (recipe / "data/mini/options.conf").touch()
    done = recipes.run(recipe, "--stage", 2, "--stop-stage", 2, option, value)
    assert recipes.failed(done, message)
    assert "Stage" not in done.stdout


def test_dry_run_of_a_recipe_does_nothing(tmp_path):
    recipe = recipes.copy("mini", tmp_path)
    before = sorted(recipe.rglob("*"))
    done = recipes.run(recipe, "--dry-run", "true", "--nj", 7, "--stage", 1)
    assert recipes.succeeded(done, "training of mtlaug", "Unknown until stage 1 has made data/mini, data/mini_unl")
    assert "\n    3      7     unknown     unknown  features of data/mini_aug\n" in done.stdout
    assert "Stage 1" not in done.stdout
    assert sorted(recipe.rglob("*")) == before
