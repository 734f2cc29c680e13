"""Attacks on the models of an experiment, and their scores in ``exp/<model>/score_attack_*/``.

One run is one method with any number of budgets, over all folds and seeds. In the
domain ``features`` a budget is the largest change ε of a normalised feature, in
standard deviations; in the domain ``waveform`` it is a signal-to-noise ratio in dB.
A transfer makes the attack on another model's same fold and seed.
"""

import dataclasses
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from mtlaug.attack import LinfBall, Plan, Problem, worst_cases
from mtlaug.dataset import batching
from mtlaug.evaluation.testing import Row, as_predictions, refuse_cross, write_score
from mtlaug.experiment import Experiment, inference
from mtlaug.files import UserError
from mtlaug.model import MultitaskModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attack:
    """One method on the models of ``target``, made on those of ``source``, or on themselves where that is None."""

    target: Experiment
    source: Experiment | None
    plan: Plan
    command: str  # what the report gives as the way to this result

    def __post_init__(self):
        refuse_cross(self.target)
        if self.source:
            check_source(self.target, self.source)

    @property
    def series(self) -> str:
        """Name of the curve: the method, and where it comes from."""
        return f"{self.plan.method} from {self.source.directory.name}" if self.source else self.plan.method

    def condition(self, level: str) -> str:
        """Name of the condition at a level, such as ``attack_pgd_0.1_from_stl``."""
        origin = f"_from_{self.source.directory.name}" if self.source else ""
        return f"attack_{level}{origin}"

    def models(self, fold: str) -> Iterator[tuple[int, MultitaskModel, MultitaskModel]]:
        """Yield (seed, the model that is tested, the model that the attack is made on), which may be the same."""
        for seed, tested in inference.trained_models(self.target, fold):
            attacked = inference.trained_model(self.source, fold, seed) if self.source else tested
            yield seed, tested, _frozen(attacked)

    def write(self, level: str, rows: list[Row], curve: dict, **more: object) -> str:
        """Score one budget; returns its result line."""
        plan = {key: value for key, value in dataclasses.asdict(self.plan).items() if key != "method"}
        predictions = as_predictions(self.target, rows)
        curve = {"name": curve["name"], "series": self.series, "level": curve["level"], "unit": curve["unit"]}
        return write_score(self.target, self.condition(level), predictions, self.command, curve=curve, **plan, **more)


def check_source(target: Experiment, source: Experiment) -> None:
    """Raise a `UserError` unless attacks made on ``source`` fit ``target``: the same task, data, features and seeds."""
    if source.directory.resolve() == target.directory.resolve():
        raise UserError(f"{source.directory}: a transfer needs another model than the one tested; leave --source out")
    alike = {
        "class list": lambda experiment: experiment.classes,
        "protocol": lambda experiment: experiment.protocol.sha256,
        "feature_args": lambda experiment: experiment.settings.feature_args,
        "normalisation": lambda experiment: experiment.normalisation,
        "train_on_dev": lambda experiment: experiment.settings.dataset_args.train_on_dev,
    }
    if differing := [name for name, get in alike.items() if get(source) != get(target)]:
        named = f"another {' and '.join(differing)} than {target.directory}"
        raise UserError(f"{source.directory}: has {named}; transfer from a model that was trained alike")
    if missing := [str(seed) for seed in target.seeds if seed not in source.seeds]:
        raise UserError(f"{source.directory}: has no seed {' '.join(missing)}; train it with --seeds of the target")


def attack_features(attack: Attack, budgets: list[float]) -> list[str]:
    """Attack the normalised features of every fold and seed, each ε an L-infinity ball; returns the result lines."""
    torch.set_flush_denormal(True)
    target, rows = attack.target, {budget: [] for budget in budgets}
    balls = [LinfBall(budget) for budget in budgets]
    for fold in (fold.id for fold in target.protocol.folds):
        started, labels = time.monotonic(), target.protocol.utterances(fold, "test")
        batches = list(batching.evaluation_batches(target.store(fold), labels, target.classes))
        for seed, tested, attacked in attack.models(fold):
            for utterances, batch in batches:
                problem = _feature_problem(attacked, utterances, batch.to(inference.device))
                for budget, worst in zip(budgets, worst_cases(problem, attack.plan, balls, fold), strict=True):
                    logits = worst.logits if tested is attacked else _classified(tested, problem, worst.inputs)
                    posteriors = logits.softmax(dim=1).cpu().numpy()
                    rows[budget] += rows_of(utterances, fold, seed, labels, posteriors)
        log.info("%s, fold %s: %d budgets in %.1f s", attack.series, fold, len(budgets), time.monotonic() - started)
    curve = {"name": "attack on features", "unit": "ε"}
    return [
        attack.write(f"{attack.plan.method}_{budget:g}", rows[budget], curve | {"level": budget}) for budget in budgets
    ]


def rows_of(utterances: list[str], fold: str, seed: int, labels: dict[str, str], posteriors) -> list[Row]:
    """The rows of a score: posteriors (N, K) of utterances of one fold and seed."""
    return [
        (utterance, fold, seed, labels[utterance], row) for utterance, row in zip(utterances, posteriors, strict=True)
    ]


def _feature_problem(model: MultitaskModel, utterances: list[str], batch: batching.Batch) -> Problem:
    labels = batch.emotion.argmax(dim=1)
    return Problem(
        lambda features: model.classify(features, batch.lengths), batch.features, batch.lengths, labels, utterances
    )


@torch.no_grad()
def _classified(model: MultitaskModel, problem: Problem, features: torch.Tensor) -> torch.Tensor:
    return model.eval().classify(features, problem.lengths)


def _frozen(model: MultitaskModel) -> MultitaskModel:
    """The model in evaluation mode, ready for gradients of its inputs alone."""
    model.eval().requires_grad_(False)
    for module in model.modules():
        # cuDNN has no gradient of a recurrent layer in evaluation mode; a single layer is the same in both.
        if isinstance(module, torch.nn.LSTM):
            module.train()
    return model
