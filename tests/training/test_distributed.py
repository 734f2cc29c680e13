"""Several processes on one training (torchrun, gloo on CPUs), and a training that is told to stop."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from corpus import Corpus
from processes import wait_for

from mtlaug.experiment import Experiment
from mtlaug.training.loop import REQUEUE, train

# Every process drops out rows of its own, so that only without dropout the curves are the same.
EXACT = ("model_args.dropout=0", "optim_args.epochs=3", "loss_args.speaker=0.1")


def launch(run: Experiment, processes: int) -> subprocess.CompletedProcess:
    words = ["train", "run", str(run.directory), "--job", "1", "--ngpu", str(processes)]
    command = [sys.executable, "-m", "mtlaug", *words]
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)


def epochs(run: Experiment) -> list[dict]:
    return [json.loads(line) for line in (run.run_dir("1", 1) / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def both(corpus: Corpus, tmp_path_factory) -> tuple[Experiment, Experiment]:
    """The same training in one process and in two."""
    root = tmp_path_factory.mktemp("several processes")
    alone, together = (corpus.prepare(root / name, *EXACT) for name in ("one", "two"))
    train(alone, "1", 1)
    done = launch(together, 2)
    assert done.returncode == 0, done.stderr
    return alone, together


def test_two_processes_give_the_curve_of_one(both):
    for one, two in zip(*map(epochs, both), strict=True):
        for name in one.keys() - {"seconds"}:
            assert two[name] == pytest.approx(one[name], abs=1e-4), name


def test_two_processes_give_the_model_of_one(both):
    one, two = (torch.load(run.run_dir("1", 1) / "best.pt") for run in both)
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, atol=1e-4, rtol=1e-3)


def test_a_process_that_fails_is_no_traceback_of_torchrun(corpus: Corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp")
    (run.run_dir("1", 1)).parent.mkdir(parents=True)
    run.run_dir("1", 1).write_text("in the way")
    done = launch(run, 2)
    assert done.returncode == 1
    assert "one of 2 processes failed; the reason stands above" in done.stderr
    assert "ChildFailedError" not in done.stderr


def test_less_than_no_gpu_is_refused(corpus: Corpus, tmp_path):
    done = launch(corpus.prepare(tmp_path / "exp"), -1)
    assert (done.returncode, "--ngpu -1: expected a whole number from 0" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("together", [(), ("--ngpu", "2")])
def test_a_training_that_is_told_to_stop_says_requeue_and_goes_on(corpus: Corpus, tmp_path, together):
    # Adversarial, as that looks at the loss outside of the processes' common backward pass.
    options = ("optim_args.epochs=200", "optim_args.patience=200", "loss_args.adversarial_epsilon=0.05")
    run = corpus.prepare(tmp_path / "exp", *options)
    command = [sys.executable, "-m", "mtlaug", "train", "run", str(run.directory), "--job", "1", *together]
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
    last = run.run_dir("1", 1) / "last.pt"
    wait_for(last.exists, seconds=100)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == REQUEUE
    assert "run again to go on" in said
    assert "Traceback" not in said
    assert not list(run.run_dir("1", 1).glob(".tmp*"))
    done = len(epochs(run))
    assert 1 <= done < 200
    # Between the two files of an epoch, its line is there and its state is not: a run that goes on writes it again.
    assert torch.load(last)["epoch"] in (done - 1, done)
