"""Attacks on the models of an experiment, and their scores in ``exp/<model>/score_attack_*/``.

One run is one method with any number of budgets, over all folds and seeds. In the
domain ``features`` a budget is the largest change ε of a normalised feature, in
standard deviations; in the domain ``waveform`` it is a signal-to-noise ratio in dB.
A transfer makes the attack on another model's same fold and seed.
"""

import dataclasses
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from mtlaug import dataset, inference
from mtlaug.attack import LinfBall, Plan, Problem, worst_cases
from mtlaug.evaluation import Row, as_predictions, write_score
from mtlaug.experiment import Experiment
from mtlaug.files import UserError
from mtlaug.model import MultitaskModel
from mtlaug.waveform_attack import AttackedSet, Waveforms, snr_ball

log = logging.getLogger(__name__)
DOMAINS = ("features", "waveform")


@dataclass(frozen=True)
class Attack:
    """One method on the models of ``target``, made on those of ``source``, or on themselves where that is None."""

    target: Experiment
    source: Experiment | None
    plan: Plan
    command: str  # what the report gives as the way to this result

    def __post_init__(self):
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


def parse_budgets(text: str, domain: str) -> list[float]:
    """Budgets separated by spaces or commas: ε of 0 or more for ``features``, dB for ``waveform``.

    Raises:
        UserError: an unknown domain, no budget, one that is no finite number, is negative, or is given twice.
    """
    if domain not in DOMAINS:
        raise UserError(f"--domain {domain}: known are {', '.join(DOMAINS)}")
    budgets = []
    for word in text.replace(",", " ").split():
        try:
            budget = float(word)
        except ValueError:
            budget = math.nan
        if not math.isfinite(budget):
            raise UserError(f"--budgets {text!r}: {word!r} is not a number")
        if domain == "features" and budget < 0:
            raise UserError(f"--budgets {text!r}: ε must be 0 or more, not {word}")
        budgets.append(budget)
    if not budgets or len({f"{budget:g}" for budget in budgets}) < len(budgets):
        raise UserError(f"--budgets {text!r}: expected different numbers, such as '0.1 0.2'")
    return budgets


def run(attack: Attack, domain: str, budgets: list[float]) -> list[str]:
    """Attack every fold and seed, and write a score for each budget; returns the result lines."""
    torch.set_flush_denormal(True)
    return {"features": attack_features, "waveform": attack_waveforms}[domain](attack, budgets)


def attack_features(attack: Attack, budgets: list[float]) -> list[str]:
    """Attack the normalised features, each ε an L-infinity ball."""
    target, rows = attack.target, {budget: [] for budget in budgets}
    balls = [LinfBall(budget) for budget in budgets]
    for fold in (fold.id for fold in target.protocol.folds):
        started, labels = time.monotonic(), target.protocol.utterances(fold, "test")
        batches = list(dataset.evaluation_batches(target.store(fold), labels, target.classes))
        for seed, tested, attacked in attack.models(fold):
            for utterances, batch in batches:
                problem = _feature_problem(attacked, utterances, batch.to(inference.device))
                for budget, worst in zip(budgets, worst_cases(problem, attack.plan, balls, fold), strict=True):
                    logits = worst.logits if tested is attacked else _classified(tested, problem, worst.inputs)
                    posteriors = logits.softmax(dim=1).cpu().numpy()
                    rows[budget] += _rows(utterances, fold, seed, labels, posteriors)
        log.info("%s, fold %s: %d budgets in %.1f s", attack.series, fold, len(budgets), time.monotonic() - started)
    curve = {"name": "attack on features", "unit": "ε"}
    return [
        attack.write(f"{attack.plan.method}_{budget:g}", rows[budget], curve | {"level": budget}) for budget in budgets
    ]


def attack_waveforms(attack: Attack, budgets: list[float]) -> list[str]:
    """Attack the samples, each SNR an L2 ball; what is found is written, and scored as any recording is.

    The recordings of a budget and seed are a data directory ``exp/<model>/attack/<condition>/seed_<n>``.
    """
    target = attack.target
    levels = [f"wave_{attack.plan.method}_{budget:g}dB" for budget in budgets]
    sets = _attacked_sets(attack, levels, budgets)
    curve = {"name": "attack on waveforms", "unit": "dB SNR"}
    lines = []
    for level, budget in zip(levels, budgets, strict=True):
        found = [sets[level, seed] for seed in target.seeds]
        snrs = [snr for attacked in found for snr in attacked.snr.values() if math.isfinite(snr)]
        reached = {"mean": float(np.mean(snrs)), "lowest": min(snrs)} if snrs else None
        rows = _rescored(target, dict(zip(target.seeds, found, strict=True)))
        lines.append(attack.write(level, rows, curve | {"level": budget}, reached_snr=reached))
    return lines


def _attacked_sets(attack: Attack, levels: list[str], budgets: list[float]) -> dict[tuple[str, int], AttackedSet]:
    """Recordings of every level and seed, with features."""
    target, args = attack.target, attack.target.settings.feature_args
    waveforms = Waveforms(target, inference.device)
    sets = {}
    for level in levels:
        condition = attack.condition(level)
        for seed in target.seeds:
            directory = target.directory / "attack" / condition / f"seed_{seed}"
            sets[level, seed] = AttackedSet(directory, condition, args.sample_rate)
    for fold in (fold.id for fold in target.protocol.folds):
        started, labels = time.monotonic(), target.protocol.utterances(fold, "test")
        batches = list(waveforms.problems(target.store(fold), labels, target.classes))
        for seed, _, attacked in attack.models(fold):
            for make_problem in batches:
                problem = make_problem(attacked)
                balls = [snr_ball(problem.clean, budget) for budget in budgets]
                for level, worst in zip(levels, worst_cases(problem, attack.plan, balls, fold), strict=True):
                    _add(sets[level, seed], problem, worst.inputs)
        log.info("%s, fold %s: %d budgets in %.1f s", attack.series, fold, len(budgets), time.monotonic() - started)
    for attacked in sets.values():
        attacked.finish(target.protocol.corpus.utt2spk, args)
    return sets


def _add(attacked: AttackedSet, problem: Problem, inputs: torch.Tensor) -> None:
    clean, inputs = problem.clean.cpu().numpy(), inputs.cpu().numpy()
    for row, (utterance, length) in enumerate(zip(problem.utterances, problem.lengths.tolist(), strict=True)):
        attacked.add(utterance, clean[row, :length], inputs[row, :length])


def _rescored(target: Experiment, sets: dict[int, AttackedSet]) -> list[Row]:
    """Predictions of the attacked recordings, each seed's model on those made for it."""
    rows = []
    for fold in (fold.id for fold in target.protocol.folds):
        labels = target.protocol.utterances(fold, "test")
        for seed, model in inference.trained_models(target, fold):
            attacked = sets[seed]
            store = target.store(fold, str(attacked.directory))
            named = {attacked.name(utterance): label for utterance, label in labels.items()}
            found = inference.predict(model, store, named, target.classes)
            posteriors = [found[attacked.name(utterance)] for utterance in labels]
            rows += _rows(list(labels), fold, seed, labels, posteriors)
    return rows


def _rows(utterances: list[str], fold: str, seed: int, labels: dict[str, str], posteriors) -> list[Row]:
    return [
        (utterance, fold, seed, labels[utterance], row) for utterance, row in zip(utterances, posteriors, strict=True)
    ]


def _feature_problem(model: MultitaskModel, utterances: list[str], batch: dataset.Batch) -> Problem:
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
