"""Pseudo-labels for the emotion task of speech whose labels are hidden."""

import numpy as np
import pytest
import torch
from training_runs import FOLD, SEED, assert_same_run, run_dir

from mtlaug.experiment.inference import predict
from mtlaug.files import UserError
from mtlaug.scoring import alignment
from mtlaug.training import loop, pseudo_labels
from mtlaug.training.loop import Trainer

HIDDEN = ("dataset_args.labelled_share=0.5", "unlabelled_args.ratio=1", "optim_args.epochs=4", "optim_args.patience=4")
FROM_2 = (*HIDDEN, "unlabelled_args.pseudo_labels_from=2")


def test_each_speaker_has_the_shares_of_the_labels(corpus, tmp_path):
    trainer = Trainer(corpus.prepare(tmp_path / "exp", *HIDDEN), FOLD, SEED)
    data, model = trainer.data, trainer.averaged.module
    labels = pseudo_labels.make(model, data, trainer.utt2spk)
    assert labels.keys() == set(data.unlabelled) and not labels.keys() & set(data.labelled)
    posteriors = predict(model, data.store, dict.fromkeys(data.unlabelled, "sad"), ["angry", "sad"])
    for speaker in {trainer.utt2spk[name] for name in labels}:
        names = [name for name in data.unlabelled if trainer.utt2spk[name] == speaker]
        rows = alignment.aligned(np.stack([posteriors[name] for name in names]), np.array([0.6, 0.4]))
        sharp = rows**2 / (rows**2).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(np.stack([labels[name] for name in names]), sharp, rtol=1e-5)


def test_unlabelled_rows_have_an_emotion_from_that_epoch_on(corpus, tmp_path, monkeypatch):
    trainer = Trainer(corpus.prepare(tmp_path / "exp", *FROM_2), FOLD, SEED)
    batches, without = type(trainer.data).batches, []

    def watched(self, epoch, *rest):
        for batch in batches(self, epoch, *rest):
            without.append((epoch, int((batch.emotion.sum(dim=1) < 0.999).sum())))
            yield batch

    monkeypatch.setattr(type(trainer.data), "batches", watched)
    for _ in range(3):
        trainer.train_epoch()
    assert sum(number for epoch, number in without if epoch == 1) == trainer.data.unlabelled_draws
    assert all(number == 0 for epoch, number in without if epoch > 1)


def test_each_epoch_labels_anew_and_true_labels_stay(corpus, tmp_path):
    trainer = Trainer(corpus.prepare(tmp_path / "exp", *FROM_2), FOLD, SEED)
    true = {name: trainer.data.emotion[name].copy() for name in trainer.data.labelled}
    seen = []
    for _ in range(3):
        trainer.train_epoch()
        seen.append(np.stack([trainer.data.emotion.get(name, np.zeros(2)) for name in trainer.data.unlabelled]))
    assert not seen[0].any() and seen[1].any() and not np.array_equal(seen[1], seen[2])
    for name, label in true.items():
        np.testing.assert_array_equal(trainer.data.emotion[name], label)


def test_a_killed_run_goes_on_bit_for_bit(corpus, tmp_path, monkeypatch):
    whole, killed = (corpus.prepare(tmp_path / name, *FROM_2) for name in ("whole", "killed"))
    loop.train(whole, FOLD, SEED)
    train_epoch = Trainer.train_epoch

    def killing(self):
        if self.epoch == 3:
            raise KeyboardInterrupt
        return train_epoch(self)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "train_epoch", killing)
        loop.train(killed, FOLD, SEED)
    torch.manual_seed(99)
    loop.train(killed, FOLD, SEED)
    assert_same_run(run_dir(killed), run_dir(whole))


def test_they_need_unlabelled_speech(corpus, tmp_path):
    with pytest.raises(UserError, match=r"pseudo_labels_from needs unlabelled rows: set unlabelled_args\.ratio"):
        corpus.settings("unlabelled_args.pseudo_labels_from=2")
