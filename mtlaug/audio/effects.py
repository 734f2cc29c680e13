"""The waveform effects of augmented copies, as lhotse transforms.

A transform's parameters say everything about it: the same manifest entry gives
the same samples on any machine with the same libraries, whatever the job.
"""

import functools
import logging
import shutil
from dataclasses import dataclass

import numpy as np
import torch
import torchaudio.functional
from lhotse.augmentation import Speed
from lhotse.augmentation.transform import AudioTransform
from lhotse.utils import perturb_num_samples
from scipy import fft

from mtlaug.audio.reading import Downmix, load, open_recording
from mtlaug.files import UserError

__all__ = ["AddBabble", "AddColouredNoise", "AddNoise", "Reverb", "SoxEffect", "Speed", "SyntheticReverb"]


SILENCE = 1e-6  # of a recording's mean power; a stretch of it with less is silent


class SameLength(AudioTransform):
    """A transform of samples (1, samples) that keeps their number and place in time."""

    def reverse_timestamps(self, offset, duration, sampling_rate):
        return offset, duration


@dataclass
class AddNoise(SameLength):
    """Add a recording of noise, from ``start`` (seconds) on, repeated where it is too short, at ``snr`` (dB)."""

    source: str
    start: float
    snr: float

    def __call__(self, samples: np.ndarray, sampling_rate: int) -> np.ndarray:
        return _mixed(samples, _excerpt(self.source, self.start, samples.shape[1], sampling_rate), self.snr)


@dataclass
class AddBabble(SameLength):
    """Add several talkers at once: recordings of speech, all at one power, at ``snr`` (dB).

    Each is taken from its ``starts`` (seconds) on and repeated where it is too short, as `AddNoise` does.
    """

    sources: list[str]
    starts: list[float]
    snr: float

    def __call__(self, samples: np.ndarray, sampling_rate: int) -> np.ndarray:
        babble = _babble(tuple(self.sources), tuple(self.starts), samples.shape[1], sampling_rate)
        return _mixed(samples, babble, self.snr)


@dataclass
class AddColouredNoise(SameLength):
    """Add Gaussian noise with a power spectrum of 1 / frequency ** ``exponent`` at ``snr`` (dB)."""

    exponent: float
    snr: float
    seed: int

    def __call__(self, samples: np.ndarray, sampling_rate: int) -> np.ndarray:
        length = samples.shape[1]
        size = fft.next_fast_len(length, real=True)  # other lengths take up to ten times the time
        spectrum = fft.rfft(np.random.default_rng(self.seed).standard_normal(size))
        bins = np.arange(len(spectrum))
        # Below 20 Hz the spectrum is flat, or the energy would lie where nobody hears it.
        lowest = max(1.0, 20.0 * size / sampling_rate)
        noise = fft.irfft(spectrum * np.maximum(bins, lowest) ** (-self.exponent / 2), size)[:length]
        return _mixed(samples, noise.astype(np.float32), self.snr)


@dataclass
class Reverb(SameLength):
    """Convolve with a recorded room impulse response, its delay removed and the level kept.

    Of several microphones the first is taken: their mean would be a comb filter, and no place in the room.
    """

    source: str

    def __call__(self, samples: np.ndarray, sampling_rate: int) -> np.ndarray:
        response = _read(self.source, sampling_rate, downmix=False)
        if not response.any():
            raise UserError(f"{self.source}: is silent; remove it from the directory of impulse responses")
        # Copies stay aligned with their source: the response starts at its direct sound.
        return _reverberated(samples, response[int(np.abs(response).argmax()) :])


@dataclass
class SyntheticReverb(SameLength):
    """Convolve with Gaussian noise that decays by 60 dB in ``rt60`` (seconds), ``drr`` (dB) under the direct sound."""

    rt60: float
    drr: float
    seed: int

    def __call__(self, samples: np.ndarray, sampling_rate: int) -> np.ndarray:
        time = np.arange(int(self.rt60 * sampling_rate)) / sampling_rate
        tail = np.random.default_rng(self.seed).standard_normal(len(time)) * 10 ** (-3 * time / self.rt60)
        tail *= 10 ** (-self.drr / 20) / np.linalg.norm(tail)
        tail[0] = 1.0
        return _reverberated(samples, tail.astype(np.float32))


