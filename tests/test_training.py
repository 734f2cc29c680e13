"""Training loop, resume, and test predictions."""

import dataclasses
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch
from corpus import Corpus

from mtlaug import checkpoints, evaluation, experiment, inference, provenance, training
from mtlaug.cli import main
from mtlaug.experiment import Experiment
from mtlaug.files import UserError, read_json, read_table, write_table
from mtlaug.objective import Objective
from mtlaug.predictions import read_predictions
from mtlaug.training import Trainer

FOLD, SEED = "1", 1


class Killed(BaseException):
    """Stands for a signal that ends the process."""


def log_of(directory: Path) -> list[dict]:
    """The lines of log.jsonl without their times."""
    lines = [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def tensors_of(state: object, name: str = "") -> dict[str, object]:
    """A checkpoint's leaves by their path."""
    if isinstance(state, dict):
        items = state.items()
    elif isinstance(state, (list, tuple)):
        items = enumerate(state)
    else:
        return {name: state}
    return {path: leaf for key, value in items for path, leaf in tensors_of(value, f"{name}/{key}").items()}


def assert_same_run(one: Path, other: Path) -> None:
    """Equal checkpoints, bit for bit, equal logs and equal ends."""
    for name in ("best.pt", "last.pt"):
        first, second = (tensors_of(torch.load(path / name, weights_only=True)) for path in (one, other))
        assert first.keys() == second.keys()
        for key, value in first.items():
            same = torch.equal(value, second[key]) if torch.is_tensor(value) else value == second[key]
            assert same, f"{name}{key}"
    assert log_of(one) == log_of(other)
    assert read_json(one / "done.json") == read_json(other / "done.json")


def run_dir(run: Experiment) -> Path:
    return run.run_dir(FOLD, SEED)


@pytest.fixture(scope="module")
def trained(corpus: Corpus, tmp_path_factory) -> Experiment:
    """All three folds, trained for two seeds; the tests must not change it."""
    run = corpus.prepare(tmp_path_factory.mktemp("exp dir") / "tiny", seeds="1 2")
    for fold, seed in run.jobs():
        training.train(run, fold, seed)
    return run


def test_a_run_leaves_its_files(trained):
    lines = log_of(run_dir(trained))
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert all(math.isfinite(line[name]) for line in lines for name in line if name.startswith(("loss", "dev")))
    done = read_json(run_dir(trained) / "done.json")
    best = max(lines, key=lambda line: (line["dev_uar"], -line["dev_loss"]))
    figures = {name: best[name] for name in ("epoch", "dev_uar", "dev_loss")} | {"epochs": 3}
    assert done == figures | {"versions": provenance.versions(), "git_commit": provenance.git_commit(), "bf16": False}
    assert lines[best["epoch"] - 1]["best"] is True


def test_the_best_model_has_the_dev_figures_of_its_epoch(trained):
    trainer = Trainer(trained, FOLD, SEED)
    trainer.averaged.module.load_state_dict(checkpoints.load(run_dir(trained) / "best.pt"))
    done = read_json(run_dir(trained) / "done.json")
    assert trainer._look_at_dev() == {name: done[name] for name in ("dev_uar", "dev_loss")}


@pytest.mark.parametrize(
    "option", ["optim_args.bf16=false", "optim_args.bf16=true", "loss_args.adversarial_epsilon=0.05"]
)
def test_training_learns(corpus, tmp_path, option):
    """The two classes are tones of different pitch: a few more epochs tell them apart."""
    if "bf16=true" in option and not training.has_bf16:
        pytest.skip("the processor has no bfloat16")
    run = corpus.prepare(
        tmp_path / "exp",
        *("optim_args.epochs=25", "optim_args.patience=25", "optim_args.lr=0.01", "optim_args.ema=0.5"),
        *("dataset_args.copies_per_epoch=3", option),
    )
    training.train(run, FOLD, SEED)
    lines = log_of(run_dir(run))
    for name in ("loss_emotion", "loss_augtype", "loss_reconstruction"):  # which copies are drawn differs an epoch
        assert np.mean([line[name] for line in lines[-8:]]) < np.mean([line[name] for line in lines[:8]]), name
    assert read_json(run_dir(run) / "done.json")["dev_uar"] == 1.0


def test_seeds_and_folds_differ(trained):
    states = {job: torch.load(trained.run_dir(*job) / "best.pt", weights_only=True) for job in trained.jobs()}
    weights = [state["encoder.lstm.forwards.weight_hh_l0"] for state in states.values()]
    assert len(weights) == 6
    assert not any(torch.equal(one, other) for i, one in enumerate(weights) for other in weights[:i])


def test_two_runs_are_the_same_bit_for_bit(corpus, trained, tmp_path):
    run = corpus.prepare(tmp_path / "again")
    training.train(run, FOLD, SEED)
    assert_same_run(run_dir(run), run_dir(trained))
    for name in ("best.pt", "last.pt"):
        assert (run_dir(run) / name).read_bytes() == (run_dir(trained) / name).read_bytes()


def test_adversarial_training_is_another_training_and_the_same_twice(corpus, trained, tmp_path):
    runs = [corpus.prepare(tmp_path / name, "loss_args.adversarial_epsilon=0.1") for name in ("one", "other")]
    for run in runs:
        training.train(run, FOLD, SEED)
    assert_same_run(*map(run_dir, runs))
    assert log_of(run_dir(runs[0])) != log_of(run_dir(trained))


def test_test_speakers_do_not_change_the_model(corpus, trained, tmp_path):
    """Neither features of test speakers nor of their copies are looked at."""
    tested = set(trained.protocol.fold(FOLD).test)
    spoilt = {}
    for kind, directory in (("data", corpus.data_dir), ("aug", corpus.aug_dir)):
        spoilt[kind] = Path(shutil.copytree(directory, tmp_path / kind))
        speaker_of = read_table(Path(directory, "utt2spk"))
        for table in ("feats", "cmvn"):
            entries = read_table(Path(directory, f"{table}.scp"))
            matrices = {
                name: np.full_like(kaldiio.load_mat(entries[name]), 7.0)
                for name in sorted(entries, key=str.encode)
                if speaker_of[name].removeprefix("sp0.9-").removeprefix("sp1.1-") in tested
            }
            assert matrices
            kaldiio.save_ark(f"{tmp_path}/{kind}.{table}.ark", matrices, scp=f"{tmp_path}/{kind}.{table}.scp")
            write_table(spoilt[kind] / f"{table}.scp", entries | read_table(tmp_path / f"{kind}.{table}.scp"))
    run = Corpus(str(spoilt["data"]), str(spoilt["aug"]), corpus.config).prepare(tmp_path / "exp")
    training.train(run, FOLD, SEED)
    assert_same_run(run_dir(run), run_dir(trained))


def test_early_stop(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "_look_at_dev", lambda self: {"dev_uar": 0.5, "dev_loss": 1.0})
    run = corpus.prepare(tmp_path / "exp", "optim_args.epochs=9", "optim_args.patience=2")
    training.train(run, FOLD, SEED)
    done = read_json(run_dir(run) / "done.json")
    assert (done["epoch"], done["epochs"]) == (1, 3)
    assert [line["best"] for line in log_of(run_dir(run))] == [True, False, False]


def test_selection_prefers_uar_then_dev_loss(corpus, tmp_path, monkeypatch):
    figures = iter([(0.5, 1.0), (0.7, 2.0), (0.7, 1.5), (0.6, 0.1), (0.7, 1.5)])
    names = ("dev_uar", "dev_loss")
    monkeypatch.setattr(Trainer, "_look_at_dev", lambda self: dict(zip(names, next(figures), strict=True)))
    run = corpus.prepare(tmp_path / "exp", "optim_args.epochs=5", "optim_args.patience=5")
    training.train(run, FOLD, SEED)
    assert [line["best"] for line in log_of(run_dir(run))] == [True, True, True, False, False]
    assert read_json(run_dir(run) / "done.json")["epoch"] == 3


def test_a_finished_run_returns_at_once(trained, monkeypatch):
    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in run_dir(trained).iterdir() if path.name != ".lock"}

    before = times()
    assert before.keys() == {"best.pt", "last.pt", "log.jsonl", "done.json"}
    monkeypatch.setattr(training, "Trainer", None)
    training.train(trained, FOLD, SEED)
    assert times() == before


