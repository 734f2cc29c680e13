"""A small data directory without audio, and its parts, for the tests of `mtlaug.datadir`."""

import gzip
import json

from mtlaug import datadir

UTTERANCES = {"a-1": "a", "a-2": "a", "a-3": "a", "b-1": "b", "b-2": "b", "c-1": "c"}
AUGMENTED = "cuts.jsonl.gz"


def tables(utterances=UTTERANCES):
    return {
        "wav.scp": {utterance: f"/audio/{utterance}.wav" for utterance in utterances},
        "utt2spk": dict(utterances),
        "spk2gender": dict.fromkeys(utterances.values(), "f"),
        "utt2emo": dict.fromkeys(utterances, "angry"),
        "text": {utterance: f"words of {utterance}" for utterance in utterances},
    }


def write_cuts(directory, names):
    with gzip.open(directory / AUGMENTED, "wt") as out:
        for name in names:
            out.write(json.dumps({"id": name, "start": 0}) + "\n")


def ids(directory, name="utt2spk"):
    return list(datadir.read(directory, name))


def cut_ids(directory):
    return [name for name, _ in datadir.read_cuts(directory / AUGMENTED)]


def use_segments(data):
    (data / "wav.scp").write_text("r1 /audio/r1.wav\nr2 sox r2.wav -t wav - |\n")
    rows = [f"{name} {'r1' if name < 'b' else 'r2'} {number}.5 {number + 1}" for number, name in enumerate(UTTERANCES)]
    (data / "segments").write_text("\n".join(rows) + "\n")
