"""Posteriors aligned by speaker, and the scores of models whose posteriors are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_predictions import CLASSES, random_predictions, write_made_score

from mtlaug.cli import main
from mtlaug.files import UserError
from mtlaug.report.scores import read_scores
from mtlaug.report.tables import caption, rows_of
from mtlaug.scoring.alignment import aligned, by_speaker
from mtlaug.scoring.predictions import Predictions, read_predictions
from mtlaug.scoring.scores import read_results

RAIN = {
    "condition": "noise_rain_snr5",
    "curve": {"name": "noise", "series": "rain", "level": 5.0, "unit": "dB SNR"},
    "noise": {"held_out": False, "seed": 0, "recordings": "0123"},
}


def voices(*, speakers: int = 6, per_class: int = 8, seeds: tuple[int, ...] = (1, 2)) -> Predictions:
    """Posteriors of a model that takes each speaker's voice for some emotion, and is right but for that."""
    rng = np.random.default_rng(0)
    made = random_predictions(1.0, speakers=speakers, per_class=per_class, seeds=seeds)
    logits = 2 * np.eye(len(CLASSES))[made.reference] + 0.5 * rng.standard_normal((len(made.utts), len(CLASSES)))
    for speaker in np.unique(made.speakers):
        logits[made.speakers == speaker] += rng.normal(scale=2, size=len(CLASSES))
    posteriors = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return replace(made, posteriors=posteriors, hypothesis=posteriors.argmax(axis=1))


def right(predictions: Predictions) -> float:
    return np.mean(predictions.hypothesis == predictions.reference)


def test_alignment_brings_the_mean_to_the_shares_and_keeps_odds():
    rows = np.random.default_rng(0).dirichlet([4, 1, 1], size=40)
    shares = np.array([0.2, 0.3, 0.5])
    brought = aligned(rows, shares)
    np.testing.assert_allclose(brought.mean(axis=0), shares, atol=0.01)
    np.testing.assert_allclose(brought.sum(axis=1), 1)
    odds = (brought / rows)[:, :1] / (brought / rows)  # of the weights of the classes: the same for all
    np.testing.assert_allclose(odds, odds[:1].repeat(len(odds), axis=0))


def test_a_class_without_any_mass_stays_so():
    rows = aligned(np.array([[1.0, 0.0], [1.0, 0.0]], np.float32), np.array([0.5, 0.5]))
    np.testing.assert_array_equal(rows, [[1.0, 0.0], [1.0, 0.0]])


def test_what_a_model_takes_of_the_voice_for_emotion_is_taken_back():
    before = voices()
    after = by_speaker(before)
    assert right(before) < 0.7 < 0.9 < right(after)
    np.testing.assert_array_equal(after.hypothesis, after.posteriors.argmax(axis=1))
    for name in ("utts", "folds", "seeds", "speakers", "reference"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_no_label_is_looked_at_and_no_other_speaker_seed_or_fold():
    before = voices()
    whole = by_speaker(before)
    shuffled = replace(before, reference=np.random.default_rng(1).permutation(before.reference))
    np.testing.assert_array_equal(by_speaker(shuffled).posteriors, whole.posteriors)
    one = (before.speakers == "s03") & (before.seeds == 2)
    np.testing.assert_array_equal(by_speaker(before.take(one)).posteriors, whole.posteriors[one])
    first = np.arange(one.sum()) < 10
    in_two = replace(before.take(one), folds=np.where(first, "A", "B"))
    np.testing.assert_array_equal(by_speaker(in_two).posteriors[first], by_speaker(in_two.take(first)).posteriors)


def test_the_fewer_utterances_a_speaker_has_the_less_they_are_moved():
    many = voices(speakers=1, per_class=250, seeds=(1,))
    equal = np.full(4, 0.25)
    assert abs(many.posteriors.mean(axis=0) - equal).max() > 0.1
    np.testing.assert_allclose(by_speaker(many).posteriors.mean(axis=0), equal, atol=0.01)
    single = many.take(np.array([0]))
    # One utterance of four classes: a fifth of the way to equal shares, so its class stays its class.
    np.testing.assert_allclose(by_speaker(single).posteriors, (4 * single.posteriors + 0.25) / 5, atol=1e-6)


def test_command_aligns_all_that_was_scored_but_attacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    clean = write_made_score(tmp_path, "mtlaug", voices())
    write_made_score(tmp_path, "mtlaug", voices(), "score_noise_rain_snr5", **RAIN)
    write_made_score(tmp_path, "mtlaug", voices(), "score_attack_pgd_0.1", condition="attack_pgd_0.1", steps=10)
    arguments = ["score", "align", f"{tmp_path}/mtlaug/"]
    assert main(arguments) == 0
    target = tmp_path / "mtlaug_aligned"
    assert {path.name for path in target.iterdir()} == {"score_within", "score_noise_rain_snr5"}
    results = read_results(target / "score_within")
    assert results["model"] == "mtlaug_aligned" and results["command"] == " ".join(["mtlaug", *arguments])
    assert results["uar"] > read_results(clean)["uar"] and results["seeds"] == [1, 2]
    noisy = read_results(target / "score_noise_rain_snr5")
    assert {key: noisy[key] for key in RAIN} == RAIN
    written = read_predictions(target / "score_within" / "predictions.tsv")
    expected = by_speaker(read_predictions(clean / "predictions.tsv"))
    np.testing.assert_allclose(written.posteriors, expected.posteriors, atol=1e-6)
    told = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert told == [str(target / name) for name in ("score_noise_rain_snr5", "score_within")]
    assert main(arguments) == 0  # again


@pytest.mark.parametrize("named", [".", "score_within/.."])
def test_a_model_named_from_within_is_aligned_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str):
    write_made_score(tmp_path, "mtlaug", voices())
    monkeypatch.chdir(tmp_path / "mtlaug")
    assert main(["score", "align", named]) == 0
    assert read_results(tmp_path / "mtlaug_aligned/score_within")["model"] == "mtlaug_aligned"


