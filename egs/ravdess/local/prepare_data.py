#!/usr/bin/env python3
"""Make data/ravdess from a copy of RAVDESS: local/prepare_data.py CORPUS_DIR DATA_DIR.

File names say everything: 03-01-06-01-02-01-12.wav is audio only (03), speech (01), fearful (06), normal
intensity (01), sentence 02, repetition 01, actor 12; odd actors are men. Video and song are left out.
"""

import re
import sys
from pathlib import Path

from mtlaug import datadir
from mtlaug.cli.local import prepare_data
from mtlaug.datadir.counts import warn_of_part
from mtlaug.files import UserError

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
KNOWN = dict.fromkeys(EMOTIONS.values(), 192) | {"neutral": 96}  # utterances of the whole corpus
NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")


def problem_of(name: str) -> str | None:
    """Why a file of this name is left out, None where it is not."""
    match = NAME.fullmatch(name)
    if not match:
        return "not a RAVDESS file name such as 03-01-06-01-02-01-12"
    _, _, emotion, *_, actor = match.groups()
    if emotion not in EMOTIONS:
        return f"emotion {emotion} is none of {' '.join(EMOTIONS)}"
    if not 1 <= int(actor) <= 24:
        return f"actor {actor} is not from 01 to 24"
    return None


def prepare(corpus: Path, data_dir: Path) -> None:
    """Write the data directory; speakers actor01 ... actor24, emotions by their names in the corpus."""
    audio = datadir.find_audio(corpus, example="Actor_01/03-01-01-01-01-01-01.wav")
    # The song and video parts of the release are no speech that was lost: counted, but not listed as dropped.
    others = [name for name in audio if NAME.fullmatch(name) and not name.startswith("03-01-")]
    for name in others:
        del audio[name]
    wav, speakers, emotions, texts, dropped = {}, {}, {}, {}, {}
    for name, path in audio.items():
        if problem := problem_of(name):
            dropped[name] = f"{path}: {problem}"
            print(f"prepare_data: left out {path}: {problem}", file=sys.stderr)
            continue
        _, _, emotion, _, sentence, _, actor = NAME.fullmatch(name).groups()
        utterance = f"actor{actor}-{name}"
        wav[utterance], speakers[utterance] = path.resolve(), f"actor{actor}"
        emotions[utterance], texts[utterance] = EMOTIONS[emotion], f"sentence{sentence}"
    if not wav:
        raise UserError(f"{corpus}: none of its {len(audio)} audio files is named as RAVDESS's speech")
    warn_of_part(emotions.values(), KNOWN)
    tables = {
        "wav.scp": wav,
        "utt2spk": speakers,
        "utt2emo": emotions,
        "text": texts,
        "utt2lang": dict.fromkeys(wav, "en"),
        "spk2gender": {speaker: "m" if int(speaker[-2:]) % 2 else "f" for speaker in speakers.values()},
    }
    datadir.write(data_dir, tables, dropped=dropped)
    found = len(tables["spk2gender"])
    print(
        f"prepare_data: {len(wav)} utterances of {found} speakers, {len(dropped)} of {len(audio)} files left out, "
        f"{len(others)} files of song or video not looked at"
    )


if __name__ == "__main__":
    prepare_data(prepare, __doc__)
