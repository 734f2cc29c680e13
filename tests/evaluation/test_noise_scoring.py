"""Scores of models on noisy copies, and which copies are refused."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import recipes
import yaml
from corpus import Corpus, extract, write_data_dir
from noisy_speech import KINDS, Places, write_sounds

from mtlaug import experiment
from mtlaug.augment import copies, manifest
from mtlaug.cli import main
from mtlaug.evaluation import noise_scoring
from mtlaug.experiment import Experiment, inference
from mtlaug.features import archives
from mtlaug.files import UserError, read_json, read_table, write_table
from mtlaug.scoring.predictions import read_predictions


def test_each_condition_is_scored_and_pairs_with_clean(trained: Experiment, places: Places, capsys):
    assert main(["score", "within", str(trained.directory)]) == 0
    assert main(["score", "noise", str(trained.directory), places.noisy_dir, "--command-line", "./run.sh"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    expected = [f"score_noise_{kind}_snr{snr}" for kind in KINDS for snr in ("60", "-5")]
    assert [Path(line.split()[-1]).name for line in lines] == expected
    clean, next_to_clean, noisiest = (
        read_predictions(trained.directory / name / "predictions.tsv")
        for name in ("score_within", "score_noise_hum_snr60", "score_noise_hum_snr-5")
    )
    for column in ("utts", "folds", "seeds", "speakers", "reference"):
        assert np.array_equal(getattr(clean, column), getattr(noisiest, column)), column
    near, far = (np.abs(other.posteriors - clean.posteriors).mean() for other in (next_to_clean, noisiest))
    assert near < 0.1 * far and far > 0.001
    results = read_json(trained.directory / "score_noise_rain_snr-5" / "results.json")
    assert results["curve"] == {"name": "noise", "series": "rain", "level": -5.0, "unit": "dB SNR"}
    assert results["noise"]["held_out"] is True and results["command"] == "./run.sh"
    assert results["condition"] == "noise_rain_snr-5"


def test_each_fold_is_tested_with_its_own_model_and_normalisation(trained: Experiment, places: Places):
    """One condition by hand: the features of a copy, normalised as the training part says."""
    conditions = noise_scoring.read_conditions(places.noisy_dir)
    copy_of = conditions["rain", -5.0]
    rows = noise_scoring.predict(trained, places.noisy_dir, {("rain", -5.0): copy_of})["rain", -5.0]
    fold = trained.protocol.folds[1].id
    store = trained.store(fold, places.noisy_dir)
    seed = trained.seeds[-1]
    model = inference.trained_model(trained, fold, seed)
    utterance, label = next(iter(trained.protocol.utterances(fold, "test").items()))
    expected = inference.predict(model, store, {copy_of[utterance]: label}, trained.classes)[copy_of[utterance]]
    (found,) = [row for row in rows if row[:3] == (utterance, fold, seed)]
    assert found[3] == label and np.allclose(found[4], expected, atol=1e-5)


def changed(places: Places, folder: Path, name: str, **values: object) -> str:
    """A copy of the noisy directory in which ``values`` are changed in one of its settings files."""
    shutil.copytree(places.noisy_dir, folder)
    path = folder / name
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}, default_flow_style=None))
    return str(folder)


def test_copies_that_do_not_fit_the_experiment_are_refused(trained: Experiment, places: Places, tmp_path):
    other = changed(places, tmp_path / "a b", copies.NOISE_SETTINGS, protocol="0" * 64)
    with pytest.raises(UserError, match="a b: is of another protocol"):
        noise_scoring.score(trained, other, "")
    bins = tmp_path / "bins"
    shutil.copytree(places.noisy_dir, bins)
    written = (bins / archives.FEATURE_ARGS).read_text()
    (bins / archives.FEATURE_ARGS).write_text(written.replace('"num_mel_bins": 20', '"num_mel_bins": 40'))
    with pytest.raises(UserError, match=r"another feature_args \(num_mel_bins\); extract them again"):
        noise_scoring.score(trained, str(bins), "")
    with pytest.raises(UserError, match=r"noise\.yaml: no such file; the copies are not there: make them by"):
        noise_scoring.score(trained, trained.aug_dir, "")
    conditions = noise_scoring.read_conditions(places.noisy_dir)
    del conditions["hum", 60.0]["s1-sad1"]
    with pytest.raises(UserError, match="utterance s1-sad1 has no copy"):
        noise_scoring.predict(trained, places.noisy_dir, conditions)


def test_a_model_trained_with_other_copies_is_refused(corpus: Corpus, places: Places, tmp_path):
    """Its noise was never compared with that of the test."""
    aug_dir = str(tmp_path / "aug")
    manifest.make(corpus.data_dir, aug_dir, corpus.settings(), noise_dir=places.noise_dir)
    extract(aug_dir, Path(aug_dir, "data"), corpus.settings().feature_args)
    other = Corpus(corpus.data_dir, aug_dir, corpus.config)
    run = other.prepare(tmp_path / "exp")
    with pytest.raises(UserError, match=r"noisy: was checked against other training copies than those of .*exp"):
        noise_scoring.score(run, places.noisy_dir, "")


@pytest.mark.parametrize(("babble", "named"), [(True, "more"), (False, "more_aug")])
def test_unlabelled_speech_that_is_babble_or_has_noise_of_the_test_is_refused(
    corpus: Corpus, trained: Experiment, places: Places, tmp_path, babble, named
):
    speech_dir = str(tmp_path / "more")
    shutil.copytree(places.babble_dir if babble else corpus.data_dir, speech_dir)
    manifest.make(speech_dir, f"{speech_dir}_aug", corpus.settings(), noise_dir=places.noise_dir)
    settings = corpus.settings("unlabelled_args.ratio=1", f"unlabelled_args.data_dirs=[{speech_dir}]")
    run = dataclasses.replace(trained, settings=settings)
    with pytest.raises(UserError, match=rf"{named}: training has \d+ of the recordings"):
        noise_scoring.score(run, places.noisy_dir, "")
    run = dataclasses.replace(run, unlabelled={speech_dir: "of before"})
    with pytest.raises(UserError, match=r"more_aug: holds other copies now than .*tiny was trained on; train anew"):
        noise_scoring.score(run, places.noisy_dir, "")


def test_unlabelled_speech_of_babbles_speakers_is_refused(
    corpus: Corpus, trained: Experiment, places: Places, tmp_path
):
    speech_dir = write_data_dir(tmp_path / "more", write_sounds(tmp_path / "others", *(f"t{n}/2" for n in range(8))))
    manifest.make(speech_dir, f"{speech_dir}_aug", corpus.settings())
    settings = corpus.settings("unlabelled_args.ratio=1", f"unlabelled_args.data_dirs=[{speech_dir}]")
    with pytest.raises(UserError, match=r"more: training has speaker t0, of whom .*noisy has babble; take the two"):
        noise_scoring.score(dataclasses.replace(trained, settings=settings), places.noisy_dir, "")


def test_unlabelled_speech_is_what_its_copies_are_of(corpus: Corpus, trained: Experiment, places: Places, tmp_path):
    """Speech and babble may have been dealt anew since the training."""
    speech_dir = str(tmp_path / "more")
    shutil.copytree(places.babble_dir, speech_dir)
    manifest.make(speech_dir, f"{speech_dir}_aug", corpus.settings())
    write_table(Path(speech_dir, "wav.scp"), dict.fromkeys(read_table(Path(speech_dir, "wav.scp")), "other.wav"))
    settings = corpus.settings("unlabelled_args.ratio=1", f"unlabelled_args.data_dirs=[{speech_dir}]")
    with pytest.raises(UserError, match=r"more_aug: training has 8 of the recordings"):
        noise_scoring.score(dataclasses.replace(trained, settings=settings), places.noisy_dir, "")


def test_copies_that_are_made_anew_while_they_are_scored_are_no_score(
    trained: Experiment, places, tmp_path, monkeypatch
):
    noisy_dir = changed(places, tmp_path / "noisy", copies.NOISE_SETTINGS)

    def predict(*arguments):
        path = Path(noisy_dir, copies.NOISE_SETTINGS)
        path.write_text(path.read_text().replace("seed: 0", "seed: 1"))

    monkeypatch.setattr(noise_scoring, "predict", predict)
    with pytest.raises(UserError, match="noisy: another run made other copies meanwhile"):
        noise_scoring.score(trained, noisy_dir, "")


def test_step(corpus: Corpus, trained: Experiment, places: Places, tmp_path):
    recipe = recipes.copy("mini", tmp_path)
    exp_dir = tmp_path / "my exp" / "tiny"
    shutil.copytree(trained.directory, exp_dir, ignore=shutil.ignore_patterns("score_*"))
    step = ["steps/eval_noise.sh", "--nj", "1", "--feature-config", corpus.config, "--noise-dir", places.noise_dir]
    where = [corpus.data_dir, corpus.aug_dir, tmp_path / "my noisy", exp_dir]
    first = recipes.call(recipe, *step, "--snrs", "-5 10", *where)
    assert recipes.succeeded(first, "120 noisy copies described: hum (held out of training)", "score_noise_rain_snr-5")
    assert len([line for line in first.stdout.splitlines() if line.startswith("%UAR")]) == 4
    again = recipes.call(recipe, *step, "--snrs=-5,10", *where)
    assert recipes.succeeded(again, "120 noisy copies are there already", "score_noise_hum_snr10")
    assert "utterances" not in again.stdout  # no second extraction
    assert recipes.failed(recipes.call(recipe, *step, corpus.data_dir), "Usage: steps/eval_noise.sh")
    assert experiment.load(exp_dir).seeds == (1, 2)
