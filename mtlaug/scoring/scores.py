"""Scores from predictions: UAR, WA, intervals, confusion, and the comparison of two systems.

Pure: predictions in, numbers out. Everything in a ``results.json`` but its
description can be computed again from the ``predictions.tsv`` beside it.
"""

import math
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, recall_score

from mtlaug.files import UserError, read_json, write_json
from mtlaug.scoring.plots import draw_confusion, save_svg
from mtlaug.scoring.predictions import Predictions, read_predictions, write_predictions
from mtlaug.scoring.statistics import bootstrap_interval, uar, wa

META = ("model", "condition", "protocol", "protocol_name", "normalisation", "command", "set")

# What was tested: no figure follows from other utterances than those.
TESTED = ("n", "folds", "seeds", "speakers", "classes")


def score(predictions: Predictions, *, draws: int = 2000, seed: int = 0) -> dict:
    """Score predictions pooled over folds; figures are fractions, means over the seeds.

    Args:
        predictions: of one or more seeds, each with the same utterances.
        draws, seed: of the bootstrap over speakers behind ``ci95``.
    Returns:
        The computed part of ``results.json``. UAR is taken over the classes that
        occur; a class without an utterance has null recall. Standard deviations
        (n - 1) of a single fold or seed, and intervals of a single speaker, are null.
    Raises:
        UserError: the seeds do not hold the same utterances.
    """
    parts = predictions.by_seed()
    first = next(iter(parts.values()))
    per_seed = {str(number): _uar(part) for number, part in parts.items()}
    folds = [_fold_uar(part) for part in parts.values()]
    per_fold = {fold: float(np.mean([uars[fold] for uars in folds])) for fold in folds[0]}
    speakers, hits, totals = speaker_tables(parts)
    results = {
        "uar": float(np.mean(list(per_seed.values()))),
        "wa": float(np.mean([np.mean(part.reference == part.hypothesis) for part in parts.values()])),
        "ci95": {
            name: bootstrap_interval(figure, [hits], totals, draws=draws, seed=seed)
            for name, figure in (("uar", uar), ("wa", wa))
        },
        "uar_folds": {"mean": float(np.mean(list(per_fold.values()))), "sd": _sd(per_fold), "per_fold": per_fold},
        "uar_seeds": per_seed,
        "uar_seeds_sd": _sd(per_seed),
        "classes": list(predictions.classes),
        "per_class": _per_class(predictions, len(parts)),
        "confusion": confusion_matrix(
            predictions.reference, predictions.hypothesis, labels=range(len(predictions.classes))
        ).tolist(),
        "n": len(first.utts),
        "folds": list(per_fold),
        "seeds": list(parts),
        "speakers": speakers,
        "chance": 1 / len(predictions.classes),
        "bootstrap": {"unit": "speaker", "draws": draws, "seed": seed},
    }
    if len(speakers) == 1:
        results["note"] = "one speaker: no interval, as it would say nothing about other speakers"
    elif results["ci95"]["uar"] is None:
        results["note"] = "no interval, as next to no draw of speakers would have all classes"
    return results


