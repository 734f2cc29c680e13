"""Curves, matrices and the figures of others in the report."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from made_predictions import random_predictions, write_made_score

from mtlaug import curves, report
from mtlaug.files import UserError
from mtlaug.scoring import score

LEVELS = (20.0, 5.0, 0.0)  # dB SNR
SERIES = ("babble", "rain")


@pytest.fixture(scope="module")
def exp_dir(tmp_path_factory) -> Path:
    """Two models with clean scores, noise curves, and a matrix of two pairs."""
    exp = tmp_path_factory.mktemp("my recipe") / "exp"
    for model, skill in (("mtlaug", 0.9), ("stl", 0.6)):
        write_made_score(exp, model, random_predictions(skill, draw=1, seeds=(1, 2)))
        for place, series in enumerate(SERIES):
            for level in LEVELS:
                points = random_predictions(skill * (0.5 + level / 50), draw=7 + place, seeds=(1, 2))
                curve = {"name": "noise", "series": series, "level": level, "unit": "dB SNR"}
                name = f"noise_{series}_snr{level:g}"
                write_made_score(exp, model, points, f"score_{name}", condition=name, curve=curve)
        for train, test in (("a", "b"), ("a+b", "c")):
            name, pair = f"cross_{train}_to_{test}", {"train": train, "test": test}
            cell = random_predictions(skill, draw=3)
            where = {"protocol_name": "cross", "protocol": "c" * 64, "set": test}
            write_made_score(exp, model, cell, f"score_{name}", condition=name, pair=pair, **where)
    return exp


@pytest.fixture(scope="module")
def text(exp_dir: Path) -> str:
    report.write(exp_dir, exp_dir.parent / "RESULTS.md")
    return (exp_dir.parent / "RESULTS.md").read_text()


def row(text: str, *begins: str) -> list[str]:
    """The cells of the only row of the text that begins so."""
    (line,) = [line for line in text.splitlines() if line.startswith("| " + " | ".join(begins) + " |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def part(text: str, heading: str) -> str:
    """The section whose heading begins so."""
    (found,) = [part for part in text.split("\n## ") if part.startswith(heading)]
    return found


def test_the_mean_of_several_series_is_the_mean_of_their_uar():
    some = [random_predictions(skill, draw=draw, seeds=(1, 2)) for draw, skill in enumerate((0.9, 0.5, 0.2))]
    value, (low, high) = curves.mean_uar(some)
    assert value == pytest.approx(np.mean([score(predictions)["uar"] for predictions in some]))
    assert low < value < high


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
    difference = float(row(noise, "mtlaug - stl")[1])
    means = [np.mean([float(cell.split()[0]) for cell in row(noise, model)[2:5]]) for model in ("mtlaug", "stl")]
    assert difference == pytest.approx(means[0] - means[1], abs=0.2)
    assert difference > 0


def test_points_of_curves_have_no_table_of_their_own(text):
    assert "noise_rain_snr5" not in text
    assert text.count("| model | UAR |") == 1


def test_a_matrix_has_a_column_a_pair(text):
    matrix = part(text, "across corpora")
    assert "| model | a → b | a+b → c |" in matrix
    assert float(row(matrix, "mtlaug")[1].split()[0]) > float(row(matrix, "stl")[1].split()[0])
    assert float(row(matrix, "a → b", "mtlaug - stl")[2]) > 0
    assert "chance 25.0" in matrix


def test_plots_are_the_same_bytes_again(exp_dir: Path, text):
    plots = {path: path.read_bytes() for path in (exp_dir / "report").glob("*.svg")}
    assert {path.name for path in plots} == {"uar.svg", "curve_1_noise.svg", "matrix_1_global.svg"}
    report.write(exp_dir, exp_dir.parent / "RESULTS.md")
    assert {path: path.read_bytes() for path in plots} == plots
    assert (exp_dir.parent / "RESULTS.md").read_text() == text


def test_every_score_is_in_the_table_for_programs(exp_dir: Path, text):
    lines = (exp_dir / "report" / "results.tsv").read_text().splitlines()
    assert len(lines) == 1 + 2 * (1 + len(SERIES) * len(LEVELS) + 2)


def test_a_missing_point_leaves_a_gap_and_no_comparison(exp_dir: Path, tmp_path):
    part_of = shutil.copytree(exp_dir, tmp_path / "exp")
    for series in SERIES:
        shutil.rmtree(part_of / "stl" / f"score_noise_{series}_snr5")
    report.write(part_of, tmp_path / "RESULTS.md")
    noise = part((tmp_path / "RESULTS.md").read_text(), "noise: made")
    assert row(noise, "stl")[3] == "-"
    assert "mtlaug - stl" not in noise


ANCHOR = """
- {system: "eGeMAPS, linear SVM", uar: 76.1, source: "a paper", protocol_name: made, condition: within,
   normalisation: global}
- {system: other, uar: 50, source: "a paper", protocol_name: made, condition: within, normalisation: speaker}
"""


def test_figures_of_others_stand_beside_ours(exp_dir: Path):
    conf = exp_dir.parent / "conf"
    conf.mkdir()
    (conf / "anchors.yaml").write_text(ANCHOR)
    report.write(exp_dir, exp_dir.parent / "with.md")
    within = part((exp_dir.parent / "with.md").read_text(), "within")
    assert row(within, "eGeMAPS, linear SVM")[1:] == ["within", "76.1", "a paper"]
    assert "| other |" not in within  # of another normalisation
    assert "not made or compared here" in within


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- {system: x, uar: 5}", "lacks a key"),
        ("- {sytem: x}", "unknown key 'sytem'; did you mean 'system'"),
        ("system: x", "expected a list"),
        ("- {system: x, uar: high, source: y, protocol_name: m, condition: c, normalisation: n}", "expected float"),
    ],
)
def test_broken_figures_of_others_are_refused(exp_dir: Path, tmp_path, content, message):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "anchors.yaml").write_text(content)
    with pytest.raises(UserError, match=message):
        report.write(exp_dir, tmp_path / "RESULTS.md")
