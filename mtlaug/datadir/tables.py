"""The tables of a data directory: which there are, reading them and writing them."""

import gzip
import json
import logging
import os
import re
import shutil
import zlib
from collections.abc import Callable, Container, Iterator, Mapping

from mtlaug.files import UserError, atomic_path, read_table, read_text, write_table

CUTS = "cuts.jsonl.gz"
DROPPED = "dropped.tsv"
# How the reasons in dropped.tsv begin of what the user did not want: it is listed, but no loss.
BY_CHOICE = "by choice"
REPEATED = "repeats "  # the same of a line that says no more than another: nothing is lost either
# Computed from the audio, not given by a corpus.
FEATURES = ("feats.scp", "cmvn.scp", "utt2num_frames")
FEATURE_ARGS = "feature_args.json"  # what feats.scp was made with; written by stage 3
DERIVED = (*FEATURES, "utt2dur", "utt2checksum")
_UTTERANCE_TABLE = re.compile(r"segments|text|feats\.scp|cmvn\.scp|utt2[a-z0-9_]+")
_KNOWN_TABLE = re.compile(_UTTERANCE_TABLE.pattern + r"|wav\.scp|spk2gender")


def path_of(data_dir: str | os.PathLike, name: str) -> str:
    """The path of the file ``name``; a `UserError` if the directory itself is missing."""
    if not os.path.isdir(data_dir):
        raise UserError(f"{data_dir}: no such data directory; run the recipe's data preparation (stage 1) first")
    return os.path.join(data_dir, name)


def has(data_dir: str | os.PathLike, name: str) -> bool:
    """Is the file ``name`` there?"""
    return os.path.exists(path_of(data_dir, name))


def read(data_dir: str | os.PathLike, name: str) -> dict[str, str]:
    """Read the table ``name``; raises `UserError` as `mtlaug.files.read_table` does."""
    return read_table(path_of(data_dir, name))


def utterance_tables(data_dir: str | os.PathLike) -> list[str]:
    """Names of the tables keyed by utterance that are there, except ``utt2spk``."""
    path_of(data_dir, "")
    left_out = {"utt2spk", *(["cmvn.scp"] if has_speaker_statistics(data_dir) else [])}
    return sorted(name for name in os.listdir(data_dir) if _UTTERANCE_TABLE.fullmatch(name) and name not in left_out)


def has_speaker_statistics(data_dir: str | os.PathLike) -> bool:
    """Is ``cmvn.scp`` Kaldi's, by speaker? Told by its first line: stage 3 replaces it by one of our own."""
    cmvn, utterance, speaker = (_first_key(data_dir, name) for name in ("cmvn.scp", "utt2spk", "spk2utt"))
    return cmvn is not None and cmvn == speaker != utterance


def _first_key(data_dir: str | os.PathLike, name: str) -> str | None:
    try:
        with open(path_of(data_dir, name), encoding="utf-8") as lines:
            return next(iter(lines.readline().split()), None)
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def spk2utt_of(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """Invert ``utt2spk``: speaker to its C-sorted utterances, separated by spaces."""
    speakers: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        speakers.setdefault(utt2spk[utterance], []).append(utterance)
    return {speaker: " ".join(utterances) for speaker, utterances in speakers.items()}


def read_cuts(path: str) -> Iterator[tuple[str, str]]:
    """Yield ``(utterance, JSON line)`` of a ``cuts.jsonl.gz``; `UserError` where it is broken."""
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1  # for the messages below
                yield json.loads(line)["id"], line
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}:{number}: not a JSON object with an 'id'; make the manifest again") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: broken gzip file ({error}); make the manifest again") from None


def read_dropped(data_dir: str | os.PathLike) -> dict[str, str]:
    """Utterances left out so far, each with its reason; empty when there is no ``dropped.tsv``."""
    path = path_of(data_dir, DROPPED)
    if not os.path.exists(path):
        return {}
    rows = [line.partition("\t") for line in read_text(path).split("\n") if line.strip()]
    if not rows or rows[0] != ("utterance", "\t", "reason"):
        raise UserError(f"{path}:1: expected the header 'utterance<TAB>reason'")
    return {utterance: reason for utterance, _, reason in rows[1:]}


def write_dropped(data_dir: str | os.PathLike, dropped: Mapping[str, str]) -> None:
    """Write ``dropped.tsv``: the header ``utterance<TAB>reason``, then one utterance a line."""
    with atomic_path(path_of(data_dir, DROPPED)) as temporary:
        with open(temporary, "w", encoding="utf-8") as out:
            out.write("utterance\treason\n")
            for utterance, reason in dropped.items():
                out.write(f"{utterance}\t{' '.join(reason.split())}\n")


def back_up(data_dir: str | os.PathLike, name: str) -> None:
    """Copy the file ``name`` to ``.backup/``, over an earlier copy of it."""
    os.makedirs(path_of(data_dir, ".backup"), exist_ok=True)
    with atomic_path(os.path.join(data_dir, ".backup", name)) as temporary:
        shutil.copy2(os.path.join(data_dir, name), temporary)


