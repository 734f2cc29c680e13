"""Trained models on recordings: predict, export, and what cannot be read."""

import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from corpus import RATE, Corpus, speech

from mtlaug import evaluation
from mtlaug.cli import main
from mtlaug.experiment import Experiment, inference
from mtlaug.export import packing
from mtlaug.files import UserError, read_table
from mtlaug.training import loop


@pytest.fixture(scope="module")
def trained(corpus: Corpus, tmp_path_factory) -> Experiment:
    """All folds of a model."""
    run = corpus.prepare(tmp_path_factory.mktemp("my models") / "tiny")
    for fold in ("1", "2", "3"):
        loop.train(run, fold, 1)
    return run


@pytest.fixture(scope="module")
def packed(trained: Experiment, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "my model"
    assert main(["export", str(trained.directory), str(out), "--licence", "CC0"]) == 0
    return out


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "a recording.wav"
    soundfile.write(path, speech(1.3, 2500.0), RATE)
    return path


def predicted(capsys, *arguments: object) -> list[dict]:
    """The lines of ``mtlaug predict --json``, where all went well."""
    capsys.readouterr()
    assert main(["predict", *map(str, arguments), "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_fold_gives_the_posteriors_of_its_test(corpus: Corpus, trained: Experiment, capsys):
    wavs = read_table(Path(corpus.data_dir, "wav.scp"))
    for fold in ("1", "2", "3"):
        labels, store = trained.protocol.utterances(fold, "test"), trained.store(fold)
        model = inference.trained_model(trained, fold, trained.seeds[0])
        utterance, posteriors = next(iter(inference.predict(model, store, labels, trained.classes).items()))
        (line,) = predicted(capsys, trained.directory / f"fold_{fold}", wavs[utterance])
        # The stored features are rounded to two bytes.
        np.testing.assert_allclose(list(line["posteriors"].values()), posteriors, atol=2e-3)
        assert list(line["posteriors"]) == trained.classes


def test_an_ensemble_is_the_mean_of_its_members(trained: Experiment, wav: Path, capsys):
    folds = [predicted(capsys, trained.run_dir(fold, 1), wav)[0]["posteriors"]["angry"] for fold in ("1", "2", "3")]
    together = predicted(capsys, trained.directory, wav)[0]["posteriors"]["angry"]
    assert together == pytest.approx(np.mean(folds), abs=1e-5)
    assert len({round(value, 3) for value in folds}) > 1


def test_a_packed_model_says_the_same(trained: Experiment, packed: Path, wav: Path, capsys):
    assert predicted(capsys, packed, wav) == predicted(capsys, trained.directory, wav)


def test_a_packed_model_needs_nothing_else(packed: Path, wav: Path, tmp_path, monkeypatch, capsys):
    alone = shutil.copytree(packed, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch, "load", None)  # no pickle is read
    assert predicted(capsys, alone, wav)[0]["emotion"] in ("angry", "sad")
    names = ["config.yaml", "labels.txt", "model.safetensors", "model_card.md"]
    assert sorted(path.name for path in alone.iterdir()) == names


def test_the_model_card_says_what_is_known(trained: Experiment, tmp_path):
    evaluation.write_score(
        trained, "within", evaluation.predict_within(trained, evaluation.predictor(trained)), "./run.sh"
    )
    for series, right in (("pgd", 0), ("pgd from stl", 1)):
        predictions = evaluation.predict_within(trained, evaluation.predictor(trained))
        hypothesis = predictions.reference if right else 1 - predictions.reference
        curve = {"name": "attack on features", "series": series, "level": 0.1, "unit": "ε"}
        made = dataclasses.replace(predictions, hypothesis=hypothesis, posteriors=np.eye(2)[hypothesis])
        evaluation.write_score(trained, f"attack_{right}", made, "./run.sh", curve=curve)
    assert main(["export", str(trained.directory), str(tmp_path / "out"), "--licence", "CC0"]) == 0
    card = (tmp_path / "out" / "model_card.md").read_text()
    assert trained.protocol.sha256 in card
    assert "Terms of the data: CC0" in card
    assert "| within |" in card
    assert "| attack on features, 0.1 ε (mean of 1) | 1 | 0.0 |" in card
    assert "| attack on features made on another model, 0.1 ε (mean of 1) | 1 | 100.0 |" in card
    assert "the posteriors of 3 of them are averaged" in card
    assert "None of these is a figure of the ensemble" in card
    assert main(["export", str(trained.run_dir("1", 1)), str(tmp_path / "one")]) == 0
    alone = (tmp_path / "one" / "model_card.md").read_text()
    assert "averaged." not in alone
    assert "ensemble" not in alone
    for made in trained.directory.glob("score_*"):
        shutil.rmtree(made)


def test_the_example_of_the_readme_runs(trained: Experiment, wav: Path, tmp_path, project_root):
    block = re.search(r"```python\n(.*?)```", (project_root / "README.md").read_text(), re.DOTALL)[1]
    exp_dir = tmp_path / "exp/mtlaug"
    shutil.copytree(trained.directory, exp_dir)
    copy = dataclasses.replace(trained, directory=exp_dir)
    evaluation.score_within(copy, evaluation.predictor(copy), "./run.sh")
    shutil.copy(wav, tmp_path / "talk.wav")
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(project_root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"0\.0 to 1\.3 s: (angry|sad)\n[01]\.", done.stdout)


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan"])
def test_windows_of_no_length_are_refused(packed: Path, wav: Path, capsys: pytest.CaptureFixture[str], seconds: str):
    assert main(["predict", str(packed), str(wav), f"--segment={seconds}"]) == 1
    assert "expected seconds above 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "bounds"), [(None, [0, 1.3]), (0.5, [0, 0.5, 1.0, 1.3]), (0.6, [0, 0.6, 1.3]), (5, [0, 1.3])]
)
def test_windows_cover_the_whole(packed: Path, wav: Path, capsys, seconds, bounds):
    lines = predicted(capsys, packed, wav, *([] if seconds is None else ["--segment", seconds]))
    assert [line["start"] for line in lines] == bounds[:-1]
    assert [line["end"] for line in lines] == bounds[1:]


def test_folders_lists_and_standard_input(packed: Path, wav: Path, tmp_path, monkeypatch, capsys):
    (tmp_path / "wav.scp").write_text(f"one {wav}\ntwo cat '{wav}' |\n")
    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": io.BytesIO(wav.read_bytes())}))
    lines = predicted(capsys, packed, wav.parent, tmp_path / "wav.scp", "-")
    assert [line["file"] for line in lines] == [str(wav), "one", "two", "-"]
    assert len({line["posteriors"]["angry"] for line in lines}) == 1


def test_folders_are_read_by_their_audio(packed: Path, wav: Path, tmp_path, capsys):
    folder = tmp_path / "some files"
    (folder / "folder.wav").mkdir(parents=True)
    for name in ("a.wav", "._a.wav", "b.m4a", "notes.txt"):
        shutil.copy(wav, folder / name)
    assert main(["predict", str(packed), str(folder), "--json"]) == 0
    said = capsys.readouterr()
    assert [json.loads(line)["file"] for line in said.out.splitlines()] == [str(folder / "a.wav")]
    assert "1 files of other formats (.m4a) are left out" in said.err
    assert main(["predict", str(packed), str(tmp_path / "gone.wav")]) == 1
    assert "gone.wav: no such file" in capsys.readouterr().err


def test_a_table_by_default(packed: Path, wav: Path, capsys):
    assert main(["predict", str(packed), str(wav)]) == 0
    header, line = capsys.readouterr().out.splitlines()
    assert header.split("\t") == ["file", "start", "end", "emotion", "angry", "sad"]
    assert sum(map(float, line.split("\t")[4:])) == pytest.approx(1, abs=1e-3)


def test_a_batch_goes_on_past_bad_files_and_says_so(packed: Path, wav: Path, tmp_path, capsys):
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    soundfile.write(tmp_path / "short.wav", np.ones(20), RATE)
    assert main(["predict", str(packed), str(tmp_path), str(tmp_path / "nowhere.wav")]) == 1
    said = capsys.readouterr()
    assert [line.split("\t")[0] for line in said.out.splitlines()[1:]] == [str(wav)]
    for name in ("broken", "empty", "short", "nowhere"):
        assert f"{name}.wav" in said.err
    assert "4 of 5 recordings failed" in said.err


@pytest.mark.parametrize("lost", ["labels.txt", "config.yaml"])
def test_a_packed_model_that_is_not_whole_is_refused(packed: Path, tmp_path, lost):
    broken = shutil.copytree(packed, tmp_path / "broken")
    (broken / lost).unlink()
    with pytest.raises(UserError, match="not a whole packed model"):
        packing.load(broken)


def test_weights_that_are_cut_off_are_refused(packed: Path, tmp_path):
    broken = shutil.copytree(packed, tmp_path / "broken")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="not a whole packed model"):
        packing.load(broken)


def test_a_model_of_another_version_is_refused(packed: Path, tmp_path):
    old = shutil.copytree(packed, tmp_path / "old")
    settings = (old / "config.yaml").read_text()
    (old / "config.yaml").write_text(settings.replace("  dynamic_range: 60.0\n", ""))
    with pytest.raises(UserError, match=r"lacks feature_args\.dynamic_range: the model is of another version"):
        packing.load(old)


def test_an_export_that_cannot_be_written_says_so(trained: Experiment, wav: Path, capsys):
    assert main(["export", str(trained.directory), str(wav / "packed")]) == 1
    assert "a recording.wav/packed: cannot be made: Not a directory" in capsys.readouterr().err


def test_what_is_no_model_is_refused(tmp_path, packed: Path, trained: Experiment):
    with pytest.raises(UserError, match="no such directory"):
        packing.load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="neither an experiment"):
        packing.load(tmp_path)
    with pytest.raises(UserError, match="no fold and seed"):
        packing.from_experiment(trained.directory, trained.directory / "log")
    assert main(["export", str(packed), str(tmp_path / "again")]) == 1
    assert main(["export", str(trained.directory), str(packed)]) == 1  # it holds another


