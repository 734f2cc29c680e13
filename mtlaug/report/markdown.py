"""The report as markdown. Figures are shown from the files they are in; of recordings there are the words alone."""

from collections.abc import Iterable, Sequence

from mtlaug.report.blocks import Block, Clip, Figure, Items, Section, Table, Text, Typed


def render(blocks: Iterable[Block], *, figures: bool) -> str:
    """The blocks below each other; without ``figures`` these are left out."""
    return "\n\n".join(_part(block) for block in blocks if figures or not isinstance(block, Figure)) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a line for each row of ``rows``; the first column is text, the others figures."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _part(block: Block) -> str:
    match block:
        case Section(title):
            return f"## {title}"
        case Text(text):
            return text
        case Items(lead, items):
            return f"{lead}\n\n" + "\n".join(f"- {item}" for item in items)
        case Table(_, head, rows):
            return table(head, rows)
        case Figure(path, alt):
            return f"![{alt}]({path.name})"
        case Clip(title, lines):
            return f"- {title}. {' '.join(lines)}"
        case Typed(text):
            return text.strip("\n")
    raise TypeError(f"no markdown for {block!r}")
