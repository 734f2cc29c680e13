"""The plots of scores and training logs in the report; see `mtlaug.report.plots` for how they are kept."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#1f5f8b", "#d1495b", "#5b8e3e", "#b07d12", "#6d4c9f", "#444444")
LINES = ("-", "--", ":", "-.")


def bars(groups: Sequence[tuple[str, Sequence[tuple[str, float, list | None]]]]) -> Figure:
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
    return figure


def curves(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float, list | None]]]],
    unit: str,
    *,
    reverse: bool,
) -> Figure:
    """UAR in percent by level, a panel a series and a line a model: ``(level, uar, [low, high] or None)`` a point."""
    models = list(dict.fromkeys(model for lines in panels.values() for model in lines))
    handles = {}
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(1 + 2.6 * columns, 0.8 + 2.1 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, (title, lines) in zip(grid, panels.items(), strict=False):
        for model, points in lines.items():
            colour, style = _look(models.index(model))
            levels = [level for level, _, _ in points]
            bounds = 100 * np.array([interval or (uar, uar) for _, uar, interval in points]).reshape(-1, 2)
            uars = [100 * uar for _, uar, _ in points]
            handles[model] = axes.plot(levels, uars, style, marker="o", markersize=3, color=colour, label=model)[0]
            axes.fill_between(levels, bounds[:, 0], bounds[:, 1], color=colour, alpha=0.12, linewidth=0)
        axes.set_title(title, fontsize=8, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    _hide(grid[len(panels) :])
    if reverse:
        grid[0].invert_xaxis()
    grid[0].set_ylim(0, 100)
    figure.supxlabel(unit, fontsize=9)
    figure.supylabel("UAR (%)", fontsize=9)
    shown = [handles[model] for model in models]
    figure.legend(handles=shown, loc="outside upper center", ncols=columns, fontsize=7, frameon=False)
    return figure


def heat_map(panels: Mapping[str, Mapping[tuple[str, str], float]]) -> Figure:
    """UAR in percent of training sets (rows) and test corpora (columns), a panel a model."""
    rows = sorted({train for cells in panels.values() for train, _ in cells})
    columns = sorted({test for cells in panels.values() for _, test in cells})
    wide = min(3, len(panels))
    high = -(-len(panels) // wide)
    figure = Figure(figsize=(1.2 + 2.8 * wide, 0.8 + 2.2 * high), layout="constrained")
    grid = figure.subplots(high, wide, squeeze=False).ravel()
    for axes, (title, cells) in zip(grid, panels.items(), strict=False):
        values = np.array([[100 * cells.get((train, test), np.nan) for test in columns] for train in rows])
        axes.pcolormesh(np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=100, edgecolors="white", linewidth=1)
        for row, column in np.argwhere(np.isfinite(values)):
            colour = "white" if values[row, column] > 60 else "black"
            text = f"{values[row, column]:.1f}"
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8, color=colour)
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, fontsize=7)
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=7)
        axes.invert_yaxis()
        axes.tick_params(length=0)
        axes.set_title(title, fontsize=8, loc="left")
    _hide(grid[len(panels) :])
    figure.supxlabel("test", fontsize=9)
    figure.supylabel("training", fontsize=9)
    return figure


def training(panels: Mapping[str, Mapping[str, Mapping[int, float]]]) -> Figure:
    """Figures of the training logs by epoch, a panel each and a line a model."""
    models = list(dict.fromkeys(model for lines in panels.values() for model in lines))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(1 + 2.6 * columns, 0.8 + 2.1 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    handles = {}
    for axes, (title, lines) in zip(grid, panels.items(), strict=False):
        for model, points in lines.items():
            colour, style = _look(models.index(model))
            (handles[model],) = axes.plot(*zip(*points.items(), strict=True), style, color=colour, label=model)
        axes.set_title(title, fontsize=8, loc="left")
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    _hide(grid[len(panels) :])
    figure.supxlabel("epoch", fontsize=9)
    shown = [handles[model] for model in models]
    figure.legend(handles=shown, loc="outside upper center", ncols=columns, fontsize=7, frameon=False)
    return figure


def speaker_bars(speakers: Sequence[str], uars: Mapping[str, Sequence[float]], title: str) -> Figure:
    """UAR in percent of each speaker, a bar a model."""
    figure = Figure(figsize=(6.5, 1.1 + len(speakers) * (0.14 + 0.13 * len(uars))), layout="constrained")
    axes = figure.add_subplot()
    height = 0.8 / len(uars)
    for number, (model, values) in enumerate(uars.items()):
        places = np.arange(len(speakers)) + (number - (len(uars) - 1) / 2) * height
        axes.barh(places, 100 * np.asarray(values), height=height, color=_look(number)[0], label=model)
    axes.set_yticks(np.arange(len(speakers)), speakers, fontsize=7)
    axes.set(xlim=(0, 100), ylim=(len(speakers) - 0.5, -0.5))
    axes.set_xlabel("UAR (%)", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, fontsize=8, loc="left")
    figure.legend(loc="outside upper center", ncols=3, fontsize=7, frameon=False)
    return figure


def _look(number: int) -> tuple[str, str]:
    """Colour and line of the ``number``-th model."""
    cycle, place = divmod(number, len(COLOURS))
    return COLOURS[place], LINES[cycle % len(LINES)]


def _hide(unused: Sequence[Axes]) -> None:
    for axes in unused:
        axes.set_axis_off()
