"""Curves in the report: UAR by the level of a disturbance (SNR, budget of an attack), for each of its series.

A score is a point of a curve where its description has ``curve``: ``name`` (noise),
``series`` (rain), ``level`` (5.0) and ``unit`` (dB SNR). What is said of several series
is the mean of their UARs, with speakers drawn, or swapped, for all of them at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mtlaug.comparison import otherwise_disturbed, p_value, pairs, references_last
from mtlaug.files import UserError
from mtlaug.predictions import Predictions
from mtlaug.report import figures
from mtlaug.report.blocks import Block, Figure, Items, Table, Text, slug
from mtlaug.report.plots import Plots
from mtlaug.report.scores import Scored
from mtlaug.report.tables import caption, setting
from mtlaug.scoring import curve_name, interval, percent, points, speaker_tables
from mtlaug.statistics import bootstrap_interval, swap_test, uar


@dataclass(frozen=True)
class Curves:
    """The curves of one name, unit, protocol and normalisation, on the same utterances.

    ``points`` by model, series and level; ``clean`` by model.
    """

    name: str
    unit: str
    points: dict[tuple[str, str, float], Scored]
    clean: dict[str, Scored]

    @property
    def title(self) -> str:
        """Name, test set, classes and normalisation."""
        return f"{self.name}: {setting(next(iter(self.points.values())))}"

    @property
    def models(self) -> list[str]:
        """In alphabetical order, but the references last."""
        return references_last(sorted({model for model, _, _ in self.points}))

    @property
    def series(self) -> list[str]:
        """All series, in alphabetical order."""
        return sorted({series for _, series, _ in self.points})

    @property
    def averaged(self) -> list[str]:
        """Series that every model has: a mean over others would rank models by what they were tested on."""
        having = {(model, series) for model, series, _ in self.points}
        return [series for series in self.series if all((model, series) in having for model in self.models)]

    @property
    def levels(self) -> list[float]:
        """From the least disturbance to the greatest: a high SNR is little noise, a high ε a strong attack."""
        return sorted({level for _, _, level in self.points}, reverse=self.unit.startswith("dB"))

    @property
    def common_levels(self) -> list[float]:
        """Levels that all averaged series have: at others, a mean over the series would be of fewer of them."""
        known = {point[1:] for point in self.points}
        return [level for level in self.levels if all((series, level) in known for series in self.averaged)]

    def clean_uar(self, model: str) -> float | None:
        """UAR of a model without disturbance; None where that is of other seeds than its points are."""
        results = self.clean[model].results if model in self.clean else {}
        seeds = {tuple(score.results["seeds"]) for (name, _, _), score in self.points.items() if name == model}
        return results["uar"] if results and seeds == {tuple(results["seeds"])} else None

    def at(self, model: str, series: Sequence[str], levels: Sequence[float]) -> list[Predictions]:
        """The points of a model, of every one of the series at every level; none where one is missing."""
        wanted = [(model, one, level) for one in series for level in levels]
        there = all(point in self.points for point in wanted)
        return [self.points[point].predictions for point in wanted] if there else []


def gather(scored: Sequence[Scored]) -> Iterator[Curves]:
    """Curves of the scores that are points of one, by name; attacks made on another model are curves of their own.

    Raises:
        UserError: two score directories of a model describe the same point, or are both the undisturbed one;
            or two models were disturbed otherwise at one point.
    """
    groups: dict[tuple, dict] = {}
    for score in scored:
        if curve := score.results.get("curve"):
            name = curve_name(curve)
            points = groups.setdefault((name, curve["unit"], *_setting(score)), {})
            point = score.model, curve["series"], float(curve["level"])
            if point in points:
                raise UserError(
                    f"{points[point].directory} and {score.directory} are the same point of the curve {name} "
                    f"({curve['series']} at {curve['level']:g} {curve['unit']}); remove the one that is out of date"
                )
            points[point] = score
    undisturbed = [score for score in scored if score.results["condition"] == "within"]
    for key in sorted(groups):
        (name, unit, *setting), points = key, groups[key]
        _check_alike(points)
        models = {model for model, _, _ in points}
        clean = [score for score in undisturbed if score.model in models and _setting(score) == tuple(setting)]
        yield Curves(name, unit, points, _by_model(clean, name))


def _check_alike(points: dict[tuple[str, str, float], Scored]) -> None:
    """All models at one point, and all levels of a model's curve, were disturbed alike."""
    first: dict[tuple, Scored] = {}
    for (model, series, level), score in points.items():
        for place in ((series, level), (model, series)):
            other = first.setdefault(place, score)
            if differing := otherwise_disturbed(score.results, other.results):
                named, what = f"{other.directory} and {score.directory}", ", ".join(differing)
                mend = "score one of them again, as the other was, or remove it"
                raise UserError(f"{named} cannot be compared: they differ in the {what} of the disturbance; {mend}")


def _by_model(clean: Sequence[Scored], name: str) -> dict[str, Scored]:
    found: dict[str, Scored] = {}
    for score in clean:
        if score.model in found:
            raise UserError(
                f"{found[score.model].directory} and {score.directory} are both the undisturbed score that the curve "
                f"{name} begins with; remove the one that is out of date"
            )
        found[score.model] = score
    return found


def _setting(score: Scored) -> tuple:
    where = (score.results[key] for key in ("set", "normalisation", "protocol_name", "protocol"))
    return *where, score.utterances()


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


