"""One training of the corpus's model, and what it leaves beside what another one leaves."""

import json
from pathlib import Path

import torch

from mtlaug.experiment import Experiment
from mtlaug.files import read_json

FOLD, SEED = "1", 1


def log_of(directory: Path) -> list[dict]:
    """The lines of log.jsonl without their times."""
    lines = [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def tensors_of(state: object, name: str = "") -> dict[str, object]:
    """A checkpoint's leaves by their path."""
    if isinstance(state, dict):
        items = state.items()
    elif isinstance(state, (list, tuple)):
        items = enumerate(state)
    else:
        return {name: state}
    return {path: leaf for key, value in items for path, leaf in tensors_of(value, f"{name}/{key}").items()}


def assert_same_run(one: Path, other: Path) -> None:
    """Equal checkpoints, bit for bit, equal logs and equal ends."""
    for name in ("best.pt", "last.pt"):
        first, second = (tensors_of(torch.load(path / name, weights_only=True)) for path in (one, other))
        assert first.keys() == second.keys()
        for key, value in first.items():
            same = torch.equal(value, second[key]) if torch.is_tensor(value) else value == second[key]
            assert same, f"{name}{key}"
    assert log_of(one) == log_of(other)
    assert read_json(one / "done.json") == read_json(other / "done.json")


def run_dir(run: Experiment) -> Path:
    return run.run_dir(FOLD, SEED)
