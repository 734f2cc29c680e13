"""The parts of the report that need a trained model, features or audio."""

import base64
import io
import re
import shutil
from pathlib import Path

import corpus as made
import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from made_predictions import from_rows

from mtlaug import evaluation, report
from mtlaug.experiment import Experiment, inference
from mtlaug.features.fbank import Fbank
from mtlaug.files import read_table
from mtlaug.report import augmentation, listening, representation, shown
from mtlaug.report.blocks import Clip, Table
from mtlaug.report.plots import Plots
from mtlaug.report.scores import read_scores
from mtlaug.scoring import scores

SECTIONS = ("Augmentation types of held-out speakers", "Shared representation", "Copies to listen to", "Worst errors")


def add_model(corpus: made.Corpus, directory: Path, *overrides: str) -> Experiment:
    """A prepared experiment with weights of chance, and its score."""
    experiment = corpus.prepare(directory, *overrides)
    torch.manual_seed(0)
    for fold in experiment.protocol.folds:
        run_dir = experiment.run_dir(fold.id, 1)
        run_dir.mkdir(parents=True)
        torch.save(inference.build_model(experiment).state_dict(), run_dir / "best.pt")
        (run_dir / "done.json").touch()
    evaluation.score_within(experiment, evaluation.predictor(experiment), "made up")
    return experiment


@pytest.fixture(scope="module")
def exp_dir(corpus: made.Corpus, tmp_path_factory) -> Path:
    exp = tmp_path_factory.mktemp("my recipe") / "exp"
    add_model(corpus, exp / "mtlaug")
    add_model(corpus, exp / "stl", "loss_args.alpha=0", "loss_args.beta=0")
    report.write(exp, exp.parent / "RESULTS.md")
    return exp


@pytest.fixture
def model(exp_dir: Path) -> shown.Shown:
    return shown.choose([exp_dir / "stl", exp_dir / "mtlaug"], read_scores(exp_dir / "mtlaug"))


def page(exp: Path) -> str:
    return (exp / "report" / "index.html").read_text()


def test_every_part_is_there(exp_dir: Path, corpus: made.Corpus):
    text = page(exp_dir)
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", text)[-4:] == list(SECTIONS)
    assert "Left out" not in text
    assert "is a picture and no evidence" in text
    sounds = [base64.b64decode(data) for data in re.findall(r'src="data:audio/flac;base64,([^"]+)"', text)]
    results = scores.read_results(exp_dir / "mtlaug" / "score_within")
    wrong = results["n"] - np.trace(results["confusion"])
    assert len(sounds) == 2 * 4 + min(6, wrong)  # clean, speed, noise and reverb of two utterances
    assert all(soundfile.info(io.BytesIO(sound)).samplerate == made.RATE for sound in sounds)
    assert len(text) < 10_000_000
    # Only the report holds them.
    assert all(title not in (exp_dir.parent / "RESULTS.md").read_text() for title in SECTIONS)
    assert str(Path(corpus.data_dir).parent) not in text  # of recordings and of noise only the names


def test_the_same_model_gives_the_same_page(exp_dir: Path):
    before = page(exp_dir)
    report.write(exp_dir, exp_dir.parent / "RESULTS.md")
    assert page(exp_dir) == before


def test_quick_leaves_them_out(exp_dir: Path, tmp_path):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    report.write(exp, tmp_path / "RESULTS.md", quick=True)
    assert "data:audio" not in page(exp)
    assert not (exp / "report" / "representation.svg").exists()


def test_the_model_that_learns_all_tasks_is_shown(exp_dir: Path, model: shown.Shown):
    assert model.name == "mtlaug"
    assert model.score.results["uar"] >= 0
    assert [fold.id for fold in model.folds] == ["1", "2", "3"]
    shutil.move(exp_dir / "mtlaug" / "fold_1", exp_dir / "aside")
    try:
        assert [fold.id for fold in shown.choose([exp_dir / "mtlaug"], []).folds] == ["2", "3"]
    finally:
        shutil.move(exp_dir / "aside", exp_dir / "mtlaug" / "fold_1")


def test_other_copies_than_it_was_trained_on_are_no_pictures_of_a_model(exp_dir: Path, tmp_path):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    config = exp / "mtlaug" / "config.yaml"
    config.write_text(re.sub(r"copies: \w+", "copies: of-before", config.read_text()))
    report.write(exp, tmp_path / "RESULTS.md")
    text = page(exp)
    assert text.count("holds other copies now than") == 3
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", text)[-2:] == ["Worst errors", "Left out"]


