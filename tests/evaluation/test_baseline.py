"""The classic baseline: functionals of openSMILE, and a linear SVM under our protocols."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from corpus import write_data_dir

from mtlaug import protocol
from mtlaug.cli import main
from mtlaug.evaluation import baseline
from mtlaug.features import functionals
from mtlaug.files import UserError, read_json, read_table
from mtlaug.scoring.predictions import read_predictions


def vectors_of(data_dir: str, signal: float, seed: int = 0) -> dict[str, np.ndarray]:
    """Functionals (12,) of noise and of the speaker; the class shifts the first by ``signal``."""
    rng = np.random.default_rng(seed)
    speakers, labels = read_table(Path(data_dir, "utt2spk")), read_table(Path(data_dir, "utt2emo"))
    voices = {speaker: 20 * rng.standard_normal(12) for speaker in sorted(set(speakers.values()))}
    vectors = {}
    for utterance in sorted(speakers):
        vectors[utterance] = rng.standard_normal(12) + voices[speakers[utterance]]
        vectors[utterance][0] += signal * (labels[utterance] == "angry")
    return vectors


def test_it_finds_the_class_and_writes_our_result_files(corpus, tmp_path):
    line = baseline.score(str(tmp_path / "svm"), corpus.data_dir, "speaker", vectors_of(corpus.data_dir, 30.0), "x")
    folder = tmp_path / "svm/score_within"
    results, bound = read_json(folder / "results.json"), protocol.load(corpus.data_dir)
    assert results["uar"] == 1.0 and line == [f"%UAR 100.0 [ 100.0, 100.0 ] %WA 100.0 {folder}"]
    assert (results["protocol"], results["normalisation"], results["model"]) == (bound.sha256, "speaker", "svm")
    predictions = read_predictions(folder / "predictions.tsv")
    assert set(predictions.utts) == set(bound.corpus.labels)
    assert np.allclose(predictions.posteriors.sum(axis=1), 1)
    assert (predictions.posteriors.argmax(axis=1) == predictions.hypothesis).all()


def test_it_does_not_find_what_is_not_there(corpus, tmp_path):
    baseline.score(str(tmp_path / "svm"), corpus.data_dir, "global", vectors_of(corpus.data_dir, 0.0), "")
    assert read_json(tmp_path / "svm/score_within/results.json")["uar"] < 0.8


def test_the_test_part_has_no_say(corpus, tmp_path):
    """Other labels of the test speakers change neither C nor the posteriors."""
    bound = protocol.load(corpus.data_dir)
    vectors = vectors_of(corpus.data_dir, 2.0)
    system = baseline.Baseline(tmp_path, corpus.data_dir, bound, "global", vectors)
    fold = bound.folds[0]
    before = {row[0]: row[4] for row in system.predict(fold)}
    train, dev = (bound.utterances(fold, part) for part in ("train", "dev"))
    assert not before.keys() & (train | dev).keys()
    for utterance in before:
        bound.corpus.labels[utterance] = "sad"
    after = {row[0]: row[4] for row in system.predict(fold)}
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_speakers_are_standardised_by_their_own(corpus):
    utt2spk = read_table(Path(corpus.data_dir, "utt2spk"))
    vectors = vectors_of(corpus.data_dir, 0.0) | {next(iter(utt2spk)): np.arange(12.0)}
    for vector in vectors.values():
        vector[5] = 3.0
    done = baseline.by_speaker(vectors, utt2spk)
    for speaker in set(utt2spk.values()):
        matrix = np.stack([done[name] for name in done if utt2spk[name] == speaker])
        assert np.allclose(matrix.mean(axis=0), 0) and (matrix[:, 5] == 0).all()
        assert np.allclose(np.delete(matrix, 5, axis=1).std(axis=0), 1)


def test_mistakes(corpus, tmp_path, capsys):
    with pytest.raises(UserError, match="--normalisation utterance: expected global or speaker"):
        baseline.score(str(tmp_path), corpus.data_dir, "utterance", {}, "")
    with pytest.raises(UserError, match=r"functionals\.1\.ark: no such file; extract"):
        functionals.read(corpus.data_dir, tmp_path, 1)
    with pytest.raises(UserError, match="--features MFCC: expected ComParE_2016 or eGeMAPSv02"):
        functionals.extract(corpus.data_dir, tmp_path, "MFCC")
    assert main(["baseline", "extract", corpus.data_dir, str(tmp_path), "--job", "3", "--nj", "2"]) == 1
    assert "--job 3 is not from 1 to --nj 2" in capsys.readouterr().err


def test_another_baseline_does_not_replace_one(corpus, tmp_path):
    exp_dir = str(tmp_path / "an svm")
    for mistake in (("MFCC", "global"), ("eGeMAPSv02", "utterance")):
        with pytest.raises(UserError, match="expected"):
            baseline.bind(exp_dir, corpus.data_dir, *mistake)
    assert not Path(exp_dir).exists()
    for _ in range(2):
        baseline.bind(exp_dir, corpus.data_dir, "eGeMAPSv02", "global")
    for other in (("ComParE_2016", "global"), ("eGeMAPSv02", "speaker")):
        with pytest.raises(
            UserError, match=r"an svm: this directory holds eGeMAPSv02, global, .*; give another EXP_DIR"
        ):
            baseline.bind(exp_dir, corpus.data_dir, *other)
    Path(exp_dir, "baseline.json").rename(Path(exp_dir, "config.yaml"))  # as of a model
    with pytest.raises(UserError, match="an svm: this directory holds a model; give another EXP_DIR"):
        baseline.bind(exp_dir, corpus.data_dir, "eGeMAPSv02", "global")


def test_without_opensmile_it_says_so(corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opensmile", None)
    with pytest.raises(UserError, match=r"pip install -r .*tools/requirements-baseline\.txt"):
        functionals.extract(corpus.data_dir, tmp_path, "eGeMAPSv02")


def test_functionals_do_not_depend_on_the_number_of_jobs(tmp_path, make_wav):
    pytest.importorskip("opensmile")
    wavs = {f"s1-{number}": make_wav(tmp_path / f"{number}.wav", seed=number) for number in range(3)}
    data = write_data_dir(tmp_path / "data", wavs)
    folders = [tmp_path / "one", tmp_path / "two jobs"]
    for folder, nj in zip(folders, (1, 2), strict=True):
        folder.mkdir()
        counts = [functionals.extract(data, folder, "eGeMAPSv02", job, nj) for job in range(1, nj + 1)]
        assert sum(counts) == 3
    one, two = (functionals.read(data, folder, nj) for folder, nj in zip(folders, (1, 2), strict=True))
    assert one.keys() == two.keys() == wavs.keys()
    assert all(one[name].shape == (88,) and np.array_equal(one[name], two[name]) for name in wavs)
    assert not np.array_equal(one["s1-0"], one["s1-1"])
    write_data_dir(tmp_path / "data", wavs | {"s1-9": wavs["s1-0"]})
    with pytest.raises(UserError, match=r"utterance s1-9 of .* has no functionals"):
        functionals.read(data, folders[0], 1)


def test_step(corpus, tmp_path, project_root, recipe_env):
    pytest.importorskip("opensmile")
    data = shutil.copytree(corpus.data_dir, tmp_path / "data")
    (tmp_path / "utils").symlink_to(project_root / "tools/utils")
    command = [project_root / "tools/steps/baseline_svm.sh", "--features", "eGeMAPSv02", data, "exp/an svm"]
    done = subprocess.run(command, cwd=tmp_path, env=recipe_env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("%UAR")
    before = sorted(tmp_path.rglob("*"))
    typo = subprocess.run([*command[:2], "MFCC", *command[3:]], cwd=tmp_path, env=recipe_env, capture_output=True)
    assert (
        typo.returncode == 1 and b"--features MFCC: expected" in typo.stderr and sorted(tmp_path.rglob("*")) == before
    )
    results = read_json(tmp_path / "exp/an svm/score_within/results.json")
    assert results["command"].startswith("steps/baseline_svm.sh --features eGeMAPSv02 --normalisation global")
