"""The filterbank against kaldi-native-fbank, its options and its gradient."""

import math

import numpy as np
import pytest
import torch
from corpus import speech

from mtlaug.args import FeatureArgs
from mtlaug.features.fbank import Fbank
from mtlaug.files import UserError


def kaldi_fbank(samples: np.ndarray, args: FeatureArgs) -> np.ndarray:
    """Features (T, C) as Kaldi computes them."""
    knf = pytest.importorskip("kaldi_native_fbank")
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = args.sample_rate
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.frame_opts.window_type = "povey"
    options.frame_opts.preemph_coeff = args.preemphasis
    options.frame_opts.frame_length_ms = args.frame_length
    options.frame_opts.frame_shift_ms = args.frame_shift
    options.mel_opts.num_bins = args.num_mel_bins
    options.mel_opts.low_freq = args.low_freq
    options.mel_opts.high_freq = args.high_freq
    options.use_energy = False
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(args.sample_rate, (samples * 32768.0).tolist())
    fbank.input_finished()
    return np.stack([fbank.get_frame(index) for index in range(fbank.num_frames_ready)])


def test_empty_filters_are_told_of(caplog):
    Fbank(FeatureArgs(num_mel_bins=80))
    assert not caplog.messages
    banks = Fbank(FeatureArgs(num_mel_bins=128)).banks
    assert f"num_mel_bins 128: {int((banks.sum(0) == 0).sum())} filters are empty" in caplog.text


@pytest.mark.parametrize("bins", [40, 64, 80])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050])
def test_features_are_those_of_kaldi(rate, bins):
    args = FeatureArgs(sample_rate=rate, num_mel_bins=bins, dynamic_range=0, remove_level=False)
    fbank = Fbank(args)
    for number, length in enumerate([rate // 10, 4001, 8037, rate]):
        samples = speech(length / rate, tone=150.0 + 200 * number, seed=number, rate=rate)
        expected = kaldi_fbank(samples, args)
        got = fbank(torch.from_numpy(samples)).numpy()
        assert got.shape == expected.shape == (fbank.num_frames(length), bins)
        assert np.abs(got - expected).max() < 1e-3


def test_other_windows_and_edges_are_those_of_kaldi():
    changed = {"frame_length": 32.0, "frame_shift": 8.0, "low_freq": 80.0, "high_freq": -400.0, "preemphasis": 0.9}
    args = FeatureArgs(**changed, dynamic_range=0, remove_level=False)
    samples = speech(0.5)
    assert np.abs(Fbank(args)(torch.from_numpy(samples)).numpy() - kaldi_fbank(samples, args)).max() < 1e-3


@pytest.mark.parametrize("length", [200, 399, 400, 479, 480, 481, 559, 560, 16000])
def test_number_of_frames(length):
    fbank = Fbank(FeatureArgs())
    frames = fbank.num_frames(length)
    assert frames == round(length / 160 + 1e-9)  # half a shift more makes a frame more
    assert len(fbank(torch.from_numpy(speech(length / 16000)))) == frames


def test_what_is_far_below_the_loudest_is_raised_to_the_dynamic_range():
    samples = torch.from_numpy(np.concatenate([speech(0.3), np.zeros(4800, np.float32)]))
    whole = Fbank(FeatureArgs(dynamic_range=0, remove_level=False))(samples)
    raised = Fbank(FeatureArgs(dynamic_range=30, remove_level=False))(samples)
    floor = whole.max() - 3 * math.log(10)
    assert whole.min() < floor - 5
    torch.testing.assert_close(raised, torch.clamp(whole, min=floor))


@pytest.mark.parametrize(
    ("scale", "remove_level", "louder"), [("log", True, 0.0), ("log", False, 2 * math.log(10)), ("pcen", True, 0.0)]
)
def test_a_gain_shows_as_a_constant_or_not_at_all(scale, remove_level, louder):
    fbank = Fbank(FeatureArgs(scale=scale, remove_level=remove_level))
    samples = torch.from_numpy(np.concatenate([0.1 * speech(0.3), np.zeros(4800, np.float32)]))
    torch.testing.assert_close(fbank(10 * samples), fbank(samples) + louder, rtol=0, atol=1e-3)


def test_without_its_level_the_mean_frame_of_an_utterance_has_an_energy_of_one():
    features = Fbank(FeatureArgs())(torch.from_numpy(0.3 * speech(0.5)))
    assert features.exp().sum(dim=1).mean().item() == pytest.approx(1, abs=1e-5)


def test_a_batch_is_its_rows():
    fbank = Fbank(FeatureArgs())
    rows = torch.from_numpy(np.stack([speech(0.3, seed=seed) for seed in range(3)]))  # (N, S)
    batch = fbank(rows)
    assert batch.shape == (3, fbank.num_frames(4800), 64)
    for row, got in zip(rows, batch, strict=True):
        torch.testing.assert_close(got, fbank(row), rtol=0, atol=1e-4)


@pytest.mark.parametrize("scale", ["log", "pcen"])
def test_the_gradient_to_the_waveform_is_right(scale):
    fbank = Fbank(FeatureArgs(sample_rate=8000, num_mel_bins=5, scale=scale)).double()
    waveform = 0.1 * torch.randn(2, 330, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(fbank, waveform.requires_grad_(), eps=1e-7, atol=1e-4)


@pytest.mark.parametrize("scale", ["log", "pcen"])
def test_silence_is_finite_with_a_finite_gradient(scale):
    waveform = torch.zeros(1600, requires_grad=True)
    output = Fbank(FeatureArgs(scale=scale))(waveform)
    output.sum().backward()
    assert torch.isfinite(output).all()
    assert torch.isfinite(waveform.grad).all()


def test_a_waveform_shorter_than_a_frame_is_refused():
    for length in (0, 1, 100):
        with pytest.raises(UserError, match=f"{length} samples is too short for a frame of 400"):
            Fbank(FeatureArgs())(torch.zeros(length))
