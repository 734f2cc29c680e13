"""Who speaks in the mini corpus, what they say, and how: everything that is drawn at random.

SYNTHETIC: the "emotions" are no more than overlapping distributions of pitch, pitch range, speaking rate and
loudness, chosen so that they are hard to tell apart. They say nothing about how people express emotion.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

EMOTIONS = {"a": "angry", "h": "happy", "n": "neutral", "s": "sad"}
UNLABELLED = "x"  # stands in the utterance id where a labelled utterance has its emotion's letter
SENTENCES = 10  # each labelled speaker says so many, each in every emotion
UNLABELLED_SENTENCES = 20


@dataclass(frozen=True)
class Speaker:
    """A speaker: an espeak-ng voice with a manner and a recording channel of its own.

    Attributes:
        voice: espeak-ng voice and variant.
        pitch, rate: offsets to the drawn values (espeak-ng's pitch units; words a minute).
        level: dB added to every recording.
        tilt: the channel's spectral tilt, dB an octave around 1 kHz.
        peak: centre of the channel's one-octave resonance, Hz.
        peak_gain: its gain, dB.
    """

    name: str
    gender: str
    voice: str
    pitch: float
    rate: float
    level: float
    tilt: float
    peak: float
    peak_gain: float

    @property
    def labelled(self) -> bool:
        return self in LABELLED_SPEAKERS


LABELLED_SPEAKERS = (
    Speaker("f01", "f", "en+f1", 0, 0, 0.0, 0.0, 2500, 3),
    Speaker("f02", "f", "en-us+f2", -6, 10, -2.0, -0.6, 900, 3),
    Speaker("f03", "f", "en-gb-scotland+f4", 5, -8, 1.5, 0.5, 1600, -3),
    Speaker("f04", "f", "en-gb-x-rp+f5", -2, 5, -1.0, 0.7, 3200, -2),
    Speaker("m01", "m", "en+m1", 4, -5, 0.5, -0.4, 700, 2),
    Speaker("m02", "m", "en-us+m3", -3, 6, -1.5, 0.3, 2800, 3),
    Speaker("m03", "m", "en-gb-scotland+m4", 7, 0, 1.0, 0.6, 1200, -3),
    Speaker("m04", "m", "en-us+m7", -6, -10, 2.0, -0.7, 2000, 2),
)
UNLABELLED_SPEAKERS = (
    Speaker("f05", "f", "en-us+f3", -4, 8, -1.0, 0.4, 1400, 3),
    Speaker("f06", "f", "en+belinda", -8, -4, 1.0, -0.5, 2400, -3),
    Speaker("m05", "m", "en-gb-x-rp+m5", 3, 4, -1.5, -0.3, 1000, 3),
    Speaker("m06", "m", "en-us+m8", 6, -6, 2.0, 0.6, 3000, 3),
)

# Mean of (pitch, pitch range, words a minute, dB) for each emotion. The spread below is about as wide as
# the distance between neighbours, so that they overlap.
_MEANS = {
    "angry": (54, 56, 200, 5.0),
    "happy": (68, 76, 186, 1.0),
    "neutral": (46, 40, 174, 0.0),
    "sad": (36, 26, 150, -5.0),
}
_SPREAD = (6, 12, 12, 2.2)
# Without an emotion: the middle of all of them, and wide enough to cover them.
_UNLABELLED_MEAN = (51, 50, 178, 0.0)
_UNLABELLED_SPREAD = (13, 22, 22, 4.0)
_LIMITS = ((5, 99), (0, 99), (110, 260), (-12, 12))
_SNR = (26.0, 4.0)  # of the added noise: mean and spread, dB

_WORDS = (
    ("Anna", "David", "Ellen", "George", "Laura", "Martin", "Nina", "Oscar", "Peter", "Sarah"),
    ("bought", "carried", "cleaned", "found", "lost", "moved", "opened", "painted", "sold", "wanted"),
    ("black", "broken", "empty", "green", "heavy", "little", "old", "round", "wooden", "yellow"),
    ("basket", "boat", "bottle", "box", "chair", "clock", "door", "lamp", "table", "window"),
)


@dataclass(frozen=True)
class Utterance:
    """One utterance with all that its sound depends on.

    Attributes:
        rate: words a minute. pitch, range: espeak-ng's units, 0 to 99.
        level: dB relative to the corpus level, the speaker's own included.
        snr: signal-to-noise ratio of the added noise, dB.
        noise_seed: of that noise.
    """

    name: str
    speaker: Speaker
    emotion: str | None
    text: str
    pitch: int
    range: int
    rate: int
    level: float
    snr: float
    noise_seed: int


def utterances(seed: int) -> list[Utterance]:
    """All utterances of the corpus, sorted by name.

    What is drawn for one depends on ``seed`` and its name only, never on the others. No two
    speakers share a sentence, so no test speaker's words are seen in training.
    """
    made = []
    speakers = sorted(LABELLED_SPEAKERS + UNLABELLED_SPEAKERS, key=lambda speaker: speaker.name)
    for speaker in speakers:
        letters = EMOTIONS if speaker.labelled else UNLABELLED
        count = SENTENCES if speaker.labelled else UNLABELLED_SENTENCES
        first = speakers.index(speaker) * max(SENTENCES, UNLABELLED_SENTENCES)
        for letter in letters:
            for number in range(1, count + 1):
                name = f"{speaker.name}-{letter}{number:02d}"
                made.append(_draw(name, speaker, EMOTIONS.get(letter), _sentence(first + number), seed))
    return sorted(made, key=lambda utterance: utterance.name)


def _draw(name: str, speaker: Speaker, emotion: str | None, text: str, seed: int) -> Utterance:
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    mean = _MEANS[emotion] if emotion else _UNLABELLED_MEAN
    spread = _SPREAD if emotion else _UNLABELLED_SPREAD
    offsets = (speaker.pitch, 0, speaker.rate, speaker.level)
    drawn = rng.normal(mean, spread) + offsets
    pitch, pitch_range, rate, level = (np.clip(value, *limit) for value, limit in zip(drawn, _LIMITS, strict=True))
    manner = {"pitch": round(pitch), "range": round(pitch_range), "rate": round(rate), "level": float(level)}
    snr = float(rng.normal(*_SNR))
    return Utterance(name, speaker, emotion, text, **manner, snr=snr, noise_seed=int(rng.integers(2**32)))


def _sentence(index: int) -> str:
    """The ``index``-th of the sentences that the word lists can make; each index gives another one."""
    total = np.prod([len(words) for words in _WORDS])
    place = index * 2371 % int(total)  # 2371 is prime, so the whole list is visited, and neighbours differ
    chosen = []
    for words in _WORDS:
        place, which = divmod(place, len(words))
        chosen.append(words[which])
    return "{} {} the {} {}".format(*chosen)
