"""Self-supervised frontends, with a tiny model of random weights in place of a large one."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio.models
from corpus import Corpus, extract, speech

from mtlaug import config
from mtlaug.args import FRONTENDS, FeatureArgs
from mtlaug.audio import reading
from mtlaug.audio.cuts import read_cuts
from mtlaug.experiment import inference
from mtlaug.export import deployment, packing
from mtlaug.features import frontend
from mtlaug.files import UserError

WIDTH = 16


def tiny_wavlm() -> torchaudio.models.Wav2Vec2Model:
    """WavLM's architecture with three layers of 16 values; like the others it is built with random weights."""
    kernels = [(8, 10, 5), (8, 3, 2), (8, 3, 2), (8, 3, 2), (8, 3, 2), (8, 2, 2), (8, 2, 2)]
    return torchaudio.models.wavlm_model(
        *("group_norm", kernels, False),
        *(WIDTH, 0.1, 8, 2),  # width, dropout, kernel and groups of the positions' convolution
        *(3, 2, 20, 40, 0.1, 32, 0.1, 0.1, False, 0.05),  # layers, heads, buckets, distance, dropouts ...
        aux_num_out=None,
    )


@pytest.fixture
def args(monkeypatch, tmp_path) -> FeatureArgs:
    """Features of the second layer of a tiny model that stands for wavlm_base, its weights in a file."""
    monkeypatch.setattr(torchaudio.models, "wavlm_base", tiny_wavlm)
    monkeypatch.setitem(FRONTENDS, "wavlm_base", WIDTH)
    torch.manual_seed(0)
    torch.save(tiny_wavlm().state_dict(), tmp_path / "tiny wavlm.pth")
    return FeatureArgs(frontend="wavlm_base", weights=str(tmp_path / "tiny wavlm.pth"), layer=2, frame_shift=20.0)


def changed(args: FeatureArgs, **values) -> FeatureArgs:
    return FeatureArgs(**{**vars(args), **values})


@pytest.mark.parametrize("length", [400, 719, 720, 5000])
def test_features_are_the_outputs_of_the_layer(args, length):
    model = tiny_wavlm()
    model.load_state_dict(torch.load(args.weights, weights_only=True))
    samples = torch.from_numpy(speech(length / 16000))
    expected = model.eval().extract_features(samples[None], num_layers=2)[0][1][0]
    made = frontend.build(changed(args, remove_level=False))
    assert made.num_frames(length) == len(expected)
    assert expected.shape[1] == args.width == WIDTH
    torch.testing.assert_close(made(samples), expected)


def test_a_batch_is_its_rows_and_a_gain_does_not_show(args):
    model = frontend.build(args)
    rows = torch.stack([torch.from_numpy(speech(0.3, seed=seed)) for seed in range(3)])  # (N, S)
    batch = model(rows)
    for row, features in zip(rows, batch, strict=True):
        torch.testing.assert_close(model(0.1 * row), features, rtol=0, atol=1e-4)


def test_the_gradient_reaches_the_waveform_and_no_weight(args):
    model = frontend.build(args)
    samples = torch.from_numpy(speech(0.2)).requires_grad_()
    model(samples).square().sum().backward()
    assert samples.grad.abs().max() > 0
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("normalisation", ["global", "utterance"])
def test_from_audio_to_posteriors(args, corpus, tmp_path, normalisation):
    """Extracted, trained on and scored, a model gives a recording what its utterance was given."""
    overrides = [f"feature_args.{name}={getattr(args, name)}" for name in ("frontend", "weights", "layer")]
    overrides += ["feature_args.frame_shift=20", "model_args.num_convolutions=0", "optim_args.epochs=2"]
    overrides += ["dataset_args.max_frames=30", f"dataset_args.normalisation={normalisation}"]
    for directory in (corpus.data_dir, corpus.aug_dir):
        shutil.copytree(directory, tmp_path / Path(directory).name)
    moved = Corpus(str(tmp_path / "data"), str(tmp_path / "data_aug"), corpus.config)
    for directory in (moved.data_dir, moved.aug_dir):
        extract(directory, Path(directory, "data"), moved.settings(*overrides).feature_args)
    run = moved.train(tmp_path / "exp", *overrides)
    fold = run.protocol.folds[0]
    recogniser = packing.from_experiment(tmp_path / "exp", run.run_dir(fold.id, 1))
    model = inference.trained_model(run, fold.id, 1)
    scored = inference.predict(model, run.store(fold.id), run.protocol.utterances(fold, "test"), run.classes)
    cuts = {cut.id: cut for cut in read_cuts(moved.data_dir, args.sample_rate)}
    for utterance, posteriors in scored.items():
        np.testing.assert_allclose(recogniser.posteriors(reading.load(cuts[utterance])), posteriors, atol=2e-3)
    with pytest.raises(UserError, match="a model on features of wavlm_base cannot be one file"):
        deployment.check(tmp_path / "model.ts", recogniser)
    packing.pack(recogniser, tmp_path / "packed", "card")
    Path(args.weights).unlink()  # the packed model has its own
    unpacked = packing.load(tmp_path / "packed")
    samples = reading.load(cuts[utterance])
    np.testing.assert_allclose(unpacked.posteriors(samples), recogniser.posteriors(samples), atol=1e-6)


def test_mistakes_are_named(args, tmp_path):
    code, other = tmp_path / "code.pth", tmp_path / "other.pth"
    code.write_bytes(pickle.dumps(print))
    torch.save({"weight": torch.zeros(3)}, other)
    for values, message in [
        ({"weights": ""}, r"feature_args\.weights: '' is no file; wavlm_base needs its weights"),
        ({"weights": str(code)}, r"code\.pth: not a state of tensors"),
        ({"weights": str(other)}, r"other\.pth: holds the weights of another model than wavlm_base"),
        ({"layer": 4}, r"feature_args\.layer: wavlm_base has 3 layers, not 4"),
        ({"frame_shift": 10.0}, r"wavlm_base needs sample_rate: 16000 and frame_shift: 20"),
        ({"sample_rate": 8000}, r"wavlm_base needs sample_rate: 16000 and frame_shift: 20"),
    ]:
        with pytest.raises(UserError, match=message):
            frontend.build(changed(args, **values))
    with pytest.raises(UserError, match="a waveform of 399 samples is shorter than a frame of 400"):
        frontend.build(args)(torch.zeros(399))
    with pytest.raises(UserError, match=r"feature_args\.frontend must be fbank, wav2vec2_base"):
        config.from_dict({"feature_args": {"frontend": "wavml_base"}})
