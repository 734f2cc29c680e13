"""Per-channel energy normalisation: its recurrence, what it takes away, batches, export; see test_fbank.py as well."""

import warnings

import numpy as np
import pytest
import torch

from mtlaug import config
from mtlaug.args import FeatureArgs
from mtlaug.features.fbank import Fbank
from mtlaug.features.pcen import Pcen
from mtlaug.files import UserError

FRAMES, BINS = 700, 6


def energies(frames: int = FRAMES, seed: int = 0) -> torch.Tensor:
    """Random energies (T, C) whose mean frame has a sum of one; the last bin is the faintest."""
    drawn = np.random.default_rng(seed).exponential(size=(frames, BINS)) * np.logspace(0, -5, BINS)
    return torch.from_numpy(drawn / drawn.sum(axis=1).mean()).float()


def recurrence(values: np.ndarray, smoothing: float) -> np.ndarray:
    """Wang et al. 2017, equations 1 and 2, from the mean of the utterance on."""
    average, out = values.mean(axis=0), []
    for frame in values:
        average = (1 - smoothing) * average + smoothing * frame
        out.append((frame / (1e-6 + average) ** 0.9 + 2) ** 0.5 - 2**0.5)
    return np.array(out)


@pytest.mark.parametrize("shift", [5, 10, 20])
def test_it_is_the_recurrence_of_the_paper(shift):
    given = energies()
    expected = recurrence(BINS * given.double().numpy(), shift / 400)
    np.testing.assert_allclose(Pcen(shift)(given), expected, rtol=0.01, atol=1e-3)


def test_a_channel_in_the_way_leaves_a_tenth_of_its_decibels():
    given = energies()
    channel = torch.tensor([1, 10, 0.1, 1, 1, 1])
    changed = (Pcen(10)(given * channel) + 2**0.5).square() - 2  # E / M^0.9
    before = (Pcen(10)(given) + 2**0.5).square() - 2
    torch.testing.assert_close(changed / before, (channel**0.1).expand(FRAMES, BINS), rtol=1e-3, atol=0)


def test_a_frame_knows_nothing_of_those_after_it_but_their_mean():
    given = energies(100)
    swapped = torch.cat([given[:50], given[50:].flip(0)])
    torch.testing.assert_close(Pcen(10)(swapped)[:50], Pcen(10)(given)[:50])


def test_a_batch_is_its_rows():
    rows = torch.stack([energies(50, seed) for seed in range(4)])
    batch = Pcen(10)(rows.reshape(2, 2, 50, BINS))
    assert batch.shape == (2, 2, 50, BINS)
    for row, got in zip(rows, batch.reshape(4, 50, BINS), strict=True):
        torch.testing.assert_close(got, Pcen(10)(row))


def test_traced_for_an_export_it_takes_any_length():
    fbank = Fbank(FeatureArgs(scale="pcen"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer, about deprecation
        traced = torch.jit.trace(fbank, torch.randn(32000))
    for length in (1600, 4321, 41234):
        waveform = torch.randn(length, generator=torch.Generator().manual_seed(length))
        torch.testing.assert_close(traced(waveform), fbank(waveform))


def test_it_needs_energies_without_a_level():
    with pytest.raises(UserError, match=r"feature_args\.scale: pcen presumes .*; set feature_args\.remove_level: true"):
        config.from_dict({"feature_args": {"scale": "pcen", "remove_level": False}})
    with pytest.raises(UserError, match="scale"):
        config.from_dict({"feature_args": {"scale": "mel"}})
