"""Intervals and the paired test of mtlaug.scoring.statistics."""

import itertools

import numpy as np
import pytest
from made_predictions import random_predictions
from sklearn.metrics import (
    balanced_accuracy_score,
)

from mtlaug.scoring import scores
from mtlaug.scoring.comparison import compare_predictions
from mtlaug.scoring.statistics import bootstrap_interval, swap_test, uar


def test_one_speaker_has_no_interval():
    results = scores.score(random_predictions(0.5, speakers=1))
    assert results["ci95"] == {"uar": None, "wa": None}
    assert "one speaker" in results["note"]
    assert scores.result_line({**results, "uar": 0.5, "wa": 0.25}, "exp/a") == "%UAR 50.0 [ - ] %WA 25.0 exp/a"


def test_interval_is_the_plain_bootstrap_by_speaker():
    """The vectorised interval against a loop that really draws the predictions of speakers."""
    predictions = random_predictions(0.6, speakers=5, draw=1)
    _, hits, totals = scores.speaker_tables(predictions.by_seed())
    fast = bootstrap_interval(uar, [hits], totals, draws=300, seed=4)
    names = np.unique(predictions.speakers)
    values = []
    for draw in np.random.default_rng(4).integers(5, size=(300, 5)):
        rows = np.concatenate([np.flatnonzero(predictions.speakers == names[speaker]) for speaker in draw])
        values.append(balanced_accuracy_score(predictions.reference[rows], predictions.hypothesis[rows]))
    assert fast == pytest.approx(list(np.percentile(values, [2.5, 97.5])))


def test_a_class_of_one_speaker_is_in_every_draw():
    """Without it a draw's UAR would be that of the other classes: here 1, and above all that the systems can have."""
    totals = np.ones((10, 4))
    totals[1:, 3] = 0
    hits = totals * [1, 1, 1, 0]
    assert bootstrap_interval(uar, [hits], totals) == [0.75, 0.75]


def test_classes_that_next_to_no_draw_has_together_leave_no_interval():
    assert bootstrap_interval(uar, [np.eye(20)], np.eye(20), draws=100) is None


def test_interval_covers_the_true_uar():
    """Of 40 experiments with a known UAR of 0.7, most intervals hold it and none is wide as the scale."""
    accuracy = 0.6  # and a quarter of the guesses is right: 0.6 + 0.4 / 4
    intervals = [
        scores.score(random_predictions(accuracy, speakers=20, draw=draw), draws=400)["ci95"]["uar"]
        for draw in range(40)
    ]
    covered = sum(low <= 0.7 <= high for low, high in intervals)
    assert covered >= 33
    assert all(0.02 < high - low < 0.2 for low, high in intervals)


def test_swap_test_against_real_swaps_of_the_predictions():
    a, b = random_predictions(0.8, speakers=5, draw=1), random_predictions(0.6, speakers=5, draw=2)

    def difference(swapped: tuple[int, ...]) -> float:
        mask = np.isin(a.speakers, [f"s{number:02}" for number in swapped])
        one, other = np.where(mask, b.hypothesis, a.hypothesis), np.where(mask, a.hypothesis, b.hypothesis)
        return balanced_accuracy_score(a.reference, one) - balanced_accuracy_score(a.reference, other)

    subsets = itertools.chain.from_iterable(itertools.combinations(range(5), size) for size in range(6))
    differences = np.abs([difference(subset) for subset in subsets])
    expected = np.mean(differences >= abs(difference(())) - 1e-12)
    comparison = compare_predictions(a, b)
    assert comparison["p"] == pytest.approx(expected)
    assert (comparison["swaps"], comparison["exact"]) == (32, True)
    assert comparison["difference"] == pytest.approx(difference(()))
    low, high = comparison["ci95"]
    assert low < comparison["difference"] < high


def test_many_speakers_use_random_swaps():
    a, b = random_predictions(0.9, speakers=13, draw=1), random_predictions(0.3, speakers=13, draw=2)
    first, second = compare_predictions(a, b), compare_predictions(b, a)
    assert (first["swaps"], first["exact"]) == (10_000, False)
    assert 0 < first["p"] < 0.01
    assert first == compare_predictions(a, b)
    assert second["p"] == first["p"]
    assert second["difference"] == -first["difference"]


def test_p_values_are_uniform_without_a_difference():
    p = [
        swap_test(*np.random.default_rng(draw).binomial(10, 0.7, size=(2, 8, 4)), np.full((8, 4), 10))[0]
        for draw in range(200)
    ]
    assert 0.4 < np.mean(p) < 0.6
    assert 0 < np.mean(np.array(p) <= 0.1) < 0.2


def test_a_class_without_utterances_changes_nothing():
    a, b = np.random.default_rng(0).binomial(10, 0.7, size=(2, 8, 3))
    tables = (a, b, np.full((8, 3), 10))
    wider = [np.pad(table, ((0, 0), (0, 1))) for table in tables]
    assert swap_test(*wider) == swap_test(*tables)
    assert bootstrap_interval(uar, [wider[0]], wider[2]) == bootstrap_interval(uar, [a], tables[2]) is not None


@pytest.mark.parametrize(("speakers", "expected"), [(12, (2 / 4096, 4096, True)), (30, (1 / 10_001, 10_000, False))])
def test_a_system_that_is_better_on_every_speaker_has_the_smallest_p_there_is(speakers, expected):
    """All swaps of twelve speakers are tried; no random one of thirty is as large, yet p is not zero."""
    totals = np.full((speakers, 2), 10)
    assert swap_test(totals, 0 * totals, totals) == expected
