#!/usr/bin/env python3
"""Make data/msp_improv from a copy of MSP-IMPROV: local/prepare_data.py [--scripted false] CORPUS_DIR DATA_DIR.

MSP-IMPROV-S01A-F01-P-FM01.wav is of sentence 01 with intended emotion A, which is not the label, spoken by F01, the
woman of session 1, in condition P. Its label is in Evalution.txt, under UTD-IMPROV-S01A-F01-P-FM01.avi.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

from mtlaug import datadir
from mtlaug.cli.local import prepare_data
from mtlaug.datadir.counts import Known, check_counts
from mtlaug.datadir.turns import LeftOut, Turn, from_turns
from mtlaug.files import UserError

EMOTIONS = {"A": "angry", "H": "happy", "S": "sad", "N": "neutral", "O": "other", "X": "no_agreement"}
SESSIONS = dict.fromkeys(f"session{number}" for number in range(1, 7))  # whose counts are not known
KNOWN = Known(
    total=7798,
    by_class={"angry": 792, "happy": 2644, "neutral": 3477, "sad": 885},
    by_session=SESSIONS,
)
# Turns of each condition: natural, read, other improvised and target improvised (Busso et al. 2017).
KNOWN_CONDITIONS = Known(total=8438, by_class={"P": 2785, "R": 620, "S": 4381, "T": 652}, by_session=SESSIONS)
LABEL_FILES = ("evalution.txt", "evaluation.txt")  # the release's spelling, and the dictionary's
EXAMPLE = "session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav"

# After the corpus: sentence and intended emotion, speaker, condition, and two letters with the number of the turn.
TURN = re.compile(r"S(\d\d)[A-Z]-(([FM])0([1-6]))-([PRST])-[A-Z]{2}\d+")
PROMPTED = "RT"  # read and target sentences are 20 in all, said in every session; P and S are in the speaker's words
LABEL = re.compile(r"\s*UTD-IMPROV-(\S+?)\.avi\s*;(.*)", re.IGNORECASE)


def find_labels(corpus: Path) -> Path:
    """The one label file below ``corpus``; copies with the same content are one."""
    found = [path for path in datadir.files_below(corpus) if path.name.lower() in LABEL_FILES]
    if not found:
        raise UserError(f"{corpus}: holds no Evalution.txt or Evaluation.txt; copy the labels of the release to it")
    for path in found[1:]:
        if path.read_bytes() != found[0].read_bytes():
            raise UserError(f"{path}: and {found[0]} are label files with different contents; keep one of them")
    return found[0]


def ratings(fields: list[str]) -> tuple[float, float, float]:
    """Activation, valence and dominance among fields such as ``A:2.8``; NaN where one is missing or no number."""
    values = dict.fromkeys("AVD", math.nan)
    for field in fields:
        letter, colon, number = (part.strip() for part in field.partition(":"))
        if colon and letter in values:
            try:
                value = float(number)
            except ValueError:
                continue
            values[letter] = value if math.isfinite(value) else math.nan
    return values["A"], values["V"], values["D"]


def read_turns(path: Path, left_out: LeftOut) -> Iterator[Turn]:
    """The turns of the label file, from the consensus line of each block; those of single raters are passed over."""
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        where = f"{path}:{number}"
        if "UTD-IMPROV" not in line.upper():
            continue
        match = LABEL.match(line)
        if not match:
            left_out.add(f"{path.name}:{number}", where, "not as 'UTD-IMPROV-name.avi; emotion; A:1; V:1; D:1; N:1;'")
            continue
        rest = match[1]
        name = f"MSP-IMPROV-{rest}"
        code, *fields = (field.strip() for field in match[2].split(";"))
        parts = TURN.fullmatch(rest)
        if not parts:
            left_out.add(name, where, "not named as a turn of MSP-IMPROV, such as UTD-IMPROV-S01A-F01-P-FM01.avi")
        elif code not in EMOTIONS:
            left_out.add(name, where, f"emotion {code or '(none)'} is none of {' '.join(EMOTIONS)}")
        else:
            sentence, speaker, letter, session, condition = parts.groups()
            prompted = condition in PROMPTED
            yield Turn(
                name=name,
                where=where,
                speaker=speaker,
                gender=letter.lower(),
                session=f"session{session}",
                emotion=EMOTIONS[code],
                avd=ratings(fields),
                scripted=prompted,
                text=f"sentence{sentence}" if prompted else None,
            )


def find_turns(corpus: Path, left_out: LeftOut) -> dict[str, Path]:
    """Turn to audio file; files of other names go to ``left_out``."""
    audio = {}
    for name, path in datadir.find_audio(corpus, example=EXAMPLE).items():
        if name.startswith("MSP-IMPROV-") and TURN.fullmatch(name.removeprefix("MSP-IMPROV-")):
            audio[name] = path
        else:
            left_out.add(name, path, "not named as a turn of MSP-IMPROV, such as MSP-IMPROV-S01A-F01-P-FM01.wav")
    return audio


def prepare(corpus: Path, data_dir: Path, *, scripted: bool, allow_partial: bool) -> None:
    """Write the data directory; speakers F01 ... M06, emotions by their English names."""
    left_out = LeftOut()
    audio = find_turns(corpus, left_out)
    labels = find_labels(corpus)
    turns = list(read_turns(labels, left_out))
    print(f"prepare_data: {len(turns)} labelled turns in {labels}, {len(audio)} audio files of turns")
    conditions = ((TURN.fullmatch(turn.name.removeprefix("MSP-IMPROV-"))[5], turn.session) for turn in turns)
    check_counts(conditions, KNOWN_CONDITIONS, allow_partial=allow_partial)
    from_turns(data_dir, turns, audio, KNOWN, left_out, scripted=scripted, allow_partial=allow_partial)


if __name__ == "__main__":
    prepare_data(prepare, __doc__, turns=True)
