"""What training does to the normalised features of a row, afresh in every epoch."""

import numpy as np

from mtlaug.augment import SpecAugment

KNOTS = 4  # of a random filter
FILTERED = 0.5  # share of the rows that go through one


def filtered(features: np.ndarray, gain: float, rng: np.random.Generator) -> np.ndarray:
    """Features (T, C), half of the time as through a random filter: one smooth curve is added to all frames.

    So no speaker's, room's or microphone's long-term spectrum can be learnt by heart. FilterAugment of the linear
    type (Nam, Kim and Park 2022), but with equidistant knots, in standard deviations instead of dB.

    Args:
        gain: standard deviation of the curve's knots, in standard deviations of a normalised feature.
    """
    if rng.random() >= FILTERED:
        return features
    bins = np.arange(features.shape[1])
    knots = np.linspace(0, bins[-1], KNOTS)
    return features + np.interp(bins, knots, rng.normal(0, gain, KNOTS)).astype(np.float32)


def stretched(features: np.ndarray, frames: int) -> np.ndarray:
    """Features (T, C) as ``frames`` frames, linearly interpolated: the clean source beside a faster or slower copy."""
    places = np.linspace(0, len(features) - 1, frames)
    before = places.astype(int)
    after = np.minimum(before + 1, len(features) - 1)
    share = (places - before)[:, None]
    return ((1 - share) * features[before] + share * features[after]).astype(np.float32)


def spec_augment(features: np.ndarray, args: SpecAugment, rng: np.random.Generator) -> np.ndarray:
    """Set bands of frames and mel bins to zero, the mean of normalised features (T, C) (Park et al. 2019)."""
    features = features.copy()
    frames, bins = features.shape
    for _ in range(args.time_masks):
        width = int(rng.integers(0, int(args.time_share * frames) + 1))
        start = int(rng.integers(0, frames - width + 1))
        features[start : start + width] = 0
    for _ in range(args.freq_masks):
        width = int(rng.integers(0, min(args.freq_bins, bins) + 1))
        start = int(rng.integers(0, bins - width + 1))
        features[:, start : start + width] = 0
    return features


def mix(features: np.ndarray, partner: np.ndarray, weight: float) -> np.ndarray:
    """``weight`` times the features (T, C) plus the rest of the partner's, which is repeated or cut to T frames."""
    partner = np.resize(partner, (len(features), partner.shape[1]))
    return (weight * features + (1 - weight) * partner).astype(np.float32)
