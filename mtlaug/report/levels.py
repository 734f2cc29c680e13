"""Scores by the level of a disturbance (SNR, budget of an attack): those of one curve, and the means of its series.

A score is a point of a curve where its description has ``curve``: ``name`` (noise),
``series`` (rain), ``level`` (5.0) and ``unit`` (dB SNR). What is said of several series
is the mean of their UARs, with speakers drawn, or swapped, for all of them at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mtlaug.files import UserError
from mtlaug.report.scores import Scored
from mtlaug.report.tables import setting
from mtlaug.scoring.comparison import otherwise_disturbed, references_last
from mtlaug.scoring.predictions import Predictions
from mtlaug.scoring.scores import curve_name, speaker_tables
from mtlaug.scoring.statistics import bootstrap_interval, uar


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
