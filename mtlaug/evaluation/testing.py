"""Test predictions of an experiment's models, and their scores in ``exp/<model>/score_<condition>/``."""

import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from mtlaug import protocol
from mtlaug.experiment import Experiment, inference
from mtlaug.files import UserError
from mtlaug.protocol.folds import Fold
from mtlaug.scoring import scores
from mtlaug.scoring.predictions import Predictions

Row = tuple[str, str, int, str, np.ndarray]  # utterance, fold, seed, class, posteriors (K,)


class System(typing.Protocol):
    """What is scored: an `Experiment`, or anything else that was trained under a protocol."""

    directory: Path
    data_dir: str
    protocol: protocol.Protocol
    normalisation: str


Predictor = Callable[[Fold], Iterable[Row]]  # a fold to the predictions of its test part


def refuse_cross(system: System) -> None:
    """Raise a `UserError` where folds test other corpora, whose figures are one for each pair."""
    if system.protocol.scheme == "cross":
        raise UserError(f"{system.directory}: its protocol is of scheme cross; steps/score_cross.sh tests it")


def as_predictions(system: System, rows: Iterable[Row]) -> Predictions:
    """Rows of any number of folds and seeds as one table; an utterance is that of the protocol, not a copy's id.

    Raises:
        UserError: a posterior is not finite.
    """
    utterances, folds, seeds, labels, posteriors = zip(*rows, strict=True)
    matrix, classes = np.stack(posteriors), system.protocol.classes
    if (broken := ~np.isfinite(matrix).all(axis=1)).any():
        row = int(broken.argmax())
        where = f"utterance {utterances[row]}, fold {folds[row]}, seed {seeds[row]}"
        raise UserError(f"{system.directory}: {where}: posteriors are not finite; train it again, or mend its features")
    return Predictions(
        utts=np.array(utterances),
        folds=np.array(folds),
        seeds=np.array(seeds),
        speakers=np.array([system.protocol.corpus.utt2spk[utterance] for utterance in utterances]),
        reference=np.array([classes.index(label) for label in labels]),
        hypothesis=matrix.argmax(axis=1),
        posteriors=matrix,
        classes=classes,
    )


def write_score(system: System, condition: str, predictions: Predictions, command: str, **more: object) -> str:
    """Score ``exp/<model>/score_<condition>`` and return its one-line result.

    Args:
        command: what a user types to make this result again; it stands in the report.
        more: further keys of the description, such as the point of a curve.
    """
    score_dir = Path(system.directory, f"score_{condition}")
    meta = {
        "model": system.directory.name,
        "condition": condition,
        "set": Path(system.data_dir).name,
        "protocol": system.protocol.sha256,
        "protocol_name": system.protocol.name,
        "normalisation": system.normalisation,
        "command": command,
        **more,
    }
    return scores.result_line(scores.write_score(score_dir, predictions, meta), score_dir)


def predictor(experiment: Experiment) -> Predictor:
    """Each fold's best models, of every seed, on that fold's own test speech, clean."""

    def predict(fold: Fold) -> Iterator[Row]:
        # The seeds of a fold share its features and their normalisation.
        labels, store = experiment.protocol.utterances(fold, "test"), experiment.store(fold.id)
        for seed, model in inference.trained_models(experiment, fold.id):
            posteriors = inference.predict(model, store, labels, experiment.classes)
            yield from ((utterance, fold.id, seed, label, posteriors[utterance]) for utterance, label in labels.items())

    return predict


def predict_within(system: System, predict: Predictor) -> Predictions:
    """All folds tested clean and within the corpus."""
    return as_predictions(system, [row for fold in system.protocol.folds for row in predict(fold)])


def score_within(system: System, predict: Predictor, command: str) -> str:
    """Test clean and within the corpus; see `write_score`.

    Raises:
        UserError: the protocol is of the scheme ``cross``, or a fold is not trained.
    """
    refuse_cross(system)
    return write_score(system, "within", predict_within(system, predict), command)
