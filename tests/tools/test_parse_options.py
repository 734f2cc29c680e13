"""tools/utils/parse_options.sh: which options a script has, which values they take."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

PARSE = Path(__file__).parents[2] / "tools/utils/parse_options.sh"
SCRIPT = f"""#!/usr/bin/env bash
set -euo pipefail
export from_script_environment=1
readonly fixed=1
declare -A list=([a]=1)
UPPER=1
# General
stage=0            # first stage to run
train_set="a b"    # data directory
use_cmvn=true
empty=
nj=4
. "{PARSE}"
echo "stage=$stage|train_set=$train_set|use_cmvn=$use_cmvn|empty=$empty|nj=$nj|$#|$*"
"""
DEFAULTS = {"stage": "0", "train_set": "a b", "use_cmvn": "true", "empty": "", "nj": "4"}


@pytest.fixture
def script(tmp_path):
    directory = tmp_path / "a recipe"
    directory.mkdir()
    (directory / "run.sh").write_text(SCRIPT)
    return directory / "run.sh"


def call(script, *arguments, **environment):
    command = ["bash", "./run.sh", *arguments]
    environment = {**os.environ, **environment}
    return subprocess.run(command, cwd=script.parent, env=environment, capture_output=True, text=True, timeout=20)


def values(done):
    assert done.returncode == 0, done.stderr
    *pairs, number, rest = done.stdout.rstrip("\n").split("|")
    return dict(pair.split("=", 1) for pair in pairs), int(number), rest


def changed(**options):
    return {**DEFAULTS, **options}


@pytest.mark.parametrize(
    "arguments, options, number",
    [
        ([], {}, 0),
        (["--stage", "3"], {"stage": "3"}, 0),
        (["--stage=3"], {"stage": "3"}, 0),
        (["--stage", "-1"], {"stage": "-1"}, 0),
        (["--train-set", "x y"], {"train_set": "x y"}, 0),
        (["--train_set", "x"], {"train_set": "x"}, 0),
        (["--train-set="], {"train_set": ""}, 0),
        (["--train-set", ""], {"train_set": ""}, 0),
        (["--train-set=--x"], {"train_set": "--x"}, 0),
        (["--empty", "--num-mel-bins 80"], {"empty": "--num-mel-bins 80"}, 0),
        (["--use-cmvn", "false", "--nj", "2"], {"use_cmvn": "false", "nj": "2"}, 0),
        (["--nj", "2", "--nj", "3"], {"nj": "3"}, 0),
        (["--nj", "2", "data", "--stage", "1"], {"nj": "2"}, 3),
        (["--nj", "2", "--", "--stage", "1"], {"nj": "2"}, 2),
    ],
)
def test_values_are_set_and_the_rest_remains(script, arguments, options, number):
    found, left, rest = values(call(script, *arguments))
    assert found == changed(**options)
    assert left == number
    assert rest == " ".join(arguments[len(arguments) - number :])


@pytest.mark.parametrize(
    "text", ["$(touch made)", "`touch made`", "x; touch made", "'\"; touch made; \"'", "a[$(touch made)]"]
)
def test_values_are_never_run(script, text):
    assert values(call(script, "--train-set", text))[0] == changed(train_set=text)
    assert call(script, "--stage", text).returncode == 1
    (script.parent / "x.conf").write_text(f"train_set={text}\n")
    values(call(script, "--config", "x.conf"))
    assert call(script, f"--{text}", "1").returncode == 1
    assert not (script.parent / "made").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--foo", "1"], "run.sh: unknown option --foo (see --help)"),
        (["--foo=1"], "run.sh: unknown option --foo (see --help)"),
        (["--PATH", "/x"], "unknown option --PATH"),
        (["--HOME", "/x"], "unknown option --HOME"),
        (["--IFS", "x"], "unknown option --IFS"),
        (["--UPPER", "2"], "unknown option --UPPER"),
        (["--Stage", "2"], "unknown option --Stage"),
        (["--from-script-environment", "2"], "unknown option --from-script-environment"),
        (["--http-proxy", "x"], "unknown option --http-proxy"),
        (["--fixed", "2"], "unknown option --fixed"),
        (["--list", "2"], "unknown option --list"),
        (["--_po_used", "2"], "unknown option --_po_used"),
        (["-nj", "2"], "unknown option -nj"),
        (["--stage"], "--stage needs a value"),
        (["--stage", "--nj", "2"], "--stage needs a value"),
        (["--stage", "--"], "--stage needs a value"),
        (["--train-set", "--nj=2"], "--train-set needs a value"),
        (["--config"], "--config needs a value"),
        (["--config", "none.conf"], "cannot read 'none.conf'"),
        (["--stage", "abc"], "option --stage must be a whole number, not 'abc'"),
        (["--stage", "1.5"], "--stage must be a whole number"),
        (["--stage="], "--stage must be a whole number"),
        (["--use-cmvn", "yes"], "option --use-cmvn must be true or false, not 'yes'"),
        (["--use-cmvn", "x", "--use-cmvn", "true"], "must be true or false"),
    ],
)
def test_bad_options_exit_1_and_are_named(script, arguments, message):
    done = call(script, *arguments, http_proxy="http://proxy")
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stdout == ""


def test_config_comes_before_the_command_line(script):
    text = '# settings\n\nstage=5  # comment\n--train-set="x # y"\nuse_cmvn = false\n--nj 7\nempty=\r\n'
    (script.parent / "a b.conf").write_text(text)
    expected = changed(stage="5", train_set="x # y", use_cmvn="false", nj="9")
    assert values(call(script, "--nj", "9", "--config", "a b.conf"))[0] == expected
    assert values(call(script, "--config=a b.conf", "--nj", "9"))[0] == expected


@pytest.mark.parametrize(
    "line, message",
    [
        ("foo=1", "x.conf:2: unknown option foo"),
        ("PATH=/x", "x.conf:2: unknown option PATH"),
        ("stage=abc", "x.conf:2) must be a whole number"),
        ("rm -rf x", "x.conf:2: unknown option rm"),
        ("=3", "x.conf:2: expected name=value"),
    ],
)
def test_bad_config_lines_are_named(script, line, message):
    (script.parent / "x.conf").write_text(f"nj=2\n{line}\n")
    done = call(script, "--config", "x.conf")
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_the_defaults_and_exits_0(script, option):
    done = call(script, "--nj", "77", option)
    assert done.returncode == 0
    assert "--stage 0  # first stage to run\n  --train-set a\\ b  # data directory\n" in done.stdout
    assert "--nj 4\n" in done.stdout
    assert "UPPER" not in done.stdout
    assert "fixed" not in done.stdout


def test_help_message_of_the_script_is_printed(script):
    script.write_text(SCRIPT.replace("# General", 'help_message="Usage: mine"'))
    done = call(script, "--help")
    assert (done.returncode, done.stdout) == (0, "Usage: mine\n")
    assert "unknown option --help-message" in call(script, "--help-message", "x").stderr


def test_an_option_that_the_environment_has_too_stays_an_option(script):
    assert values(call(script, "--nj", "3", nj="99"))[0] == changed(nj="3")


def test_an_option_of_a_sourced_file_stays_one_too(tmp_path):
    (tmp_path / "inner.sh").write_text("nj=4\n")
    (tmp_path / "options.sh").write_text(". ./inner.sh\nstage=0\n")
    script = tmp_path / "run.sh"
    script.write_text(f'set -euo pipefail\n. ./options.sh\n. {shlex.quote(str(PARSE))}\necho "$stage $nj"\n')
    assert call(script, "--nj", "3", "--stage", "2", nj="99", stage="9").stdout == "2 3\n"
    assert "unknown option --other" in call(script, "--other", "3", other="1").stderr


def test_nothing_of_its_own_is_left_behind(script):
    script.write_text(SCRIPT + "compgen -A function -A variable | grep -c ^_po_ || true\n")
    assert call(script, "--nj", "3").stdout.endswith("\n0\n")


def test_an_array_takes_several_values(tmp_path):
    script = tmp_path / "run.sh"
    script.write_text(
        f'set -euo pipefail\nseeds=(1)\n. {shlex.quote(str(PARSE))}\necho "${{#seeds[@]}}: ${{seeds[*]}}"\n'
    )
    assert subprocess.run(["bash", script, "--seeds", "1 2 3"], capture_output=True, text=True).stdout == "3: 1 2 3\n"
    assert subprocess.run(["bash", script], capture_output=True, text=True).stdout == "1: 1\n"
    refused = subprocess.run(["bash", script, "--seeds", "1 b"], capture_output=True, text=True)
    assert refused.returncode == 1 and "--seeds must be whole numbers" in refused.stderr


def test_a_script_that_goes_to_its_own_folder_is_found_from_another(script, tmp_path):
    text = script.read_text().replace("set -euo pipefail", 'set -euo pipefail\ncd -- "$(dirname -- "$0")"')
    script.write_text(text)
    command = ["bash", "a recipe/run.sh", "--help"]
    environment = {**os.environ, "stage": "3"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "  --stage 0  # first stage to run\n  --train-set a\\ b  # data directory\n" in done.stdout
