"""Waveforms as what is attacked: their features, their budget, and what is written of them."""

import dataclasses
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from mtlaug.attack.waveforms import AttackedSet, Waveforms, round_to_16_bit, snr_ball
from mtlaug.dataset import batching
from mtlaug.evaluation.waveform_robustness import reached_snr
from mtlaug.experiment import inference
from mtlaug.files import read_table, write_table


@pytest.fixture(autouse=True)
def several_batches(monkeypatch):
    monkeypatch.setattr(batching, "MOST_FRAMES", 200)


@pytest.mark.parametrize("kind", ["global", "utterance", "speaker"])
def test_a_clean_waveform_is_classified_as_its_features_are(corpus, tmp_path, kind):
    run = corpus.prepare(tmp_path / kind, f"dataset_args.normalisation={kind}")
    model, store, labels = inference.build_model(run).eval(), run.store("1"), run.protocol.utterances("1", "test")
    expected = inference.predict(model, store, labels, run.classes)
    for make_problem in Waveforms(run, inference.device).problems(store, labels, run.classes):
        problem = make_problem(model)
        found = problem.classify(problem.snap(problem.clean)).softmax(dim=1).detach().numpy()
        for utterance, row in zip(problem.utterances, found, strict=True):
            np.testing.assert_allclose(row, expected[utterance], atol=1e-3)  # the features are compressed


def test_the_budget_is_of_what_is_attacked_not_of_its_rounding(corpus, tmp_path):
    """Samples of another rate lie between those of 16 bit: to round them is a change that no attack has made."""
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "data")
    run = dataclasses.replace(corpus.prepare(tmp_path / "exp"), data_dir=str(data_dir))
    for path in read_table(data_dir / "wav.scp").values():
        samples, rate = soundfile.read(path)
        soundfile.write(tmp_path / Path(path).name, 0.01 * samples, rate, subtype="FLOAT")
    wavs = {name: tmp_path / Path(path).name for name, path in read_table(data_dir / "wav.scp").items()}
    write_table(data_dir / "wav.scp", wavs)
    labels = run.protocol.utterances("1", "test")
    for make_problem in Waveforms(run, inference.device).problems(run.store("1"), labels, run.classes):
        problem = make_problem(inference.build_model(run))
        assert torch.equal(problem.snap(problem.clean), problem.clean)


@pytest.mark.parametrize("kind", ["global", "utterance"])
def test_the_gradient_reaches_the_samples(corpus, tmp_path, kind):
    """Against finite differences in double precision; the utterance's own statistics take part."""
    run = corpus.prepare(tmp_path / kind, f"dataset_args.normalisation={kind}")
    torch.manual_seed(0)
    model, labels = inference.build_model(run).eval().double(), run.protocol.utterances("1", "test")
    waveforms = Waveforms(run, inference.device)
    waveforms.frontend.double()
    make_problem = next(iter(waveforms.problems(run.store("1"), labels, run.classes)))
    problem = make_problem(model)
    clean = problem.clean.double()
    (gradient,) = torch.autograd.grad(problem.classify(clean.requires_grad_()).diff(dim=1).sum(), clean)
    step = 1e-6 * torch.randn_like(clean)
    with torch.no_grad():
        rise = (problem.classify(clean + step) - problem.classify(clean - step)).diff(dim=1).squeeze(1) / 2
    torch.testing.assert_close((gradient * step).sum(dim=1), rise, rtol=1e-3, atol=1e-12)
    assert rise.abs().min() > 1e-9


def test_what_is_written_is_what_was_found(tmp_path):
    samples = torch.tensor([[-1.2, -1.0, -0.3, 1e-5, 0.4, 0.99999, 1.2]])
    rounded = round_to_16_bit(samples)
    attacked = AttackedSet(tmp_path / "a set", "c", 16000)
    attacked.add("s1-a", np.zeros(7, dtype=np.float32), rounded[0].numpy())
    read, _ = soundfile.read(tmp_path / "a set" / "wav" / "s1-a-c.wav", dtype="float32")
    assert read.tolist() == rounded[0].tolist()
    assert (rounded - samples.clamp(-1, 1)).abs().max() <= 1 / 32768


def test_the_budget_of_a_waveform_is_its_snr():
    samples = torch.tensor([[3.0, 4.0, 0.0], [0.3, 0.0, 0.4]])
    torch.testing.assert_close(snr_ball(samples, 20.0).radii, torch.tensor([0.5, 0.05]))


def test_what_an_attack_has_reached_is_of_the_recordings_that_it_changed():
    assert reached_snr([20.0, math.inf, 10.0]) == {"mean": 15.0, "lowest": 10.0, "unchanged": 1}
    assert reached_snr([math.inf]) is None
