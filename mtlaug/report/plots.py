"""The plots beside a report: each as SVG, which the HTML holds too, and as PNG for slides and papers."""

from pathlib import Path

from matplotlib.figure import Figure as Drawing

from mtlaug.files import atomic_path
from mtlaug.report.blocks import Figure
from mtlaug.scoring.plots import save_svg

DOTS_PER_INCH = 150


class Plots:
    """What is drawn for one report, in ``directory``; ``written`` are the files."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.written: list[Path] = []

    def add(self, name: str, drawing: Drawing, alt: str) -> Figure:
        """Write a drawing as ``name.svg`` and ``name.png``; a name that is taken gets a number.

        Args:
            alt: what it shows, in words.
        """
        number, free = 1, name
        while self.directory / f"{free}.svg" in self.written:
            number += 1
            free = f"{name}_{number}"
        svg, png = self.directory / f"{free}.svg", self.directory / f"{free}.png"
        before = svg.read_bytes() if svg.exists() and png.exists() else b""
        save_svg(drawing, svg)
        if svg.read_bytes() != before:  # drawing it again takes its time, and gives the same
            with atomic_path(png) as temporary:
                drawing.savefig(temporary, dpi=DOTS_PER_INCH, bbox_inches="tight", metadata={"Software": None})
        self.written += [svg, png]
        return Figure(svg, alt)
