"""What the report says of two curves side by side: differences, intervals, and which may not be compared."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from made_predictions import random_predictions, write_made_score
from made_reports import SERIES, part, row, write_point
from sklearn.metrics import balanced_accuracy_score

from mtlaug import report
from mtlaug.files import UserError
from mtlaug.report import levels
from mtlaug.scoring.comparison import compare_predictions, p_value, pairs
from mtlaug.scoring.scores import interval, points
from mtlaug.scoring.statistics import swap_test


def written(exp: Path) -> str:
    """The report on ``exp``."""
    report.write(exp, exp.parent / "RESULTS.md")
    return (exp.parent / "RESULTS.md").read_text()


def test_one_level_of_one_series_is_compared_as_two_scores_are(tmp_path):
    write_point(tmp_path / "exp", "mtlaug", "rain", 5.0, skill=0.7)
    write_point(tmp_path / "exp", "stl", "rain", 5.0, skill=0.4)
    noise = part(written(tmp_path / "exp"), "noise: made")
    assert "UAR by dB SNR, rain; clean is" in noise
    systems = [random_predictions(skill, draw=len("rain"), seeds=(1, 2)) for skill in (0.7, 0.4)]
    expected = compare_predictions(*systems, ("mtlaug", "stl"))
    difference = f"{points(expected['difference'])} {interval(expected['ci95'])}"
    assert expected["difference"] > 0
    assert row(noise, "mtlaug - stl")[1:] == [difference, p_value(expected["p"]), "64 exact", difference]


def test_without_a_level_of_every_series_nothing_is_compared(tmp_path):
    for model in ("mtlaug", "stl"):
        write_point(tmp_path / "exp", model, "rain", 5.0)
        write_point(tmp_path / "exp", model, "babble", 0.0)
    noise = part(written(tmp_path / "exp"), "noise: made")
    assert "Not compared, as no level is one of every series." in noise
    assert "mtlaug - stl" not in noise


@pytest.mark.parametrize("changes", [{"normalisation": "speaker"}, {"set": "other"}, {"protocol_name": "another"}])
def test_curves_of_other_settings_are_not_compared(tmp_path, changes):
    write_point(tmp_path / "exp", "mtlaug", "rain", 5.0)
    write_point(tmp_path / "exp", "stl", "rain", 5.0, **changes)
    text = written(tmp_path / "exp")
    assert text.count("\n## noise: ") == 2
    assert "mtlaug - stl" not in text


def test_the_swap_test_of_a_mean_is_that_of_real_swaps():
    """Answers of whole speakers are exchanged in every series at once, and every UAR is computed again."""
    models = [
        [random_predictions(skill, draw=draw + place) for place in (0, 1)] for draw, skill in ((1, 0.7), (5, 0.6))
    ]
    names = np.unique(models[0][0].speakers)

    def difference(swapped: np.ndarray) -> float:
        uars = []
        for one, other in zip(*models, strict=True):
            mask = np.isin(one.speakers, swapped)
            answers = (np.where(mask, y.hypothesis, x.hypothesis) for x, y in ((one, other), (other, one)))
            first, second = (balanced_accuracy_score(one.reference, hypothesis) for hypothesis in answers)
            uars.append(first - second)
        return float(np.mean(uars))

    swaps = [names[(number >> np.arange(6) & 1) > 0] for number in range(64)]
    expected = np.mean(np.abs([difference(swap) for swap in swaps]) >= abs(difference(names[:0])) - 1e-12)
    (hits_a, totals), (hits_b, _) = map(levels.joined, models)
    p, number, exact = swap_test(hits_a, hits_b, totals)
    assert 0.05 < expected < 1  # neither bound of what p can be
    assert (p, number, exact) == (pytest.approx(expected), 64, True)


def test_models_are_compared_over_the_whole_curve(text):
    noise = part(text, "noise: made")
    cells = row(noise, "mtlaug - stl")
    difference = float(cells[1].split()[0])
    means = [np.mean([float(cell.split()[0]) for cell in row(noise, model)[2:5]]) for model in ("mtlaug", "stl")]
    assert difference == pytest.approx(means[0] - means[1], abs=0.2)
    assert difference > 0
    at_each = [float(cell.split()[0]) for cell in cells[4:]]
    assert np.mean(at_each) == pytest.approx(difference, abs=0.1)
    summary = [[float(cell.split()[0]) for cell in row(noise, model)[2:5]] for model in ("mtlaug", "stl")]
    assert at_each == pytest.approx(np.subtract(*summary), abs=0.11)


def test_a_missing_point_leaves_a_gap_and_no_comparison(exp_dir: Path, tmp_path):
    part_of = shutil.copytree(exp_dir, tmp_path / "exp")
    for series in SERIES:
        shutil.rmtree(part_of / "stl" / f"score_noise_{series}_snr5")
    outdated = part_of / "report" / "curve_9_noise.svg"
    outdated.touch()
    with open(part_of / "report" / "files.txt", "a") as files:
        files.write(f"{outdated.name}\n")
    report.write(part_of, tmp_path / "RESULTS.md")
    assert not outdated.exists()
    noise = part((tmp_path / "RESULTS.md").read_text(), "noise: made")
    assert row(noise, "stl")[3] == "-"
    assert "| mtlaug - stl |" not in noise
    assert "Not compared, as a point of one of the two is missing: mtlaug - stl." in noise


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (["b", "a"], "b-a"),
        (["x", "stl", "y", "mtlaug", "z"], "x-mtlaug x-stl y-mtlaug y-stl z-mtlaug z-stl mtlaug-stl"),
        (["a_7", "b_7", "stl_7", "c_7", "d_7"], "a_7-stl_7 b_7-stl_7 c_7-stl_7 d_7-stl_7"),
        (["svm", "mtlaug_7", "stl_7", "c_7", "mtlaug_7_ensemble"], "svm-mtlaug_7 svm-stl_7 c_7-mtlaug_7 c_7-stl_7 "
         "mtlaug_7_ensemble-mtlaug_7 mtlaug_7_ensemble-stl_7 mtlaug_7-stl_7"),
        (["a", "b", "c", "d", "e"], ""),
        (["stl", "stl_aug", "mtl_meta", "mtlaug", "a"], "a-mtlaug a-mtl_meta a-stl_aug a-stl mtlaug-mtl_meta "
         "mtlaug-stl_aug mtlaug-stl mtl_meta-stl_aug mtl_meta-stl stl_aug-stl"),
    ],
)  # fmt: skip
def test_pairs_to_compare(models, expected):
    assert sorted(f"{a}-{b}" for a, b in pairs(models)) == sorted(expected.split())


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"steps": 1, "restarts": 1}, "steps, restarts"), ({"noise": {"seed": 1, "held_out": True}}, "noise")],
)
def test_models_that_were_disturbed_otherwise_are_not_compared(tmp_path: Path, changes: dict, words: str):
    usual = {"steps": 10, "restarts": 2, "noise": {"seed": 0, "held_out": True}}
    curve = {"name": "attack on features", "series": "pgd", "level": 0.1, "unit": "ε"}
    for model, setting in (("mtlaug", usual), ("stl", usual | changes)):
        points = random_predictions(0.5, draw=1)
        write_made_score(tmp_path, model, points, "score_pgd", condition="attack_pgd_0.1", curve=curve, **setting)
    with pytest.raises(UserError, match=f"mtlaug/score_pgd and .*stl/score_pgd .* differ in the {words} of the"):
        report.write(tmp_path, tmp_path / "RESULTS.md")


def test_levels_of_a_curve_are_of_one_search(tmp_path: Path):
    for level, steps in ((0.1, 10), (0.2, 50)):
        curve = {"name": "attack on features", "series": "pgd", "level": level, "unit": "ε"}
        search = {"steps": steps, "restarts": 2, "step_size": 0.25}
        name = f"score_pgd_{level}"
        points = random_predictions(0.5, draw=1)
        write_made_score(tmp_path, "stl", points, name, condition=f"attack_pgd_{level}", curve=curve, **search)
    with pytest.raises(UserError, match=r"stl/score_pgd_0.1 and .*stl/score_pgd_0.2 .* differ in the steps of the"):
        report.write(tmp_path, tmp_path / "RESULTS.md")
    shutil.rmtree(tmp_path / "stl" / "score_pgd_0.2")
    report.write(tmp_path, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text()
    assert "Searches: pgd 10 steps of 0.25 of the budget from each of 2 random starts." in text


def test_models_that_were_trained_on_other_noise_are_compared(tmp_path: Path):
    """What they are tested with is the same, whether or not its kind was held out of their training."""
    curve = {"name": "noise", "series": "rain", "level": 5.0, "unit": "dB SNR"}
    for model, held_out in (("mtlaug", True), ("stl", False)):
        points, noise = random_predictions(0.5, draw=1), {"seed": 0, "recordings": "a", "held_out": held_out}
        write_made_score(tmp_path, model, points, "score_rain", condition="noise_rain", curve=curve, noise=noise)
    report.write(tmp_path, tmp_path / "RESULTS.md")
    assert "| mtlaug - stl |" in (tmp_path / "RESULTS.md").read_text()
