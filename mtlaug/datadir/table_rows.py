"""The rows of a table of labels: CSV or TSV with a header, of one's own or written by audformat."""

import csv
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mtlaug.files import UserError

REQUIRED = ("path", "speaker", "emotion")
OPTIONAL = ("utterance", "gender", "language", "start", "end", "text")
_OTHER_NAMES = {"path": ("file",), "text": ("transcription",)}  # those of audformat
_EMPTY = {"", "nan", "nat", "na", "n/a", "<na>", "null"}
_TIMEDELTA = re.compile(r"(?:(\d+) days? )?(\d+):(\d\d):(\d\d(?:\.\d+)?)")


@dataclass(frozen=True)
class Row:
    """One row; an empty or NaN cell is ``""``, an absent time None. White space in ids and labels is ``_``.

    ``where`` is ``table:line``; ``start`` and ``end`` are in seconds.
    """

    where: str
    path: str
    speaker: str
    emotion: str
    utterance: str = ""
    start: float | None = None
    end: float | None = None
    extra: dict[str, str] = field(default_factory=dict)  # gender, language and text


def read_rows(table: str | os.PathLike, columns: Mapping[str, str] | None = None) -> list[Row]:
    """Read a table in UTF-8; Windows line ends, a byte order mark and empty lines are accepted.

    The header decides on tabs, semicolons or commas. Its names may be in capitals; ``file`` is a
    path and ``transcription`` a text, as in audformat. Times are seconds, or such as ``0 days 00:00:01.5``.

    Args:
        columns: column (one of `REQUIRED` or `OPTIONAL`) to its name in the header, where that is another.
    Raises:
        UserError: the table is missing, empty, not UTF-8 or not CSV; a column is missing or listed twice;
            a row has another number of cells than the header, or a time that is none.
    """
    try:
        with open(table, encoding="utf-8-sig", newline="") as lines:
            header = next((line for line in lines if line.strip()), "")
            lines.seek(0)
            reader = csv.reader(lines, delimiter=_delimiter(header), strict=True)
            numbered = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except FileNotFoundError:
        raise UserError(f"{table}: no such file") from None
    except UnicodeDecodeError as error:
        mend = "save the table as CSV in UTF-8"
        raise UserError(f"{table}: not UTF-8 text ({error.reason} at byte {error.start}); {mend}") from None
    except csv.Error as error:
        raise UserError(f"{table}:{reader.line_num}: not CSV: {error}; mend the quotes of this line") from None
    if len(numbered) < 2:
        raise UserError(f"{table}: has no rows; expected a header such as path,speaker,emotion and rows below it")
    (_, names), *body = numbered
    places = _places(table, [name.strip() for name in names], columns or {})
    return [_row(f"{table}:{line}", cells, len(names), places) for line, cells in body]


def _delimiter(header: str) -> str:
    outside = re.sub('"[^"]*"', "", header)
    return next((mark for mark in "\t;" if mark in outside), ",")


def _places(table: str | os.PathLike, header: list[str], columns: Mapping[str, str]) -> dict[str, int]:
    """Column to its place in the rows."""
    if unknown := sorted(set(columns) - {*REQUIRED, *OPTIONAL}):
        raise UserError(f"--column {unknown[0]}=...: columns are {', '.join((*REQUIRED, *OPTIONAL))}")
    places = {}
    for column in (*REQUIRED, *OPTIONAL):
        names = (columns[column],) if column in columns else (column, *_OTHER_NAMES.get(column, ()))
        found = [place for place, name in enumerate(header) if name.lower() in {name.lower() for name in names}]
        if len(found) > 1:
            raise UserError(f"{table}:1: {len(found)} columns are {column!r}; keep one, or say --column {column}=NAME")
        if found:
            places[column] = found[0]
        elif column in REQUIRED or column in columns:
            raise UserError(
                f"{table}:1: no column {' or '.join(names)} among {', '.join(header)}; "
                f"rename one, or say which it is by --column {column}=NAME"
            )
    return places


def _row(where: str, cells: list[str], width: int, places: Mapping[str, int]) -> Row:
    if len(cells) != width:
        mend = "quote a cell that has the delimiter in it"
        raise UserError(f"{where}: has {len(cells)} cells, the header {width}; {mend}")
    found = {column: " ".join(cells[place].split()) for column, place in places.items()}
    found["path"] = cells[places["path"]].strip()  # spaces in it are the file's own
    found = {column: "" if text.lower() in _EMPTY else text for column, text in found.items()}
    ids = {column: found.get(column, "").replace(" ", "_") for column in ("speaker", "emotion", "utterance")}
    times = {column: _seconds(where, column, found.get(column, "")) for column in ("start", "end")}
    extra = {column: found[column] for column in ("gender", "language", "text") if column in found}
    return Row(where, found["path"], **ids, **times, extra=extra)


def _seconds(where: str, column: str, text: str) -> float | None:
    """Seconds of a cell; None of an empty one."""
    if not text:
        return None
    if match := _TIMEDELTA.fullmatch(text):
        days, hours, minutes, seconds = match.groups()
        return ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise UserError(f"{where}: {column} {text!r}: give seconds, or a time such as '0 days 00:00:01.5'")
    return seconds
