"""The command that a report gives for a result, and the commit."""

import subprocess
from pathlib import Path

import pytest

from mtlaug import provenance
from mtlaug.provenance import command_line

TRAINED = './run.sh --train-config conf/mtlaug.yaml --train-args "loss_args.alpha=0.5 optim_args.epochs=5" --exp-name q'


@pytest.mark.parametrize(
    ("seeds", "tested", "more"),
    [
        ((1,), "./run.sh --train-config conf/mtlaug.yaml --exp-name q", ""),
        ((1,), "./run.sh --exp-name q --train-args optim_args.epochs=9", ""),
        ((1, 2, 3), "./run.sh --exp-name q --seeds 3", ' --seeds "1 2 3"'),
        ((1,), './run.sh --exp-name q --attack-args "--domain waveform"', ' --attack-args "--domain waveform"'),
        ((2, 3), './run.sh --snrs "5 0" --nothing x', ' --snrs "5 0" --seeds "2 3"'),
    ],
)
def test_it_trains_as_was_trained_and_tests_as_is_tested(seeds: tuple[int, ...], tested: str, more: str):
    assert command_line(TRAINED, seeds, tested) == TRAINED + more


def test_options_of_an_earlier_test_are_not_those_of_this_one():
    trained = './run.sh --exp-name q --attack-args "--domain waveform" --snrs 5'
    assert command_line(trained, (1,), "./run.sh --exp-name q") == "./run.sh --exp-name q"


def test_a_single_seed_that_was_asked_for_stays():
    assert command_line("./run.sh --seeds 7 --exp-name x", (7,), "./run.sh --x 1") == "./run.sh --seeds 7 --exp-name x"


@pytest.mark.parametrize(
    ("trained", "tested"),
    [
        ("", "./run.sh --snrs 5"),
        ("./run.sh --seeds", "./run.sh --snrs 5"),
        (TRAINED, ""),
        (TRAINED, './run.sh --attack-args "5'),
        (TRAINED, "steps/score.sh exp/x"),
    ],
)
def test_what_is_no_recipe_stands_as_it_is(trained: str, tested: str):
    assert command_line(trained, (1, 2), tested) == tested


def test_quotes_and_empty_values_survive():
    command = r'./run.sh --noise-dir "my \"own\" noise" --rir-dir ""'
    assert command_line(command, (1,), "./run.sh --exp-name x") == command


def test_the_commit_is_dirty_where_code_differs_and_not_where_results_do(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert provenance.git_commit() == "unknown"
    for name in ("mtlaug/model.py", "egs/mini/RESULTS.md", "egs/mini/run.sh", "egs/mini/local/x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as it was")
    user = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for words in (["init", "-q"], ["add", "."], [*user, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    commit = provenance.git_commit()
    assert len(commit) == 40
    (tmp_path / "egs/mini/RESULTS.md").write_text("made anew")
    (tmp_path / "egs/mini/exp").mkdir()
    assert provenance.git_commit() == commit
    for name in ("mtlaug/new.py", "egs/mini/run.sh", "egs/mini/local/x.py", "egs/mini/local/y.py"):
        before = (tmp_path / name).read_text() if (tmp_path / name).exists() else None
        (tmp_path / name).write_text("changed")
        assert provenance.git_commit() == f"{commit}-dirty"
        (tmp_path / name).unlink() if before is None else (tmp_path / name).write_text(before)
