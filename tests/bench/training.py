"""An epoch of training beside its bare updates, attacks beside bare passes, on a made-up corpus of usual lengths."""

import sys
import tempfile
from pathlib import Path

import torch

from mtlaug import dataset, experiment
from mtlaug.attack import LinfBall, Problem, plan, worst_cases
from mtlaug.training import Trainer

from .measure import Row, in_turn

sys.path.insert(0, str(Path(__file__).parent.parent))
import corpus


def _trainer(folder: str) -> Trainer:
    """A training of the default network on the tests' corpus, its utterances drawn many times."""
    tree = {"augment_args": corpus.TREE["augment_args"], "dataset_args": {"copies_per_epoch": 40}}
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
        batches = list(trainer.data.batches(1))
        times = in_turn({"ours": trainer.train_epoch, "bare": lambda: _bare(trainer, batches)}, rounds=3)
    beside = "bare updates of batches in memory"
    return [Row("training step", times["ours"], times["bare"], beside, "s", "at most 1.10")]


def _bare(trainer: Trainer, batches: list[dataset.Batch]) -> None:
    trainer.model.train()
    for batch in batches:
        terms = trainer.objective(trainer.model(batch.features, batch.lengths), batch)
        trainer._update(terms["loss"])


def attack() -> list[Row]:
    """PGD of ten steps beside as many forward and backward passes."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(folder)
        batch = next(iter(trainer.data.batches(1)))
        model = trainer.model.eval().requires_grad_(False)
        names = [f"u{number}" for number in range(len(batch.lengths))]
        labels = batch.emotion.argmax(dim=1)
        problem = Problem(lambda x: model.classify(x, batch.lengths), batch.features, batch.lengths, labels, names)
        pgd = plan("pgd", steps=10, restarts=1)
        ways = {
            "ours": lambda: list(worst_cases(problem, pgd, [LinfBall(0.1)], "1")),
            "bare": lambda: [_pass(problem) for _ in range(10)],
        }
        times = in_turn(ways)
    return [Row("attack (pgd)", times["ours"], times["bare"], "as many bare passes", "s", "at most 1.2")]


def _pass(problem: Problem) -> torch.Tensor:
    inputs = problem.clean.clone().requires_grad_(True)
    torch.nn.functional.cross_entropy(problem.classify(inputs), problem.labels).backward()
    return inputs.grad
