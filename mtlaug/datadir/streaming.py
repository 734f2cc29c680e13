"""A data directory of any size, written row by row."""

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence

from mtlaug.datadir.tables import DERIVED, path_of, retire, stays
from mtlaug.external_sort import sorted_lines
from mtlaug.files import UserError, atomic_path, read_rows


def write_rows(data_dir: str | os.PathLike, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a data directory as `mtlaug.datadir.write` does, holding but one row at a time.

    Args:
        names: of the tables; the first is ``utt2spk``.
        rows: the utterance and its value in each table, C-sorted by utterance.
    Raises:
        UserError: an utterance is there twice, or its speaker is not a prefix of it.
    """
    os.makedirs(data_dir, exist_ok=True)
    paths = [os.path.join(data_dir, name) for name in names]
    last = None
    with contextlib.ExitStack() as stack:
        asides = [stack.enter_context(atomic_path(path)) for path in paths]
        files = [stack.enter_context(open(aside, "w", encoding="utf-8")) for aside in asides]
        for utterance, *values in rows:
            if utterance == last:
                raise UserError(f"{paths[0]}: there would be two utterances {utterance!r}; rename one of their sources")
            if not utterance.startswith(values[0]):
                raise UserError(f"{paths[0]}: speaker {values[0]!r} is not a prefix of utterance {utterance!r}")
            last = utterance
            for file, value in zip(files, values, strict=True):
                file.write(f"{utterance} {value}\n")
    _write_spk2utt(data_dir)
    retire(data_dir, lambda name: not stays(name, names) and not _same_utterances(data_dir, name))


def _write_spk2utt(data_dir: str | os.PathLike) -> None:
    """Group utt2spk by speaker, one utterance at a time."""
    lines = (f"{speaker}\t{utterance}\n".encode() for utterance, speaker in read_rows(path_of(data_dir, "utt2spk")))
    pairs = (line.decode().rstrip("\n").split("\t") for line in sorted_lines(lines, data_dir))
    with atomic_path(path_of(data_dir, "spk2utt")) as temporary, open(temporary, "w", encoding="utf-8") as out:
        for speaker, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
            out.write(speaker)
            out.writelines(f" {utterance}" for _, utterance in group)
            out.write("\n")


def _same_utterances(data_dir: str | os.PathLike, name: str) -> bool:
    """Whether a table that is computed from the audio is still of the utterances of utt2spk."""
    if name not in DERIVED:
        return False
    pairs = itertools.zip_longest(_keys(data_dir, name), _keys(data_dir, "utt2spk"))
    return all(one == other for one, other in pairs)


def _keys(data_dir: str | os.PathLike, name: str) -> Iterator[str]:
    return (key for key, _ in read_rows(path_of(data_dir, name)))