def section(curves: Curves, plots: Plots, name: str) -> list[Block]:
    """The blocks of curves; ``name`` is that of their plot."""
    averaged, left_out = curves.averaged, [series for series in curves.series if series not in curves.averaged]
    parts: list[Block] = [Text(caption(list(curves.points.values())))]
    if averaged:
        mean = f"mean over {', '.join(averaged)}" if len(averaged) > 1 else averaged[0]
        clean = "clean is the same model without disturbance; the share is the UAR at each level in percent of that"
        parts += [Text(f"UAR by {curves.unit}, {mean}; {clean}."), _summary(curves), *_comparisons(curves)]
    if held_out := _held_out(curves):
        parts.append(Text(f"Kinds of noise that no model was trained with: {', '.join(held_out)}."))
    if searches := _searches(curves):
        parts.append(Text(f"Searches: {'; '.join(searches)}."))
    if left_out:
        parts.append(Text(f"Left out of the mean, as not every model was tested with it: {', '.join(left_out)}."))
    if len(curves.series) > 1 or left_out:
        parts += [Text("Each by itself:"), _by_series(curves)]
    commands = sorted({(model, score.results["command"]) for (model, _, _), score in curves.points.items()})
    made_by = Items("Made by:", [f"{model}: `{command}`" for model, command in commands])
    return [*parts, _plot(curves, plots, name), made_by]


def _held_out(curves: Curves) -> list[str]:
    """The series of noise that no model was trained with."""
    known = {series for (_, series, _), score in curves.points.items() if not _is_held_out(score.results)}
    return [series for series in curves.series if series not in known]


def _is_held_out(results: dict) -> bool:
    return (results.get("noise") or {}).get("held_out", False)


def _searches(curves: Curves) -> list[str]:
    """How each series of attacks was searched for, where it was in several steps."""
    found = {}
    for (_, series, _), score in curves.points.items():
        if score.results.get("steps", 1) > 1:
            steps, restarts, size = (score.results[key] for key in ("steps", "restarts", "step_size"))
            several = f" from each of {restarts} random starts" if restarts > 1 else " from a random start"
            starts = several if restarts else ""
            found[series] = f"{series} {steps} steps of {size:g} of the budget{starts}"
    return [found[series] for series in curves.series if series in found]


def _level_names(levels: Sequence[float], unit: str) -> list[str]:
    return [f"{level:g} {unit}" for level in levels]


def _summary(curves: Curves) -> Table:
    rows = []
    for model in curves.models:
        cells, kept = [], []
        clean = curves.clean_uar(model)
        for level in curves.levels:
            points = curves.at(model, curves.averaged, [level])
            value, bounds = mean_uar(points) if points else (None, None)
            cells.append(f"{percent(value)} {interval(bounds)}" if points else "-")
            kept.append(percent(value / clean) if points and clean else "-")
        rows.append([model, percent(clean), *cells, " / ".join(kept)])
    head = ["model", "clean", *_level_names(curves.levels, curves.unit), "share of clean kept"]
    return Table(slug(curves.title), head, rows)


def _by_series(curves: Curves) -> Table:
    rows = []
    for series in curves.series:
        for model in curves.models:
            points = [curves.points.get((model, series, level)) for level in curves.levels]
            if any(points):
                rows.append([series, model, *(percent(p.results["uar"]) if p else "-" for p in points)])
    return Table(
        f"{slug(curves.title)}_by_series", ["series", "model", *_level_names(curves.levels, curves.unit)], rows
    )


def _comparisons(curves: Curves) -> list[Block]:
    """Paired differences of the mean over all series and levels, then of the mean at each level."""
    common = curves.common_levels
    if not common:
        return [Text("Not compared, as no level is one of every series.")]
    rows, left_out = [], []
    for a, b in pairs(curves.models):
        both = [curves.at(model, curves.averaged, common) for model in (a, b)]
        if not all(both):
            left_out.append(f"{a} - {b}")
            continue
        (hits_a, totals), (hits_b, _) = map(joined, both)
        p, swaps, exact = swap_test(hits_a, hits_b, totals)
        test = [p_value(p), f"{swaps} {'exact' if exact else 'random'}"]
        levels = [_difference(curves, a, b, [level]) for level in common]
        rows.append([f"{a} - {b}", _difference(curves, a, b, common), *test, *levels])
    text = f"Not compared, as a point of one of the two is missing: {', '.join(left_out)}."
    missing: list[Block] = [Text(text)] if left_out else []
    if not rows:
        return missing
    note = (
        "Paired differences of the mean over all levels, and at each: bootstrap over speakers, two-sided swap test by "
        "speaker of the mean over all levels, p-values not corrected for the number of comparisons."
    )
    if len(common) < len(curves.levels):
        note += " Levels that not every series has are in none of them."
    head = ["pair", "all levels", "p", "swaps", *_level_names(common, curves.unit)]
    return [Text(note), Table(f"{slug(curves.title)}_differences", head, rows), *missing]


def _difference(curves: Curves, a: str, b: str, levels: Sequence[float]) -> str:
    (hits_a, totals), (hits_b, _) = (joined(curves.at(model, curves.averaged, levels)) for model in (a, b))
    difference = float(uar(hits_a.sum(0), totals.sum(0)) - uar(hits_b.sum(0), totals.sum(0)))
    return f"{points(difference)} {interval(bootstrap_interval(uar, [hits_a, hits_b], totals))}"


def _plot(curves: Curves, plots: Plots, name: str) -> Figure:
    panels = {"mean": curves.averaged} if len(curves.averaged) > 1 else {}
    panels |= {series: [series] for series in curves.series}
    drawn = {}
    for title, series in panels.items():
        lines = {
            model: [(level, *mean_uar(at)) for level in curves.levels if (at := curves.at(model, series, [level]))]
            for model in curves.models
        }
        drawn[title] = {model: line for model, line in lines.items() if line}
    figure = figures.curves(drawn, curves.unit, reverse=curves.unit.startswith("dB"))
    return plots.add(name, figure, f"{curves.title}: UAR of {', '.join(curves.models)} by {curves.unit}")
