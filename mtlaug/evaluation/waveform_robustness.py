"""Attacks on the waveforms of trained models' test speech, and their scores."""

import logging
import math
import time

import numpy as np
import torch

from mtlaug.attack import Problem, worst_cases
from mtlaug.attack.waveforms import AttackedSet, Waveforms, snr_ball
from mtlaug.evaluation.robustness import Attack, rows_of
from mtlaug.evaluation.testing import Row
from mtlaug.experiment import Experiment, inference

log = logging.getLogger(__name__)


def attack_waveforms(attack: Attack, budgets: list[float]) -> list[str]:
    """Attack the samples of every fold and seed, each SNR an L2 ball; returns the result lines.

    What is found is written, and scored as any recording is: the recordings of a budget and seed are a data
    directory ``exp/<model>/attack/<condition>/seed_<n>``.
    """
    torch.set_flush_denormal(True)
    target = attack.target
    levels = [f"wave_{attack.plan.method}_{budget:g}dB" for budget in budgets]
    sets = _attacked_sets(attack, levels, budgets)
    curve = {"name": "attack on waveforms", "unit": "dB SNR"}
    lines = []
    for level, budget in zip(levels, budgets, strict=True):
        found = [sets[level, seed] for seed in target.seeds]
        reached = reached_snr([snr for attacked in found for snr in attacked.snr.values()])
        rows = _rescored(target, dict(zip(target.seeds, found, strict=True)))
        lines.append(attack.write(level, rows, curve | {"level": budget}, reached_snr=reached))
    return lines


def reached_snr(snrs: list[float]) -> dict | None:
    """Mean and lowest SNR (dB) of the recordings that an attack changed, and how many it left; None if it left all."""
    changed = [snr for snr in snrs if math.isfinite(snr)]
    if not changed:
        return None
    return {"mean": float(np.mean(changed)), "lowest": min(changed), "unchanged": len(snrs) - len(changed)}


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
            rows += rows_of(list(labels), fold, seed, labels, posteriors)
    return rows