def test_a_model_that_normalises_by_speaker_is_refused(corpus: Corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", "dataset_args.normalisation=speaker", "optim_args.epochs=1")
    loop.train(run, "1", 1)
    with pytest.raises(UserError, match="normalises by speaker"):
        packing.load(run.run_dir("1", 1))


def test_a_model_that_normalises_by_utterance_is_packed(corpus: Corpus, tmp_path, wav: Path, capsys):
    run = corpus.prepare(tmp_path / "exp", "dataset_args.normalisation=utterance", "optim_args.epochs=1")
    loop.train(run, "1", 1)
    assert main(["export", str(run.run_dir("1", 1)), str(tmp_path / "out")]) == 0
    assert predicted(capsys, tmp_path / "out", wav) == predicted(capsys, run.run_dir("1", 1), wav)


def test_silence_around_speech_is_left_out_unless_it_is_kept(trained, tmp_path, capsys):
    hiss = 1e-4 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    around = np.concatenate([hiss[: RATE // 2], speech(0.6, 300.0), hiss])
    bare = around[RATE // 2 - RATE // 10 : len(around) - RATE + RATE // 10]  # a tenth of a second stays
    for name, samples in (("around", around), ("bare", bare)):
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE, subtype="FLOAT")
    (line,) = predicted(capsys, trained.directory, tmp_path / "around.wav")
    assert line["end"] == pytest.approx(2.1)
    kept = {
        name: predicted(capsys, trained.directory, tmp_path / f"{name}.wav", "--keep-silence")[0]["posteriors"]
        for name in ("around", "bare")
    }
    assert line["posteriors"] == kept["bare"] != kept["around"]
