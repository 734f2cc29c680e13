"""An epoch of training beside its bare updates, attacks beside bare passes, on a made-up corpus of usual lengths.

All run on the GPU where there is one; `gpu` has rows of its own there, and none elsewhere.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from mtlaug import experiment
from mtlaug.attack import LinfBall, Problem, plan, worst_cases
from mtlaug.dataset import batching
from mtlaug.experiment.inference import device
from mtlaug.training.loop import Trainer

from .measure import ROOT, Row, in_turn

sys.path.insert(0, str(Path(__file__).parent.parent))
import corpus

ON_CORES = "from tests.bench import training; print(training.epoch_seconds())"


def _trainer(folder: str, **dataset_args: int) -> Trainer:
    """A training of the default network on the tests' corpus, its utterances drawn many times."""
    tree = {"augment_args": corpus.TREE["augment_args"], "dataset_args": {"copies_per_epoch": 40, **dataset_args}}
    made = corpus.make(Path(folder), tree, seconds=(1.5, 4.0))
    experiment.prepare(f"{folder}/exp", made.settings(), made.data_dir, made.aug_dir, ["1"])
    trainer = Trainer(experiment.load(f"{folder}/exp"), "1", 1)
    trainer.dev = {}  # the look at dev is no part of a step
    return trainer


def step() -> list[Row]:
    """Reading, drawing and padding hide behind the updates, or add little."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(folder)
        batches = [batch.to(device) for batch in trainer.data.batches(1)]
        times = in_turn({"ours": trainer.train_epoch, "bare": lambda: _bare(trainer, batches)}, rounds=3)
    beside, reach = "bare updates of batches in memory", "at most 1.2" if device.type == "cuda" else "at most 1.10"
    return [Row("training step", times["ours"], times["bare"], beside, "s", reach)]


def gpu() -> list[Row]:
    """An epoch on the GPU beside one on all cores, and how long its kernels run of an epoch of bigger batches."""
    return _gpu() if device.type == "cuda" else []


def _gpu() -> list[Row]:
    command = [sys.executable, "-c", ON_CORES]
    said = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    )
    cores = f"{os.cpu_count()} cores"
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(folder, batch_size=256, copies_per_epoch=400)
        trainer.train_epoch()  # not counted: kernels are chosen and loaded
        started = time.perf_counter()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            trainer.train_epoch()
        seconds = time.perf_counter() - started
    busy = sum(event.self_device_time_total for event in profile.key_averages()) / 1e6  # s
    return [
        Row("training on a GPU", epoch_seconds(), float(said.stdout.split()[-1]), cores, "s", "below 1"),
        Row("training on a GPU, batches of 256, kernels", busy, seconds, "the epoch", "s", "at least 0.8"),
    ]


def epoch_seconds() -> float:
    """Median seconds of an epoch, on the GPU or on all cores."""
    torch.set_num_threads(os.cpu_count())
    with tempfile.TemporaryDirectory() as folder:
        return in_turn({"epoch": _trainer(folder).train_epoch}, rounds=3)["epoch"]


def _bare(trainer: Trainer, batches: list[batching.Batch]) -> None:
    trainer.model.train()
    for batch in batches:
        terms = trainer.objective(trainer.model(batch.features, batch.lengths), batch)
        trainer._update(terms["loss"])
    trainer.parameters[0].sum().item()  # a GPU has then done all of it


def attack() -> list[Row]:
    """PGD of ten steps beside as many forward and backward passes."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(folder)
        batch = next(iter(trainer.data.batches(1))).to(device)
        model = trainer.model.eval().requires_grad_(False)
        names = [f"u{number}" for number in range(len(batch.lengths))]
        labels = batch.emotion.argmax(dim=1)
        problem = Problem(lambda x: model.classify(x, batch.lengths), batch.features, batch.lengths, labels, names)
        pgd = plan("pgd", steps=10, restarts=1)
        ways = {
            "ours": lambda: list(worst_cases(problem, pgd, [LinfBall(0.1)], "1")),
            "bare": lambda: [_pass(problem) for _ in range(10)][-1].sum().item(),
        }
        times = in_turn(ways)
    return [Row("attack (pgd)", times["ours"], times["bare"], "as many bare passes", "s", "at most 1.2")]


def _pass(problem: Problem) -> torch.Tensor:
    inputs = problem.clean.clone().requires_grad_(True)
    torch.nn.functional.cross_entropy(problem.classify(inputs), problem.labels).backward()
    return inputs.grad
