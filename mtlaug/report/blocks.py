"""What a report is made of: the same blocks become markdown, HTML, LaTeX and CSV."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Section:
    """The heading of all blocks up to the next one."""

    title: str


@dataclass(frozen=True)
class Text:
    """A paragraph; words in backticks are code."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list below a few words, such as the commands below "Made by:"; backticks as in `Text`."""

    lead: str
    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table whose first column is text; ``name`` is that of its files."""

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A plot that was written as SVG to ``path``, and what it shows in words."""

    path: Path
    alt: str


@dataclass(frozen=True)
class Clip:
    """A recording to listen to and to look at: FLAC ``sound`` and PNG ``spectrogram``, ``lines`` say what it is."""

    title: str
    lines: Sequence[str]
    sound: bytes
    spectrogram: bytes


@dataclass(frozen=True)
class Typed:
    """Markdown that a user typed; it stands as it is."""

    text: str


Block = Section | Text | Items | Table | Figure | Clip | Typed


def slug(text: str) -> str:
    """A name for a file or an anchor: letters and digits, all else an underscore."""
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower() or "part"


def named_tables(blocks: Iterable[Block]) -> dict[str, tuple[Table, list[str]]]:
    """The tables by the name of their files, each with title and texts of its section up to there.

    Of equal names the later ones are numbered.
    """
    named: dict[str, tuple[Table, list[str]]] = {}
    said: list[str] = []
    for block in blocks:
        if isinstance(block, Section):
            said = [block.title]
        elif isinstance(block, Text):
            said.append(block.text)
        elif isinstance(block, Table):
            name, number = block.name, 1
            while name in named:
                number += 1
                name = f"{block.name}_{number}"
            named[name] = block, list(said)
    return named