def retire(data_dir: str | os.PathLike, is_stale: Callable[[str], bool]) -> None:
    """Move the tables that ``is_stale`` names to ``.backup/``, so that none is mistaken for a new one."""
    for name in sorted(os.listdir(data_dir)):
        known = _KNOWN_TABLE.fullmatch(name) or name in ("frame_shift", CUTS)
        if known and is_stale(name):
            logging.warning("%s/%s is of an earlier preparation: moved to .backup", data_dir, name)
            back_up(data_dir, name)
            os.remove(os.path.join(data_dir, name))


def stays(name: str, written: Container[str]) -> bool:
    """Whether a table is none of an earlier preparation, once the tables ``written`` are."""
    return name in written or name in (CUTS, "frame_shift")


def write(
    data_dir: str | os.PathLike, tables: Mapping[str, Mapping[str, object]], *, dropped: Mapping[str, str] | None = None
) -> None:
    """Write a whole data directory from its tables; what data preparation scripts call.

    Makes the directory and ``spk2utt``. Tables left there by an earlier preparation move
    to ``.backup/``, except features and durations that are still of the same utterances.

    Args:
        tables: by file name (``wav.scp``, ``utt2spk``, ``utt2emo``, ``spk2gender`` ...); ``utt2spk`` is required.
        dropped: utterance to reason of what the corpus has and the directory has not, for ``dropped.tsv``
            (an older ``dropped.tsv`` is replaced). None, the default, leaves that file alone.
    Raises:
        UserError: an unknown table, a key or value that makes no table line, a speaker that is not
            a prefix of its utterance, or a table whose utterances are not those of ``utt2spk``.
    """
    if "utt2spk" not in tables:
        raise UserError(f"{data_dir}: cannot be written without the table utt2spk")
    for name, table in tables.items():
        _check_writable(os.path.join(data_dir, name), name, table)
    utt2spk = {utterance: str(speaker) for utterance, speaker in tables["utt2spk"].items()}
    check_speakers(os.path.join(data_dir, "utt2spk"), utt2spk)
    for name in filter(_UTTERANCE_TABLE.fullmatch, tables):
        check_same_utterances(os.path.join(data_dir, name), tables[name], utt2spk)
    os.makedirs(data_dir, exist_ok=True)
    for name, table in tables.items():
        write_table(os.path.join(data_dir, name), table)
    write_table(os.path.join(data_dir, "spk2utt"), spk2utt_of(utt2spk))
    if dropped is not None:
        write_dropped(data_dir, dropped)

    def is_stale(name: str) -> bool:
        if stays(name, tables):
            return False
        return name not in DERIVED or read(data_dir, name).keys() != utt2spk.keys()

    retire(data_dir, is_stale)


def _check_writable(path: str, name: str, table: Mapping[str, object]) -> None:
    if not _KNOWN_TABLE.fullmatch(name):
        raise UserError(f"{path}: not a table of a data directory; use a name such as utt2<what>")
    for key, value in table.items():
        text = str(value)
        if key.split() != [key] or not text.strip() or len(text.splitlines()) != 1:
            raise UserError(f"{path}: {key!r} {text!r} makes no 'key value' line")


def line_of(path: str, table: Mapping[str, object], key: str) -> str:
    """``file:line`` of ``key``, for a message."""
    return f"{path}:{list(table).index(key) + 1}"


def check_same_utterances(path: str, table: Mapping[str, object], utt2spk: Mapping[str, str]) -> None:
    """Raise `UserError` unless ``table`` has exactly the utterances of ``utt2spk``."""
    if table.keys() == utt2spk.keys():
        return
    directory = os.path.dirname(path)
    mend = f"run utils/fix_data_dir.sh {directory}"
    for utterance in table:
        if utterance not in utt2spk:
            raise UserError(f"{line_of(path, table, utterance)}: utterance {utterance!r} is not in utt2spk; {mend}")
    utterance = next(utterance for utterance in utt2spk if utterance not in table)
    where = line_of(os.path.join(directory, "utt2spk"), utt2spk, utterance)
    raise UserError(f"{path}: utterance {utterance!r} ({where}) is missing; {mend}")


def check_speakers(path: str, utt2spk: Mapping[str, str]) -> None:
    """Raise `UserError` unless there are utterances and each begins with its speaker, one word."""
    if not utt2spk:
        raise UserError(f"{path}: holds no utterances")
    last, in_order = "", True
    for utterance, speaker in utt2spk.items():
        if len(speaker.split()) != 1:
            raise UserError(f"{line_of(path, utt2spk, utterance)}: expected 'utterance speaker', got {speaker!r}")
        if not utterance.startswith(speaker):
            where = line_of(path, utt2spk, utterance)
            raise UserError(f"{where}: speaker {speaker!r} is not a prefix of utterance {utterance!r}; rename the one")
        in_order = in_order and last <= speaker
        last = speaker
    if not in_order and list(utt2spk) == sorted(utt2spk):
        logging.warning("%s: speakers are not in C order; Kaldi's own tools want ids such as SPEAKER-UTTERANCE", path)
