"""Posteriors aligned by speaker: what a model takes for emotion, and is the speaker's voice, is taken back.

A model that was trained on few speakers finds new ones who are mostly angry, and others who are mostly sad. A weight
for each class, the same for all utterances of a speaker, brings the mean of that speaker's posteriors near to given
shares of the classes; no label is looked at (distribution alignment: Berthelot et al. 2020, ReMixMatch, section 3,
there over all speech at once).
"""

from dataclasses import replace

import numpy as np

from mtlaug.scoring.predictions import Predictions

ROUNDS = 10  # further ones hardly move the posteriors


def aligned(posteriors: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Posteriors (N, K) with a weight for each class, by which their mean comes near to ``shares`` (K,)."""
    rows = posteriors.astype(np.float64)
    for _ in range(ROUNDS):
        rows *= shares / rows.mean(axis=0).clip(min=1e-12)
        rows /= rows.sum(axis=1, keepdims=True)
    return rows


def by_speaker(predictions: Predictions) -> Predictions:
    """The predictions with posteriors aligned by seed, fold and speaker, towards equal shares of the K classes.

    N utterances are brought all the way but K parts of N + K, so that a single one stays much as it is.
    A speaker whose emotions have quite other shares is wronged.
    """
    classes = len(predictions.classes)
    groups: dict[tuple, list[int]] = {}
    for row, key in enumerate(zip(predictions.seeds, predictions.folds, predictions.speakers, strict=True)):
        groups.setdefault(key, []).append(row)
    posteriors = predictions.posteriors.astype(np.float64)
    for rows in groups.values():
        equal = np.full(classes, len(rows) / classes)
        shares = (equal + classes * posteriors[rows].mean(axis=0)) / (len(rows) + classes)
        posteriors[rows] = aligned(posteriors[rows], shares)
    return replace(predictions, posteriors=posteriors, hypothesis=posteriors.argmax(axis=1))