@dataclass
class SoxEffect(AudioTransform):
    """One SoX effect: ``pitch`` by ``value`` semitones, or ``tempo`` by the factor ``value``."""

    effect: str
    value: float

    def __call__(self, samples: np.ndarray, sampling_rate: int) -> np.ndarray:
        transformer = _sox().Transformer().set_globals(dither=False, verbosity=1)
        if self.effect == "pitch":
            transformer.pitch(self.value)
        else:
            transformer.tempo(self.value, audio_type="s")
        loudest = max(1.0, float(np.abs(samples).max()))  # SoX would clip what comes in beyond 1
        output = transformer.build_array(input_array=samples[0] / loudest, sample_rate_in=sampling_rate) * loudest
        length = perturb_num_samples(samples.shape[1], self._factor())
        # SoX ends a few samples early or late: the manifest's length holds.
        return np.pad(output[:length], (0, max(0, length - len(output))))[None]

    def reverse_timestamps(self, offset, duration, sampling_rate):
        return Speed(factor=self._factor()).reverse_timestamps(offset, duration, sampling_rate)

    def _factor(self) -> float:
        return self.value if self.effect == "tempo" else 1.0


@functools.cache
def _sox():
    if not shutil.which("sox"):
        raise UserError(
            "sox: program not found, and the copies of type pitch and tempo need it; "
            "install it (Debian: apt-get install sox) or switch both types off in augment_args"
        )
    import sox

    logging.getLogger("sox").setLevel(logging.ERROR)
    return sox


@functools.lru_cache(maxsize=64)
def _read(source: str, sampling_rate: int, *, downmix: bool = True) -> np.ndarray:
    """The whole of a noise or impulse response file, float32 (samples,): the mean of its channels, or the first."""
    recording = open_recording(source, source, sampling_rate)
    if not downmix:
        recording.transforms = [step for step in recording.transforms or [] if not isinstance(step, Downmix)]
    return load(recording.to_cut())


def _excerpt(source: str, start: float, length: int, sampling_rate: int) -> np.ndarray:
    """``length`` samples of a noise file from ``start`` (seconds) on, repeated where it is too short."""
    noise = np.roll(_read(source, sampling_rate), -int(start * sampling_rate))
    power, part = noise @ noise / len(noise), noise[:length]
    if not power:
        raise UserError(f"{source}: is silent; remove it from the noise directory")
    if part @ part / len(part) < SILENCE * power:
        # Clips are often filled up with silence: go on to the next sound.
        noise = np.roll(noise, -np.flatnonzero(np.square(noise) >= power)[0])
    return np.resize(noise, length)


# The copies of an utterance at several SNRs follow one another, and have one babble.
@functools.lru_cache(maxsize=2)
def _babble(sources: tuple[str, ...], starts: tuple[float, ...], length: int, sampling_rate: int) -> np.ndarray:
    babble = np.zeros(length, dtype=np.float32)
    for source, start in zip(sources, starts, strict=True):
        excerpt = _excerpt(source, start, length, sampling_rate)
        # The power of the whole recording, or a pause would be made as loud as speech.
        babble += excerpt / np.sqrt(np.square(_read(source, sampling_rate)).mean())
    return babble


def _mixed(samples: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    speech, noise = torch.from_numpy(samples), torch.from_numpy(np.ascontiguousarray(noise))[None]
    return torchaudio.functional.add_noise(speech, noise, torch.tensor([snr])).numpy()


def _reverberated(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    length = samples.shape[1]
    # scipy.signal would do the same, and take longer to import than many a job has to convolve.
    size = fft.next_fast_len(length + len(response) - 1, real=True)
    wet = fft.irfft(fft.rfft(samples, size) * fft.rfft(response, size), size)[:, :length]
    return wet * (np.linalg.norm(samples) / max(np.linalg.norm(wet), 1e-12)).astype(np.float32)
