"""TensorBoard event files: the lines of the log, once each."""

import importlib.util
import json
from pathlib import Path

import pytest

from mtlaug.cli import Parser
from mtlaug.cli.train import add_commands
from mtlaug.files import UserError
from mtlaug.training import board, loop


@pytest.fixture
def scalars():
    """A function that reads a directory's event files: name to (epoch, value) of each."""
    pytest.importorskip("tensorboard", reason="tools/requirements-tensorboard.txt is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(directory: Path) -> dict[str, list[tuple[int, float]]]:
        events = EventAccumulator(str(directory)).Reload()
        return {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}

    return read


def test_a_resumed_log_has_each_epoch_once(tmp_path: Path, scalars):
    directory = tmp_path / "seed 1"
    lines = [json.dumps({"epoch": n, "loss": n / 2, "dev_uar": None, "best": True}) for n in (1, 2, 3)]
    board.start(directory, lines[:2])
    assert scalars(directory) == {"loss": [(1, 0.5), (2, 1.0)]}
    write = board.start(directory, lines[:1])
    write(lines[1])
    write(lines[2])
    assert scalars(directory) == {"loss": [(1, 0.5), (2, 1.0), (3, 1.5)]}


def test_a_training_and_a_finished_one(corpus, tmp_path: Path, scalars):
    experiment = corpus.prepare(tmp_path / "exp", "optim_args.epochs=2")
    directory = experiment.run_dir("1", 1)
    loop.train(experiment, "1", 1)
    assert not list(directory.glob("events.*"))
    loop.train(experiment, "1", 1, tensorboard=True)
    log = [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]
    finished = scalars(directory)
    assert finished["loss"] == [(row["epoch"], pytest.approx(row["loss"])) for row in log]
    assert set(finished) == set(log[0]) - {"epoch", "best"}
    other = experiment.run_dir("2", 1)
    loop.train(experiment, "2", 1, tensorboard=True)
    assert [epoch for epoch, _ in scalars(other)["dev_uar"]] == [1, 2]


def test_without_the_package_nothing_is_prepared(corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    parser = Parser(prog="mtlaug")
    add_commands(parser.add_subparsers())
    words = ["train", "prepare", corpus.data_dir, corpus.aug_dir, str(tmp_path / "exp"), "--config", corpus.config]
    options = parser.parse_args([*words, "--tensorboard"])
    with pytest.raises(UserError, match=r"pip install -r .*tools/requirements-tensorboard\.txt"):
        options.run(options)
    assert not (tmp_path / "exp").exists()
