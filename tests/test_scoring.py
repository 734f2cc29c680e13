"""Scores by hand, intervals, paired tests, and the files of mtlaug.scoring and mtlaug.comparison."""

import dataclasses
import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest
from made_predictions import CLASSES, description, from_rows, random_predictions, write_made_score
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from mtlaug import scoring
from mtlaug.cli import Parser, main
from mtlaug.cli.score import add_commands
from mtlaug.comparison import compare, compare_predictions, comparison_line
from mtlaug.files import UserError
from mtlaug.predictions import Predictions, read_predictions, write_predictions
from mtlaug.statistics import bootstrap_interval, swap_test, uar

TWO = ("no", "yes")


def by_hand() -> Predictions:
    """Recall of no: 3 of 4; of yes: 1 of 2; fold B has no yes."""
    return from_rows(
        [
            ("u1", "A", 0, "s1", "no", "no"),
            ("u2", "A", 0, "s1", "no", "yes"),
            ("u3", "A", 0, "s1", "yes", "yes"),
            ("u4", "A", 0, "s1", "yes", "no"),
            ("u5", "B", 0, "s2", "no", "no"),
            ("u6", "B", 0, "s2", "no", "no"),
        ],
        TWO,
    )


def with_seed(predictions: Predictions, seed: int) -> list[tuple]:
    """Rows again, under another seed."""
    p = predictions
    return [
        (p.utts[i], p.folds[i], seed, p.speakers[i], p.classes[p.reference[i]], p.classes[p.hypothesis[i]])
        for i in range(len(p.utts))
    ]


def test_scores_by_hand():
    results = scoring.score(by_hand())
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
    results = scoring.score(from_rows([*with_seed(first, 3), *perfect], TWO))
    assert results["uar_seeds"] == pytest.approx({"3": 0.625, "7": 1.0})
    assert results["uar"] == pytest.approx(0.8125)
    assert results["wa"] == pytest.approx((4 / 6 + 1) / 2)
    assert results["uar_seeds_sd"] == pytest.approx(np.std([0.625, 1.0], ddof=1))
    assert results["uar_folds"]["per_fold"] == pytest.approx({"A": 0.75, "B": 1.0})
    assert results["confusion"] == [[7, 1], [1, 3]]
    assert results["per_class"]["no"]["n"] == 4
    assert results["n"] == 6


def test_perfect_and_constant_hypotheses():
    perfect = scoring.score(random_predictions(1.0))
    assert (perfect["uar"], perfect["wa"], perfect["ci95"]["uar"]) == (1.0, 1.0, [1.0, 1.0])
    rows = [(*row[:5], "sad") for row in with_seed(random_predictions(1.0), 0)]
    constant = scoring.score(from_rows(rows))
    assert constant["uar"] == constant["chance"] == 0.25
    assert constant["ci95"]["uar"] == pytest.approx([0.25, 0.25])
    assert constant["per_class"]["angry"]["precision"] == 0.0


def test_absent_class_has_no_recall():
    rows = [row for row in with_seed(random_predictions(0.5), 0) if row[4] != "sad"]
    results = scoring.score(from_rows(rows))
    assert results["per_class"]["sad"] == {"recall": None, "precision": None, "f1": None, "n": 0}
    recalls = [results["per_class"][name]["recall"] for name in CLASSES[:3]]
    assert results["uar"] == pytest.approx(np.mean(recalls))
    json.dumps(results, allow_nan=False)


def test_figures_are_those_of_scikit_learn():
    predictions = random_predictions(0.6, speakers=7, draw=2)
    rows = [row for row in with_seed(predictions, 0) if not (row[4] == "sad" and row[0] > "s02")]  # unequal classes
    uneven = from_rows(rows)
    results, truth = scoring.score(uneven), (uneven.reference, uneven.hypothesis)
    assert results["uar"] == pytest.approx(balanced_accuracy_score(*truth))
    assert results["wa"] == pytest.approx(accuracy_score(*truth))
    assert results["confusion"] == confusion_matrix(*truth).tolist()
    expected = zip(*precision_recall_fscore_support(*truth), strict=True)
    for figures, values in zip(results["per_class"].values(), expected, strict=True):
        assert [figures[key] for key in ("precision", "recall", "f1", "n")] == pytest.approx(values)


def test_one_speaker_has_no_interval():
    results = scoring.score(random_predictions(0.5, speakers=1))
    assert results["ci95"] == {"uar": None, "wa": None}
    assert "one speaker" in results["note"]
    assert scoring.result_line({**results, "uar": 0.5, "wa": 0.25}, "exp/a") == "%UAR 50.0 [ - ] %WA 25.0 exp/a"


def test_interval_is_the_plain_bootstrap_by_speaker():
    """The vectorised interval against a loop that really draws the predictions of speakers."""
    predictions = random_predictions(0.6, speakers=5, draw=1)
    _, hits, totals = scoring.speaker_tables(predictions.by_seed())
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
        scoring.score(random_predictions(accuracy, speakers=20, draw=draw), draws=400)["ci95"]["uar"]
        for draw in range(40)
    ]
    covered = sum(low <= 0.7 <= high for low, high in intervals)
    assert covered >= 33
    assert all(0.02 < high - low < 0.2 for low, high in intervals)


