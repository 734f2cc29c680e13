"""The golden run of egs/mini: every stage on the synthetic corpus, one model with its own settings."""

import csv
import json

import pytest
import recipes


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The recipe's directory after `run.sh` and what it printed."""
    recipe = recipes.copy("mini", tmp_path_factory.mktemp("golden"))
    result = recipes.run(recipe, "--train-config", "conf/mtlaug.yaml", "--snrs", "0")
    assert result.returncode == 0, result.stdout + result.stderr
    return recipe, result.stdout


def test_it_prints_one_result_line_well_above_chance(finished):
    _, printed = finished
    (line,) = [line for line in printed.splitlines() if line.startswith("%UAR") and "score_within" in line]
    assert line.endswith("exp/mtlaug/score_within")
    assert 45 < float(line.split()[1]) < 95  # chance is 25, and the "emotions" overlap


def test_every_utterance_is_tested_once(finished):
    recipe, _ = finished
    with open(recipe / "exp/mtlaug/score_within/predictions.tsv", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    emotions = dict(line.split() for line in (recipe / "data/mini/utt2emo").read_text().splitlines())
    assert {row["utt"]: row["reference"] for row in rows} == emotions
    assert len(rows) == len(emotions) == 320


def test_noise_is_harder_than_clean_speech(finished):
    recipe, _ = finished
    uar = {
        path.name: json.loads((path / "results.json").read_text())["uar"]
        for path in (recipe / "exp/mtlaug").glob("score_*")
        if "attack" not in path.name
    }
    clean = uar.pop("score_within")
    assert uar.keys() == {f"score_noise_{kind}_snr0" for kind in ("babble", "blue", "brown", "pink", "white")}
    assert max(uar.values()) < clean + 0.05 and sum(uar.values()) / len(uar) < clean - 0.05


def test_results_carry_what_a_reader_needs(finished):
    recipe, _ = finished
    results = json.loads((recipe / "exp/mtlaug/score_within/results.json").read_text())
    protocol = json.loads((recipe / "data/mini/protocol.json").read_text())
    assert results["protocol"] == protocol["sha256"]
    assert results["normalisation"] == "global"
    assert results["n"] == 320 and len(results["speakers"]) == 8 and results["chance"] == 0.25
    low, high = results["ci95"]["uar"]
    assert low < results["uar"] < high
    report = (recipe / "RESULTS.md").read_text()
    assert f"{100 * results['uar']:.1f}" in report
    assert results["command"] in report and "--train-config conf/mtlaug.yaml" in results["command"]


def test_the_augmentation_task_is_learnt(finished):
    recipe, _ = finished
    for log in recipe.glob("exp/mtlaug/fold_*/seed_1/log.jsonl"):
        epochs = [json.loads(line) for line in log.read_text().splitlines()]
        assert epochs[-1]["aug_accuracy"] > 1.5 / 8  # eight types
        assert epochs[-1]["loss_reconstruction"] < epochs[0]["loss_reconstruction"]


def test_the_unlabelled_set_has_no_emotion(finished):
    recipe, _ = finished
    assert (recipe / "data/mini_unlabelled/feats.scp").exists()
    assert (recipe / "data/mini_unlabelled_aug/feats.scp").exists()
    assert not (recipe / "data/mini_unlabelled/utt2emo").exists()


def test_a_second_run_trains_nothing_again(finished):
    recipe, printed = finished
    before = {path: path.stat().st_mtime_ns for path in recipe.glob("exp/mtlaug/fold_*/seed_1/*.pt")}
    again = recipes.run(recipe, "--stage", "4", "--stop-stage", "5", "--train-config", "conf/mtlaug.yaml")
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    line = next(line for line in printed.splitlines() if line.startswith("%UAR"))
    assert line in again.stdout
