"""Models as one file for other programs: the same posteriors as ours, for waveforms of any length."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from corpus import Corpus, speech

from mtlaug.cli import main
from mtlaug.export import deployment, packing
from mtlaug.export.recogniser import Recogniser
from mtlaug.files import UserError

LENGTHS = (1600, 4321, 16000, 41234)  # samples


def train(corpus: Corpus, exp_dir: Path, normalisation: str, *seeds: str) -> Path:
    """One epoch of every fold."""
    overrides = (f"dataset_args.normalisation={normalisation}", "optim_args.epochs=1")
    corpus.train(exp_dir, *overrides, seeds=" ".join(seeds))
    return exp_dir


def check(recogniser: Recogniser, posteriors) -> None:
    """``posteriors`` of a waveform are those of the recogniser."""
    for length in LENGTHS:
        samples = speech(length / 16000, 1000.0, seed=length)
        assert len(samples) == length
        np.testing.assert_allclose(posteriors(samples), recogniser.posteriors(samples), atol=1e-5)


def test_onnx(corpus: Corpus, tmp_path, project_root):
    """An ensemble of two seeds, exported by the command."""
    trained = train(corpus, tmp_path / "a model", "utterance", "1", "2")
    out = tmp_path / "packed"
    command = [sys.executable, "-m", "mtlaug", "export", trained / "fold_1", out, "--also", "ts,onnx"]
    done = subprocess.run(command, cwd=project_root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} > {"model.safetensors", "model.ts", "model.onnx"}
    session = onnxruntime.InferenceSession(out / "model.onnx")
    assert [value.name for value in (*session.get_inputs(), *session.get_outputs())] == ["waveform", "posteriors"]
    check(packing.load(out), lambda samples: session.run(None, {"waveform": samples})[0])


@pytest.mark.parametrize("normalisation", ["global", "utterance"])
def test_torchscript(corpus: Corpus, tmp_path, normalisation):
    trained = train(corpus, tmp_path / "model", normalisation, "1")
    recogniser = packing.load(trained)
    deployment.write(recogniser, tmp_path / "a model.ts")
    script = torch.jit.load(tmp_path / "a model.ts")
    check(recogniser, lambda samples: script(torch.from_numpy(samples)).numpy())


def test_other_endings_are_refused_before_anything_is_written(tmp_path, capsys):
    assert main(["export", str(tmp_path), str(tmp_path / "other"), "--also", "tflite"]) == 1
    assert "known kinds are onnx and ts" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_without_onnx_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(deployment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install -r .*tools/requirements-onnx\.txt"):
        deployment.check(tmp_path / "model.onnx")