def speaker_tables(parts: dict[int, Predictions]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Speakers (S), right answers averaged over the seeds (S, K), and utterances (S, K)."""
    first = next(iter(parts.values()))
    speakers, rows = np.unique(first.speakers, return_inverse=True)
    hits, totals = np.zeros((2, len(speakers), len(first.classes)))
    np.add.at(totals, (rows, first.reference), 1)
    for part in parts.values():
        np.add.at(hits, (rows, part.reference), (part.hypothesis == part.reference) / len(parts))
    return speakers.tolist(), hits, totals


def write_score(score_dir: str | Path, predictions: Predictions, meta: dict) -> dict:
    """Score, and write ``predictions.tsv``, ``confusion.svg`` and ``results.json`` into ``score_dir``.

    Args:
        meta: the description of the result, merged into ``results.json``: at least
            model, condition, protocol (hash), protocol_name, normalisation,
            command and set; more (such as snr) is kept.
    Returns:
        The content of ``results.json``.
    """
    missing = [key for key in META if key not in meta]
    results = score(predictions)
    taken = sorted(set(meta) & set(results))
    if missing or taken:
        raise ValueError(f"meta lacks {missing}, or names computed figures {taken}")
    score_dir = Path(score_dir)
    score_dir.mkdir(parents=True, exist_ok=True)
    write_predictions(score_dir / "predictions.tsv", predictions)
    _write_results(score_dir, {**meta, **results})
    return {**meta, **results}


def recompute(score_dir: str | Path) -> tuple[dict, list[str], Predictions]:
    """Compute ``results.json`` again from ``predictions.tsv``, keeping its description.

    Returns:
        The new results, the keys whose stored values differ (by more than 1e-9),
        and the predictions. Nothing is written.
    """
    score_dir = Path(score_dir)
    stored = read_results(score_dir)
    predictions = read_predictions(score_dir / "predictions.tsv")
    draws = stored.get("bootstrap", {})
    fresh = score(predictions, draws=draws.get("draws", 2000), seed=draws.get("seed", 0))
    differing = [key for key in fresh if not _same(stored.get(key), fresh[key])]
    return {**{key: stored[key] for key in stored if key != "note"}, **fresh}, differing, predictions


def rewrite(score_dir: str | Path) -> list[str]:
    """Bring ``results.json`` and ``confusion.svg`` up to ``predictions.tsv``; returns the keys that differed.

    Raises:
        UserError: predictions are missing, or were added, since they were scored.
    """
    results, differing, _ = recompute(score_dir)
    if changed := [key for key in TESTED if key in differing]:
        mend = "it is not as it was scored; run the scoring stage again"
        raise UserError(f"{score_dir}/predictions.tsv: has other {', '.join(changed)} than results.json: {mend}")
    if differing:
        _write_results(Path(score_dir), results)
    return differing


def read_results(score_dir: str | Path) -> dict:
    """Read ``results.json``; one without its description is a `UserError`."""
    path = Path(score_dir) / "results.json"
    if not path.exists() and (inside := sorted(path.parent.glob("score_*/results.json"))):
        raise UserError(f"{path}: no such file; give a score directory, such as {inside[0].parent}")
    results = read_json(path)
    if missing := [key for key in META if key not in results]:
        raise UserError(f"{path}: no {', '.join(missing)}; run the scoring stage again")
    return results


def result_line(results: dict, score_dir: str | Path) -> str:
    """``%UAR 86.5 [ 82.1, 90.3 ] %WA 87.0 exp/...``: percent, with the 95 % interval of the UAR."""
    return f"%UAR {percent(results['uar'])} {interval(results['ci95']['uar'])} %WA {percent(results['wa'])} {score_dir}"


def curve_name(curve: dict) -> str:
    """Of ``curve`` in results.json; attacks that were made on another model are curves of their own."""
    return curve["name"] + (" made on another model" if " from " in curve["series"] else "")


def percent(fraction: float | None) -> str:
    """A fraction as percent with one decimal, ``-`` for none."""
    return "-" if fraction is None else f"{_rounded(fraction):.1f}"


def points(difference: float) -> str:
    """A difference of fractions in percentage points, with its sign."""
    return f"{_rounded(difference):+.1f}"


def interval(bounds: list[float] | None) -> str:
    """``[ 82.1, 90.3 ]`` in percent, ``[ - ]`` for none."""
    return f"[ {', '.join(map(percent, bounds))} ]" if bounds else "[ - ]"


def _rounded(fraction: float) -> float:
    return round(100 * fraction, 1) + 0.0  # there is no -0.0


def _write_results(score_dir: Path, results: dict) -> None:
    title = f"{results['model']}, {results['condition']}: UAR {percent(results['uar'])} %"
    figure = draw_confusion(np.array(results["confusion"]), results["classes"], title)
    save_svg(figure, score_dir / "confusion.svg")
    write_json(score_dir / "results.json", results)


def _uar(predictions: Predictions) -> float:
    present = np.unique(predictions.reference)
    return float(recall_score(predictions.reference, predictions.hypothesis, labels=present, average="macro"))


def _fold_uar(part: Predictions) -> dict[str, float]:
    """UAR of each fold; by counting, as a report has thousands of folds and a call of scikit-learn takes its time."""
    folds, rows = np.unique(part.folds, return_inverse=True)
    hits, totals = np.zeros((2, len(folds), len(part.classes)))
    np.add.at(totals, (rows, part.reference), 1)
    np.add.at(hits, (rows, part.reference), part.hypothesis == part.reference)
    return dict(zip(folds.tolist(), uar(hits, totals).tolist(), strict=True))


def _per_class(predictions: Predictions, seeds: int) -> dict[str, dict]:
    """Pooled over the seeds; ``n`` is per seed, and a class without one has nulls."""
    figures = precision_recall_fscore_support(
        predictions.reference, predictions.hypothesis, labels=range(len(predictions.classes)), zero_division=0
    )
    table = {}
    for name, precision, recall, f1, support in zip(predictions.classes, *figures, strict=True):
        values = {"recall": recall, "precision": precision, "f1": f1}
        table[name] = {key: float(value) if support else None for key, value in values.items()}
        table[name]["n"] = int(support) // seeds
    return table


def _sd(values: dict[str, float]) -> float | None:
    return float(np.std(list(values.values()), ddof=1)) if len(values) > 1 else None


def _same(stored: object, fresh: object) -> bool:
    if isinstance(fresh, dict):
        alike = isinstance(stored, dict) and stored.keys() == fresh.keys()
        return alike and all(_same(stored[key], fresh[key]) for key in fresh)
    if isinstance(fresh, list):
        return isinstance(stored, list) and len(stored) == len(fresh) and all(map(_same, stored, fresh))
    if isinstance(fresh, float):
        return isinstance(stored, (int, float)) and math.isclose(stored, fresh, rel_tol=0, abs_tol=1e-9)
    return stored == fresh
