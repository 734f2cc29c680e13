#!/usr/bin/env python3
"""Make data/iemocap from a copy of IEMOCAP: local/prepare_data.py [--scripted false] CORPUS_DIR DATA_DIR.

Session1/dialog/EmoEvaluation/Ses01F_impro01.txt labels the turns of a dialogue, such as Ses01F_impro01_M000, whose
audio is Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav. That turn is spoken by the man of session 1,
here speaker Ses01M: Ses01F at the start of the name only says that the woman wore the markers.
"""

import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from mtlaug import datadir
from mtlaug.cli.local import prepare_data
from mtlaug.datadir.counts import Known
from mtlaug.datadir.turns import LeftOut, Turn, from_turns
from mtlaug.files import UserError

EMOTIONS = {
    "ang": "angry",
    "hap": "happy",
    "sad": "sad",
    "neu": "neutral",
    "exc": "excited",
    "fru": "frustrated",
    "fea": "fearful",
    "sur": "surprised",
    "dis": "disgusted",
    "oth": "other",
    "xxx": "no_agreement",
}
# Of the usual four classes, where excited speech is counted as happy: 1636 in all.
KNOWN = Known(
    total=5531,
    by_class={"angry": 1103, "happy": 595, "excited": 1041, "neutral": 1708, "sad": 1084},
    by_session={"session1": 1085, "session2": 1023, "session3": 1151, "session4": 1031, "session5": 1241},
)
KNOWN_TURNS, KNOWN_DIALOGUES = 10039, 151
EXAMPLE = "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"

DIALOGUE = re.compile(r"Ses0[1-5][MF]_(?:impro|script)\d\d[a-z]?(?:_\d[a-z]?)?")
TURN = re.compile(r"(Ses0([1-5]))[MF]_(impro|script)\w*_([MF])[X\d]{2}\d")
LABEL = re.compile(r"\[[^]]*\]\s+(\S+)\s+(\S+)\s+\[([^]]*)\]")  # [start - end] turn emotion [V, A, D]
WORDS = re.compile(r"(\S+)\s*\[[^]]*\]\s*:(.*)")  # turn [start-end]: words


def lines_of(path: Path) -> list[str]:
    """The lines of a text file, of any line ends; bytes that are not UTF-8 are replaced."""
    return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()


def files_of(corpus: Path, folder: str) -> list[Path]:
    """The .txt files of all dialogues in ``Session*/dialog/<folder>`` itself, C-sorted, without hidden ones.

    The folders in EmoEvaluation hold the labels of single raters.
    """
    return sorted(path for path in corpus.glob(f"Session*/dialog/{folder}/*.txt") if not path.name.startswith("."))


def ratings(text: str) -> tuple[float, float, float]:
    """Activation, valence and dominance of ``V, A, D``, which begins with valence; NaN where one is missing."""
    values = []
    for cell in text.split(","):
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        values.append(value if math.isfinite(value) else math.nan)
    valence, activation, dominance = (values + [math.nan] * 3)[:3]
    return activation, valence, dominance


def read_words(corpus: Path) -> dict[str, str]:
    """Turn to its words, of all transcriptions; lines of another form name no turn and are passed over."""
    words: dict[str, str] = {}
    paths = files_of(corpus, "transcriptions")
    if not paths:
        print(f"prepare_data: {corpus}: holds no Session*/dialog/transcriptions/*.txt, so no text", file=sys.stderr)
    for path in paths:
        for match in filter(None, map(WORDS.match, lines_of(path))):
            text = " ".join(match[2].split())
            if text:
                words.setdefault(match[1], text)
    return words


def read_turns(paths: list[Path], words: dict[str, str], left_out: LeftOut) -> Iterator[Turn]:
    """The turns of all label files; lines with a bracket first that are not as expected go to ``left_out``."""
    for path in paths:
        for number, line in enumerate(lines_of(path), 1):
            if not line.startswith("["):
                continue  # the header, and what single raters said
            where = f"{path}:{number}"
            match = LABEL.match(line)
            if not match:
                left_out.add(f"{path.name}:{number}", where, "not as '[start - end] turn emotion [V, A, D]'")
                continue
            name, code, avd = match.groups()
            parts = TURN.fullmatch(name)
            if not parts:
                left_out.add(name, where, "not named as a turn of IEMOCAP, such as Ses01F_impro01_M000")
            elif code not in EMOTIONS:
                left_out.add(name, where, f"emotion {code} is none of {' '.join(EMOTIONS)}")
            else:
                session, number_of_session, kind, letter = parts.groups()
                yield Turn(
                    name=name,
                    where=where,
                    speaker=session + letter,
                    gender=letter.lower(),
                    session=f"session{number_of_session}",
                    emotion=EMOTIONS[code],
                    avd=ratings(avd),
                    scripted=kind == "script",
                    text=words.get(name),
                )


def find_turns(corpus: Path, left_out: LeftOut) -> dict[str, Path]:
    """Turn to audio file; recordings of whole dialogues are counted, other names go to ``left_out``."""
    audio, dialogues = {}, 0
    for name, path in datadir.find_audio(corpus, example=EXAMPLE).items():
        if TURN.fullmatch(name):
            audio[name] = path
        elif DIALOGUE.fullmatch(name):
            dialogues += 1
        else:
            left_out.add(name, path, "not named as a turn of IEMOCAP, such as Ses01F_impro01_M000.wav")
    if dialogues:
        print(f"prepare_data: {dialogues} recordings of whole dialogues not looked at")
    return audio


def prepare(corpus: Path, data_dir: Path, *, scripted: bool, allow_partial: bool) -> None:
    """Write the data directory; speakers Ses01F ... Ses05M, emotions by their English names."""
    left_out = LeftOut()
    audio = find_turns(corpus, left_out)
    paths = files_of(corpus, "EmoEvaluation")
    if not paths:
        raise UserError(
            f"{corpus}: holds no Session*/dialog/EmoEvaluation/*.txt; give the folder that holds Session1 to Session5 "
            "by --corpus-dir"
        )
    turns = list(read_turns(paths, read_words(corpus), left_out))
    print(
        f"prepare_data: {len(turns)} labelled turns of {len(paths)} dialogues "
        f"(known: {KNOWN_TURNS} of {KNOWN_DIALOGUES}), {len(audio)} audio files of turns"
    )
    from_turns(data_dir, turns, audio, KNOWN, left_out, scripted=scripted, allow_partial=allow_partial)


if __name__ == "__main__":
    prepare_data(prepare, __doc__, turns=True)
