"""Two utterances, and what the tests of augmentation make of them."""

import shutil
from pathlib import Path

import numpy as np
import soundfile
from corpus import RATE, speech, write_data_dir
from lhotse import MonoCut

from mtlaug import config
from mtlaug.audio.cuts import read_cuts
from mtlaug.augment import manifest

WAVEFORM_TYPES = {"clean": True, "speed": True, "noise": True, "reverb": True}
if shutil.which("sox"):
    WAVEFORM_TYPES |= {"pitch": True, "tempo": True}


def settings(**types: object) -> config.Config:
    return config.from_dict({"augment_args": {"types": {"clean": True, **types}}})


def two_utterances(root: Path) -> str:
    """A data directory of two, one of them stereo at 44.1 kHz, in directories with a space in their names."""
    (root / "my wavs").mkdir()
    wavs = {"s1-mono": root / "my wavs" / "mono.wav", "s2-stereo": root / "my wavs" / "stereo.wav"}
    soundfile.write(wavs["s1-mono"], speech(0.6123), RATE)
    left = speech(0.5, seed=1, rate=44100)
    soundfile.write(wavs["s2-stereo"], np.stack([left, np.zeros_like(left)], axis=1), 44100)
    return write_data_dir(root / "my data", wavs)


def cuts_of(data_dir: str | Path) -> dict[str, MonoCut]:
    return {cut.id: cut for cut in read_cuts(data_dir, RATE)}


def copies_of(data_dir: str, out: Path, **types: object) -> dict[str, MonoCut]:
    manifest.make(data_dir, str(out), settings(**types))
    return cuts_of(out)
