"""Test an experiment across corpora: a score for each training set and test corpus."""

from collections import Counter
from collections.abc import Iterator

from mtlaug import cross, training
from mtlaug.evaluation import Row, as_predictions, trained_models, write_score
from mtlaug.experiment import Experiment
from mtlaug.files import UserError
from mtlaug.folds import Fold


def score(experiment: Experiment, command: str) -> list[str]:
    """Write ``exp/<model>/score_cross_<train>_to_<test>`` for each pair; returns their result lines.

    A pair with shots is ``cross_<train>_to_<test>_<k>shot``. Each cell is scored alone: a test
    speaker may occur in several.

    Raises:
        UserError: the experiment's protocol is not of the scheme ``cross``, or a fold is not trained.
    """
    protocol = experiment.protocol
    if protocol.scheme != "cross":
        raise UserError(f"{experiment.directory}: its protocol is of scheme {protocol.scheme}, not cross")
    lines = []
    for fold in protocol.folds:
        for test, rows in predict(experiment, fold):
            train = cross.train_name(fold, test)
            shots = max(Counter(protocol.corpus.labels[utterance] for utterance in fold.shots).values(), default=0)
            condition, column = f"cross_{train}_to_{test}", test
            if shots:  # the donors of the shots are not tested: another test set than that without shots
                condition, column = f"{condition}_{shots}shot", f"{test} ({shots}-shot)"
            more = {"set": test, "pair": {"train": train, "test": column}}
            lines.append(write_score(experiment, condition, as_predictions(experiment, rows), command, **more))
    return lines


def predict(experiment: Experiment, fold: Fold) -> Iterator[tuple[str, list[Row]]]:
    """Yield each test corpus of a fold with the predictions of the fold's models for it."""
    labels, store = experiment.protocol.utterances(fold, "test"), experiment.store(fold.id)
    rows: dict[str, list[Row]] = {}
    for seed, model in trained_models(experiment, fold.id):
        posteriors = training.predict(model, store, labels, experiment.classes)
        for utterance, label in labels.items():
            test = experiment.protocol.corpus.utt2corpus[utterance]
            rows.setdefault(test, []).append((utterance, fold.id, seed, label, posteriors[utterance]))
    yield from sorted(rows.items())