def test_types_are_of_test_speakers_and_counted_as_made(model: shown.Shown, tmp_path, monkeypatch):
    """With a model that calls everything noise, the column of noise has all copies."""
    heard = []
    found = model.model(model.folds[0])
    noise = model.experiment.types.index("noise")

    def all_noise(features, lengths):
        heard.append(len(features))
        return found.forward(features, lengths).__class__(
            None, torch.eye(len(model.experiment.types))[[noise] * len(features)], None
        )

    monkeypatch.setattr(shown.Shown, "model", lambda self, fold: all_noise)
    counts = augmentation.confusion(model, model.folds[0], draws=40)
    assert counts.sum() == counts[:, noise].sum() == sum(heard) == 40
    assert (counts[:, noise] > 0).all()
    blocks = augmentation.blocks(model, Plots(tmp_path))
    (table,) = [block for block in blocks if isinstance(block, Table)]
    rows = {row[0]: row[2:] for row in table.rows}
    assert rows["noise"] == ["100.0", "-"]
    assert rows["mixup"] == ["0.0", "noise (100.0)"]


def test_encoded_means_do_not_depend_on_the_padding(model: shown.Shown):
    fold, experiment = model.folds[0], model.experiment
    store, network = experiment.store(fold.id), model.model(fold)
    points = list(experiment.protocol.utterances(fold, "test"))
    together = representation.encoded(network, store, points, experiment.classes)
    alone = [representation.encoded(network, store, [point], experiment.classes)[0] for point in points]
    assert np.allclose(together, alone, atol=1e-5)
    assert together.shape == (len(points), 16)


def test_a_clip_is_the_copy_that_the_features_are_of(model: shown.Shown, tmp_path):
    clips = [block for block in listening.copies(model, Plots(tmp_path)) if isinstance(block, Clip)]
    (noisy,) = [clip for clip in clips if clip.title.startswith("noise: ")][:1]
    copy = noisy.title.removeprefix("noise: ")
    samples, rate = soundfile.read(io.BytesIO(noisy.sound), dtype="float32")
    assert rate == made.RATE
    features = Fbank(model.experiment.settings.feature_args)(torch.from_numpy(samples)).numpy()
    kept = kaldiio.load_mat(read_table(Path(model.experiment.aug_dir, "feats.scp"))[copy])
    scale = np.median(features - kept)  # a copy above full scale is made less loud
    assert np.median(np.abs(features - scale - kept)) < 0.05
    assert any(re.match(r"AddColouredNoise: exponent [\d.]+, snr [\d.]+", line) for line in noisy.lines)


def test_spectrograms_are_of_log_energies_whatever_the_model_hears(model: shown.Shown, tmp_path, monkeypatch):
    def drawn() -> list[bytes]:
        return [block.spectrogram for block in listening.errors(model, Plots(tmp_path)) if isinstance(block, Clip)]

    expected = drawn()
    assert expected
    monkeypatch.setattr(model.experiment.settings.feature_args, "scale", "pcen")
    assert drawn() == expected


def test_errors_are_the_least_probable_answers(model: shown.Shown, tmp_path):
    utterances = [u for u, label in model.experiment.protocol.corpus.labels.items() if label == "angry"][:8]
    rows = [(u, "1", 1, u.split("-")[0], "angry", "sad" if n else "angry") for n, u in enumerate(utterances)]
    made_up = from_rows(rows, ("angry", "sad"))
    made_up.posteriors[:, 0] = [0.9, 0.4, 0.1, 0.3, 0.2, 0.45, 0.35, 0.05]
    made_up.posteriors[:, 1] = 1 - made_up.posteriors[:, 0]
    score = model.score.__class__("mtlaug", Path("score_made"), model.score.results, made_up)
    blocks = listening.errors(shown.Shown(model.experiment, model.folds, score), Plots(tmp_path))
    titles = [block.title.split(":")[0] for block in blocks if isinstance(block, Clip)]
    assert titles == [utterances[number] for number in (7, 2, 4, 3, 6, 1)]
    assert "7 are taken for another emotion" in blocks[0].text


def test_what_cannot_be_had_is_named(corpus: made.Corpus, tmp_path):
    folder = shutil.copytree(Path(corpus.data_dir).parent, tmp_path / "a corpus")
    data = made.Corpus(str(folder / "data"), str(folder / "data_aug"), corpus.config)
    exp = tmp_path / "exp"
    add_model(data, exp / "stl", "loss_args.alpha=0")
    wavs = read_table(folder / "data" / "wav.scp")
    (folder / "data" / "wav.scp").write_text("".join(f"{u} {folder}/gone/{u}.wav\n" for u in wavs))
    report.write(exp, tmp_path / "RESULTS.md")
    left_out = page(exp).partition("Left out</h2>")[2]
    assert "Augmentation types of held-out speakers: stl was not trained to tell the types" in left_out
    assert re.search(r"Copies to listen to: .*gone/s\d-angry1.wav: recording .* cannot be read", left_out)
    assert "Shared representation</h2>" in page(exp)
    for path in exp.glob("stl/fold_*/seed_1/best.pt"):
        path.unlink()
    report.write(exp, tmp_path / "RESULTS.md")
    assert "no fold is trained with seed 1" in page(exp)
    shutil.rmtree(folder)
    report.write(exp, tmp_path / "RESULTS.md")
    assert re.search(r"Left out</h2>\s*<p>[^<]*a corpus/data is not here", page(exp))
    assert "Shared representation</h2>" not in page(exp)