def test_score_is_deterministic_and_fast():
    predictions = random_predictions(0.6, speakers=50, per_class=25, seeds=(0, 1))  # 5,000 utterances, two seeds
    started = time.perf_counter()
    first = scoring.score(predictions)
    assert time.perf_counter() - started < 5
    assert first == scoring.score(predictions)
    shuffled = predictions.take(np.random.default_rng(0).permutation(len(predictions.utts)))
    assert scoring.score(shuffled) == first


def test_seeds_with_different_utterances_are_refused():
    first = by_hand()
    with pytest.raises(UserError, match=r"seeds 0 and 1 are of different utterances, such as u6"):
        scoring.score(from_rows([*with_seed(first, 0), *with_seed(first, 1)[:-1]], TWO))
    for column, other in ((1, "B"), (3, "s2"), (4, "yes")):
        changed = with_seed(first, 1)
        changed[0] = (*changed[0][:column], other, *changed[0][column + 1 :])
        with pytest.raises(UserError, match="utterance u1 differs in fold, speaker or reference"):
            scoring.score(from_rows([*with_seed(first, 0), *changed], TWO))


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
    assert scoring.score(again) == scoring.score(predictions)
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


def test_write_score_writes_the_same_files_twice(tmp_path: Path):
    predictions = random_predictions(0.6)
    first = write_made_score(tmp_path / "exp one", "stl", predictions)
    second = write_made_score(tmp_path / "exp two", "stl", predictions)
    names = sorted(path.name for path in first.iterdir())
    assert names == ["confusion.svg", "predictions.tsv", "results.json"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    results = scoring.read_results(first)
    assert {key: results[key] for key in scoring.META} == description("stl")
    assert results["uar"] == scoring.score(predictions)["uar"]


def test_description_must_be_whole_and_apart(tmp_path: Path):
    meta = description("stl")
    with pytest.raises(ValueError, match="normalisation"):
        scoring.write_score(tmp_path, by_hand(), {key: meta[key] for key in meta if key != "normalisation"})
    with pytest.raises(ValueError, match="uar"):
        scoring.write_score(tmp_path, by_hand(), {**meta, "uar": 1.0})
    assert not list(tmp_path.iterdir())


def test_result_line():
    results = {"uar": 0.8649, "wa": 0.87, "ci95": {"uar": [0.8211, 0.903]}}
    assert scoring.result_line(results, "exp/a/score") == "%UAR 86.5 [ 82.1, 90.3 ] %WA 87.0 exp/a/score"


def test_nothing_is_no_negative_number():
    assert (scoring.percent(-1e-9), scoring.points(-1e-9), scoring.points(0.0051)) == ("0.0", "+0.0", "+0.5")


def test_recompute_finds_and_mends_an_edited_result(tmp_path: Path):
    score_dir = write_made_score(tmp_path, "stl", random_predictions(0.6), snr="10")
    original = (score_dir / "results.json").read_bytes()
    assert scoring.recompute(score_dir)[1] == []
    edited = json.loads(original)
    edited["uar"] += 1e-6
    (score_dir / "results.json").write_text(json.dumps(edited))
    assert scoring.rewrite(score_dir) == ["uar"]
    assert (score_dir / "results.json").read_bytes() == original
    assert json.loads(original)["snr"] == "10"


@pytest.mark.parametrize(("column", "lost", "what"), [(1, "s05", "n, folds, speakers"), (2, "1", "seeds")])
def test_recompute_takes_no_part_of_the_predictions_for_the_whole(tmp_path: Path, column: int, lost: str, what: str):
    score_dir = write_made_score(tmp_path, "stl", random_predictions(0.6, seeds=(0, 1)))
    lines = (score_dir / "predictions.tsv").read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.split("\t")[column] != lost]
    (score_dir / "predictions.tsv").write_text("".join(kept))
    with pytest.raises(UserError, match=rf"predictions\.tsv: has other {what} than .*; run the scoring stage again"):
        scoring.rewrite(score_dir)


def test_a_model_is_no_score_directory(tmp_path: Path):
    write_made_score(tmp_path, "stl", random_predictions(0.6), "score_within")
    with pytest.raises(
        UserError, match=r"stl/results\.json: no such file; give a score directory, such as .*score_within"
    ):
        scoring.read_results(tmp_path / "stl")


def test_identical_systems_have_p_one():
    predictions = random_predictions(0.6)
    comparison = compare_predictions(predictions, predictions)
    assert (comparison["difference"], comparison["p"], comparison["ci95"]) == (0.0, 1.0, [0.0, 0.0])


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


def test_compare_averages_each_system_over_its_own_seeds(tmp_path: Path):
    a = write_made_score(tmp_path, "a", random_predictions(0.8, seeds=(0, 1, 2)))
    b = write_made_score(tmp_path, "b", random_predictions(0.5, seeds=(5,), draw=9))
    comparison = compare(a, b)
    assert comparison["uar_a"] == pytest.approx(scoring.read_results(a)["uar"])
    assert comparison["uar_b"] == pytest.approx(scoring.read_results(b)["uar"])


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
