"""Test an experiment across corpora: a score for each training set and test corpus."""

from collections import Counter

from mtlaug import cross
from mtlaug.evaluation import Predictor, Row, System, as_predictions, write_score
from mtlaug.files import UserError
from mtlaug.folds import Fold


def score(system: System, predict: Predictor, command: str) -> list[str]:
    """Write ``exp/<model>/score_cross_<train>_to_<test>`` for each pair; returns their result lines.

    A pair with shots is ``cross_<train>_to_<test>_<k>shot``. Each cell is scored alone: a test
    speaker may occur in several.

    Raises:
        UserError: the protocol is not of the scheme ``cross``, or a fold is not trained.
    """
    protocol = system.protocol
    if protocol.scheme != "cross":
        raise UserError(f"{system.directory}: its protocol is of scheme {protocol.scheme}, not cross")
    lines = []
    for fold in protocol.folds:
        for test, rows in _by_corpus(system, fold, predict):
            train = cross.train_name(fold, test)
            shots = max(Counter(protocol.corpus.labels[utterance] for utterance in fold.shots).values(), default=0)
            condition, column = f"cross_{train}_to_{test}", test
            if shots:  # the donors of the shots are not tested: another test set than that without shots
                condition, column = f"{condition}_{shots}shot", f"{test} ({shots}-shot)"
            more = {"set": test, "pair": {"train": train, "test": column}}
            lines.append(write_score(system, condition, as_predictions(system, rows), command, **more))
    return lines


def _by_corpus(system: System, fold: Fold, predict: Predictor) -> list[tuple[str, list[Row]]]:
    """The predictions of a fold by test corpus, C-sorted."""
    rows: dict[str, list[Row]] = {}
    for row in predict(fold):
        rows.setdefault(system.protocol.corpus.utt2corpus[row[0]], []).append(row)
    return sorted(rows.items())
