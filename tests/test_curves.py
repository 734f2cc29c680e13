"""Curves in the report."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from made_predictions import random_predictions, write_made_score
from made_reports import LEVELS, SERIES, part, row
from sklearn.metrics import balanced_accuracy_score

from mtlaug import report
from mtlaug.comparison import pairs
from mtlaug.files import UserError, read_json, write_json
from mtlaug.report import curves
from mtlaug.scoring import score
from mtlaug.statistics import swap_test


def test_the_mean_of_several_series_is_the_mean_of_their_uar():
    some = [random_predictions(skill, draw=draw, seeds=(1, 2)) for draw, skill in enumerate((0.9, 0.5, 0.2))]
    value, (low, high) = curves.mean_uar(some)
    assert value == pytest.approx(np.mean([score(predictions)["uar"] for predictions in some]))
    assert low < value < high


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
    (hits_a, totals), (hits_b, _) = map(curves.joined, models)
    p, number, exact = swap_test(hits_a, hits_b, totals)
    assert 0.05 < expected < 1  # neither bound of what p can be
    assert (p, number, exact) == (pytest.approx(expected), 64, True)


def test_one_series_alone_has_the_interval_of_its_score():
    predictions = random_predictions(0.7, seeds=(1, 2))
    value, bounds = curves.mean_uar([predictions])
    results = score(predictions)
    assert value == pytest.approx(results["uar"])
    assert bounds == pytest.approx(results["ci95"]["uar"])


def test_a_curve_has_a_row_a_model_and_a_column_a_level(text):
    noise = part(text, "noise: made")
    assert "| model | clean | 20 dB SNR | 5 dB SNR | 0 dB SNR | share of clean kept |" in noise
    cells = row(noise, "mtlaug")
    clean = row(part(text, "within"), "mtlaug")[1]
    assert cells[1] == clean
    means = [float(cell.split()[0]) for cell in cells[2:5]]
    assert means == sorted(means, reverse=True)
    kept = [float(share) for share in cells[5].split(" / ")]
    assert kept == pytest.approx([100 * mean / float(clean) for mean in means], abs=0.2)


def test_each_series_is_there_by_itself(text):
    noise = part(text, "noise: made")
    for level in (2, 3, 4):
        parts = [float(row(noise, series, "mtlaug")[level]) for series in SERIES]
        assert np.mean(parts) == pytest.approx(float(row(noise, "mtlaug")[level].split()[0]), abs=0.11)


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


def test_points_of_curves_have_no_table_of_their_own(text):
    assert "noise_rain_snr5" not in text
    assert text.count("| model | UAR |") == 1


def test_plots_are_the_same_bytes_again(exp_dir: Path, text):
    plots = {path: path.read_bytes() for path in (exp_dir / "report").glob("*.svg")}
    assert {path.name for path in plots} >= {"uar.svg", "curve_1_noise.svg", "matrix_1_global.svg"}
    report.write(exp_dir, exp_dir.parent / "RESULTS.md")
    assert {path: path.read_bytes() for path in plots} == plots
    assert (exp_dir.parent / "RESULTS.md").read_text() == text


def test_every_score_is_in_the_table_for_programs(exp_dir: Path, text):
    lines = (exp_dir / "report" / "results.tsv").read_text().splitlines()
    assert len(lines) == 1 + 2 * (1 + len(SERIES) * len(LEVELS) + 2)
    records = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]
    by_directory = {Path(record["directory"]).relative_to(exp_dir).as_posix(): record for record in records}
    point = by_directory["stl/score_noise_rain_snr5"]
    columns = ("curve", "series", "level", "unit", "train")
    assert [point[key] for key in columns] == ["noise", "rain", "5.0", "dB SNR", ""]
    cell = by_directory["stl/score_cross_a+b_to_c"]
    assert [cell[key] for key in ("train", "test", "curve")] == ["a+b", "c", ""]


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


def write_point(exp: Path, model: str, series: str, level: float, name: str = "noise", **changes) -> Path:
    """Another point of a curve."""
    curve = {"name": name, "series": series, "level": level, "unit": "dB SNR" if name == "noise" else "ε"}
    condition = f"{name}_{series}_{level:g}".replace(" ", "_")
    points = random_predictions(0.5, draw=len(series), seeds=(1, 2))
    return write_made_score(exp, model, points, f"score_{condition}", condition=condition, curve=curve, **changes)


def test_levels_that_not_every_series_has_are_in_no_mean(exp_dir: Path, tmp_path, text):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    for model in ("mtlaug", "stl"):
        write_point(exp, model, SERIES[0], -10)
    report.write(exp, tmp_path / "RESULTS.md")
    noise, before = part((tmp_path / "RESULTS.md").read_text(), "noise: made"), part(text, "noise: made")
    assert row(noise, "stl") == [*row(before, "stl")[:-1], "-", row(before, "stl")[-1] + " / -"]
    assert row(noise, "mtlaug - stl") == row(before, "mtlaug - stl")
    said = "Levels that not every series has are in none of them."
    assert said in noise and said not in before
    assert row(noise, SERIES[0], "stl")[-1] != "-" and row(noise, SERIES[1], "stl")[-1] == "-"


def test_series_that_not_every_model_has_are_in_no_mean(exp_dir: Path, tmp_path, text):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    for level in LEVELS:
        write_point(exp, "stl", "thunder", level)
    report.write(exp, tmp_path / "RESULTS.md")
    noise = part((tmp_path / "RESULTS.md").read_text(), "noise: made")
    assert "Left out of the mean, as not every model was tested with it: thunder." in noise
    assert row(noise, "stl") == row(part(text, "noise: made"), "stl")
    assert row(noise, "thunder", "stl")


def test_attacks_made_on_another_model_are_curves_of_their_own(tmp_path):
    exp = tmp_path / "exp"
    for level in (0.1, 0.05):
        write_point(exp, "mtlaug", "pgd", level, "attack on features")
        write_point(exp, "mtlaug", "pgd from stl", level, "attack on features", command="./run.sh --attack-from stl")
    report.write(exp, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text()
    transferred = part(text, "attack on features made on another model: made")
    assert "| model | clean | 0.05 ε | 0.1 ε | share of clean kept |" in transferred  # no clean score, weakest first
    assert row(transferred, "mtlaug")[1] == "-"
    assert "`./run.sh --attack-from stl`" in transferred
    assert "from stl" not in part(text, "attack on features: made")


def test_every_command_behind_a_curve_is_stated_once(tmp_path):
    for series, command in (("a", "first"), ("b", "second"), ("c", "second")):
        write_point(tmp_path / "exp", "stl", series, 5.0, command=command)
    report.write(tmp_path / "exp", tmp_path / "RESULTS.md")
    made_by = part((tmp_path / "RESULTS.md").read_text(), "noise").partition("Made by:")[2].split("\n- ")[1:]
    assert [line.strip() for line in made_by] == ["stl: `first`", "stl: `second`"]


def test_a_point_that_is_there_twice_is_refused(exp_dir: Path, tmp_path):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    shutil.copytree(exp / "stl" / "score_noise_rain_snr5", exp / "stl" / "score_noise_rain_old")
    with pytest.raises(UserError, match=r"score_noise_rain_snr5 are the same point of the curve noise"):
        report.write(exp, tmp_path / "RESULTS.md")


def test_a_clean_score_that_is_there_twice_is_refused(exp_dir: Path, tmp_path):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    shutil.copytree(exp / "stl" / "score_within", exp / "stl" / "score_within_old")
    with pytest.raises(UserError, match=r"score_within and .*score_within_old are both the undisturbed score"):
        report.write(exp, tmp_path / "RESULTS.md")


@pytest.mark.parametrize(
    "place",
    [
        {"curve": {"name": "noise", "series": "rain", "level": 5.0}},
        {"curve": {"name": "noise", "series": "rain", "level": "5 dB", "unit": "dB SNR"}},
        {"curve": "rain"},
        {"pair": {"train": "a"}},
    ],
)
def test_a_place_that_is_not_whole_is_refused(tmp_path, place):
    write_made_score(tmp_path / "exp", "stl", random_predictions(0.5), "score_x", condition="x", **place)
    with pytest.raises(UserError, match=rf"score_x/results.json: {next(iter(place))} is .*expected"):
        report.write(tmp_path / "exp", tmp_path / "RESULTS.md")


def test_points_of_other_utterances_are_a_section_of_their_own(exp_dir: Path, tmp_path):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    curve = {"name": "noise", "series": "rain", "level": 5.0, "unit": "dB SNR"}
    write_made_score(exp, "partly", random_predictions(0.5, speakers=4), "score_x", condition="x", curve=curve)
    report.write(exp, tmp_path / "RESULTS.md")
    sections = [s for s in (tmp_path / "RESULTS.md").read_text().split("\n## ") if s.startswith("noise: made")]
    assert sorted(("| partly |" in section, "| stl |" in section) for section in sections) == [(0, 1), (1, 0)]


def test_kinds_of_noise_that_no_model_was_trained_with_are_named(exp_dir: Path, tmp_path):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    for path in exp.glob("*/score_noise_*/results.json"):
        results = read_json(path)
        held_out = results["curve"]["series"] != "rain"
        write_json(path, results | {"noise": {"held_out": held_out, "seed": 0, "recordings": "0"}})
    others = {read_json(path)["curve"]["series"] for path in exp.glob("*/score_noise_*/results.json")} - {"rain"}
    report.write(exp, tmp_path / "RESULTS.md")
    text = f"Kinds of noise that no model was trained with: {', '.join(sorted(others))}."
    assert others and text in (tmp_path / "RESULTS.md").read_text()


def test_a_clean_score_of_other_seeds_is_not_what_the_points_are_shares_of(exp_dir: Path, tmp_path):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    write_made_score(exp, "stl", random_predictions(0.6, draw=1, seeds=(1, 2, 3)))
    report.write(exp, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text()
    assert "seeds 1 2 (mtlaug), 1 2 3 (stl), normalisation" in part(text, "within")
    noise = part(text, "noise: made")
    assert "seeds 1 2, normalisation" in noise
    summary = noise.partition("Paired differences")[0]
    assert row(summary, "stl")[1] == "-"
    assert row(summary, "stl")[-1] == "- / - / -"
    assert row(summary, "mtlaug")[1] != "-"


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
