"""UAR and WA from counts, their intervals by speaker, and the paired test of two systems.

Both figures depend on the predictions only through two tables of one row a
speaker, ``hits`` and ``totals`` (S, K): right answers and utterances of each
class. With the same utterances in every seed the mean UAR over seeds is the UAR
of the mean hits, so that tables averaged over seeds are all that is needed.
Speakers, not utterances, are resampled: utterances of one speaker are alike
(cluster bootstrap; Efron and Tibshirani, An Introduction to the Bootstrap, 1993).
"""

from collections.abc import Callable

import numpy as np

EXACT_SWAPS = 4096
RANDOM_SWAPS = 10_000
MOST_ROUNDS = 200  # of redrawing: enough for 2,000 draws where one draw in twenty has all classes


def uar(hits: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Unweighted average recall, (..., K) -> (...), over the classes that occur in ``totals``."""
    present = totals > 0
    recalls = np.where(present, hits, 0.0) / np.where(present, totals, 1.0)
    return recalls.sum(-1) / np.maximum(present.sum(-1), 1)


def wa(hits: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Weighted accuracy, the share of right answers, (..., K) -> (...)."""
    return hits.sum(-1) / totals.sum(-1)


def bootstrap_interval(
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray],
    tables: list[np.ndarray],
    totals: np.ndarray,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> list[float] | None:
    """95 % percentile interval of ``statistic`` over speakers drawn with replacement.

    A draw that misses a class, which few speakers have, is drawn again: without it the UAR would be another quantity.

    Args:
        statistic: `uar` or `wa`.
        tables: one ``hits`` table (S, K), or two; for two it is the interval of
            the difference first - second on the same drawn speakers.
        totals: utterances (S, K).
    Returns:
        ``[low, high]``, or None for a single speaker, who says nothing about others, or where next to no draw has
        all classes.
    """
    speakers = len(totals)
    if speakers < 2:
        return None
    weights = _times_drawn(totals > 0, draws, np.random.default_rng(seed))
    if weights is None:
        return None
    values = [statistic(weights @ hits, weights @ totals) for hits in tables]
    values = values[0] if len(values) == 1 else values[0] - values[1]
    return [float(bound) for bound in np.percentile(values, [2.5, 97.5])]


def _times_drawn(present: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray | None:
    """How often each draw has each speaker (draws, S); every class that is ``present`` (S, K) at all is in each."""
    speakers = len(present)
    weights, again = np.zeros((draws, speakers), dtype=int), np.arange(draws)
    for _ in range(MOST_ROUNDS):
        drawn = rng.integers(speakers, size=(len(again), speakers)) + speakers * np.arange(len(again))[:, None]
        weights[again] = np.bincount(drawn.ravel(), minlength=len(again) * speakers).reshape(-1, speakers)
        again = again[(weights[again] @ present[:, present.any(0)] == 0).any(axis=1)]
        if not len(again):
            return weights
    return None


def swap_test(hits_a: np.ndarray, hits_b: np.ndarray, totals: np.ndarray, *, seed: int = 0) -> tuple[float, int, bool]:
    """Two-sided paired permutation test of equal UAR: the systems' answers are swapped speaker by speaker.

    All swaps are tried up to 4,096 (12 speakers), else 10,000 random ones; the
    random test counts the observed arrangement as one more (Phipson and Smyth,
    2010), so that p is never zero.

    Returns:
        The p-value, the number of swaps, and whether they are all there are.
    """
    pooled = totals.sum(0)
    present = pooled > 0
    # The UAR is linear in the hits, so a swap only turns the sign of that speaker's share.
    shares = ((hits_a - hits_b)[:, present] / pooled[present]).sum(1) / present.sum()
    speakers = len(shares)
    exact = 2**speakers <= EXACT_SWAPS
    if exact:
        bits = np.arange(2**speakers)[:, None] >> np.arange(speakers) & 1
    else:
        bits = np.random.default_rng(seed).integers(2, size=(RANDOM_SWAPS, speakers))
    differences = np.abs((1 - 2 * bits) @ shares)
    as_large = int((differences >= abs(shares.sum()) - 1e-12).sum())
    p = as_large / len(bits) if exact else (as_large + 1) / (len(bits) + 1)
    return p, len(bits), exact