def test_a_report_shows_it_as_what_it_is(tmp_path: Path):
    seeds = write_made_score(tmp_path, "mtlaug", voices())
    assert main(["score", "ensemble", str(seeds), str(tmp_path / "both")]) == 0
    assert main(["score", "align", str(tmp_path / "mtlaug")]) == 0
    assert main(["score", "align", str(tmp_path / "both")]) == 0
    names = ("mtlaug", "both", "mtlaug_aligned", "both_aligned")
    table = [score for name in names for score in read_scores(tmp_path / name)]
    words = "; both: mean posteriors of several models; both_aligned, mtlaug_aligned: posteriors aligned over each test"
    assert f"{words} speaker's utterances, normalisation" in caption(table)
    cells = [row[rows_of(table).head.index("seeds")] for row in rows_of(table).rows]
    assert cells == ["2", "ensemble of 2", "2", "ensemble of 2"]


def test_what_was_scored_anew_is_out_of_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    seeds = write_made_score(tmp_path, "mtlaug", voices())
    assert main(["score", "ensemble", str(seeds), str(tmp_path / "both")]) == 0
    assert main(["score", "align", str(tmp_path / "mtlaug")]) == 0
    assert read_scores(tmp_path / "mtlaug_aligned")
    write_made_score(tmp_path, "mtlaug", voices(per_class=7))
    with pytest.raises(UserError, match=r"mtlaug/score_within was scored anew since; run again: mtlaug score align"):
        read_scores(tmp_path / "mtlaug_aligned")
    assert main(["score", "align", str(tmp_path / "both")]) == 1
    assert "mtlaug/score_within was scored anew since; run again: mtlaug score ensemble" in capsys.readouterr().err


def test_the_aligned_is_neither_aligned_again_nor_a_member(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_made_score(tmp_path, "mtlaug", voices())
    assert main(["score", "align", str(tmp_path / "mtlaug")]) == 0
    assert main(["score", "align", str(tmp_path / "mtlaug_aligned")]) == 1
    assert "mtlaug_aligned: is aligned itself" in capsys.readouterr().err
    assert main(["score", "ensemble", str(tmp_path / "mtlaug_aligned/score_within"), str(tmp_path / "both")]) == 1
    assert "is aligned by speaker; name what it was made of, and align the ensemble" in capsys.readouterr().err


def test_a_trained_model_of_that_name_and_a_folder_without_scores_are_refused(tmp_path: Path, capsys):
    write_made_score(tmp_path, "mtlaug", voices())
    (tmp_path / "mtlaug_aligned").mkdir()
    (tmp_path / "mtlaug_aligned" / "config.yaml").touch()
    assert main(["score", "align", str(tmp_path / "mtlaug")]) == 1
    assert "mtlaug_aligned: holds other results; give it another name" in capsys.readouterr().err
    write_made_score(tmp_path, "stl", voices(), "score_attack_pgd_0.1", condition="attack_pgd_0.1", steps=10)
    assert main(["score", "align", str(tmp_path / "stl")]) == 1
    assert "stl: no score_*/results.json, but of attacks" in capsys.readouterr().err
