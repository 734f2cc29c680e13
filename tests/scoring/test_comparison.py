"""Two systems compared: which may be, and what is said of them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from made_predictions import by_hand, random_predictions, write_made_score

from mtlaug.files import UserError
from mtlaug.scoring import scores
from mtlaug.scoring.comparison import compare, compare_predictions, comparison_line


def test_identical_systems_have_p_one():
    predictions = random_predictions(0.6)
    comparison = compare_predictions(predictions, predictions)
    assert (comparison["difference"], comparison["p"], comparison["ci95"]) == (0.0, 1.0, [0.0, 0.0])


def test_compare_averages_each_system_over_its_own_seeds(tmp_path: Path):
    a = write_made_score(tmp_path, "a", random_predictions(0.8, seeds=(0, 1, 2)))
    b = write_made_score(tmp_path, "b", random_predictions(0.5, seeds=(5,), draw=9))
    comparison = compare(a, b)
    assert comparison["uar_a"] == pytest.approx(scores.read_results(a)["uar"])
    assert comparison["uar_b"] == pytest.approx(scores.read_results(b)["uar"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "f" * 64}, "different protocols .*0123456789ab and ffffffffffff"),
        ({"normalisation": "speaker"}, "different normalisations, global and speaker"),
        ({"condition": "noise_rain_snr5"}, "different conditions, within and noise_rain_s"),
        ({"noise": {"seed": 1}}, "they differ in the noise of the disturbance"),
        ({"steps": 5, "seed": 1}, "they differ in the steps, seed of the disturbance"),
        ({"restarts": 1, "step_size": 0.5}, "they differ in the restarts, step_size of the disturbance"),
    ],
)
def test_compare_refuses_other_protocols_normalisations_and_disturbances(tmp_path: Path, changes: dict, message: str):
    a = write_made_score(tmp_path, "a", random_predictions(0.8))
    b = write_made_score(tmp_path, "b", random_predictions(0.5), **changes)
    with pytest.raises(UserError, match=message):
        compare(a, b)


def test_compare_refuses_other_utterances_and_classes(tmp_path: Path):
    a = write_made_score(tmp_path, "a", random_predictions(0.8))
    fewer = write_made_score(tmp_path, "b", random_predictions(0.8, speakers=5))
    with pytest.raises(UserError, match="differ in utts"):
        compare(a, fewer)
    other = write_made_score(tmp_path, "c", by_hand())
    with pytest.raises(UserError, match="different classes"):
        compare(a, other)


@pytest.mark.parametrize("field", ["utts", "reference", "speakers"])
def test_compare_refuses_utterances_that_differ_in_one_field(field: str):
    a = random_predictions(0.8)
    b = dataclasses.replace(a, **{field: np.roll(getattr(a, field), 1)})
    if field == "utts":
        b.utts[0] = "s99-000"
    with pytest.raises(UserError, match=f"differ in {field}; score both with the same protocol"):
        compare_predictions(a, b)


def test_comparison_line():
    comparison = {"a": "exp/a", "b": "exp/b", "uar_a": 0.865, "uar_b": 0.801, "difference": 0.064}
    comparison |= {"ci95": [0.02, 0.101], "p": 0.0117, "swaps": 1024, "exact": True, "speakers": 10}
    expected = "UAR exp/a 86.5 - exp/b 80.1 = +6.4 [ 2.0, 10.1 ] p = 0.012 (10 speakers, 1024 exact swaps)"
    assert comparison_line(comparison) == expected
