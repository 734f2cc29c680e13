"""Ensembles: mean posteriors of seeds and of models, scored as a model of their own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_predictions import random_predictions, write_made_score

from mtlaug.cli import main
from mtlaug.files import UserError
from mtlaug.report.scores import read_scores
from mtlaug.report.tables import caption, rows_of
from mtlaug.scoring.derived import average
from mtlaug.scoring.predictions import read_predictions
from mtlaug.scoring.scores import read_results

RAIN = {
    "condition": "noise_rain_snr5",
    "curve": {"name": "noise", "series": "rain", "level": 5.0, "unit": "dB SNR"},
    "noise": {"held_out": False, "seed": 0, "recordings": "0123"},
}


def test_posteriors_decide_together_not_by_vote():
    three = random_predictions(0.5, speakers=2, per_class=1, seeds=(1, 2, 3))
    sure, torn = [1.0, 0.0, 0.0, 0.0], [0.4, 0.6, 0.0, 0.0]
    first = three.utts == three.utts[0]
    posteriors = three.posteriors.copy()
    posteriors[first] = [sure, torn, torn]
    together = average([replace(three, posteriors=posteriors)], ["three"])
    row = np.flatnonzero(together.utts == three.utts[0])
    np.testing.assert_allclose(together.posteriors[row], [[0.6, 0.4, 0.0, 0.0]])
    assert together.hypothesis[row] == [0]
    assert len(together.utts) == len(three.utts) / 3
    np.testing.assert_array_equal(together.hypothesis, together.posteriors.argmax(axis=1))


def test_members_weigh_alike_in_any_order_of_their_utterances():
    a, b = random_predictions(0.6, seeds=(1, 2)), random_predictions(0.6, draw=1)
    shuffled = b.take(np.random.default_rng(0).permutation(len(b.utts)))
    together = average([a, shuffled], ["a", "b"])
    mean = (a.posteriors[a.seeds == 1] + a.posteriors[a.seeds == 2] + b.posteriors) / 3
    np.testing.assert_array_equal(together.utts, b.utts)
    np.testing.assert_allclose(together.posteriors, mean)
    np.testing.assert_array_equal(together.reference, b.reference)


def test_command_writes_a_model_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    seeds = write_made_score(tmp_path, "mtlaug", random_predictions(0.6, seeds=(1, 2, 3)))
    other = write_made_score(tmp_path, "stl", random_predictions(0.6, draw=4))
    target = tmp_path / "mtlaug_stl"
    arguments = ["score", "ensemble", str(seeds), str(other), str(target)]
    assert main(arguments) == 0
    results = read_results(target / "score_within")
    assert results["model"] == "mtlaug_stl"
    assert results["members"] == {str(seeds): 3, str(other): 1}
    assert results["command"] == " ".join(["mtlaug", *arguments])
    assert results["uar"] > max(read_results(member)["uar"] for member in (seeds, other))  # of independent errors
    assert len(read_predictions(target / "score_within" / "predictions.tsv").utts) == results["n"]
    assert capsys.readouterr().out.startswith("%UAR ")


def test_models_are_averaged_in_every_condition_that_all_have_but_attacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    for draw, model in enumerate(("mtlaug", "stl")):
        made = random_predictions(0.6, seeds=(1, 2), draw=draw)
        write_made_score(tmp_path, model, made)
        write_made_score(tmp_path, model, made, "score_noise_rain_snr5", **RAIN)
        write_made_score(tmp_path, model, made, "score_attack_pgd_0.1", condition="attack_pgd_0.1", steps=10)
    write_made_score(tmp_path, "stl", made, "score_noise_rain_snr0", condition="noise_rain_snr0")
    assert main(["score", "ensemble", f"{tmp_path}/mtlaug/", f"{tmp_path}/stl", f"{tmp_path}/both"]) == 0
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["score_noise_rain_snr5", "score_within"]
    members = {f"{tmp_path}/mtlaug/score_within": 2, f"{tmp_path}/stl/score_within": 2}
    assert read_results(tmp_path / "both/score_within")["members"] == members
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert "left out, as not every model was scored in it: score_noise_rain_snr0" in caplog.text


def test_models_without_a_condition_in_common_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_made_score(tmp_path, "a", random_predictions(0.6))
    write_made_score(tmp_path, "b", random_predictions(0.6), "score_noise_rain_snr5", **RAIN)
    assert main(["score", "ensemble", f"{tmp_path}/a", f"{tmp_path}/b", f"{tmp_path}/both"]) == 1
    assert f"{tmp_path}/a and {tmp_path}/b: were scored in no condition together" in capsys.readouterr().err
    assert main(["score", "ensemble", f"{tmp_path}/a/score_within", f"{tmp_path}/b", f"{tmp_path}/both"]) == 1
    assert "b/results.json: no such file; give a score directory, such as" in capsys.readouterr().err
    assert main(["score", "ensemble", f"{tmp_path}/a", f"{tmp_path}/none", f"{tmp_path}/both"]) == 1
    assert "none: no score_*/results.json, but of attacks; run the scoring stages" in capsys.readouterr().err


def test_a_forgotten_name_for_the_ensemble_writes_into_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    noisy = random_predictions(0.6, seeds=(1, 2))
    write_made_score(tmp_path, "mtlaug", noisy, "score_noise_rain_snr5", **RAIN)
    write_made_score(tmp_path, "svm", random_predictions(0.6))
    assert main(["score", "ensemble", f"{tmp_path}/mtlaug", f"{tmp_path}/svm"]) == 1
    assert "svm: holds other results; name a directory for the ensemble last" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "svm").iterdir()] == ["score_within"]


def test_an_ensemble_of_what_was_scored_anew_is_out_of_date(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    member = write_made_score(tmp_path, "mtlaug", random_predictions(0.6, seeds=(1, 2)))
    assert main(["score", "ensemble", str(member.relative_to(tmp_path)), "both"]) == 0
    assert read_scores(tmp_path / "both")
    monkeypatch.chdir("/")
    write_made_score(tmp_path, "mtlaug", random_predictions(0.7, seeds=(1, 2)))
    with pytest.raises(UserError, match=r"mtlaug/score_\w+ was scored anew since; run again: mtlaug score ensemble"):
        read_scores(tmp_path / "both")


def test_an_ensemble_is_no_member_of_another(tmp_path: Path, capsys):
    member = write_made_score(tmp_path, "mtlaug", random_predictions(0.6, seeds=(1, 2)))
    assert main(["score", "ensemble", str(member), str(tmp_path / "both")]) == 0
    words = ["score", "ensemble", str(tmp_path / "both/score_within"), str(member), str(tmp_path / "all")]
    assert main(words) == 1
    assert f"is an ensemble itself; name what it is of instead: {member}" in capsys.readouterr().err


def test_a_point_of_a_curve_stays_one(tmp_path: Path):
    noisy = random_predictions(0.6, seeds=(1, 2))
    member = write_made_score(tmp_path, "mtlaug", noisy, "score_noise_rain_snr5", **RAIN)
    assert main(["score", "ensemble", str(member), str(tmp_path / "both")]) == 0
    results = read_results(tmp_path / "both" / "score_noise_rain_snr5")
    assert {key: results[key] for key in RAIN} == RAIN


def test_a_report_shows_it_as_what_it_is(tmp_path: Path):
    seeds = write_made_score(tmp_path, "mtlaug", random_predictions(0.6, seeds=(1, 2, 3)))
    assert main(["score", "ensemble", str(seeds), str(tmp_path / "together")]) == 0
    table = [*read_scores(tmp_path / "mtlaug"), *read_scores(tmp_path / "together")]
    assert "seeds 1 2 3; together: mean posteriors of several models, normalisation" in caption(table)
    cells = [row[rows_of(table).head.index("seeds")] for row in rows_of(table).rows]
    assert cells == ["3", "ensemble of 3"]


def test_an_earlier_ensemble_is_made_again_and_nothing_else_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    seeds = write_made_score(tmp_path, "mtlaug", random_predictions(0.6, seeds=(1, 2)))
    svm = write_made_score(tmp_path, "svm", random_predictions(0.6, draw=1))
    target = str(tmp_path / "both")
    assert main(["score", "ensemble", str(seeds), target]) == 0
    assert main(["score", "ensemble", str(seeds), str(svm), target]) == 0
    assert sum(read_results(tmp_path / "both" / "score_within")["members"].values()) == 3
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for forgotten in (str(svm), str(tmp_path / "svm")):
        assert main(["score", "ensemble", str(seeds), forgotten]) == 1
        assert "name a directory for the ensemble last" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_attacks_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    attacked = random_predictions(0.6, seeds=(1, 2))
    member = write_made_score(
        tmp_path, "mtlaug", attacked, "score_attack_pgd_0.1", condition="attack_pgd_0.1", steps=10
    )
    assert main(["score", "ensemble", str(member), str(tmp_path / "both")]) == 1
    assert "an attack has speech of its own for each model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("members", "needs"),
    [
        (("speaker", "global", "utterance"), "speaker"),
        (("global", "utterance"), "utterance"),
        (("global",) * 2, "global"),
    ],
)
def test_an_ensemble_is_normalised_by_what_any_member_needs(tmp_path: Path, members: tuple[str, ...], needs: str):
    names = [
        str(write_made_score(tmp_path, str(number), random_predictions(0.6, draw=number), normalisation=kind))
        for number, kind in enumerate(members)
    ]
    assert main(["score", "ensemble", *names, str(tmp_path / "both")]) == 0
    assert read_results(tmp_path / "both/score_within")["normalisation"] == needs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"set": "other", "protocol": "f" * 64}, "they differ in set, protocol"),
        ({"condition": "noise_rain_snr5"}, "they differ in condition"),
        ({"noise": {"seed": 1}}, "they differ in noise"),
    ],
)
def test_unlike_members_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], message: str
):
    a = write_made_score(tmp_path, "a", random_predictions(0.6))
    b = write_made_score(tmp_path, "b", random_predictions(0.6), **changes)
    assert main(["score", "ensemble", str(a), str(b), str(tmp_path / "both")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "both").exists()


def test_other_utterances_are_refused():
    fewer = random_predictions(0.6, speakers=5)
    with pytest.raises(UserError, match=r"a and b cannot be compared: .* differ in utts"):
        average([random_predictions(0.6), fewer], ["a", "b"])


def test_one_seed_and_a_trained_model_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one = write_made_score(tmp_path, "one", random_predictions(0.6))
    assert main(["score", "ensemble", str(one), str(tmp_path / "both")]) == 1
    assert "one seed is no ensemble" in capsys.readouterr().err
    assert main(["score", "ensemble", str(one), f"{one}/", str(tmp_path / "both")]) == 1
    assert "one seed is no ensemble" in capsys.readouterr().err
    two = write_made_score(tmp_path, "two", random_predictions(0.6, seeds=(1, 2)))
    (tmp_path / "two" / "config.yaml").touch()
    assert main(["score", "ensemble", str(two), str(tmp_path / "two")]) == 1
    assert "holds other results" in capsys.readouterr().err
