"""A made-up URDU: short tones in noise under the corpus's file names, one emotion a speaker but for one."""

from pathlib import Path

import soundfile
from corpus import RATE, speech

SPOKEN = {"SM1": "A", "SF2": "H", "SM5": "NH", "SF10": "S"}
FOLDERS = {"A": "Angry", "H": "Happy", "N": "Neutral", "S": "Sad"}


def make_corpus(folder: Path) -> Path:
    """Angry/SM1_F1_A01.wav and so on, two files an emotion of a speaker, the second one .flac."""
    seed = 0
    for speaker, letters in SPOKEN.items():
        for letter in letters:
            for number, ending in ((1, "wav"), (2, "flac")):
                seed += 1
                path = folder / FOLDERS[letter] / f"{speaker}_F{seed}_{letter}{number:02}.{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, speech(0.3, 150.0 + 20 * seed, 100 + seed), RATE)
    return folder
