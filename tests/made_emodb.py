"""A made-up EMO-DB: short tones in noise under the corpus's file names."""

from pathlib import Path

import soundfile
from corpus import RATE, speech

WOMEN = ("08", "09", "13")
SPEAKERS = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
LETTERS = "WLEAFNT"


def write(path: Path, seconds: float = 0.3, seed: int = 0, rate: int = RATE, channels: int = 1) -> Path:
    samples = speech(seconds, 200.0 + 10 * (seed % 50), seed, rate)
    soundfile.write(path, samples[:, None].repeat(channels, axis=1), rate)
    return path


def make_corpus(folder: Path, speakers=SPEAKERS, letters=LETTERS, versions="abc") -> Path:
    """wav/03a01Wa.wav and so on; the last version is .flac, one file is stereo, one has another rate."""
    (folder / "wav").mkdir(parents=True)
    names = [f"{speaker}a01{letter}{version}" for speaker in speakers for letter in letters for version in versions]
    for seed, name in enumerate(names):
        ending = "flac" if len(versions) > 1 and name[-1] == versions[-1] else "wav"
        kind = {0: {"channels": 2}, 1: {"rate": 44100}}.get(seed, {})
        write(folder / "wav" / f"{name}.{ending}", 0.3 + 0.01 * (seed % 20), seed, **kind)
    return folder
