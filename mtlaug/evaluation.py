"""Test predictions of an experiment's models, and their scores in ``exp/<model>/score_<condition>/``."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mtlaug import scoring, training
from mtlaug.experiment import Experiment
from mtlaug.model import MultitaskModel
from mtlaug.predictions import Predictions

Row = tuple[str, str, int, str, np.ndarray]  # utterance, fold, seed, class, posteriors (K,)


def trained_models(experiment: Experiment, fold: str) -> Iterator[tuple[int, MultitaskModel]]:
    """Yield (seed, model) of a fold, the best weights loaded, in evaluation mode; each yield reuses one model.

    Raises:
        UserError: the fold is not trained.
    """
    model = training.build_model(experiment).to(training.device).eval()
    for seed in experiment.seeds:
        model.load_state_dict(training.load_state(experiment.run_dir(fold, seed) / "best.pt"))
        yield seed, model


def as_predictions(experiment: Experiment, rows: Iterable[Row]) -> Predictions:
    """Rows of any number of folds and seeds as one table; an utterance is that of the protocol, not a copy's id."""
    utterances, folds, seeds, labels, posteriors = zip(*rows, strict=True)
    matrix = np.stack(posteriors)
    return Predictions(
        utts=np.array(utterances),
        folds=np.array(folds),
        seeds=np.array(seeds),
        speakers=np.array([experiment.protocol.corpus.utt2spk[utterance] for utterance in utterances]),
        reference=np.array([experiment.classes.index(label) for label in labels]),
        hypothesis=matrix.argmax(axis=1),
        posteriors=matrix,
        classes=tuple(experiment.classes),
    )


def write_score(experiment: Experiment, condition: str, predictions: Predictions, command: str, **more: object) -> str:
    """Score ``exp/<model>/score_<condition>`` and return its one-line result.

    Args:
        command: what a user types to make this result again; it stands in the report.
        more: further keys of the description, such as the point of a curve.
    """
    score_dir = Path(experiment.directory, f"score_{condition}")
    meta = {
        "model": experiment.directory.name,
        "condition": condition,
        "set": Path(experiment.data_dir).name,
        "protocol": experiment.protocol.sha256,
        "protocol_name": experiment.protocol.name,
        "normalisation": experiment.settings.dataset_args.normalisation,
        "command": command,
        **more,
    }
    return scoring.result_line(scoring.write_score(score_dir, predictions, meta), score_dir)


def predict_within(experiment: Experiment) -> Predictions:
    """Each fold's best model on that fold's own test speakers, clean, for every seed."""
    rows = []
    for fold in (fold.id for fold in experiment.protocol.folds):
        # The seeds of a fold share its features and their normalisation.
        labels, store = experiment.protocol.utterances(fold, "test"), experiment.store(fold)
        for seed, model in trained_models(experiment, fold):
            posteriors = training.predict(model, store, labels, experiment.classes)
            rows += [(utterance, fold, seed, label, posteriors[utterance]) for utterance, label in labels.items()]
    return as_predictions(experiment, rows)


def score_within(experiment: Experiment, command: str) -> str:
    """Test the models clean and within the corpus; see `write_score`."""
    return write_score(experiment, "within", predict_within(experiment), command)
