"""Curves in the report: UAR by the level of a disturbance (SNR, budget of an attack), for each of its series.

A score is a point of a curve where its description has ``curve``: ``name`` (noise),
``series`` (rain), ``level`` (5.0) and ``unit`` (dB SNR). What is said of several series
is the mean of their UARs, with speakers drawn, or swapped, for all of them at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from mtlaug import markdown
from mtlaug.comparison import p_value
from mtlaug.plots import plot_curves
from mtlaug.predictions import Predictions
from mtlaug.scoring import interval, percent, speaker_tables
from mtlaug.statistics import bootstrap_interval, swap_test, uar

BASELINES = ("stl", "stl_aug", "mtl_meta")


@dataclass(frozen=True)
class Curves:
    """The curves of one name, of one or more models: ``points`` by model, series and level; ``clean`` by model."""

    name: str
    unit: str
    points: dict[tuple[str, str, float], Predictions]
    clean: dict[str, Predictions]
    commands: dict[str, str]

    @property
    def models(self) -> list[str]:
        return sorted({model for model, _, _ in self.points})

    @property
    def series(self) -> list[str]:
        return sorted({series for _, series, _ in self.points})

    @property
    def levels(self) -> list[float]:
        """From the least disturbance to the greatest: a high SNR is little noise, a high ε a strong attack."""
        return sorted({level for _, _, level in self.points}, reverse=self.unit.startswith("dB"))

    def at(self, model: str, series: Sequence[str], levels: Sequence[float]) -> list[Predictions]:
        """The points of a model that are there."""
        wanted = [(model, one, level) for one in series for level in levels]
        return [self.points[point] for point in wanted if point in self.points]


def joined(predictions: Sequence[Predictions]) -> tuple[np.ndarray, np.ndarray]:
    """Right answers and utterances, (S, n K) each, of n points: classes of different points are different columns.

    The UAR of such a table is the mean of the points' UARs.
    """
    tables = [speaker_tables(part.by_seed()) for part in predictions]
    return np.concatenate([hits for _, hits, _ in tables], axis=1), np.concatenate([n for _, _, n in tables], axis=1)


def mean_uar(predictions: Sequence[Predictions]) -> tuple[float, list[float] | None]:
    """Mean UAR of several points with its 95 % interval over speakers."""
    hits, totals = joined(predictions)
    return float(uar(hits.sum(0), totals.sum(0))), bootstrap_interval(uar, [hits], totals)


def section(curves: Curves, plot: Path) -> list[str]:
    """The markdown of curves, part by part, and their plot."""
    summary = _summary(curves)
    _plot(curves, plot)
    one_series = len(curves.series) == 1
    return [
        f"UAR by {curves.unit}, mean over {', '.join(curves.series)}; clean is the same model without disturbance.",
        summary,
        *_comparisons(curves),
        *([] if one_series else ["Each by itself:", _by_series(curves)]),
        "Made by:\n\n" + "\n".join(f"- {model}: `{curves.commands[model]}`" for model in curves.models),
    ]


def _summary(curves: Curves) -> str:
    levels = curves.levels
    rows = []
    for model in curves.models:
        cells, kept = [], []
        clean = mean_uar([curves.clean[model]])[0] if model in curves.clean else None
        for level in levels:
            if points := curves.at(model, curves.series, [level]):
                value, bounds = mean_uar(points)
                cells.append(f"{percent(value)} {interval(bounds)}")
                kept.append(percent(value / clean) if clean else "-")
            else:
                cells.append("-")
                kept.append("-")
        rows.append([model, percent(clean), *cells, " / ".join(kept)])
    head = ["model", "clean", *(f"{level:g} {curves.unit}" for level in levels), "share of clean kept"]
    return markdown.table(head, rows)


def _by_series(curves: Curves) -> str:
    rows = []
    for series in curves.series:
        for model in curves.models:
            points = [curves.points.get((model, series, level)) for level in curves.levels]
            if any(points):
                rows.append([series, model, *(percent(mean_uar([p])[0]) if p else "-" for p in points)])
    return markdown.table(["series", "model", *(f"{level:g} {curves.unit}" for level in curves.levels)], rows)


def _comparisons(curves: Curves) -> list[str]:
    """Paired differences of the mean over all series and levels, of every model with the baselines and mtlaug."""
    rows = []
    for a, b in combinations(curves.models, 2):
        if b not in (*BASELINES, "mtlaug"):
            a, b = b, a
        if b not in (*BASELINES, "mtlaug") or not _alike(curves, a, b):
            continue
        if b == "mtlaug" and a in BASELINES:
            a, b = b, a
        (hits_a, totals), (hits_b, _) = (joined(curves.at(m, curves.series, curves.levels)) for m in (a, b))
        difference = float(uar(hits_a.sum(0), totals.sum(0)) - uar(hits_b.sum(0), totals.sum(0)))
        p, swaps, exact = swap_test(hits_a, hits_b, totals)
        bounds = interval(bootstrap_interval(uar, [hits_a, hits_b], totals))
        kind = "exact" if exact else "random"
        rows.append([f"{a} - {b}", f"{100 * difference:+.1f}", bounds, p_value(p), f"{swaps} {kind}"])
    if not rows:
        return []
    note = "Paired differences of the mean over all levels and series, by speaker:"
    return [note, markdown.table(["pair", "difference", "95 %", "p", "swaps"], rows)]


def _alike(curves: Curves, a: str, b: str) -> bool:
    """Have two models the same points, of the same utterances?"""
    points = [{(series, level) for m, series, level in curves.points if m == model} for model in (a, b)]
    pairs = zip(*(curves.at(model, curves.series, curves.levels) for model in (a, b)), strict=False)
    return points[0] == points[1] and all(set(one.utts) == set(other.utts) for one, other in pairs)


def _plot(curves: Curves, path: Path) -> None:
    panels = {series: [series] for series in curves.series}
    if len(panels) > 1:
        panels = {"mean": curves.series} | panels
    drawn = {}
    for title, series in panels.items():
        drawn[title] = {
            model: [
                (level, *mean_uar(points)) for level in curves.levels if (points := curves.at(model, series, [level]))
            ]
            for model in curves.models
        }
    plot_curves(path, drawn, curves.unit, reverse=curves.unit.startswith("dB"))
