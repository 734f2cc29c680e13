"""The tables of the report for papers and other programs: LaTeX and CSV, from the same rows as the markdown."""

import csv
import io
from collections.abc import Sequence

from mtlaug.report.blocks import Table

ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "→": r"$\rightarrow$",
    "ε": r"$\varepsilon$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def escape(text: str) -> str:
    """Text as LaTeX prints it; a minus before a figure is one."""
    escaped = "".join(ESCAPES.get(sign, sign) for sign in text.replace("`", ""))
    return f"${escaped[0]}${escaped[1:]}" if text[:1] in "+-" and text[1:2].isdigit() else escaped


def latex(table: Table, said: Sequence[str] = ()) -> str:
    """A ``tabular`` with the rules of the package booktabs; ``said`` of it, such as its protocol, are comments."""
    lines = [" & ".join(map(escape, cells)) + r" \\" for cells in (table.head, *table.rows)]
    # A row that begins with a bracket would else be taken for an option of the line end before it.
    lines = [f"{{}}{line}" if line.startswith("[") else line for line in lines]
    return "\n".join(
        [
            r"% Generated; needs \usepackage{booktabs}",
            *(f"% {line}" for text in said for line in text.splitlines()),
            rf"\begin{{tabular}}{{l{'r' * (len(table.head) - 1)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def comma_separated(table: Table) -> str:
    """CSV with a line for the head."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([table.head, *table.rows])
    return out.getvalue()
