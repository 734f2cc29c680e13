"""Parts of a data directory: splits for parallel jobs, and subsets."""

import contextlib
import gzip
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mtlaug.datadir.tables import (
    CUTS,
    FEATURE_ARGS,
    has,
    path_of,
    read,
    read_cuts,
    retire,
    spk2utt_of,
    utterance_tables,
)
from mtlaug.files import UserError, atomic_path, write_json, write_table
from mtlaug.seeding import rank

_STAMP = ".sources.json"


def _write_parts(src: str | os.PathLike, parts: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Write each part, a directory and its utterances, with the matching lines of every file of ``src``."""
    utt2spk = read(src, "utt2spk")
    for directory, utterances in parts:
        os.makedirs(directory, exist_ok=True)
        speakers = {utterance: utt2spk[utterance] for utterance in utterances}
        write_table(os.path.join(directory, "utt2spk"), speakers)
        write_table(os.path.join(directory, "spk2utt"), spk2utt_of(speakers))
    genders = read(src, "spk2gender") if has(src, "spk2gender") else None
    segments = read(src, "segments") if has(src, "segments") else None
    for name in [*utterance_tables(src), *(["wav.scp"] if has(src, "wav.scp") else [])]:
        table = read(src, name)
        for directory, utterances in parts:
            keys: Iterable[str] = utterances
            if name == "wav.scp" and segments is not None:
                keys = {_look_up(src, "segments", segments, utterance).split()[0] for utterance in utterances}
            rows = {key: _look_up(src, name, table, key) for key in keys}
            write_table(os.path.join(directory, name), rows)
    for directory, utterances in parts:
        if genders is not None:
            speakers = {utt2spk[utterance] for utterance in utterances}
            rows = {speaker: _look_up(src, "spk2gender", genders, speaker) for speaker in speakers}
            write_table(os.path.join(directory, "spk2gender"), rows)
        if has(src, "frame_shift"):
            with atomic_path(os.path.join(directory, "frame_shift")) as temporary:
                shutil.copyfile(path_of(src, "frame_shift"), temporary)
    if has(src, CUTS):
        _write_cut_parts(path_of(src, CUTS), parts)


def _look_up(src: str | os.PathLike, name: str, table: Mapping[str, str], key: str) -> str:
    if key not in table:
        raise UserError(f"{path_of(src, name)}: {key!r} is missing; run utils/fix_data_dir.sh {src}")
    return table[key]


def _write_cut_parts(path: str, parts: Sequence[tuple[str, Sequence[str]]]) -> None:
    part_of = {utterance: number for number, (_, utterances) in enumerate(parts) for utterance in utterances}
    missing = set(part_of)
    with contextlib.ExitStack() as stack:
        outputs = []
        for directory, _ in parts:
            temporary = stack.enter_context(atomic_path(os.path.join(directory, CUTS)))
            raw = stack.enter_context(open(temporary, "wb"))
            outputs.append(stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0)))
        for utterance, line in read_cuts(path):
            if utterance in part_of:
                outputs[part_of[utterance]].write(line.encode())
                missing.discard(utterance)
        if missing:
            raise UserError(f"{path}: utterance {min(missing)!r} of utt2spk is missing; make the manifest again")


def split(data_dir: str | os.PathLike, n: int, *, per_speaker: bool = True) -> str:
    """Split into ``split<n>/1`` ... ``split<n>/<n>``, C-sorted runs of about equal size.

    A split whose sources have not changed since is left as it is.

    Args:
        per_speaker: keep a speaker's utterances together (the default); otherwise the
            directory is ``split<n>utt`` and the parts differ by one utterance at most.
    Returns:
        The directory of the parts.
    Raises:
        UserError: there are fewer speakers (utterances) than parts.
    """
    utt2spk = read(data_dir, "utt2spk")
    groups: dict[str, list[str]] = {}
    for utterance, speaker in utt2spk.items():
        groups.setdefault(speaker if per_speaker else utterance, []).append(utterance)
    if not 1 <= n <= len(groups):
        unit = "speakers" if per_speaker else "utterances"
        mend = f"use --nj {len(groups)} or less" + (", or --per-utt" if per_speaker and n <= len(utt2spk) else "")
        raise UserError(f"{data_dir}: cannot split {len(groups)} {unit} into {n} parts; {mend}")
    target = path_of(data_dir, f"split{n}" + ("" if per_speaker else "utt"))
    stamp = _stamp(data_dir)
    if _is_fresh(target, n, stamp):
        return target
    temporary = path_of(data_dir, f".tmp{os.getpid()}.split{n}")
    old = f"{temporary}.old"
    try:
        parts = [os.path.join(temporary, str(number)) for number in range(1, n + 1)]
        _write_parts(data_dir, list(zip(parts, _balance(list(groups.values()), n), strict=True)))
        write_json(os.path.join(temporary, _STAMP), stamp)
        if os.path.isdir(target):
            os.rename(target, old)
        os.rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return target


def _balance(groups: Sequence[Sequence[str]], n: int) -> list[list[str]]:
    """Cut a list of groups into ``n`` runs, none empty, each ending nearest to its share of all utterances."""
    total = sum(map(len, groups))
    parts: list[list[str]] = []
    taken, position = 0, 0
    for number in range(1, n + 1):
        share = total * number / n
        last = len(groups) - (n - number)  # each later part needs a group
        part = list(groups[position])
        position += 1
        while position < last and abs(taken + len(part) + len(groups[position]) - share) <= abs(
            taken + len(part) - share
        ):
            part += groups[position]
            position += 1
        taken += len(part)
        parts.append(part)
    return parts


def _stamp(data_dir: str | os.PathLike) -> dict[str, list[int]]:
    """Size and time of change (ns) of every source file."""
    names = ["utt2spk", *utterance_tables(data_dir), "wav.scp", "spk2gender", "frame_shift", CUTS]
    states = {name: os.stat(path_of(data_dir, name)) for name in names if has(data_dir, name)}
    return {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()}


def _is_fresh(target: str, n: int, stamp: Mapping[str, list[int]]) -> bool:
    try:
        with open(os.path.join(target, _STAMP), encoding="utf-8") as text:
            if json.load(text) != stamp:
                return False
    except (OSError, ValueError):
        return False
    names = {*stamp, "spk2utt"}
    return all(os.path.exists(os.path.join(target, str(part), name)) for part in range(1, n + 1) for name in names)


def subset(
    src: str | os.PathLike,
    dst: str | os.PathLike,
    *,
    utt_list: str | os.PathLike | None = None,
    spk_list: str | os.PathLike | None = None,
    first: int | None = None,
    per_spk: int | None = None,
    count: int | None = None,
    seed: int = 0,
) -> int:
    """Write the chosen utterances of ``src`` to ``dst``; give exactly one way of choosing.

    Args:
        utt_list: file with an utterance at the start of each line.
        spk_list: file with a speaker at the start of each line.
        first: this many utterances from the top.
        per_spk: this many utterances of each speaker, or all where there are fewer.
        count: this many utterances.
        seed: of the choice by ``per_spk`` and ``count``; an utterance's rank depends on
            the seed and its id only, not on the order or the other utterances.
    Returns:
        The number of utterances written.
    Raises:
        UserError: ``dst`` is ``src``, a listed name is not in ``src``, or there are too few utterances.
    """
    if os.path.realpath(src) == os.path.realpath(dst):
        raise UserError(f"{dst}: is the source too; write the subset to another directory")
    if sum(choice is not None for choice in (utt_list, spk_list, first, per_spk, count)) != 1:
        raise UserError(f"{dst}: choose the subset in exactly one way: a number, or one list")
    utt2spk = read(src, "utt2spk")
    speakers = {speaker: utterances.split() for speaker, utterances in spk2utt_of(utt2spk).items()}
    if utt_list is not None:
        chosen = _read_names(utt_list, utt2spk, f"utterance of {src}")
    elif spk_list is not None:
        chosen = [utt for speaker in _read_names(spk_list, speakers, f"speaker of {src}") for utt in speakers[speaker]]
    elif per_spk is not None:
        _check_number(src, per_spk, len(utt2spk))
        chosen = [utt for utterances in speakers.values() for utt in _ranked(utterances, seed)[:per_spk]]
    elif first is not None:
        chosen = list(utt2spk)[: _check_number(src, first, len(utt2spk))]
    else:
        chosen = _ranked(utt2spk, seed)[: _check_number(src, count, len(utt2spk))]
    _write_parts(src, [(os.fspath(dst), sorted(chosen))])
    retire(dst, lambda name: not has(src, name))
    Path(dst, FEATURE_ARGS).unlink(missing_ok=True)  # the features are another's
    return len(chosen)


def _read_names(path: str | os.PathLike, known: Mapping[str, object], kind: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as lines:
            names = dict.fromkeys(line.split()[0] for line in lines if line.strip())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        problem = f"{unknown[0]!r} ({len(unknown)} in all) is no {kind}" if unknown else "names nothing"
        raise UserError(f"{path}: {problem}")
    return list(names)


def _check_number(src: str | os.PathLike, number: int, available: int) -> int:
    if not 1 <= number <= available:
        raise UserError(f"{src}: cannot take {number} of {available} utterances")
    return number


def _ranked(utterances: Iterable[str], seed: int) -> list[str]:
    return sorted(utterances, key=lambda utterance: rank(seed, utterance))
