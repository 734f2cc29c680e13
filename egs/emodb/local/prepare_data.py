#!/usr/bin/env python3
"""Make data/emodb from a copy of EMO-DB: local/prepare_data.py CORPUS_DIR DATA_DIR.

File names say everything: 03a01Fa.wav is speaker 03, sentence a01, emotion F, version a.
A file that is not in the corpus's naming scheme, or of an unknown speaker or emotion, is listed in dropped.tsv.
"""

import re
import sys
from pathlib import Path

from mtlaug import datadir
from mtlaug.cli.local import prepare_data
from mtlaug.datadir.counts import warn_of_part
from mtlaug.files import UserError

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "N": "neutral",
    "T": "sadness",
}
# Utterances of the whole corpus.
KNOWN = {"anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "neutral": 79, "sadness": 62}
GENDERS = dict.fromkeys(("03", "10", "11", "12", "15"), "m") | dict.fromkeys(("08", "09", "13", "14", "16"), "f")
NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])")


def problem_of(name: str) -> str | None:
    """Why a file of this name is left out, None where it is not."""
    match = NAME.fullmatch(name)
    if not match:
        return "not an EMO-DB file name such as 03a01Fa"
    if match[1] not in GENDERS:
        return f"speaker {match[1]} is none of {' '.join(sorted(GENDERS))}"
    if match[3] not in EMOTIONS:
        return f"emotion {match[3]} is none of {' '.join(EMOTIONS)}"
    return None


def prepare(corpus: Path, data_dir: Path) -> None:
    """Write the data directory; speakers 03 08 ... 16, emotions by their names in the corpus."""
    audio = datadir.find_audio(corpus, example="wav/03a01Fa.wav")
    datadir.check_originals(corpus, audio)
    wav, speakers, emotions, texts, dropped = {}, {}, {}, {}, {}
    for name, path in audio.items():
        if problem := problem_of(name):
            dropped[name] = f"{path}: {problem}"
            print(f"prepare_data: left out {path}: {problem}", file=sys.stderr)
            continue
        speaker, text, emotion, _ = NAME.fullmatch(name).groups()
        wav[name], speakers[name] = path.resolve(), speaker
        emotions[name], texts[name] = EMOTIONS[emotion], text
    if not wav:
        raise UserError(f"{corpus}: none of its {len(audio)} audio files is named as EMO-DB's, such as 03a01Fa.wav")
    warn_of_part(emotions.values(), KNOWN)
    tables = {
        "wav.scp": wav,
        "utt2spk": speakers,
        "utt2emo": emotions,
        "text": texts,
        "utt2lang": dict.fromkeys(wav, "de"),
        "spk2gender": {speaker: GENDERS[speaker] for speaker in speakers.values()},
    }
    datadir.write(data_dir, tables, dropped=dropped)
    found = len(set(speakers.values()))
    print(f"prepare_data: {len(wav)} utterances of {found} speakers, {len(dropped)} of {len(audio)} files left out")


if __name__ == "__main__":
    prepare_data(prepare, __doc__)
