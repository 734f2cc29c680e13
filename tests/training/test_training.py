"""The training loop, and which epoch is tested."""

import itertools
import math
import shutil
from collections.abc import Iterable
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch
from corpus import Corpus
from training_runs import FOLD, SEED, assert_same_run, log_of, run_dir

from mtlaug import provenance
from mtlaug.dataset.batching import UNKNOWN
from mtlaug.experiment import checkpoints
from mtlaug.files import UserError, read_json, read_table, write_table
from mtlaug.training import loop
from mtlaug.training.loop import Trainer


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
    if "bf16=true" in option and not loop.has_bf16:
        pytest.skip("the processor has no bfloat16")
    run = corpus.prepare(
        tmp_path / "exp",
        *("optim_args.epochs=25", "optim_args.patience=25", "optim_args.lr=0.01", "optim_args.ema=0.5"),
        *("dataset_args.copies_per_epoch=3", option),
    )
    loop.train(run, FOLD, SEED)
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
    loop.train(run, FOLD, SEED)
    assert_same_run(run_dir(run), run_dir(trained))
    for name in ("best.pt", "last.pt"):
        assert (run_dir(run) / name).read_bytes() == (run_dir(trained) / name).read_bytes()


def test_adversarial_training_is_another_training_and_the_same_twice(corpus, trained, tmp_path):
    runs = [corpus.prepare(tmp_path / name, "loss_args.adversarial_epsilon=0.1") for name in ("one", "other")]
    for run in runs:
        loop.train(run, FOLD, SEED)
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
    loop.train(run, FOLD, SEED)
    assert_same_run(run_dir(run), run_dir(trained))


def test_early_stop(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "_look_at_dev", lambda self: {"dev_uar": 0.5, "dev_loss": 1.0})
    run = corpus.prepare(tmp_path / "exp", "optim_args.epochs=9", "optim_args.patience=2")
    loop.train(run, FOLD, SEED)
    done = read_json(run_dir(run) / "done.json")
    assert (done["epoch"], done["epochs"]) == (1, 3)
    assert [line["best"] for line in log_of(run_dir(run))] == [True, False, False]


def test_selection_prefers_uar_then_dev_loss(corpus, tmp_path, monkeypatch):
    figures = iter([(0.5, 1.0), (0.7, 2.0), (0.7, 1.5), (0.6, 0.1), (0.7, 1.5)])
    names = ("dev_uar", "dev_loss")
    monkeypatch.setattr(Trainer, "_look_at_dev", lambda self: dict(zip(names, next(figures), strict=True)))
    run = corpus.prepare(tmp_path / "exp", "optim_args.epochs=5", "optim_args.patience=5")
    loop.train(run, FOLD, SEED)
    assert [line["best"] for line in log_of(run_dir(run))] == [True, True, True, False, False]
    assert read_json(run_dir(run) / "done.json")["epoch"] == 3


def test_a_finished_run_returns_at_once(trained, monkeypatch):
    def times() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in run_dir(trained).iterdir() if path.name != ".lock"}

    before = times()
    assert before.keys() == {"best.pt", "last.pt", "log.jsonl", "done.json"}
    monkeypatch.setattr(loop, "Trainer", None)
    loop.train(trained, FOLD, SEED)
    assert times() == before


def test_a_loss_that_is_not_finite_stops_the_run(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", "optim_args.lr=1e30", "optim_args.grad_clip=1e30")
    with pytest.raises(UserError, match=r"loss is not finite in epoch \d; lower optim_args\.lr"):
        loop.train(run, FOLD, SEED)
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
    trainer = Trainer(corpus.prepare(tmp_path / "exp", "optim_args.epochs=5", "optim_args.patience=2"), FOLD, SEED)
    rates = [trainer._schedule(step) for step in range(15)]  # 3 updates an epoch, 5 epochs
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert rates[3] == 1
    assert all(one > other for one, other in itertools.pairwise(rates[3:]))
    assert 0 < rates[-1] < 0.05


def flat(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def test_the_gradient_is_clipped(corpus, tmp_path):
    trainer = Trainer(corpus.prepare(tmp_path / "exp", "optim_args.grad_clip=0.001"), FOLD, SEED)
    trainer.train_epoch()
    gradient = flat(parameter.grad for parameter in trainer.parameters)
    assert gradient.norm().item() == pytest.approx(0.001, rel=0.01)


def test_weights_that_nothing_is_learnt_of_decay(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", "optim_args.lr=0.1", "optim_args.weight_decay=0.6")
    trainer = Trainer(run, FOLD, SEED)
    before = flat(trainer.parameters).detach()
    trainer._update(0 * flat(trainer.parameters).sum())
    after = flat(trainer.parameters).detach()
    torch.testing.assert_close(after, before * (1 - 0.6 * 0.1 / 3))  # 3 updates warm the learning rate up


def test_the_log_has_means_over_batches_and_the_accuracy_of_rows_with_a_type(corpus, tmp_path):
    trainer = Trainer(corpus.prepare(tmp_path / "exp", "loss_args.augtype_rows=waveform"), FOLD, SEED)
    trainer.model.augmentation.layers[-1].bias.data[0] = 5  # so that some guesses are right
    forward, losses, guesses = trainer.objective.forward, [], []

    def watched(outputs, batch):
        terms = forward(outputs, batch)
        losses.append({name: term.item() for name, term in terms.items()})
        guesses.extend(zip(outputs.augmentation.argmax(dim=1).tolist(), batch.augmentation.tolist(), strict=True))
        return terms

    trainer.objective.forward = watched
    line = trainer.train_epoch()
    assert len(losses) == 3 and losses[0].keys() == {name for name in line if name.startswith("loss")}
    for name in losses[0]:
        assert line[name] == pytest.approx(np.mean([terms[name] for terms in losses]), abs=2e-6), name
    hits = [guess == kind for guess, kind in guesses if kind != UNKNOWN]
    assert sum(hits) > 0 and len(hits) < len(guesses)
    assert line["aug_accuracy"] == pytest.approx(np.mean(hits), abs=1e-4)


# Which epoch is tested


@pytest.mark.parametrize(("select", "epoch"), [("uar", 2), ("loss", 3), ("last", 4)])
def test_the_tested_epoch_is_the_selected_one(corpus, tmp_path, monkeypatch, select, epoch):
    dev = iter([(0.5, 1.0), (0.9, 0.8), (0.7, 0.5), (0.6, 0.9)])

    def look(self):
        return dict(zip(("dev_uar", "dev_loss"), next(dev), strict=True))

    monkeypatch.setattr(Trainer, "_look_at_dev", look)
    run = corpus.prepare(tmp_path / "exp", f"optim_args.select={select}", "optim_args.epochs=4")
    loop.train(run, "1", 1)
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


def test_other_copies_in_the_same_experiment_are_refused(corpus, tmp_path, monkeypatch):
    corpus.prepare(tmp_path / "exp")
    monkeypatch.setattr("mtlaug.experiment.experiment.check_copies", lambda *_: "other copies")
    with pytest.raises(UserError, match=r"experiment\.copies"):
        corpus.prepare(tmp_path / "exp")
