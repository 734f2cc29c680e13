"""Mel filterbanks in torch, differentiable, as Kaldi computes them but for the level, a floor and the scale."""

import logging
import math

import torch
import torchaudio.compliance.kaldi

from mtlaug.args import FeatureArgs
from mtlaug.features.pcen import Pcen
from mtlaug.files import UserError

log = logging.getLogger(__name__)


class Fbank(torch.nn.Module):
    """Log-mel filterbank energies as in Kaldi's compute-fbank-feats (Povey window, no dither, snip-edges false).

    Energies more than ``args.dynamic_range`` dB below the utterance's loudest are raised to that floor. Otherwise the
    logarithm exaggerates what nobody hears: digital silence in a pause moves a mean further than any emotion does,
    and the faintest noise in its place makes another utterance of it.

    With ``args.remove_level`` the energies are relative to the utterance's mean power. How loud speech is recorded is
    a matter of the microphone and of who edited the corpus: anger is louder than sadness in one corpus, and brought to
    the same level in the next.

    With ``args.scale`` pcen the energies go through `mtlaug.features.pcen.Pcen`, not through a logarithm.

    Without any of them (0, false, log) the features are Kaldi's.

    Gradients flow to the waveform, so that attacks can pass through it.

    Args:
        args: rate, window and filters; see `mtlaug.args.FeatureArgs`.
    """

    def __init__(self, args: FeatureArgs):
        super().__init__()
        # Rounded down, as in Kaldi: at 11,025 Hz 25 ms are 275 samples.
        self.shift = math.floor(args.sample_rate * args.frame_shift / 1000 + 1e-9)
        self.length = math.floor(args.sample_rate * args.frame_length / 1000 + 1e-9)
        self.preemphasis = args.preemphasis
        self.faintest = 10 ** (-args.dynamic_range / 10) if args.dynamic_range else 0.0  # as a part of the loudest
        self.remove_level = args.remove_level
        self.scale = Pcen(args.frame_shift) if args.scale == "pcen" else torch.log
        self.padded = 1 << (self.length - 1).bit_length()
        window = torch.hann_window(self.length, periodic=False, dtype=torch.float64) ** 0.85
        banks, _ = torchaudio.compliance.kaldi.get_mel_banks(
            args.num_mel_bins, self.padded, args.sample_rate, args.low_freq, args.high_freq, 100.0, -500.0, 1.0
        )
        if empty := int((banks.sum(dim=1) == 0).sum()):
            why = "they are narrower than the spectrum's bins; lower it, or lengthen frame_length"
            log.warning("feature_args.num_mel_bins %d: %d filters are empty, as %s", args.num_mel_bins, empty, why)
        self.register_buffer("window", window.float(), persistent=False)
        # Kaldi's filters leave the Nyquist bin out.
        self.register_buffer("banks", torch.nn.functional.pad(banks, (0, 1)).T.contiguous(), persistent=False)

    def num_frames(self, num_samples: int) -> int:
        """Frames of a waveform of ``num_samples`` samples."""
        return (num_samples + self.shift // 2) // self.shift

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute features.

        Args:
            waveforms: (..., S) samples in [-1, 1].
        Returns:
            (..., T, C) natural logarithms of mel energies: relative to the utterance's mean frame energy or, where
            the level is kept, of samples on the 16-bit scale, as in Kaldi. With pcen see `mtlaug.features.pcen.Pcen`.
        """
        frames = self._frames(waveforms * 32768.0)  # (..., T, S of a window)
        frames = frames - frames.mean(dim=-1, keepdim=True)
        previous = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
        frames = (frames - self.preemphasis * previous) * self.window
        spectrum = torch.fft.rfft(frames, n=self.padded)
        energies = (spectrum.real.square() + spectrum.imag.square()) @ self.banks
        floor = self.faintest * energies.amax(dim=(-2, -1), keepdim=True)
        energies = torch.maximum(energies, floor.clamp(min=torch.finfo(torch.float32).eps))
        if self.remove_level:
            energies = energies / energies.sum(dim=-1, keepdim=True).mean(dim=-2, keepdim=True)
        return self.scale(energies)

    def _frames(self, samples: torch.Tensor) -> torch.Tensor:
        # Kaldi mirrors the signal at its ends, the end samples included; this much gives `num_frames` windows.
        before = self.length // 2 - self.shift // 2
        after = self.length - self.shift + self.shift // 2 - before
        if samples.shape[-1] < max(before, after):
            raise UserError(
                f"a waveform of {samples.shape[-1]} samples is too short for a frame of {self.length}, which takes "
                f"{max(before, after)} at least"
            )
        mirrored = [samples[..., :before].flip(-1), samples, samples[..., -after:].flip(-1)]
        return torch.cat(mirrored, dim=-1).unfold(-1, self.length, self.shift)
