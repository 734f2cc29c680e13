"""predictions.tsv: what is written is read again, and what cannot be used is named."""

from pathlib import Path

import numpy as np
import pytest
from made_predictions import CLASSES, TWO, by_hand, from_rows, random_predictions, with_seed

from mtlaug.files import UserError
from mtlaug.scoring import scores
from mtlaug.scoring.predictions import read_predictions, write_predictions


def test_seeds_with_different_utterances_are_refused():
    first = by_hand()
    with pytest.raises(UserError, match=r"seeds 0 and 1 are of different utterances, such as u6"):
        scores.score(from_rows([*with_seed(first, 0), *with_seed(first, 1)[:-1]], TWO))
    for column, other in ((1, "B"), (3, "s2"), (4, "yes")):
        changed = with_seed(first, 1)
        changed[0] = (*changed[0][:column], other, *changed[0][column + 1 :])
        with pytest.raises(UserError, match="utterance u1 differs in fold, speaker or reference"):
            scores.score(from_rows([*with_seed(first, 0), *changed], TWO))


def test_predictions_survive_the_file_and_are_sorted(tmp_path: Path):
    path = tmp_path / "a directory" / "predictions.tsv"
    path.parent.mkdir()
    predictions = random_predictions(0.5, speakers=3, seeds=(0, 10, 2))
    shuffled = predictions.take(np.random.default_rng(0).permutation(len(predictions.utts)))
    write_predictions(path, shuffled)
    again = read_predictions(path)
    keys = list(zip(again.seeds.tolist(), again.folds.tolist(), again.utts.tolist(), strict=True))
    assert keys == sorted(keys)
    assert again.classes == CLASSES
    assert scores.score(again) == scores.score(predictions)
    assert np.array_equal(again.posteriors.argmax(1), again.hypothesis)
    header, first = path.read_text().splitlines()[:2]
    assert header.split("\t") == ["utt", "fold", "seed", "speaker", "reference", "hypothesis", *CLASSES]
    assert sorted(first.split("\t")[6:]) == ["0.100000"] * 3 + ["0.700000"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("utt\tfold", "name\tfold", r":1: expected the columns utt fold"),
        ("no\tyes\t0.3", "no\tmaybe\t0.3", r":3: utterance u2: class 'maybe'"),
        ("u3\tA\t0", "u2\tA\t0", r":4: utterance u2 of seed 0 is already on line 3"),
        ("u3\tA\t0", "u3\tA\tzero", r":4: .*zero"),
        ("u3\tA\t0\t", "u3\tA\t0", r":4: 7 columns, expected 8"),
        ("0.700000", "nan", r":2: utterance u1: the posteriors"),
        ("0.700000", "0.500000", r":2: utterance u1: the posteriors"),
    ],
)
def test_bad_predictions_are_named_by_line(tmp_path: Path, old: str, new: str, message: str):
    path = tmp_path / "predictions.tsv"
    write_predictions(path, by_hand())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match="predictions.tsv" + message):
        read_predictions(path)


def test_empty_and_missing_predictions(tmp_path: Path):
    with pytest.raises(UserError, match="no such file"):
        read_predictions(tmp_path / "predictions.tsv")
    (tmp_path / "predictions.tsv").write_text("utt\tfold\tseed\tspeaker\treference\thypothesis\tno\tyes\n")
    with pytest.raises(UserError, match="no predictions"):
        read_predictions(tmp_path / "predictions.tsv")
