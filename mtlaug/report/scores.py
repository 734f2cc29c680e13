"""The scores that a report is of: found under ``exp``, computed again, and put with those they may stand beside."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mtlaug.files import UserError
from mtlaug.scoring.derived import check_sources
from mtlaug.scoring.predictions import Predictions
from mtlaug.scoring.scores import TESTED, recompute

DESCRIPTION = ("condition", "set", "protocol_name", "protocol", "normalisation")
PLACES = {"curve": ("name", "series", "level", "unit"), "pair": ("train", "test")}  # of a score in a gathered section


@dataclass(frozen=True)
class Scored:
    """One score directory ``exp/<model>/score_*``, checked."""

    model: str
    directory: Path
    results: dict
    predictions: Predictions

    @property
    def gathered(self) -> bool:
        """Whether it is a point of a curve or a cell of a matrix, and has no table of its own."""
        return bool(self.results.keys() & PLACES.keys())

    @property
    def members(self) -> int:
        """How many models and seeds it averages; 0 where it is no ensemble."""
        return sum(self.results.get("members", {}).values())

    def utterances(self) -> tuple:
        """What is tested; scores of different utterances are not compared."""
        first = next(iter(self.predictions.by_seed().values()))
        return self.predictions.classes, *(tuple(c.tolist()) for c in (first.utts, first.speakers, first.reference))


def find_models(exp_dir: Path) -> list[Path]:
    """Directories of ``exp_dir`` that hold a model: folds, a configuration or scores."""
    if not exp_dir.is_dir():
        raise UserError(f"{exp_dir}: no such directory; run the training and scoring stages first")
    signs = ("fold_*", "config.yaml", "score_*/results.json")
    return [path for path in sorted(exp_dir.iterdir()) if any(next(path.glob(sign), None) for sign in signs)]


def read_scores(model_dir: Path) -> list[Scored]:
    """The scores of a model, each computed again; a difference is a `UserError`."""
    scores = []
    for path in sorted(model_dir.glob("score_*/results.json")):
        results, differing, predictions = recompute(path.parent)
        if differing:
            other = "" if set(differing) & set(TESTED) else f", or mtlaug score recompute {path.parent}"
            raise UserError(
                f"{path.parent}: results.json does not follow from predictions.tsv (it differs in "
                f"{', '.join(differing)}); run the scoring stage again{other}"
            )
        check_sources(path.parent, results)
        _check_places(path, results)
        scores.append(Scored(model_dir.name, path.parent, results, predictions))
    return scores


def _check_places(path: Path, results: dict) -> None:
    for name, keys in PLACES.items():
        place = results.get(name, dict.fromkeys(keys, 0.0))
        whole = isinstance(place, dict) and place.keys() >= set(keys)
        if not whole or not isinstance(place.get("level", 0.0), int | float):
            numeric = ", level a number" if "level" in keys else ""
            raise UserError(
                f"{path}: {name} is {place!r}, expected {', '.join(keys)}{numeric}; run the scoring stage again"
            )


def group(scored: Iterable[Scored]) -> list[list[Scored]]:
    """Tables of scores that may be compared, each by falling UAR; the condition ``within`` comes first.

    Two score directories of one model never share a table, whatever they describe.
    """
    tables: dict[tuple, list[Scored]] = {}
    for score in scored:
        described = [str(score.results[key]) for key in DESCRIPTION]
        key = (described[0] != "within", *described, score.directory.name, score.utterances())
        tables.setdefault(key, []).append(score)
    return [sorted(tables[key], key=lambda s: (-s.results["uar"], s.model)) for key in sorted(tables)]
