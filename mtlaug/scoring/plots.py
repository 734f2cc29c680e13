"""Small SVG plots: the same numbers give the same bytes (no date, fixed identifiers)."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from mtlaug.files import atomic_path


def save_svg(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG, atomically and reproducibly; its text stays text."""
    with atomic_path(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "mtlaug", "svg.fonttype": "none"}):
        figure.savefig(temporary, format="svg", bbox_inches="tight", metadata={"Date": None})


def draw_confusion(
    confusion: np.ndarray, classes: Sequence[str], title: str, names: tuple[str, str] = ("hypothesis", "reference")
) -> Figure:
    """Confusion matrix (K, K), rows are references: colour and percent by row, counts below."""
    confusion = np.asarray(confusion)
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    size = 1.6 + 0.75 * len(classes)
    figure = Figure(figsize=(size, size))
    axes = figure.add_subplot()
    axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=1)
    for row, column in np.ndindex(*confusion.shape):
        text = f"{100 * shares[row, column]:.0f} %\n{confusion[row, column]}"
        colour = "white" if shares[row, column] > 0.6 else "black"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=colour)
    ticks = np.arange(len(classes)) + 0.5
    axes.set_xticks(ticks, classes, rotation=45, ha="right")
    axes.set_yticks(ticks, classes)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.tick_params(length=0)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.set_title(title, fontsize=9)
    return figure
