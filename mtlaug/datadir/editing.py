"""Mending a data directory."""

import gzip
import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mtlaug.datadir.tables import (
    CUTS,
    back_up,
    check_speakers,
    has,
    has_speaker_statistics,
    path_of,
    read_cuts,
    read_dropped,
    retire,
    spk2utt_of,
    utterance_tables,
    write_dropped,
)
from mtlaug.files import UserError, atomic_path, write_table


class Fixed(NamedTuple):
    """What `fix` did: utterances kept, utterances found in any table, and the removed ones with their reasons."""

    kept: int
    total: int
    removed: dict[str, str]


def write_cut_lines(path: str, lines: Iterable[str]) -> None:
    """Write a ``cuts.jsonl.gz`` of JSON lines, atomically; equal lines give equal bytes."""
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
            for line in lines:
                out.write(line.encode())


def fix(data_dir: str | os.PathLike, *, remove: Mapping[str, str] | None = None) -> Fixed:
    """Sort the tables, remove repeated lines, and keep only the utterances that all tables share.

    Changed files are copied to ``.backup/`` first; removed utterances are added to
    ``dropped.tsv``; ``spk2utt`` is made again from ``utt2spk``.

    Args:
        remove: further utterances to remove, each with its reason.
    Raises:
        UserError: the directory or ``utt2spk`` is missing, a line has no value, a key has two
            different values, or nothing would be left. Nothing is changed then.
    """
    tables = {"utt2spk": _read_unsorted(path_of(data_dir, "utt2spk"))}
    for name in [*utterance_tables(data_dir), "wav.scp", "spk2gender"]:
        if has(data_dir, name):
            tables[name] = _read_unsorted(path_of(data_dir, name))
    cuts = _read_unique_cuts(data_dir)
    removed, total = _find_removed(tables, cuts, remove or {})
    utt2spk = {utterance: speaker for utterance, speaker in tables["utt2spk"].items() if utterance not in removed}
    if not utt2spk:
        raise UserError(f"{data_dir}: no utterance is in all of {', '.join(sorted(tables))}; nothing was changed")
    check_speakers(path_of(data_dir, "utt2spk"), utt2spk)
    keep = {name: utt2spk.keys() for name in tables}
    if "segments" in tables:
        keep["wav.scp"] = {tables["segments"][utterance].split()[0] for utterance in utt2spk}
    keep["spk2gender"] = set(utt2spk.values())
    fixed = {name: {key: table[key] for key in table if key in keep[name]} for name, table in tables.items()}
    fixed["spk2utt"] = spk2utt_of(utt2spk)
    changed = [name for name, table in fixed.items() if _differs(path_of(data_dir, name), table)]
    cuts_change = cuts is not None and (cuts.keys() != utt2spk.keys() or any(count > 1 for count in cuts.values()))
    for name in [*changed, *([CUTS] if cuts_change else [])]:
        if has(data_dir, name):
            back_up(data_dir, name)
    # Listed before it is removed: a killed run loses no reason.
    earlier = read_dropped(data_dir)
    if removed.keys() - earlier.keys():
        write_dropped(data_dir, {**removed, **earlier})
    if removed and has_speaker_statistics(data_dir):  # they are of utterances that are no longer there
        retire(data_dir, lambda name: name == "cmvn.scp")
    for name in changed:
        write_table(path_of(data_dir, name), fixed[name])
    if cuts_change:
        wanted = dict.fromkeys(utt2spk, True)
        lines = (line for utterance, line in read_cuts(path_of(data_dir, CUTS)) if wanted.pop(utterance, False))
        write_cut_lines(path_of(data_dir, CUTS), lines)
    return Fixed(len(utt2spk), total, removed)


def _read_unsorted(path: str) -> dict[str, str]:
    """A table in any order, with any white space; a key with two values is an error."""
    table: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                fields = line.split(None, 1)
                if not fields:
                    continue
                if len(fields) == 1:
                    raise UserError(f"{path}:{number}: {fields[0]!r} has no value; complete or delete the line")
                key, value = fields[0], fields[1].rstrip()
                if table.setdefault(key, value) != value:
                    raise UserError(
                        f"{path}:{number}: {key!r} has two values, {table[key]!r} and {value!r}; delete one"
                    )
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    return table


def _read_unique_cuts(data_dir: str | os.PathLike) -> dict[str, int] | None:
    """How often each cut is listed, None without a manifest; two different cuts of one name are an error."""
    if not has(data_dir, CUTS):
        return None
    path, counts, hashes = path_of(data_dir, CUTS), {}, {}
    for utterance, line in read_cuts(path):
        counts[utterance] = counts.get(utterance, 0) + 1
        if hashes.setdefault(utterance, hash(line)) != hash(line):
            raise UserError(f"{path}: utterance {utterance!r} has two different cuts; make the manifest again")
    return counts


def _find_removed(
    tables: Mapping[str, Mapping[str, str]], cuts: Mapping[str, int] | None, remove: Mapping[str, str]
) -> tuple[dict[str, str], int]:
    """Utterances that some table lacks, each with the reason, and the number of all utterances."""
    segments, recordings = tables.get("segments"), tables.get("wav.scp")
    required = {name: table for name, table in tables.items() if name not in ("wav.scp", "spk2gender")}
    if segments is None and recordings is not None:
        required["wav.scp"] = recordings
    if cuts is not None:
        required[CUTS] = cuts
    everything = set().union(*required.values())
    removed = {utterance: remove[utterance] for utterance in remove if utterance in everything}
    for utterance in sorted(everything):
        missing = [name for name, table in required.items() if utterance not in table]
        if utterance in removed:
            continue
        if missing:
            removed[utterance] = f"not in {', '.join(missing)}"
        elif segments is not None and recordings is not None:
            recording = segments[utterance].split()[0]
            if recording not in recordings:
                removed[utterance] = f"recording {recording} is not in wav.scp"
    return removed, len(everything)


def _differs(path: str, table: Mapping[str, str]) -> bool:
    """Is the file something else than ``table`` as `write_table` writes it?"""
    if not os.path.exists(path):
        return True
    with open(path, "rb") as file:
        return file.read() != "".join(f"{key} {table[key]}\n" for key in sorted(table)).encode()
