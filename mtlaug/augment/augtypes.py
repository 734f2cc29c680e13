"""The augmentation types, and the copies of an utterance.

A type is a dataclass here: its fields are its parameters in the YAML, and, for
waveform types, `copies` draws the transforms of an utterance's copies. The
auxiliary task's class list is the types that the configuration switches on.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mtlaug.args import AugmentArgs
from mtlaug.files import UserError, read_table
from mtlaug.schema import build, option


def _effects():
    """`mtlaug.audio.effects`, imported where copies are described: it takes a second, and training needs none of it."""
    from mtlaug.audio import effects

    return effects


def _check_range(name: str, bounds: list[float], above: float = -np.inf, up_to: float = np.inf) -> None:
    if len(bounds) != 2 or not above < bounds[0] <= bounds[1] <= up_to:
        limit = f" above {above:g}" if above > -np.inf else ""
        limit += f" and up to {up_to:g}" if up_to < np.inf else ""
        raise ValueError(f"{name} must be [lowest, highest]{limit}, not {bounds}")


@dataclass
class Clean:
    """The utterance as it is."""


@dataclass
class SpecAugment:
    """Bands of time and frequency set to the mean; made at training time (Park et al. 2019)."""

    time_masks: int = option(2, "masks of time", "", "zero or more")
    time_share: float = option(0.15, "widest time mask, share of the utterance", "", "from 0 to below 1")
    freq_masks: int = option(2, "masks of frequency", "", "zero or more")
    freq_bins: int = option(12, "widest frequency mask", "mel bins", "zero or more")


@dataclass
class Mixup:
    """A weighted mean with a training utterance drawn at random, its emotion mixed likewise (Zhang et al. 2018)."""

    weight: list[float] = option([0.6, 0.8], "range of the first one's weight")

    def __post_init__(self):
        _check_range("weight", self.weight, above=0, up_to=1)


@dataclass
class SpeedPerturbation:
    """Resampled, so that tempo and pitch change together (Ko et al. 2015); copies are prefixed ``sp0.9-``."""

    factors: list[float] = option([0.9, 1.1], "a copy each")

    def __post_init__(self):
        if not self.factors or min(self.factors) <= 0 or len(set(self.factors)) < len(self.factors):
            raise ValueError(f"factors must be different numbers above zero, not {self.factors}")

    def copies(self, name, rng, sources):
        for factor in self.factors:
            yield f"sp{factor}-", "", _effects().Speed(factor), factor


@dataclass
class Noise:
    """Noise from a data directory, or coloured noise where none is given."""

    snr: list[float] = option([5.0, 20.0], "range of the signal-to-noise ratio", "dB")
    exponent: list[float] = option([0.0, 2.0], "range of coloured noise: 0 white, 1 pink, 2 brown")
    copies_each: int = option(1, "copies of an utterance", "", "above zero")

    def __post_init__(self):
        _check_range("snr", self.snr)
        _check_range("exponent", self.exponent)

    def copies(self, name, rng, sources):
        for suffix in _suffixes(name, self.copies_each):
            snr = _uniform(rng, self.snr)
            if sources.noise:
                source = sources.noise[rng.integers(len(sources.noise))]
                transform = _effects().AddNoise(source, start=draw_start(rng, sources.seconds.get(source)), snr=snr)
            else:
                exponent, seed = _uniform(rng, self.exponent), int(rng.integers(2**31))
                transform = _effects().AddColouredNoise(exponent, snr, seed=seed)
            yield "", suffix, transform, 1.0


@dataclass
class Reverberation:
    """A recorded room impulse response, or a synthetic one where no RIR directory is given."""

    rt60: list[float] = option([0.2, 0.9], "range of the reverberation time of synthetic rooms", "s")
    drr: list[float] = option([-3.0, 6.0], "range of their direct-to-reverberant ratio", "dB")
    copies_each: int = option(1, "copies of an utterance", "", "above zero")

    def __post_init__(self):
        _check_range("rt60", self.rt60, above=0)
        _check_range("drr", self.drr)

    def copies(self, name, rng, sources):
        for suffix in _suffixes(name, self.copies_each):
            if sources.rir:
                transform = _effects().Reverb(sources.rir[rng.integers(len(sources.rir))])
            else:
                transform = _effects().SyntheticReverb(
                    _uniform(rng, self.rt60), _uniform(rng, self.drr), seed=int(rng.integers(2**31))
                )
            yield "", suffix, transform, 1.0


@dataclass
class Pitch:
    """Pitch shifted by SoX at the same tempo, up or down."""

    semitones: list[float] = option([1.0, 3.0], "range of the shift, up or down", "semitones")
    copies_each: int = option(1, "copies of an utterance", "", "above zero")

    def __post_init__(self):
        _check_range("semitones", self.semitones, above=0)

    def copies(self, name, rng, sources):
        for suffix in _suffixes(name, self.copies_each):
            sign = rng.choice([-1.0, 1.0])
            yield "", suffix, _effects().SoxEffect("pitch", sign * _uniform(rng, self.semitones)), 1.0


@dataclass
class Tempo:
    """Tempo changed by SoX at the same pitch."""

    slow: list[float] = option([0.8, 0.92], "range of the factor of slow copies")
    fast: list[float] = option([1.08, 1.25], "and of fast ones")
    copies_each: int = option(1, "copies of an utterance", "", "above zero")

    def __post_init__(self):
        _check_range("slow", self.slow, above=0)
        _check_range("fast", self.fast, above=0)

    def copies(self, name, rng, sources):
        for suffix in _suffixes(name, self.copies_each):
            factor = _uniform(rng, self.slow if rng.random() < 0.5 else self.fast)
            yield "", suffix, _effects().SoxEffect("tempo", factor), factor


# The order here is the order of the auxiliary task's classes.
TYPES = {
    "clean": Clean,
    "speed": SpeedPerturbation,
    "noise": Noise,
    "reverb": Reverberation,
    "pitch": Pitch,
    "tempo": Tempo,
    "specaugment": SpecAugment,
    "mixup": Mixup,
}
TRAINING_TIME = ("specaugment", "mixup")


@dataclass
class Sources:
    """Noise and impulse response files, C-sorted by id; empty lists mean synthetic ones."""

    noise: list[str] = field(default_factory=list)
    rir: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # of the noise files, where that is known

    @classmethod
    def read(cls, noise_dir: str | None, rir_dir: str | None) -> "Sources":
        lists = []
        for directory in (noise_dir, rir_dir):
            lists.append(list(read_table(Path(directory, "wav.scp")).values()) if directory else [])
            if directory and not lists[-1]:
                raise UserError(f"{directory}/wav.scp: lists no recording")
        return cls(*lists, read_seconds(noise_dir) if noise_dir else {})


def read_seconds(noise_dir: str) -> dict[str, float]:
    """File to its seconds, of a data directory of whole recordings; empty where it has no ``utt2dur``."""
    if not (path := Path(noise_dir, "utt2dur")).exists():
        return {}
    durations = read_table(path)
    files = read_table(Path(noise_dir, "wav.scp")).items()
    try:
        return {file: float(durations[name]) for name, file in files if name in durations}
    except ValueError as error:
        raise UserError(f"{path}: {error}; run utils/check_audio.sh {noise_dir}, which makes it") from None


def draw_start(rng: np.random.Generator, seconds: float | None) -> float:
    """Where in a noise file to begin, in seconds; one that is shorter than a minute counts as repeated."""
    return round(rng.uniform(0, max(60.0, seconds or 0.0)), 3)


def types(args: AugmentArgs) -> dict[str, object]:
    """The types switched on, each with its parameters, in class order.

    Raises:
        UserError: an unknown type or parameter, or ``clean`` is missing or switched off.
    """
    known = {name: args.types[name] for name in TYPES if name in args.types}
    for name in args.types:
        if name not in TYPES:
            raise UserError(f"augment_args.types: unknown type {name!r}; known are {', '.join(TYPES)}")
    on = {name: value for name, value in known.items() if value is not False}
    if "clean" not in on:
        raise UserError("augment_args.types: clean cannot be switched off, dev and test speech is clean")
    return {
        name: build(TYPES[name], None if value is True else value, f"augment_args.types.{name}")
        for name, value in on.items()
    }


def waveform_types(args: AugmentArgs) -> dict[str, object]:
    """Those of `types` that make copies before the features, which a manifest describes."""
    return {name: kind for name, kind in types(args).items() if name not in ("clean", *TRAINING_TIME)}


def _uniform(rng: np.random.Generator, bounds: list[float]) -> float:
    return round(float(rng.uniform(*bounds)), 3)


def _suffixes(name: str, number: int) -> list[str]:
    return [f"-{name}" if number == 1 else f"-{name}{index}" for index in range(1, number + 1)]
