"""Fixtures that several test files share."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The directory that holds setup.py."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the project; tests that need it are skipped without it."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("the real corpora (../shared/data) are not on this machine")
    return path


@pytest.fixture(scope="session")
def recipe_env() -> dict[str, str]:
    """The environment variables that tools/env.sh gives to a recipe."""
    path = f"{ROOT / 'tools' / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"LC_ALL": "C", "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "UTF-8", "PATH": path}


@pytest.fixture(scope="session")
def make_wav() -> Callable[..., Path]:
    """A function that writes a small 16-bit wav of a tone in noise, its directory included, and returns its path."""

    def write(path: Path, seconds: float = 1.0, rate: int = 16000, channels: int = 1, seed: int = 0) -> Path:
        import soundfile

        rng = np.random.default_rng(seed)
        times = np.arange(round(seconds * rate)) / rate
        tone = 0.3 * np.sin(2 * np.pi * rng.uniform(100, 400) * times)
        signal = tone[:, None] + 0.01 * rng.standard_normal((len(times), channels))  # (T, channels)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, signal, rate, subtype="PCM_16")
        return path

    return write


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """The `corpus.Corpus` that the tests of the library share; they must not change it."""
    from corpus import make

    return make(tmp_path_factory.mktemp("a corpus"))


@pytest.fixture(scope="session")
def trained(corpus, tmp_path_factory):
    """A model of it, all three folds and seeds 1 and 2; the tests must not change what was trained."""
    return corpus.train(tmp_path_factory.mktemp("exp dir") / "tiny", seeds="1 2")


@pytest.fixture(scope="session")
def places(corpus, tmp_path_factory):
    """The `noisy_speech.Places`: test noise, and noisy copies with features; the tests must not change them."""
    from noisy_speech import make_places

    return make_places(corpus, tmp_path_factory.mktemp("test noise"))


@pytest.fixture(scope="session")
def exp_dir(tmp_path_factory):
    """The scores of `made_reports.write_exp`; the tests must not change them."""
    from made_reports import write_exp

    return write_exp(tmp_path_factory.mktemp("my recipe") / "exp")


@pytest.fixture(scope="session")
def text(exp_dir):
    """Their report, RESULTS.md beside them."""
    from mtlaug import report

    report.write(exp_dir, exp_dir.parent / "RESULTS.md")
    return (exp_dir.parent / "RESULTS.md").read_text()


@pytest.fixture
def noise_file(tmp_path: Path):
    """A function that writes a recording and returns its path."""
    import soundfile

    from mtlaug.audio import effects

    def write(samples: np.ndarray, rate: int = 16000) -> str:
        soundfile.write(tmp_path / "a noise.wav", samples, rate, subtype="FLOAT")
        effects._read.cache_clear()  # every test writes under the same name
        return str(tmp_path / "a noise.wav")

    return write


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty directory; the path has a space."""
    directory = tmp_path / "a place"
    directory.mkdir()
    return directory


@pytest.fixture
def data(tmp_path):
    """A valid data directory; the path has a space."""
    from data_dirs import tables

    from mtlaug import datadir

    directory = tmp_path / "my data" / "x"
    datadir.write(directory, tables())
    return directory
