"""The trained model that the pictures of a report are of, and its held-out utterances."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mtlaug import experiment
from mtlaug.augment.copies import copies_digest
from mtlaug.experiment import Experiment, inference
from mtlaug.features.store import FeatureStore
from mtlaug.files import UserError
from mtlaug.model import MultitaskModel
from mtlaug.protocol.folds import Fold
from mtlaug.report.logs import loss_weights
from mtlaug.report.scores import Scored


@dataclass(frozen=True)
class Shown:
    """A model with the folds that are trained, and its score on undisturbed speech where it has one."""

    experiment: Experiment
    folds: tuple[Fold, ...]
    score: Scored | None

    @property
    def name(self) -> str:
        return self.experiment.directory.name

    @property
    def seed(self) -> int:
        """The first one; pictures are of its models alone."""
        return self.experiment.seeds[0]

    def spread_folds(self, most: int) -> list[Fold]:
        """At most so many folds, evenly over all."""
        return spread(self.folds, most)

    @cached_property
    def _has_its_copies(self) -> bool:
        return copies_digest(self.experiment.aug_dir) == self.experiment.copies

    def store(self, fold: Fold, *more: str) -> FeatureStore:
        """Features of the speech, of the copies that the model was trained on, and of ``more`` directories.

        Raises:
            UserError: the copies are others now.
        """
        run = self.experiment
        if not self._has_its_copies:
            raise UserError(f"{run.aug_dir} holds other copies now than {run.directory} was trained on")
        return run.store(fold.id, run.aug_dir, *more)

    def model(self, fold: Fold) -> MultitaskModel:
        """The trained model of a fold, which has not heard the fold's test speakers."""
        return inference.trained_model(self.experiment, fold.id, self.seed)


def spread(items: Sequence, most: int) -> list:
    """At most so many of the items, evenly over all."""
    number = min(most, len(items))
    return [items[place * len(items) // number] for place in range(number)]


def choose(models: Sequence[Path], scored: Sequence[Scored]) -> Shown:
    """The model with the highest UAR on undisturbed speech of those that learn all tasks, or else of the others.

    Raises:
        UserError: none can be had, with the reasons.
    """
    best = {}
    for score in scored:
        if "curve" not in score.results:
            best[score.model] = max(score.results["uar"], best.get(score.model, 0.0))
    reasons = []
    configured = [model for model in models if (model / "config.yaml").exists()]
    for directory in sorted(configured, key=lambda model: (-_tasks(model), -best.get(model.name, 0.0), model)):
        try:
            return _shown(experiment.load(directory), scored)
        except (UserError, OSError) as error:
            reasons.append(str(error))
    raise UserError("; ".join(dict.fromkeys(reasons)))


def _tasks(model: Path) -> int:
    """How many tasks a model learns besides emotion."""
    weights = loss_weights(model)
    return sum(bool(weights.get(name)) for name in ("alpha", "beta"))


def _shown(found: Experiment, scored: Sequence[Scored]) -> Shown:
    seed = found.seeds[0]
    folds = tuple(fold for fold in found.protocol.folds if found.is_trained(fold.id, seed))
    if not folds:
        raise UserError(f"{found.directory}: no fold is trained with seed {seed}")
    own = [s for s in scored if s.model == found.directory.name and "curve" not in s.results]
    own = [s for s in own if s.results["protocol"] == found.protocol.sha256]
    return Shown(found, folds, own[0] if own else None)
