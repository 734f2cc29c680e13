"""A copy of a data directory whose ids carry a prefix, so that corpora can be joined without clashes."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mtlaug.datadir.tables import CUTS, FEATURES, has, path_of, read, read_dropped, retire, utterance_tables, write
from mtlaug.files import UserError


def copy(src: str | os.PathLike, dst: str | os.PathLike, *, prefix: str) -> int:
    """Write ``src`` to ``dst`` with ``prefix`` before every utterance, speaker and recording id.

    The table ``utt2corpus`` says where an utterance is from: the prefix without its final ``-``.
    Relative paths in ``wav.scp`` become absolute ones: each is looked for below the directories that
    hold ``src``, the nearest first, then below the current one; commands stay as they are. Features
    are not copied, since they are extracted for the joined corpora; ``dropped.tsv`` is.

    Args:
        prefix: such as ``emodb-``; letters, digits, ``.``, ``_`` and ``-``.
    Returns:
        The number of utterances.
    Raises:
        UserError: the prefix cannot be part of an id, ``dst`` is ``src``, ``src`` is augmented, or an
            audio file is not there.
    """
    corpus = prefix.removesuffix("-")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", corpus):
        raise UserError(f"--prefix {prefix!r}: use letters, digits, '.', '_' and '-', such as emodb-")
    if os.path.realpath(src) == os.path.realpath(dst):
        raise UserError(f"{dst}: is the source too; copy to another directory")
    if has(src, CUTS):
        raise UserError(f"{src}: is augmented ({CUTS}); copy its source directory, and make its copies anew")
    names = ["utt2spk", *utterance_tables(src), *(name for name in ("wav.scp", "spk2gender") if has(src, name))]
    tables = {name: _with_prefix(name, read(src, name), prefix) for name in names if name not in FEATURES}
    if "wav.scp" in tables:
        tables["wav.scp"] = dict(_absolute(src, tables["wav.scp"]))
    tables["utt2corpus"] = dict.fromkeys(tables["utt2spk"], corpus)
    write(dst, tables, dropped={prefix + utterance: reason for utterance, reason in read_dropped(src).items()})
    retire(dst, lambda name: name in FEATURES)  # of an earlier copy, whose sound may be another
    return len(tables["utt2spk"])


def _with_prefix(name: str, table: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The table with its ids renamed; values too are ids, or in segments begin with one, in three tables."""
    values = prefix if name in ("utt2spk", "utt2uniq", "segments") else ""
    return {prefix + key: values + value for key, value in table.items()}


def _absolute(src: str | os.PathLike, recordings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    bases = [*Path(src).resolve().parents, Path.cwd()]
    for recording, source in recordings.items():
        if not source.endswith("|") and not os.path.isabs(source):
            found = next((base / source for base in bases if (base / source).exists()), None)
            if found is None:
                raise UserError(f"{path_of(src, 'wav.scp')}: {source!r} ({recording}): no such file; mend the path")
            source = str(found)
        yield recording, source
