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


def plot_confusion(path: str | Path, confusion: np.ndarray, classes: Sequence[str], title: str) -> None:
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
    axes.set(xlabel="hypothesis", ylabel="reference")
    axes.set_title(title, fontsize=9)
    save_svg(figure, path)


def plot_bars(path: str | Path, groups: Sequence[tuple[str, Sequence[tuple[str, float, list | None]]]]) -> None:
    """UAR in percent, a panel a table: ``(title, [(model, uar, [low, high] or None), ...])``."""
    heights = [1 + len(rows) for _, rows in groups]
    figure = Figure(figsize=(6.5, 0.9 + 0.34 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(groups), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, (title, rows) in zip(panels, groups, strict=True):
        places = np.arange(len(rows))
        values = 100 * np.array([uar for _, uar, _ in rows])
        bounds = 100 * np.array([interval or (uar, uar) for _, uar, interval in rows])
        axes.barh(places, values, color="#7aa6c2", height=0.6)
        axes.hlines(places, bounds[:, 0], bounds[:, 1], color="black", linewidth=1.2)
        axes.set_yticks(places, [model for model, _, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_title(title, fontsize=8, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set(xlim=(0, 100), xlabel="UAR (%) with 95 % interval over speakers")
    save_svg(figure, path)
