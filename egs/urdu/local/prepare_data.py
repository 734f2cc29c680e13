#!/usr/bin/env python3
"""Make data/urdu from a copy of URDU: local/prepare_data.py CORPUS_DIR DATA_DIR.

File names say everything: SM1_F10_A010.wav is speaker SM1, a man, that speaker's file F10, and A010 is the tenth
angry one of the corpus. Other names are listed in dropped.tsv.
"""

import re
import sys
from pathlib import Path

from mtlaug import datadir
from mtlaug.cli.local import prepare_data
from mtlaug.datadir.counts import warn_of_part
from mtlaug.files import UserError

EMOTIONS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
KNOWN = dict.fromkeys(EMOTIONS.values(), 100)  # utterances of the whole corpus
NAME = re.compile(r"(S([MF])\d+)_F\d+_([A-Z])\d+")


def problem_of(name: str) -> str | None:
    """Why a file of this name is left out, None where it is not."""
    match = NAME.fullmatch(name)
    if not match:
        return "not a URDU file name such as SM1_F10_A010"
    if match[3] not in EMOTIONS:
        return f"emotion {match[3]} is none of {' '.join(EMOTIONS)}"
    return None


def prepare(corpus: Path, data_dir: Path) -> None:
    """Write the data directory; speakers SF1 ... SM27, utterances such as SM1-SM1_F10_A010, so that they sort alike."""
    audio = datadir.find_audio(corpus, example="Angry/SM1_F10_A010.wav")
    wav, speakers, emotions, genders, dropped = {}, {}, {}, {}, {}
    for name, path in audio.items():
        if problem := problem_of(name):
            dropped[name] = f"{path}: {problem}"
            print(f"prepare_data: left out {path}: {problem}", file=sys.stderr)
            continue
        speaker, gender, emotion = NAME.fullmatch(name).groups()
        utterance = f"{speaker}-{name}"
        wav[utterance], speakers[utterance] = path.resolve(), speaker
        emotions[utterance], genders[speaker] = EMOTIONS[emotion], gender.lower()
    if not wav:
        raise UserError(f"{corpus}: none of its {len(audio)} audio files is named as URDU's, such as SM1_F10_A010.wav")
    warn_of_part(emotions.values(), KNOWN)
    tables = {
        "wav.scp": wav,
        "utt2spk": speakers,
        "utt2emo": emotions,
        "utt2lang": dict.fromkeys(wav, "ur"),
        "spk2gender": genders,
    }
    datadir.write(data_dir, tables, dropped=dropped)
    print(f"prepare_data: {len(wav)} utterances of {len(genders)} speakers, {len(dropped)} of {len(audio)} left out")


if __name__ == "__main__":
    prepare_data(prepare, __doc__)
