#!/usr/bin/env python3
"""Make data/@NAME@ from audio files named speaker_emotion_n.wav: local/prepare_data.py CORPUS_DIR DATA_DIR."""

import re
from pathlib import Path

from mtlaug import datadir
from mtlaug.cli.local import prepare_data
from mtlaug.files import UserError

NAME = re.compile(r"(?P<speaker>[^_]+)_(?P<emotion>[^_]+)_.+")  # of a file, without its ending
GENDERS = {}  # such as {"anna": "f", "bert": "m"}: of all speakers, for folds of both genders; empty: unknown


def prepare(corpus: Path, data_dir: Path) -> None:
    """Write the tables of the data directory; files of other names are listed in its dropped.tsv."""
    wav, utt2spk, utt2emo, dropped = {}, {}, {}, {}
    for name, path in datadir.find_audio(corpus, example="anna_happy_1.wav").items():
        if not (match := NAME.fullmatch(name)):
            dropped[name] = f"{path}: not a name such as anna_happy_1"
            continue
        speaker, emotion, name = ("_".join(text.split()) for text in (match["speaker"], match["emotion"], name))
        utterance = f"{speaker}-{name}"  # begins with the speaker, so that both sort alike
        if utterance in wav:
            raise UserError(f"{path}: and {wav[utterance]} would both be utterance {utterance}; rename one of them")
        wav[utterance], utt2spk[utterance], utt2emo[utterance] = path.resolve(), speaker, emotion
    if not wav:
        raise UserError(f"{corpus}: no file is named as NAME in local/prepare_data.py says; mend NAME")
    tables = {"wav.scp": wav, "utt2spk": utt2spk, "utt2emo": utt2emo}
    if GENDERS:
        tables["spk2gender"] = {speaker: GENDERS.get(speaker, "?") for speaker in utt2spk.values()}
    datadir.write(data_dir, tables, dropped=dropped)
    speakers = len(set(utt2spk.values()))
    print(f"prepare_data: {len(wav)} utterances of {speakers} speakers, {len(dropped)} files left out")


if __name__ == "__main__":
    prepare_data(prepare, __doc__)
