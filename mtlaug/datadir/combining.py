"""Joining data directories."""

import heapq
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mtlaug.datadir.editing import write_cut_lines
from mtlaug.datadir.tables import (
    CUTS,
    FEATURE_ARGS,
    has,
    path_of,
    read,
    read_cuts,
    read_dropped,
    retire,
    spk2utt_of,
    utterance_tables,
    write_dropped,
)
from mtlaug.datadir.untrimmed import UNTRIMMED
from mtlaug.files import UserError, atomic_path, read_text, write_table


class Combined(NamedTuple):
    """What `combine` did: utterances written, and each file that was left out with the reason."""

    utterances: int
    left_out: dict[str, str]


def combine(dst: str | os.PathLike, sources: Sequence[str | os.PathLike]) -> Combined:
    """Join data directories into ``dst``; files that not all sources have are left out, but for ``dropped.tsv``.

    Sources without ``segments`` beside others with them get segments of whole recordings, and untrimmed sources beside
    trimmed ones the table ``utt2untrimmed``.

    Raises:
        UserError: an utterance is in two sources, a recording or speaker differs between two,
            or the sources share neither audio nor features.
    """
    if any(os.path.realpath(dst) == os.path.realpath(source) for source in sources):
        raise UserError(f"{dst}: is a source too; combine into a new directory")
    loaded = [_load(source) for source in sources]
    if any("segments" in tables for tables in loaded):
        loaded = [_with_segments(source, tables) for source, tables in zip(sources, loaded, strict=True)]
    if any(UNTRIMMED in tables for tables in loaded):
        loaded = [_with_untrimmed(tables) for tables in loaded]
    shared = set.intersection(*(set(tables) for tables in loaded))
    left_out = {}
    for name in sorted(set().union(*loaded) - shared):
        without = [str(source) for source, tables in zip(sources, loaded, strict=True) if name not in tables]
        left_out[name] = f"not in {', '.join(without)}"
    if not shared & {"wav.scp", CUTS, "feats.scp"}:
        raise UserError(
            f"{dst}: the sources share none of wav.scp, {CUTS} and feats.scp: {', '.join(map(str, sources))}"
        )
    joined = {name: _join(name, sources, [tables[name] for tables in loaded]) for name in sorted(shared)}
    os.makedirs(dst, exist_ok=True)
    if CUTS in joined:
        joined.pop(CUTS)
        write_cut_lines(
            os.path.join(dst, CUTS),
            (line for _, line in heapq.merge(*(read_cuts(path_of(source, CUTS)) for source in sources), key=_id)),
        )
    for name, table in joined.items():
        _write(os.path.join(dst, name), table)
    write_table(os.path.join(dst, "spk2utt"), spk2utt_of(joined["utt2spk"]))
    retire(dst, lambda name: name not in shared)
    Path(dst, FEATURE_ARGS).unlink(missing_ok=True)  # the features are others'
    write_dropped(dst, {key: value for source in sources for key, value in read_dropped(source).items()})
    return Combined(len(joined["utt2spk"]), left_out)


def _id(row: tuple[str, str]) -> bytes:
    return row[0].encode()


def _load(source: str | os.PathLike) -> dict[str, dict[str, str]]:
    """All tables by name; the cuts as a table of ids, ``frame_shift`` as a table of one."""
    names = ["utt2spk", *utterance_tables(source), "wav.scp", "spk2gender", "frame_shift"]
    tables = {"utt2spk": read(source, "utt2spk")}
    for name in names[1:]:
        if has(source, name):
            tables[name] = {"": _one_line(path_of(source, name))} if name == "frame_shift" else read(source, name)
    if has(source, CUTS):
        tables[CUTS] = {utterance: "" for utterance, _ in read_cuts(path_of(source, CUTS))}
    return tables


def _one_line(path: str) -> str:
    return read_text(path).strip()


def _write(path: str, table: Mapping[str, str]) -> None:
    if os.path.basename(path) != "frame_shift":
        write_table(path, table)
        return
    with atomic_path(path) as temporary:
        temporary.write_text(table[""] + "\n", encoding="utf-8")


def _with_segments(source: str | os.PathLike, tables: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    if "segments" in tables or "wav.scp" not in tables:
        return tables
    if "utt2dur" not in tables:
        raise UserError(f"{source}: needs utt2dur to get segments as the other sources have; run utils/check_audio.sh")
    segments = {utterance: f"{utterance} 0 {duration}" for utterance, duration in tables["utt2dur"].items()}
    return {**tables, "segments": segments}


def _with_untrimmed(tables: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """What was not trimmed was always what its segments are."""
    if UNTRIMMED in tables or "segments" not in tables:
        return tables
    return {**tables, UNTRIMMED: {name: ":".join(line.split()[1:]) for name, line in tables["segments"].items()}}


def _join(name: str, sources: Sequence[str | os.PathLike], tables: Sequence[Mapping[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    owner: dict[str, str | os.PathLike] = {}
    may_repeat = name in ("wav.scp", "spk2gender", "frame_shift")
    for source, table in zip(sources, tables, strict=True):
        for key, value in table.items():
            if key in joined and not (may_repeat and joined[key] == value):
                raise UserError(
                    f"{path_of(source, name)}: {key or name!r} is in {owner[key]} too"
                    + (f", with {joined[key]!r} instead of {value!r}" if may_repeat else "; utterances must differ")
                )
            joined[key] = value
            owner[key] = source
    return joined
