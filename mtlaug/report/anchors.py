"""Figures of others beside ours: ``conf/anchors.yaml`` of a recipe.

A list of entries with ``system``, ``uar`` (percent), ``source``, and what the figure is of, as in
``results.json``: ``protocol_name``, ``protocol`` (the first eight digits of the hash are enough), ``condition``
and ``normalisation``. They are not recomputed, have no interval, and are compared with nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mtlaug.files import UserError, read_yaml
from mtlaug.report.blocks import Block, Table, Text
from mtlaug.schema import build

DIGITS = 8  # of a protocol's hash, at least; fewer would fit another one
KEYS = ("protocol_name", "condition", "normalisation")


@dataclass(frozen=True)
class Anchor:
    """One figure that was not made here; ``uar`` in percent."""

    system: str
    uar: float
    source: str
    protocol_name: str
    protocol: str
    condition: str
    normalisation: str

    def fits(self, result: dict) -> bool:
        """Whether ``result`` is of the same utterances, folds, classes, condition and normalisation."""
        alike = all(getattr(self, key) == result[key] for key in KEYS)
        return alike and result["protocol"].startswith(self.protocol)


def read(path: Path) -> list[Anchor]:
    """The anchors of a recipe; none without the file.

    Raises:
        UserError: the file is no list of entries with exactly the keys above, or the digits of a protocol are too few.
    """
    if not path.exists():
        return []
    entries = read_yaml(path)
    if not isinstance(entries, list):
        raise UserError(f"{path}: expected a list of entries with system, uar and source")
    try:
        anchors = [build(Anchor, entry, f"{path}: entry {number}") for number, entry in enumerate(entries, 1)]
    except TypeError as error:
        raise UserError(f"{path}: an entry lacks a key ({error})") from None
    for number, anchor in enumerate(anchors, 1):
        if len(anchor.protocol) < DIGITS:
            raise UserError(f"{path}: entry {number}: protocol '{anchor.protocol}' needs {DIGITS} digits of the hash")
    return anchors


def section(anchors: list[Anchor], *results: dict) -> list[Block]:
    """A table of the anchors of the same protocol, condition and normalisation as ``results``."""
    rows = []
    for result in results:
        rows += [[a.system, a.condition, f"{a.uar:.1f}", a.source] for a in anchors if a.fits(result)]
    if not rows:
        return []
    unique = sorted({tuple(row): None for row in rows})
    note = "Figures of others on the same data and folds, as stated by their source; not made or compared here:"
    return [Text(note), Table("figures_of_others", ["system", "condition", "UAR", "source"], unique)]


def unused(anchors: list[Anchor], results: Iterable[dict]) -> list[Block]:
    """A line that names the anchors without a table of ``results`` to stand below."""
    results = list(results)
    left = [a for a in anchors if not any(map(a.fits, results))]
    names = [f"{a.system} ({', '.join(getattr(a, key) for key in KEYS)})" for a in left]
    text = f"Figures of others in settings that are not scored here, left out: {'; '.join(names)}."
    return [Text(text)] if left else []
