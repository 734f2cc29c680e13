"""Emotions that are no classes, which train the emotion head and are never answered."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from corpus import DROPPED, Corpus, speech

from mtlaug import evaluation, packing, protocol, training
from mtlaug.files import UserError, read_table, write_table

OPTION = "dataset_args.other_emotions=true"


def test_they_are_rows_of_their_own_of_the_speakers_who_train(corpus: Corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", OPTION)
    assert run.other_emotions == ["other other"]
    speaker, seen = DROPPED.split("-")[0], {}
    for fold in run.protocol.folds:
        data = training.Trainer(run, fold.id, 1).data
        assert (DROPPED in data.labelled) == (speaker in fold.train)
        targets = torch.cat([batch.emotion for batch in data.batches(1)])
        seen[speaker in fold.train] = float(targets[:, 2].sum())
        assert targets.shape[1] == 3
        torch.testing.assert_close(targets.sum(1), torch.ones(len(targets)))
    assert seen[True] > 0
    assert seen[False] == 0


def test_dev_speakers_train_with_theirs(corpus: Corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", OPTION, "dataset_args.train_on_dev=true", "optim_args.select=last")
    speaker = DROPPED.split("-")[0]
    by_part = {part: [f.id for f in run.protocol.folds if speaker in f.speakers(part)] for part in ("dev", "test")}
    assert [list(run.training_others(fold)) for fold in by_part["dev"]] == [[DROPPED]]
    assert [run.training_others(fold) for fold in by_part["test"]] == [{}]


@pytest.mark.parametrize("more", [(), ("loss_args.adversarial_epsilon=0.1",)])
def test_tests_and_packed_models_know_the_classes_alone(corpus: Corpus, tmp_path, more):
    run = corpus.prepare(tmp_path / "exp", OPTION, "optim_args.epochs=1", *more)
    for fold, seed in run.jobs():
        training.train(run, fold, seed)
    predictions = evaluation.predict_within(run, evaluation.predictor(run))
    assert predictions.classes == ("angry", "sad")
    assert predictions.posteriors.shape == (30, 2)
    np.testing.assert_allclose(predictions.posteriors.sum(1), 1, atol=1e-6)
    recogniser = packing.load(run.directory / "fold_1")
    packing.pack(recogniser, tmp_path / "packed", "card")
    samples = speech(0.5)
    posteriors = recogniser.posteriors(samples)
    assert posteriors.shape == (2,)
    np.testing.assert_allclose(packing.load(tmp_path / "packed").posteriors(samples), posteriors, atol=1e-6)


def test_where_there_are_none_the_option_is_refused(corpus: Corpus, tmp_path):
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "data")
    emotions = read_table(data_dir / "utt2emo")
    write_table(data_dir / "utt2emo", {name: label for name, label in emotions.items() if name != DROPPED})
    labels = Path(corpus.data_dir).with_name("labels.yaml")
    protocol.make(data_dir, scheme="speakers", folds=3, label_map_file=labels)
    with pytest.raises(UserError, match="utt2emo has only labels of the classes"):
        Corpus(str(data_dir), corpus.aug_dir, corpus.config).prepare(tmp_path / "exp", OPTION)
