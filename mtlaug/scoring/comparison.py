"""Two systems on the same utterances: difference of UAR, its interval, and a paired test by speaker."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from mtlaug.files import UserError
from mtlaug.scoring.predictions import Predictions, read_predictions
from mtlaug.scoring.scores import interval, percent, points, read_results, speaker_tables
from mtlaug.scoring.statistics import bootstrap_interval, swap_test, uar

BASELINES = ("stl", "stl_aug", "mtl_meta")
REFERENCES = ("mtlaug", *reversed(BASELINES))  # of two of them the later one is subtracted
MOST_MODELS_FOR_ALL_PAIRS = 4
ALIKE = {"protocol": "protocols (hashes)", "normalisation": "normalisations", "condition": "conditions"}
# What the disturbance of noise or of an attack was; systems that were disturbed otherwise are not compared.
DISTURBANCE = ("noise", "steps", "restarts", "step_size", "seed")


def compare(dir_a: str | Path, dir_b: str | Path) -> dict:
    """Compare two score directories, A - B; numbers of seeds may differ, each system is averaged over its own.

    Returns:
        a, b (the directories), uar_a, uar_b, difference, ci95 (paired bootstrap over
        speakers, null for one speaker), p (two-sided, `statistics.swap_test`), swaps,
        exact, speakers (their number), n (utterances), protocol, normalisation, condition.
    Raises:
        UserError: the two differ in protocol, normalisation, condition, disturbance, classes or utterances.
    """
    results = [read_results(directory) for directory in (dir_a, dir_b)]
    for key, name in ALIKE.items():
        if results[0][key] != results[1][key]:
            values = [result[key][: 12 if key == "protocol" else None] for result in results]
            raise UserError(
                f"{dir_a} and {dir_b} cannot be compared: different {name}, {values[0]} and {values[1]}; "
                f"train and score both with the same one"
            )
    if differing := otherwise_disturbed(*results):
        raise UserError(
            f"{dir_a} and {dir_b} cannot be compared: they differ in the {', '.join(differing)} of the disturbance; "
            "score one of them again, as the other was"
        )
    systems = [read_predictions(Path(directory) / "predictions.tsv") for directory in (dir_a, dir_b)]
    figures = compare_predictions(*systems, names=(str(dir_a), str(dir_b)))
    return {**figures, **{key: results[0][key] for key in ALIKE}}


def otherwise_disturbed(a: dict, b: dict) -> list[str]:
    """The keys of `DISTURBANCE` in which two ``results.json`` differ."""
    return [key for key in DISTURBANCE if _disturbance(a, key) != _disturbance(b, key)]


def _disturbance(results: dict, key: str) -> object:
    value = results.get(key)
    # Whether the kind of noise was held out says what a model was trained with, not what it was tested with.
    return {k: v for k, v in value.items() if k != "held_out"} if key == "noise" and value else value


def compare_predictions(a: Predictions, b: Predictions, names: tuple[str, str] = ("a", "b")) -> dict:
    """The part of `compare` that needs only predictions; ``names`` go into the result and the errors."""
    (speakers, hits_a, totals), (_, hits_b, _) = map(speaker_tables, seeds_of_both(a, b, names))
    uar_a, uar_b = (float(uar(hits.sum(0), totals.sum(0))) for hits in (hits_a, hits_b))
    p, swaps, exact = swap_test(hits_a, hits_b, totals)
    return {
        "a": names[0],
        "b": names[1],
        "uar_a": uar_a,
        "uar_b": uar_b,
        "difference": uar_a - uar_b,
        "ci95": bootstrap_interval(uar, [hits_a, hits_b], totals),
        "p": p,
        "swaps": swaps,
        "exact": exact,
        "speakers": len(speakers),
        "n": int(totals.sum()),
    }


def seeds_of_both(a: Predictions, b: Predictions, names: tuple[str, str]) -> tuple[dict[int, Predictions], ...]:
    """Each system's predictions by seed, with the utterances in one order; others are a `UserError`."""
    both = f"{names[0]} and {names[1]} cannot be compared"
    if a.classes != b.classes:
        raise UserError(f"{both}: different classes, {' '.join(a.classes)} and {' '.join(b.classes)}")
    parts = a.by_seed(), b.by_seed()
    firsts = [next(iter(part.values())) for part in parts]
    for field in ("utts", "reference", "speakers"):
        if not np.array_equal(*(getattr(first, field) for first in firsts)):
            raise UserError(f"{both}: their utterances differ in {field}; score both with the same protocol")
    return parts


def pairs(models: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs (a, b) to compare as a - b: all of few models in their order, else each model with the references.

    The references are the baselines stl, stl_aug and mtl_meta, and mtlaug for its ablations.
    """
    if len(models) <= MOST_MODELS_FOR_ALL_PAIRS:
        return list(combinations(models, 2))
    roles = _roles(models)
    return [(a, b) for a, b in combinations(references_last(models), 2) if b in roles]


def references_last(models: Sequence[str]) -> list[str]:
    """The models in their order, but the references at the end, stl the last."""
    roles = _roles(models)
    return sorted(models, key=lambda model: REFERENCES.index(roles[model]) if model in roles else -1)


def _roles(models: Sequence[str]) -> dict[str, str]:
    """The references among the models, by name: without an ending, or all with that, such as _7classes, of most."""

    def with_ending(ending: str) -> dict[str, str]:
        return {reference + ending: reference for reference in REFERENCES if reference + ending in models}

    if plain := with_ending(""):
        return plain
    endings = {model.removeprefix(reference) for model in models for reference in REFERENCES}
    return max(map(with_ending, sorted(endings, key=lambda ending: (len(ending), ending))), key=len, default={})


def comparison_line(comparison: dict) -> str:
    """``UAR exp/a 86.5 - exp/b 80.1 = +6.4 [ 2.0, 10.1 ] p = 0.012 (10 speakers, 1024 exact swaps)``."""
    kind = "exact" if comparison["exact"] else "random"
    return (
        f"UAR {comparison['a']} {percent(comparison['uar_a'])} - {comparison['b']} {percent(comparison['uar_b'])} = "
        f"{points(comparison['difference'])} {interval(comparison['ci95'])} p = {p_value(comparison['p'])} "
        f"({comparison['speakers']} speakers, {comparison['swaps']} {kind} swaps)"
    )


def p_value(p: float) -> str:
    """Three decimals; four for the smallest, which never show as zero."""
    return f"{p:.3f}" if p >= 0.001 else f"{p:.4f}"
