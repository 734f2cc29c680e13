"""Curves in the report."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from made_predictions import random_predictions, write_made_score
from made_reports import LEVELS, SERIES, part, row, write_point

from mtlaug import report
from mtlaug.files import UserError, read_json, write_json
from mtlaug.report import curves, levels
from mtlaug.report.scores import read_scores
from mtlaug.scoring.scores import interval, percent, score


def test_the_mean_of_several_series_is_the_mean_of_their_uar():
    some = [random_predictions(skill, draw=draw, seeds=(1, 2)) for draw, skill in enumerate((0.9, 0.5, 0.2))]
    value, (low, high) = levels.mean_uar(some)
    assert value == pytest.approx(np.mean([score(predictions)["uar"] for predictions in some]))
    assert low < value < high


def test_one_series_alone_has_the_interval_of_its_score():
    predictions = random_predictions(0.7, seeds=(1, 2))
    value, bounds = levels.mean_uar([predictions])
    results = score(predictions)
    assert value == pytest.approx(results["uar"])
    assert bounds == pytest.approx(results["ci95"]["uar"])


def test_a_curve_has_a_row_a_model_and_a_column_a_level(text):
    noise = part(text, "noise: made")
    assert "| model | clean | 20 dB SNR | 5 dB SNR | 0 dB SNR | share of clean kept |" in noise
    assert "UAR by dB SNR, mean over babble, rain; clean is" in noise
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


def test_a_curve_begins_with_the_clean_score_of_its_own_model_seeds_and_setting(tmp_path):
    exp = tmp_path / "exp"
    skills = {"mtlaug": (0.9, (1, 2), {}), "stl": (0.6, (1,), {}), "other": (0.7, (1, 2), {"set": "elsewhere"})}
    for model, (skill, seeds, where) in skills.items():
        write_made_score(exp, model, random_predictions(skill, seeds=seeds), **where)
        write_point(exp, model, "rain", 5.0)
    write_made_score(exp, "svm", (of_one := random_predictions(0.8)))
    curve = {"name": "noise", "series": "rain", "level": 5.0, "unit": "dB SNR"}
    write_made_score(exp, "svm", of_one, "score_noise_rain_5", condition="noise_rain_5", curve=curve)
    (found,) = levels.gather([one for model in (*skills, "svm") for one in read_scores(exp / model)])
    assert found.clean_uar("svm") == score(of_one)["uar"]
    assert found.clean.keys() == {
        "mtlaug",
        "stl",
        "svm",
    }  # that of other is of another set
    assert found.clean_uar("mtlaug") == score(random_predictions(0.9, seeds=(1, 2)))["uar"]
    assert found.clean_uar("stl") is found.clean_uar("other") is None  # of one seed, its points of two


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


def test_the_plot_draws_what_the_tables_say(exp_dir: Path, tmp_path, text, monkeypatch):
    drawn, figure = {}, curves.figures.curves

    def recorded(lines: dict, unit: str, *, reverse: bool):
        if unit == "dB SNR":
            drawn.update(lines, reverse=reverse)
        return figure(lines, unit, reverse=reverse)

    monkeypatch.setattr(curves.figures, "curves", recorded)
    report.write(shutil.copytree(exp_dir, tmp_path / "exp"), tmp_path / "RESULTS.md")
    assert drawn.pop("reverse") is True
    assert list(drawn) == ["mean", *SERIES]
    noise = part(text, "noise: made")
    for model in ("mtlaug", "stl"):
        assert [level for level, *_ in drawn["mean"][model]] == list(LEVELS)
        bounds = [f"{percent(value)} {interval(within)}" for _, value, within in drawn["mean"][model]]
        assert bounds == row(noise, model)[2:5]
        for series in SERIES:
            values = [100 * value for _, value, _ in drawn[series][model]]
            assert values == pytest.approx([float(cell) for cell in row(noise, series, model)[2:]], abs=0.06)


@pytest.mark.parametrize(
    ("restarts", "words"),
    [
        (0, "of the budget."),
        (1, "of the budget from a random start."),
        (3, "of the budget from each of 3 random starts."),
    ],
)
def test_how_attacks_were_searched_for_is_said(tmp_path, restarts: int, words: str):
    write_point(tmp_path / "exp", "stl", "pgd", 0.1, "attack", steps=5, restarts=restarts, step_size=0.5)
    report.write(tmp_path / "exp", tmp_path / "RESULTS.md")
    assert f"Searches: pgd 5 steps of 0.5 {words}\n" in (tmp_path / "RESULTS.md").read_text()


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


def test_of_noise_that_says_nothing_of_training_nothing_is_said(text):
    assert "Kinds of noise that no model" not in text


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
