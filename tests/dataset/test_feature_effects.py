"""What training does to the features of a row."""

import numpy as np
import pytest

from mtlaug import augment
from mtlaug.dataset.feature_effects import KNOTS, filtered, mix, spec_augment, stretched


def test_half_of_the_rows_get_a_curve_of_straight_lines():
    features = np.random.default_rng(0).normal(size=(30, 64)).astype(np.float32)
    before = features.copy()
    ends = []
    for seed in range(800):
        change = filtered(features, 0.5, np.random.default_rng(seed)) - features
        if not change.any():
            continue
        assert change.dtype == np.float32
        np.testing.assert_allclose(change, change[:1].repeat(30, axis=0), atol=1e-5)
        curve = change.mean(axis=0)
        assert (np.abs(np.diff(curve, n=2)) > 1e-5).sum() <= 2 * (KNOTS - 2)  # a bend between two bins shows at both
        ends += [curve[0], curve[-1]]
    assert np.array_equal(features, before)
    assert 360 < len(ends) / 2 < 440
    assert abs(np.mean(ends)) < 0.06 and abs(np.std(ends) - 0.5) < 0.04


@pytest.mark.parametrize("bins", [1, 2, 3])
def test_a_filter_of_few_bins(bins):
    for seed in range(10):
        assert filtered(np.zeros((5, bins), np.float32), 1.0, np.random.default_rng(seed)).shape == (5, bins)


def test_spec_augment_masks_bands_and_leaves_its_input():
    args = augment.SpecAugment(time_masks=2, time_share=0.2, freq_masks=1, freq_bins=5)
    features = np.random.default_rng(0).normal(5, 1, (100, 20)).astype(np.float32)
    before = features.copy()
    masked = {"frames": 0, "bins": 0}
    for seed in range(30):
        output = spec_augment(features, args, np.random.default_rng(seed))
        assert np.array_equal(features, before)
        zero = output == 0
        frames, bins = zero.all(axis=1), zero.all(axis=0)
        assert np.array_equal(zero, frames[:, None] | bins[None, :])
        assert np.array_equal(output[~zero], before[~zero])
        assert frames.sum() <= 40
        assert bins.sum() <= 5
        masked["frames"] += frames.sum()
        masked["bins"] += bins.sum()
        assert np.array_equal(output, spec_augment(features, args, np.random.default_rng(seed)))
    assert masked["frames"] > 100
    assert masked["bins"] > 10


def test_masks_of_every_width_lie_anywhere():
    args = augment.SpecAugment(time_masks=1, time_share=0.2, freq_masks=1, freq_bins=5)
    widths, places = (set(), set()), (set(), set())
    for seed in range(300):
        zero = spec_augment(np.ones((20, 10), np.float32), args, np.random.default_rng(seed)) == 0
        for axis in (0, 1):
            masked = np.flatnonzero(zero.all(axis=1 - axis))
            widths[axis].add(len(masked))
            places[axis].update(masked)
    assert widths == (set(range(5)), set(range(6)))
    assert places == (set(range(20)), set(range(10)))


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_spec_augment_of_few_frames_and_bins(frames):
    for seed in range(20):
        output = spec_augment(np.ones((frames, 4), np.float32), augment.SpecAugment(), np.random.default_rng(seed))
        assert output.shape == (frames, 4)


@pytest.mark.parametrize("partner_frames", [3, 10, 25])
def test_mix_repeats_or_cuts_the_partner(partner_frames):
    rng = np.random.default_rng(0)
    features, partner = (rng.normal(size=(n, 4)).astype(np.float32) for n in (10, partner_frames))
    mixed = mix(features, partner, 0.7)
    assert mixed.shape == (10, 4)
    assert mixed.dtype == np.float32
    for frame in range(10):
        expected = 0.7 * features[frame] + 0.3 * partner[frame % partner_frames]
        np.testing.assert_allclose(mixed[frame], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("frames", [7, 20, 31])
def test_stretching_keeps_the_ends_and_the_course(frames):
    ramp = np.linspace(0, 1, 20, dtype=np.float32)[:, None].repeat(3, axis=1)
    np.testing.assert_allclose(stretched(ramp, frames)[:, 1], np.linspace(0, 1, frames), atol=1e-6)
