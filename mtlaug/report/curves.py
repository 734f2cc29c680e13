"""Curves in the report: UAR by the level of a disturbance, for each of its series and on their mean."""

from collections.abc import Sequence

from mtlaug.report import figures
from mtlaug.report.blocks import Block, Figure, Items, Table, Text, slug
from mtlaug.report.levels import Curves, joined, mean_uar
from mtlaug.report.plots import Plots
from mtlaug.report.tables import caption
from mtlaug.scoring.comparison import p_value, pairs
from mtlaug.scoring.scores import interval, percent, points
from mtlaug.scoring.statistics import bootstrap_interval, swap_test, uar


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
