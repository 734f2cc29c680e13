"""Test an experiment across corpora: a score for each training set and test corpus."""

from mtlaug.evaluation.testing import Predictor, Row, System, as_predictions, write_score
from mtlaug.files import UserError
from mtlaug.protocol import cross
from mtlaug.protocol.folds import Fold


def score(system: System, predict: Predictor, command: str) -> list[str]:
    """Write ``exp/<model>/score_cross_<train>_to_<test>`` for each pair; returns their result lines.

    A pair with shots is ``cross_<train>_to_<test>_<k>shot``, one whose target is in k folds, which are pooled,
    ``..._<k>fold``. Each cell is scored alone: a test speaker may occur in several.

    Raises:
        UserError: the protocol is not of the scheme ``cross``, or a fold is not trained.
    """
    protocol = system.protocol
    if protocol.scheme != "cross":
        raise UserError(f"{system.directory}: its protocol is of scheme {protocol.scheme}, not cross")
    cells: dict[tuple[str, str, str], list[Row]] = {}
    for fold in protocol.folds:
        for test, rows in _by_corpus(system, fold, predict):
            cells.setdefault((*cross.cell(fold, test), test), []).extend(rows)
    lines = []
    for (train, variant, test), rows in cells.items():
        # Other speakers are tested where some give shots, and more is heard where the target is in folds.
        condition, column = f"cross_{train}_to_{test}", test
        if variant:
            condition, column = f"{condition}_{variant.replace('-', '')}", f"{test} ({variant})"
        more = {"set": test, "pair": {"train": train, "test": column}}
        lines.append(write_score(system, condition, as_predictions(system, rows), command, **more))
    return lines


def _by_corpus(system: System, fold: Fold, predict: Predictor) -> list[tuple[str, list[Row]]]:
    """The predictions of a fold by test corpus, C-sorted."""
    rows: dict[str, list[Row]] = {}
    for row in predict(fold):
        rows.setdefault(system.protocol.corpus.utt2corpus[row[0]], []).append(row)
    return sorted(rows.items())
