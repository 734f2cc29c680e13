"""Predictions of the test speakers."""

import dataclasses
import shutil

import numpy as np
import pytest
from training_runs import FOLD, SEED

from mtlaug import evaluation
from mtlaug.cli import main
from mtlaug.experiment import inference
from mtlaug.files import UserError, read_json
from mtlaug.scoring.predictions import read_predictions
from mtlaug.training import loop


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
    loop.train(run, FOLD, SEED)
    with pytest.raises(UserError, match=r"fold_2/seed_1/best\.pt: no such file; the fold is not trained"):
        evaluation.predict_within(run, evaluation.predictor(run))


def test_a_training_that_was_cut_off_is_not_taken_for_a_trained_one(trained, tmp_path):
    run = dataclasses.replace(trained, directory=shutil.copytree(trained.directory, tmp_path / "cut off"))
    (run.run_dir("2", 1) / "done.json").unlink()
    with pytest.raises(UserError, match=r"fold_2/seed_1: its training has not come to its end; run stage 4 again"):
        evaluation.predict_within(run, evaluation.predictor(run))
