"""Sorting more lines than the memory holds, by way of sorted runs on disk."""

import contextlib
import gzip
import heapq
import io
import itertools
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

RUN = 100_000  # lines that are held and sorted at a time
MOST_OPEN = 256  # runs that are merged at a time, well below the files that a process may open


def sorted_lines(lines: Iterable[bytes], folder: str | Path, run: int = RUN) -> Iterator[bytes]:
    r"""Yield lines, each with its ``\n``, in the order of their bytes.

    Args:
        folder: for the runs, which are compressed, in a hidden directory that is removed in the end.
        run: most lines that are held in memory.
    """
    left = iter(lines)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".tmp.sort") as runs:
        short: list[Path] = []
        merged: list[Path] = []
        while held := sorted(itertools.islice(left, run)):
            short.append(_write(Path(runs, f"{len(merged)}.{len(short)}.gz"), held))
            if len(short) == MOST_OPEN:
                merged.append(_write(Path(runs, f"{len(merged)}.gz"), _merge(short)))
                for path in short:
                    path.unlink()
                short.clear()
        del held
        yield from _merge(merged + short)


def _write(path: Path, lines: Iterable[bytes]) -> Path:
    with io.BufferedWriter(gzip.open(path, "wb", compresslevel=1), 1 << 20) as out:
        out.writelines(lines)
    return path


def _merge(paths: list[Path]) -> Iterator[bytes]:
    with contextlib.ExitStack() as stack:
        yield from heapq.merge(*(stack.enter_context(gzip.open(path)) for path in paths))
