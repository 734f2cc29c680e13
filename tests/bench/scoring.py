"""Scores of many utterances, and how long commands and jobs take to start."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from mtlaug.scoring import scores

from .measure import ROOT, Row, in_turn, process

sys.path.insert(0, str(Path(__file__).parent.parent))
from made_predictions import random_predictions

# What each training has behind it after its first update, but for its data.
_FIRST_UPDATE = """
import torch, mtlaug.experiment, mtlaug.training.loop
weight = torch.nn.Parameter(torch.zeros(1))
optimiser = mtlaug.training.loop.AdamW([weight], 1e-3, fused=True)
weight.sum().backward()
optimiser.step()
"""


def score() -> list[Row]:
    """10,000 utterances of 100 speakers with 2,000 draws of the bootstrap, beside the draws alone in numpy."""
    predictions = random_predictions(0.7, speakers=100, per_class=25)
    rng = np.random.default_rng(0)
    hits, totals = rng.random((100, 4)), np.ones((100, 4))

    def bound() -> np.ndarray:
        weights = rng.multinomial(100, np.full(100, 0.01), size=2000)
        return ((weights @ hits) / (weights @ totals)).mean(1)

    times = in_turn({"ours": lambda: scores.score(predictions), "bound": bound})
    return [Row("scoring, 10,000 utterances", times["ours"], times["bound"], "numpy draws alone", "s", "at most 2 s")]


def start() -> list[Row]:
    """`mtlaug --help`, and a training until its first update beside torch's import."""
    program = str(Path(sys.executable).with_name("mtlaug"))
    ways = {
        "help": lambda: subprocess.run([program, "--help"], check=True, capture_output=True),
        "python": process("pass"),
        "job": process(_FIRST_UPDATE),
        "torch": process("import torch"),
    }
    times = in_turn(ways)
    return [
        Row("mtlaug --help", times["help"], times["python"], "python itself", "s", "at most 0.3 s"),
        Row("start of a training", times["job"], times["torch"], "import torch", "s", "at most 1.0 s more"),
    ]


def jobs() -> list[Row]:
    """A job of run.py that does nothing, of twenty one after another, beside bash that does nothing."""
    count = 20
    with tempfile.TemporaryDirectory() as folder:
        launcher = [sys.executable, str(ROOT / "tools/utils/run.py"), "--max-jobs-run", "1"]
        array = [*launcher, f"JOB=1:{count}", f"{folder}/x.JOB.log", "true"]

        def alone() -> None:
            for _ in range(count):
                subprocess.run(["bash", "-c", "true"], check=True)

        times = in_turn({"ours": lambda: subprocess.run(array, check=True), "alone": alone})
    ours, other = (times[name] / count for name in ("ours", "alone"))
    return [Row("a job of run.py", ours, other, "bash alone", "s", "at most 0.2 s")]