def test_a_loss_that_is_not_finite_stops_the_run(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", "optim_args.lr=1e30", "optim_args.grad_clip=1e30")
    with pytest.raises(UserError, match=r"loss is not finite in epoch \d; lower optim_args\.lr"):
        training.train(run, FOLD, SEED)
    assert not (run_dir(run) / "done.json").exists()


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_averaged_weights(corpus, tmp_path, ema):
    """Without averaging the weights that are selected are the last ones."""
    run = corpus.prepare(tmp_path / "exp", f"optim_args.ema={ema}")
    trainer = Trainer(run, FOLD, SEED)
    trainer.train_epoch()
    last, averaged = trainer.model.state_dict(), trainer.averaged.module.state_dict()
    assert all(torch.equal(last[name], averaged[name]) for name in last) == (ema == 0)


def test_the_learning_rate_warms_up_and_decays(corpus, tmp_path):
    trainer = Trainer(corpus.prepare(tmp_path / "exp"), FOLD, SEED)
    rates = [trainer._schedule(step) for step in range(9)]  # 3 updates an epoch, 3 epochs
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert rates[3] == 1
    assert all(one > other for one, other in itertools.pairwise(rates[3:]))
    assert rates[-1] > 0


# Resume


@pytest.mark.parametrize("moment", ["after last.pt", "before last.pt", "within an epoch"])
def test_a_killed_run_goes_on_bit_for_bit(corpus, trained, tmp_path, monkeypatch, moment):
    run = corpus.prepare(tmp_path / "exp")
    save, train_epoch, updates = checkpoints.save, Trainer.train_epoch, Objective.forward
    counts = {"last.pt": 0, "updates": 0}

    def killing_save(path, state):
        counts["last.pt"] += path.name == "last.pt"
        if moment == "before last.pt" and path.name == "last.pt" and counts["last.pt"] == 2:
            raise Killed
        save(path, state)

    def killing_epoch(self):
        if moment == "after last.pt" and self.epoch == 1:
            raise Killed
        return train_epoch(self)

    def killing_updates(self, *arguments):
        counts["updates"] += 1
        if moment == "within an epoch" and counts["updates"] == 8:
            raise Killed
        return updates(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", killing_save)
        patch.setattr(Trainer, "train_epoch", killing_epoch)
        patch.setattr(Objective, "forward", killing_updates)
        with pytest.raises(Killed):
            training.train(run, FOLD, SEED)
    assert not (run_dir(run) / "done.json").exists()
    assert torch.load(run_dir(run) / "last.pt", weights_only=True)["epoch"] == (2 if moment == "within an epoch" else 1)
    torch.manual_seed(99)  # the state of a fresh process
    training.train(run, FOLD, SEED)
    assert_same_run(run_dir(run), run_dir(trained))


def test_a_process_killed_by_sigkill_goes_on_bit_for_bit(corpus, tmp_path, project_root):
    long = ("optim_args.epochs=12", "optim_args.patience=12")
    whole, killed = corpus.prepare(tmp_path / "whole", *long), corpus.prepare(tmp_path / "killed one", *long)
    training.train(whole, FOLD, SEED)
    command = [sys.executable, "-m", "mtlaug", "train", "run", str(killed.directory), "--job", "1"]
    environment = os.environ | {"PYTHONPATH": str(project_root), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    log = run_dir(killed) / "log.jsonl"
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while not (log.exists() and len(log.read_text().splitlines()) >= 2) and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (run_dir(killed) / "done.json").exists()
    assert main(["train", "run", str(killed.directory), "--job", "1"]) == 0
    assert_same_run(run_dir(killed), run_dir(whole))


@pytest.mark.parametrize("spoil", [lambda data: b"junk", lambda data: data[: len(data) // 2], lambda data: b""])
def test_a_corrupt_checkpoint_is_named(corpus, trained, tmp_path, spoil):
    run = corpus.prepare(tmp_path / "exp")
    shutil.copytree(run_dir(trained), run_dir(run))
    (run_dir(run) / "done.json").unlink()
    last = run_dir(run) / "last.pt"
    last.write_bytes(spoil(last.read_bytes()))
    with pytest.raises(UserError, match=r"last\.pt: not a checkpoint.*remove the file"):
        training.train(run, FOLD, SEED)


def test_a_checkpoint_with_code_is_not_run(tmp_path):
    torch.save({"path": Path("x")}, tmp_path / "best.pt")
    with pytest.raises(UserError, match=r"best\.pt: not a checkpoint"):
        checkpoints.load(tmp_path / "best.pt")


def test_a_second_process_is_refused(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp")
    with experiment.locked(run_dir(run)):
        with pytest.raises(UserError, match="another process is training there"):
            training.train(run, FOLD, SEED)
    assert not (run_dir(run) / "last.pt").exists()
    with experiment.locked(run_dir(run)):  # free again
        pass


# Test predictions


def test_scoring_predicts_every_test_utterance_once_a_seed(trained, capsys):
    assert main(["score", "within", str(trained.directory)]) == 0
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert line.startswith("%UAR ")
    assert "%WA " in line
    assert line.endswith(str(trained.directory / "score_within"))
    predictions = read_predictions(trained.directory / "score_within" / "predictions.tsv")
    labels = trained.protocol.corpus.labels
    assert sorted(zip(predictions.utts, predictions.seeds, strict=True)) == sorted(
        (utterance, seed) for utterance in labels for seed in (1, 2)
    )
    for utterance, fold, speaker, reference in zip(
        predictions.utts, predictions.folds, predictions.speakers, predictions.reference, strict=True
    ):
        assert speaker == utterance.split("-")[0]
        assert speaker in trained.protocol.fold(fold).test
        assert predictions.classes[reference] == labels[utterance]
    results = read_json(trained.directory / "score_within" / "results.json")
    assert results["protocol"] == trained.protocol.sha256
    assert results["normalisation"] == "global"


def test_predictions_are_those_of_each_utterance_alone(trained):
    """Neither the batch that an utterance is in nor its padding matters."""
    predictions = evaluation.predict_within(trained, evaluation.predictor(trained))
    model = inference.trained_model(trained, "2", 2)
    store, classes = trained.store("2"), trained.classes
    chosen = np.flatnonzero((predictions.folds == "2") & (predictions.seeds == 2))
    assert len(chosen) == 10
    for row in chosen:
        utterance = str(predictions.utts[row])
        alone = inference.predict(model, store, {utterance: classes[0]}, classes)[utterance]
        np.testing.assert_allclose(predictions.posteriors[row], alone, atol=1e-5)


def test_scoring_needs_every_fold(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp")
    training.train(run, FOLD, SEED)
    with pytest.raises(UserError, match=r"fold_2/seed_1/best\.pt: no such file; the fold is not trained"):
        evaluation.predict_within(run, evaluation.predictor(run))


def test_other_copies_in_the_same_experiment_are_refused(corpus, tmp_path, monkeypatch):
    corpus.prepare(tmp_path / "exp")
    monkeypatch.setattr(experiment, "check_copies", lambda *_: "other copies")
    with pytest.raises(UserError, match=r"experiment\.copies"):
        corpus.prepare(tmp_path / "exp")


# Which epoch is tested


@pytest.mark.parametrize(("select", "epoch"), [("uar", 2), ("loss", 3), ("last", 4)])
def test_the_tested_epoch_is_the_selected_one(corpus, tmp_path, monkeypatch, select, epoch):
    dev = iter([(0.5, 1.0), (0.9, 0.8), (0.7, 0.5), (0.6, 0.9)])

    def look(self):
        return dict(zip(("dev_uar", "dev_loss"), next(dev), strict=True))

    monkeypatch.setattr(Trainer, "_look_at_dev", look)
    run = corpus.prepare(tmp_path / "exp", f"optim_args.select={select}", "optim_args.epochs=4")
    training.train(run, "1", 1)
    done = read_json(run_dir(run) / "done.json")
    assert (done["epoch"], done["epochs"]) == (epoch, 4)


def test_dev_speakers_may_train_once_nothing_is_selected_on_them(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", "dataset_args.train_on_dev=true", "optim_args.select=last")
    trainer = Trainer(run, "1", 1)
    fold = run.protocol.fold("1")
    speakers = {run.protocol.corpus.utt2spk[utterance] for utterance in trainer.data.labelled}
    assert speakers == {*fold.train, *fold.dev}
    assert not speakers & set(fold.test)
    assert trainer.train_epoch()["dev_uar"] is None


def test_selecting_on_dev_speakers_who_train_is_refused(corpus):
    with pytest.raises(UserError, match="leaves nothing to select on"):
        corpus.settings("dataset_args.train_on_dev=true")


def test_a_training_that_was_cut_off_is_not_taken_for_a_trained_one(trained, tmp_path):
    run = dataclasses.replace(trained, directory=shutil.copytree(trained.directory, tmp_path / "cut off"))
    (run.run_dir("2", 1) / "done.json").unlink()
    with pytest.raises(UserError, match=r"fold_2/seed_1: its training has not come to its end; run stage 4 again"):
        evaluation.predict_within(run, evaluation.predictor(run))


def test_a_broken_model_is_made_again_once_it_is_removed(trained, tmp_path):
    run = dataclasses.replace(trained, directory=shutil.copytree(trained.directory, tmp_path / "broken"))
    best = run.run_dir("1", 2) / "best.pt"
    before = checkpoints.load(best)
    best.write_bytes(b"")
    with pytest.raises(UserError, match=r"not a checkpoint .*; remove the file and run stage 4 again"):
        inference.trained_model(run, "1", 2)
    best.unlink()
    training.train(run, "1", 2)
    after = checkpoints.load(best)
    assert all(torch.equal(after[name], before[name]) for name in before)
