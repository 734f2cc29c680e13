"""Scores by hand, and the files of mtlaug.scoring.scores."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_predictions import (
    CLASSES,
    TWO,
    by_hand,
    description,
    from_rows,
    random_predictions,
    with_seed,
    write_made_score,
)
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from mtlaug.cli import Parser, main
from mtlaug.cli.score import add_commands
from mtlaug.files import UserError
from mtlaug.scoring import scores


def test_scores_by_hand():
    results = scores.score(by_hand())
    assert results["uar"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert results["wa"] == pytest.approx(4 / 6)
    assert results["confusion"] == [[3, 1], [1, 1]]
    assert results["per_class"]["no"] == pytest.approx({"recall": 0.75, "precision": 0.75, "f1": 0.75, "n": 4})
    assert results["per_class"]["yes"] == pytest.approx({"recall": 0.5, "precision": 0.5, "f1": 0.5, "n": 2})
    assert results["uar_folds"]["per_fold"] == pytest.approx({"A": 0.5, "B": 1.0})  # B over its one class
    assert results["uar_folds"]["mean"] == pytest.approx(0.75)
    assert results["uar_folds"]["sd"] == pytest.approx(np.sqrt(0.125))
    assert (results["n"], results["folds"], results["speakers"], results["seeds"]) == (6, ["A", "B"], ["s1", "s2"], [0])
    assert results["chance"] == 0.5
    assert results["uar_seeds_sd"] is None


def test_figures_are_means_over_seeds():
    first = by_hand()
    perfect = [(*row[:5], row[4]) for row in with_seed(first, 7)]
    results = scores.score(from_rows([*with_seed(first, 3), *perfect], TWO))
    assert results["uar_seeds"] == pytest.approx({"3": 0.625, "7": 1.0})
    assert results["uar"] == pytest.approx(0.8125)
    assert results["wa"] == pytest.approx((4 / 6 + 1) / 2)
    assert results["uar_seeds_sd"] == pytest.approx(np.std([0.625, 1.0], ddof=1))
    assert results["uar_folds"]["per_fold"] == pytest.approx({"A": 0.75, "B": 1.0})
    assert results["confusion"] == [[7, 1], [1, 3]]
    assert results["per_class"]["no"]["n"] == 4
    assert results["n"] == 6


def test_perfect_and_constant_hypotheses():
    perfect = scores.score(random_predictions(1.0))
    assert (perfect["uar"], perfect["wa"], perfect["ci95"]["uar"]) == (1.0, 1.0, [1.0, 1.0])
    rows = [(*row[:5], "sad") for row in with_seed(random_predictions(1.0), 0)]
    constant = scores.score(from_rows(rows))
    assert constant["uar"] == constant["chance"] == 0.25
    assert constant["ci95"]["uar"] == pytest.approx([0.25, 0.25])
    assert constant["per_class"]["angry"]["precision"] == 0.0


def test_absent_class_has_no_recall():
    rows = [row for row in with_seed(random_predictions(0.5), 0) if row[4] != "sad"]
    results = scores.score(from_rows(rows))
    assert results["per_class"]["sad"] == {"recall": None, "precision": None, "f1": None, "n": 0}
    recalls = [results["per_class"][name]["recall"] for name in CLASSES[:3]]
    assert results["uar"] == pytest.approx(np.mean(recalls))
    json.dumps(results, allow_nan=False)


def test_figures_are_those_of_scikit_learn():
    predictions = random_predictions(0.6, speakers=7, draw=2)
    rows = [row for row in with_seed(predictions, 0) if not (row[4] == "sad" and row[0] > "s02")]  # unequal classes
    uneven = from_rows(rows)
    results, truth = scores.score(uneven), (uneven.reference, uneven.hypothesis)
    assert results["uar"] == pytest.approx(balanced_accuracy_score(*truth))
    assert results["wa"] == pytest.approx(accuracy_score(*truth))
    assert results["confusion"] == confusion_matrix(*truth).tolist()
    expected = zip(*precision_recall_fscore_support(*truth), strict=True)
    for figures, values in zip(results["per_class"].values(), expected, strict=True):
        assert [figures[key] for key in ("precision", "recall", "f1", "n")] == pytest.approx(values)


def test_score_is_deterministic():
    predictions = random_predictions(0.6, speakers=50, per_class=25, seeds=(0, 1))  # 5,000 utterances, two seeds
    first = scores.score(predictions)
    assert first == scores.score(predictions)
    shuffled = predictions.take(np.random.default_rng(0).permutation(len(predictions.utts)))
    assert scores.score(shuffled) == first


def test_write_score_writes_the_same_files_twice(tmp_path: Path):
    predictions = random_predictions(0.6)
    first = write_made_score(tmp_path / "exp one", "stl", predictions)
    second = write_made_score(tmp_path / "exp two", "stl", predictions)
    names = sorted(path.name for path in first.iterdir())
    assert names == ["confusion.svg", "predictions.tsv", "results.json"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    results = scores.read_results(first)
    assert {key: results[key] for key in scores.META} == description("stl")
    assert results["uar"] == scores.score(predictions)["uar"]


def test_description_must_be_whole_and_apart(tmp_path: Path):
    meta = description("stl")
    with pytest.raises(ValueError, match="normalisation"):
        scores.write_score(tmp_path, by_hand(), {key: meta[key] for key in meta if key != "normalisation"})
    with pytest.raises(ValueError, match="uar"):
        scores.write_score(tmp_path, by_hand(), {**meta, "uar": 1.0})
    assert not list(tmp_path.iterdir())


def test_result_line():
    results = {"uar": 0.8649, "wa": 0.87, "ci95": {"uar": [0.8211, 0.903]}}
    assert scores.result_line(results, "exp/a/score") == "%UAR 86.5 [ 82.1, 90.3 ] %WA 87.0 exp/a/score"


def test_nothing_is_no_negative_number():
    assert (scores.percent(-1e-9), scores.points(-1e-9), scores.points(0.0051)) == ("0.0", "+0.0", "+0.5")


def test_recompute_finds_and_mends_an_edited_result(tmp_path: Path):
    score_dir = write_made_score(tmp_path, "stl", random_predictions(0.6), snr="10")
    original = (score_dir / "results.json").read_bytes()
    assert scores.recompute(score_dir)[1] == []
    edited = json.loads(original)
    edited["uar"] += 1e-6
    (score_dir / "results.json").write_text(json.dumps(edited))
    assert scores.rewrite(score_dir) == ["uar"]
    assert (score_dir / "results.json").read_bytes() == original
    assert json.loads(original)["snr"] == "10"


@pytest.mark.parametrize(("column", "lost", "what"), [(1, "s05", "n, folds, speakers"), (2, "1", "seeds")])
def test_recompute_takes_no_part_of_the_predictions_for_the_whole(tmp_path: Path, column: int, lost: str, what: str):
    score_dir = write_made_score(tmp_path, "stl", random_predictions(0.6, seeds=(0, 1)))
    lines = (score_dir / "predictions.tsv").read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.split("\t")[column] != lost]
    (score_dir / "predictions.tsv").write_text("".join(kept))
    with pytest.raises(UserError, match=rf"predictions\.tsv: has other {what} than .*; run the scoring stage again"):
        scores.rewrite(score_dir)


def test_a_model_is_no_score_directory(tmp_path: Path):
    write_made_score(tmp_path, "stl", random_predictions(0.6), "score_within")
    with pytest.raises(
        UserError, match=r"stl/results\.json: no such file; give a score directory, such as .*score_within"
    ):
        scores.read_results(tmp_path / "stl")


def test_a_file_in_the_place_of_a_directory_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    a = write_made_score(tmp_path, "a", random_predictions(0.8))
    assert main(["score", "compare", str(a / "predictions.tsv"), str(a)]) == 1
    assert capsys.readouterr().err == f"mtlaug score: error: {a}/predictions.tsv/results.json: Not a directory\n"
    assert main(["score", "compare", str(a), str(a), "--output", str(tmp_path / "none" / "c.json")]) == 1
    assert "none: no such directory; make it, or write c.json elsewhere" in capsys.readouterr().err


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    parser = Parser(prog="mtlaug")
    add_commands(parser.add_subparsers())
    a = write_made_score(tmp_path, "a", random_predictions(0.8))
    b = write_made_score(tmp_path, "b", random_predictions(0.5, draw=3))
    options = parser.parse_args(["score", "compare", str(a), str(b)])
    options.run(options)
    files = set(tmp_path.rglob("*"))
    options = parser.parse_args(["score", "compare", str(a), str(b), "--output", str(tmp_path / "c.json")])
    options.run(options)
    assert set(tmp_path.rglob("*")) - files == {tmp_path / "c.json"}
    assert json.loads((tmp_path / "c.json").read_text())["swaps"] == 64
    options = parser.parse_args(["score", "recompute", str(a)])
    options.run(options)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == lines[1]
    assert lines[0].startswith(f"UAR {a} ")
    assert lines[2].startswith("%UAR ")
    assert lines[2].endswith(str(a))
    assert lines[3] == "results.json is unchanged"
