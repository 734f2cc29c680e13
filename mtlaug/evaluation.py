"""Test predictions of an experiment's models, pooled over folds and seeds."""

from pathlib import Path

import numpy as np

from mtlaug import scoring, training
from mtlaug.experiment import Experiment
from mtlaug.predictions import Predictions


def predict_within(experiment: Experiment) -> Predictions:
    """Each fold's best model on that fold's own test speakers, clean, for every seed.

    Raises:
        UserError: a fold is not trained.
    """
    rows = []
    model = training.build_model(experiment).to(training.device)
    for fold in (fold.id for fold in experiment.protocol.folds):
        # The seeds of a fold share its features and their normalisation.
        labels, store = experiment.protocol.utterances(fold, "test"), experiment.store(fold)
        for seed in experiment.seeds:
            model.load_state_dict(training.load_state(experiment.run_dir(fold, seed) / "best.pt"))
            posteriors = training.predict(model, store, labels, experiment.classes)
            rows += [(utterance, fold, seed, label, posteriors[utterance]) for utterance, label in labels.items()]
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


def score_within(experiment: Experiment, command: str) -> str:
    """Score ``exp/<model>/score_within`` and return its one-line result.

    Args:
        command: what a user types to make this result again; it stands in the report.
    """
    score_dir = Path(experiment.directory, "score_within")
    meta = {
        "model": experiment.directory.name,
        "condition": "within",
        "set": Path(experiment.data_dir).name,
        "protocol": experiment.protocol.sha256,
        "protocol_name": experiment.protocol.name,
        "normalisation": experiment.settings.dataset_args.normalisation,
        "command": command,
    }
    return scoring.result_line(scoring.write_score(score_dir, predict_within(experiment), meta), score_dir)
