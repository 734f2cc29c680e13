"""Trainings that were killed, and checkpoints that are broken."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from processes import wait_for
from training_runs import FOLD, SEED, assert_same_run, run_dir

from mtlaug import experiment
from mtlaug.cli import main
from mtlaug.experiment import checkpoints, inference
from mtlaug.files import UserError
from mtlaug.training import loop
from mtlaug.training.loop import Trainer
from mtlaug.training.objective import Objective


class Killed(BaseException):
    """Stands for a signal that ends the process."""


@pytest.mark.parametrize("moment", ["after last.pt", "before last.pt", "within an epoch"])
def test_a_killed_run_goes_on_bit_for_bit(corpus, trained, tmp_path, monkeypatch, moment):
    run = corpus.prepare(tmp_path / "exp")
    save, train_epoch, updates = checkpoints.save, Trainer.train_epoch, Objective.forward
    counts = {"last.pt": 0, "updates": 0}

    def killing_save(path, state):
        counts["last.pt"] += path.name == "last.pt"
        if moment == "before last.pt" and path.name == "last.pt" and counts["last.pt"] == 2:
            raise Killed
        save(path, state)

    def killing_epoch(self):
        if moment == "after last.pt" and self.epoch == 1:
            raise Killed
        return train_epoch(self)

    def killing_updates(self, *arguments):
        counts["updates"] += 1
        if moment == "within an epoch" and counts["updates"] == 8:
            raise Killed
        return updates(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", killing_save)
        patch.setattr(Trainer, "train_epoch", killing_epoch)
        patch.setattr(Objective, "forward", killing_updates)
        with pytest.raises(Killed):
            loop.train(run, FOLD, SEED)
    assert not (run_dir(run) / "done.json").exists()
    assert torch.load(run_dir(run) / "last.pt", weights_only=True)["epoch"] == (2 if moment == "within an epoch" else 1)
    torch.manual_seed(99)  # the state of a fresh process
    loop.train(run, FOLD, SEED)
    assert_same_run(run_dir(run), run_dir(trained))


def test_a_process_killed_by_sigkill_goes_on_bit_for_bit(corpus, tmp_path, project_root):
    long = ("optim_args.epochs=12", "optim_args.patience=12")
    whole, killed = corpus.prepare(tmp_path / "whole", *long), corpus.prepare(tmp_path / "killed one", *long)
    loop.train(whole, FOLD, SEED)
    command = [sys.executable, "-m", "mtlaug", "train", "run", str(killed.directory), "--job", "1"]
    environment = os.environ | {"PYTHONPATH": str(project_root), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    log = run_dir(killed) / "log.jsonl"
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: log.exists() and len(log.read_text().splitlines()) >= 2, seconds=60)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (run_dir(killed) / "done.json").exists()
    assert main(["train", "run", str(killed.directory), "--job", "1"]) == 0
    assert_same_run(run_dir(killed), run_dir(whole))


@pytest.mark.parametrize("spoil", [lambda data: b"junk", lambda data: data[: len(data) // 2], lambda data: b""])
def test_a_corrupt_checkpoint_is_named(corpus, trained, tmp_path, spoil):
    run = corpus.prepare(tmp_path / "exp")
    shutil.copytree(run_dir(trained), run_dir(run))
    (run_dir(run) / "done.json").unlink()
    last = run_dir(run) / "last.pt"
    last.write_bytes(spoil(last.read_bytes()))
    with pytest.raises(UserError, match=r"last\.pt: not a checkpoint.*remove the file"):
        loop.train(run, FOLD, SEED)


def test_a_checkpoint_with_code_is_not_run(tmp_path):
    torch.save({"path": Path("x")}, tmp_path / "best.pt")
    with pytest.raises(UserError, match=r"best\.pt: not a checkpoint"):
        checkpoints.load(tmp_path / "best.pt")


def test_a_second_process_is_refused(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp")
    with experiment.locked(run_dir(run)):
        with pytest.raises(UserError, match="another process is training there"):
            loop.train(run, FOLD, SEED)
    assert not (run_dir(run) / "last.pt").exists()
    with experiment.locked(run_dir(run)):  # free again
        pass


def test_a_broken_model_is_made_again_once_it_is_removed(trained, tmp_path):
    run = dataclasses.replace(trained, directory=shutil.copytree(trained.directory, tmp_path / "broken"))
    best = run.run_dir("1", 2) / "best.pt"
    before = checkpoints.load(best)
    best.write_bytes(b"")
    with pytest.raises(UserError, match=r"not a checkpoint .*; remove the file and run stage 4 again"):
        inference.trained_model(run, "1", 2)
    checkpoints.save(best, {name: weights for name, weights in before.items() if name != min(before)})
    with pytest.raises(UserError, match=r"best\.pt: is of another network; remove the file and run stage 4 again"):
        inference.trained_model(run, "1", 2)
    best.unlink()
    loop.train(run, "1", 2)
    after = checkpoints.load(best)
    assert all(torch.equal(after[name], before[name]) for name in before)
