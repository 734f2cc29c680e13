"""Made-up predictions and score directories for the tests of scores and reports."""

from pathlib import Path

import numpy as np

from mtlaug.scoring.predictions import Predictions
from mtlaug.scoring.scores import write_score

CLASSES = ("angry", "happy", "neutral", "sad")
TWO = ("no", "yes")


def from_rows(rows: list[tuple], classes: tuple[str, ...] = CLASSES) -> Predictions:
    """Predictions from rows ``(utt, fold, seed, speaker, reference, hypothesis)``, classes by name."""
    utts, folds, seeds, speakers, references, hypotheses = map(np.array, zip(*rows, strict=True))
    reference = np.array([classes.index(name) for name in references])
    hypothesis = np.array([classes.index(name) for name in hypotheses])
    posteriors = np.full((len(rows), len(classes)), 0.3 / (len(classes) - 1))
    posteriors[np.arange(len(rows)), hypothesis] = 0.7
    return Predictions(utts, folds, seeds, speakers, reference, hypothesis, posteriors, classes)


def random_predictions(
    accuracy: float, *, speakers: int = 6, per_class: int = 5, seeds: tuple[int, ...] = (0,), draw: int = 0
) -> Predictions:
    """One fold a speaker; each hypothesis is right with probability ``accuracy``, else any class."""
    rng = np.random.default_rng(draw)
    rows = []
    for seed in seeds:
        for speaker in (f"s{number:02}" for number in range(speakers)):
            for number, name in enumerate(CLASSES * per_class):
                hypothesis = name if rng.random() < accuracy else str(rng.choice(CLASSES))
                rows.append((f"{speaker}-{number:03}", speaker, seed, speaker, name, hypothesis))
    return from_rows(rows)


def description(model: str, **changes: str) -> dict:
    """The description that a score of ``model`` carries."""
    meta = {
        "model": model,
        "condition": "within",
        "protocol": "0123456789abcdef" * 4,
        "protocol_name": "made",
        "normalisation": "global",
        "command": f"mtlaug score within data/made exp/{model}",
        "set": "made",
    }
    return {**meta, **changes}


def write_made_score(
    exp_dir: Path, model: str, predictions: Predictions, directory: str = "score_within", **changes: str
) -> Path:
    """Write ``exp_dir/model/score_within``; returns it."""
    score_dir = exp_dir / model / directory
    write_score(score_dir, predictions, description(model, **changes))
    return score_dir


def by_hand() -> Predictions:
    """Recall of no: 3 of 4; of yes: 1 of 2; fold B has no yes."""
    return from_rows(
        [
            ("u1", "A", 0, "s1", "no", "no"),
            ("u2", "A", 0, "s1", "no", "yes"),
            ("u3", "A", 0, "s1", "yes", "yes"),
            ("u4", "A", 0, "s1", "yes", "no"),
            ("u5", "B", 0, "s2", "no", "no"),
            ("u6", "B", 0, "s2", "no", "no"),
        ],
        TWO,
    )


def with_seed(predictions: Predictions, seed: int) -> list[tuple]:
    """Rows again, under another seed."""
    p = predictions
    return [
        (p.utts[i], p.folds[i], seed, p.speakers[i], p.classes[p.reference[i]], p.classes[p.hypothesis[i]])
        for i in range(len(p.utts))
    ]
