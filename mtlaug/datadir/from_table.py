"""Data directories from a table of labels, one row an utterance."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mtlaug.datadir.table_rows import Row, read_rows
from mtlaug.datadir.tables import REPEATED, write
from mtlaug.files import UserError

_GENDERS = {"f": "f", "female": "f", "m": "m", "male": "m"}


class FromTable(NamedTuple):
    """What `from_table` made: numbers of utterances and speakers, and what was dropped, with the reason."""

    utterances: int
    speakers: int
    dropped: dict[str, str]


class _Utterance(NamedTuple):
    """A row that is kept so far: its file, and its part of that file in seconds (``end`` None: all the rest)."""

    row: Row
    path: Path
    start: float
    end: float | None


def from_table(
    table: str | os.PathLike,
    data_dir: str | os.PathLike,
    *,
    audio_dir: str | os.PathLike | None = None,
    columns: Mapping[str, str] | None = None,
    unlabelled: str | None = None,
    allow_overlap: bool = False,
) -> FromTable:
    """Write wav.scp, utt2spk, utt2emo and, as far as the table goes, segments, spk2gender, utt2lang and text.

    An utterance's id is its column ``utterance`` or the name of its file, after the speaker where it does not
    begin with that, and with its times in ms where files are cut into ``segments``. Rows that cannot be used
    (no speaker, no emotion, no such file, reversed or overlapping times, the same row again) are dropped.
    A column that is empty in some rows makes no table, as a table is of all utterances.

    Args:
        audio_dir: what relative paths are relative to; None, the default, is the folder of the table.
        columns: see `mtlaug.datadir.table_rows.read_rows`.
        unlabelled: label of the rows without an emotion; None, the default, drops them.
        allow_overlap: parts of a file may overlap, as turns of a dialogue do. By default the later row is
            dropped: the same sound could be in training and test.
    Raises:
        UserError: the table is malformed, two rows contradict each other or would have one id, or no row is left.
    """
    if unlabelled is not None and unlabelled.split() != [unlabelled]:
        raise UserError(f"--unlabelled {unlabelled!r}: the label must be one word")
    rows = read_rows(table, columns)
    dropped: list[tuple[Row, str]] = []
    found = _find(rows, Path(table).parent if audio_dir is None else Path(audio_dir), unlabelled, dropped)
    segmented = any(one.start > 0 or one.end is not None for one in found)
    if segmented:
        found = _close(found, dropped)
    found = _drop_repeated(found, dropped)
    if segmented and not allow_overlap:
        found = _drop_overlapping(found, dropped)
    if not found:
        row, reason = dropped[0]
        raise UserError(f"{table}: none of its {len(rows)} rows can be used; {row.where}: {reason}")
    names = _names(found)
    kept = _by_id(found, names, segmented)
    tables = _columns(kept, unlabelled)
    if segmented:
        tables["wav.scp"] = {names[one.path]: one.path for one in found}
        tables["segments"] = {u: f"{names[one.path]} {one.start:.6f} {one.end:.6f}" for u, one in kept.items()}
    else:
        tables["wav.scp"] = {utterance: one.path for utterance, one in kept.items()}
    reasons = _reasons(dropped, kept)
    write(data_dir, tables, dropped=reasons)
    return FromTable(len(kept), len({one.row.speaker for one in kept.values()}), reasons)


def _find(rows: list[Row], folder: Path, unlabelled: str | None, dropped: list) -> list[_Utterance]:
    """The rows with a speaker, an emotion, a file and possible times."""
    found = []
    for row in rows:
        path = _file(folder, row.path)
        start = row.start or 0.0
        if not row.path or not row.speaker:
            problem = f"has no {'speaker' if row.path else 'path'}"
        elif not row.emotion and unlabelled is None:
            problem = "has no emotion"
        elif not (path and path.is_file()):
            problem = f"{path or row.path}: no such file"
        elif start < 0 or (row.end is not None and row.end <= start):
            problem = f"starts at {start:g} s and ends at {start if row.end is None else row.end:g} s"
        else:
            found.append(_Utterance(row, path.resolve(), start, row.end))
            continue
        dropped.append((row, problem))
    return found


def _file(folder: Path, name: str) -> Path | None:
    """The path of a cell; None of one that no file can have."""
    path = folder / name
    try:
        return path if path.exists() else folder / name.replace("\\", "/")  # a table made on Windows
    except OSError:  # such as a whole sentence
        return None


def _close(found: list[_Utterance], dropped: list) -> list[_Utterance]:
    """Give the utterances without an end that of their file."""
    import soundfile

    closed = []
    for one in found:
        end = one.end
        if end is None:
            try:
                end = soundfile.info(one.path).duration
            except (RuntimeError, OSError):
                dropped.append((one.row, f"{one.path}: has no end in the table, and cannot be read to find it"))
                continue
        if end <= one.start:
            dropped.append((one.row, f"starts at {one.start:g} s, its file ends at {end:g} s"))
        else:
            closed.append(one._replace(end=end))
    return closed


def _drop_repeated(found: list[_Utterance], dropped: list) -> list[_Utterance]:
    """Keep the first of equal rows; rows that give the same speech another speaker or emotion are an error."""
    first: dict[tuple, Row] = {}
    kept = []
    for one in found:
        row, earlier = one.row, first.setdefault(one[1:], one.row)
        if earlier is row:
            kept.append(one)
            continue
        for what in ("speaker", "emotion"):
            if getattr(row, what) != getattr(earlier, what):
                both = f"{getattr(row, what) or 'none'!r}, but {getattr(earlier, what) or 'none'!r} in {earlier.where}"
                raise UserError(f"{row.where}: {row.path} has the {what} {both}; keep one row of each utterance")
        dropped.append((row, f"{REPEATED}{earlier.where}"))
    return kept


def _drop_overlapping(found: list[_Utterance], dropped: list) -> list[_Utterance]:
    """Of parts of a file that overlap, keep the one that starts first."""
    kept, last = [], {}
    for one in sorted(found, key=lambda one: (one.start, one.end)):
        before = last.get(one.path)
        if before and one.start < before.end:
            dropped.append((one.row, f"starts at {one.start:g} s, {before.row.where} ends at {before.end:g} s"))
        else:
            last[one.path] = one
            kept.append(one)
    return kept


def _names(found: list[_Utterance]) -> dict[Path, str]:
    """File to its name without ending, with its folders where names alone are not unique."""
    files = list(dict.fromkeys(one.path for one in found))
    names = {path: "_".join(path.stem.split()) for path in files}
    if len(set(names.values())) == len(files):
        return names
    root = os.path.commonpath([path.parent for path in files])
    owner: dict[str, Path] = {}
    for path in files:
        name = "_".join("-".join(path.relative_to(root).with_suffix("").parts).split())
        if owner.setdefault(name, path) != path:
            raise UserError(f"{path}: and {owner[name]} would both be {name}; rename one, in the table too")
    return {path: name for name, path in owner.items()}


def _by_id(found: list[_Utterance], names: Mapping[Path, str], segmented: bool) -> dict[str, _Utterance]:
    """Utterance-id to utterance; `UserError` where two would have one id."""
    kept: dict[str, _Utterance] = {}
    for one in found:
        row, utterance = one.row, one.row.utterance or names[one.path]
        # The dash sorts before letters and digits: speakers are in C order then, which Kaldi's own tools want.
        if not utterance.startswith(row.speaker if row.utterance else f"{row.speaker}-"):
            utterance = f"{row.speaker}-{utterance}"
        if segmented and not row.utterance:
            utterance += f"-{round(1000 * one.start):07}-{round(1000 * one.end):07}"
        if utterance in kept:
            mend = "give them different ids in a column 'utterance'"
            raise UserError(f"{row.where}: would be utterance {utterance}, as {kept[utterance].row.where} is; {mend}")
        kept[utterance] = one
    return kept


def _columns(kept: Mapping[str, _Utterance], unlabelled: str | None) -> dict[str, dict[str, object]]:
    """The tables of what the rows say of speakers, emotions, languages, words and genders."""
    rows = {utterance: one.row for utterance, one in kept.items()}
    tables: dict[str, dict] = {
        "utt2spk": {utterance: row.speaker for utterance, row in rows.items()},
        "utt2emo": {utterance: row.emotion or unlabelled for utterance, row in rows.items()},
    }
    columns = {
        "utt2lang": {utterance: row.extra.get("language", "").replace(" ", "_") for utterance, row in rows.items()},
        "text": {utterance: row.extra.get("text", "") for utterance, row in rows.items()},
        "spk2gender": _genders(list(rows.values())),
    }
    for name, table in columns.items():
        empty = list(table.values()).count("")
        if not empty:
            tables[name] = table
        elif empty < len(table):
            logging.warning("%s is not written: %d of %d lines would be empty", name, empty, len(table))
    return tables


def _genders(rows: list[Row]) -> dict[str, str]:
    """Speaker to f or m, or ``""`` where no row says either."""
    said: dict[str, Row] = {}
    genders = dict.fromkeys((row.speaker for row in rows), "")
    for row in rows:
        gender = _GENDERS.get(row.extra.get("gender", "").lower(), "")
        if gender and gender != (genders[row.speaker] or gender):
            where = said[row.speaker].where
            raise UserError(f"{row.where}: speaker {row.speaker} is {gender} here and not in {where}; mend one of them")
        if gender:
            genders[row.speaker] = gender
            said.setdefault(row.speaker, row)
    return genders


def _reasons(dropped: list[tuple[Row, str]], kept: Mapping[str, _Utterance]) -> dict[str, str]:
    """For dropped.tsv: the utterance, or the row where that has no id of its own, to where and why."""
    reasons: dict[str, str] = {}
    for row, problem in sorted(dropped, key=lambda one: int(one[0].where.rpartition(":")[2])):
        name = row.utterance or "_".join(Path(row.path).stem.split())
        if not name or name in kept or name in reasons:
            name = os.path.basename(row.where)
        reasons[name] = f"{problem}; {row.where}" if problem.startswith(REPEATED) else f"{row.where}: {problem}"
    return reasons
