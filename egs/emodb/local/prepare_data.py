#!/usr/bin/env python3
"""Make data/emodb from a copy of EMO-DB: local/prepare_data.py CORPUS_DIR DATA_DIR.

File names say everything: 03a01Fa.wav is speaker 03, sentence a01, emotion F, version a.
A file that is not in the corpus's naming scheme, or of an unknown speaker or emotion, is listed in dropped.tsv.
"""

import csv
import hashlib
import re
import sys
from pathlib import Path

from mtlaug import datadir
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
GENDERS = dict.fromkeys(("03", "10", "11", "12", "15"), "m") | dict.fromkeys(("08", "09", "13", "14", "16"), "f")
NAME = re.compile(r"(\d\d)([ab]\d\d)([A-Z])([a-z])")


def find_audio(corpus: Path) -> dict[str, Path]:
    """Name (without ending) to path of every .wav and .flac file below ``corpus``."""
    if not corpus.is_dir():
        raise UserError(f"{corpus}: no such directory; give the folder that holds wav/ by --corpus-dir")
    found: dict[str, Path] = {}
    for path in sorted(corpus.rglob("*")):
        if path.suffix.lower() not in (".wav", ".flac") or path.name.startswith("."):
            continue
        if path.stem in found:
            raise UserError(f"{path}: and {found[path.stem]} would both be utterance {path.stem}; keep one of them")
        found[path.stem] = path
    if not found:
        raise UserError(f"{corpus}: holds no .wav or .flac file; expected names such as wav/03a01Fa.wav")
    return found


def read_originals(path: Path) -> dict[str, tuple[str, str]]:
    """Name (without ending) to size in bytes and SHA-256 of each original file, from a table with a header."""
    with open(path, encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        if not {"file", "bytes", "sha256"} <= set(rows.fieldnames or ()):
            raise UserError(f"{path}:1: expected a header with file, bytes and sha256; mend or remove this list")
        return {Path(row["file"]).stem: (row["bytes"], row["sha256"]) for row in rows}


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


def check_originals(corpus: Path, audio: dict[str, Path]) -> None:
    """Compare sizes and SHA-256 sums with the corpus's list, where it has one; a file that differs is named."""
    lists = sorted(corpus.glob("original_*_sha256.tsv"))
    if not lists:
        print(f"prepare_data: {corpus} has no list of check sums; sizes and contents were not compared")
        return
    known = read_originals(lists[0])
    differing = []
    for name, path in audio.items():
        if name not in known or path.suffix != ".wav":
            continue
        content = path.read_bytes()
        if (str(len(content)), hashlib.sha256(content).hexdigest()) != known[name]:
            differing.append(path)
            print(f"prepare_data: {path}: differs from the original in size or SHA-256", file=sys.stderr)
    print(
        f"prepare_data: {len(audio.keys() & known.keys())} of the {len(known)} original files are here, "
        f"{len(differing)} of them differ from {lists[0].name}"
    )


def prepare(corpus: Path, data_dir: Path) -> None:
    """Write the data directory; speakers 03 08 ... 16, emotions by their names in the corpus."""
    audio = find_audio(corpus)
    check_originals(corpus, audio)
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
    try:
        prepare(Path(sys.argv[1]), Path(sys.argv[2]))
    except UserError as error:
        sys.exit(f"prepare_data: error: {error}")
