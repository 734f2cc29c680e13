"""The synthetic corpus of egs/mini, on a tenth of its utterances."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from mtlaug import datadir

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / "egs" / "mini" / "local"

# Makes the first sentence of everybody, the last speaker first where there is more than one job.
MAKE = """
import sys, pathlib, make_corpus, voices
corpus, nj, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
some = [utterance for utterance in voices.utterances(seed) if utterance.name.endswith('01')]
make_corpus.utterances = lambda seed: sorted(some, key=lambda utterance: utterance.speaker.name, reverse=nj > 1)
make_corpus.make(corpus, seed, nj)
"""


def python(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess:
    env = {"PYTHONPATH": f"{ROOT}:{LOCAL}", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)


def make(corpus: Path, nj: int = 2, seed: int = 1) -> str:
    result = python("-c", MAKE, corpus, nj, seed, cwd=corpus.parent)
    assert result.returncode == 0, result.stderr
    return result.stdout


def wavs(corpus: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in corpus.rglob("*.wav")}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """A recipe directory with a corpus in it."""
    folder = tmp_path_factory.mktemp("my recipe")
    assert "SYNTHETIC" in make(folder / "corpus")
    return folder


def test_audio_is_short_mono_16_khz(recipe):
    paths = sorted((recipe / "corpus").rglob("*.wav"))
    assert len(paths) == 8 * 4 + 4
    for path in paths:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert 0.5 < info.duration < 3


def test_the_bytes_depend_on_the_seed_and_not_on_the_jobs(recipe, tmp_path):
    make(tmp_path / "again", nj=1)
    make(tmp_path / "other", seed=2)
    first = wavs(recipe / "corpus")
    assert wavs(tmp_path / "again") == first
    other = wavs(tmp_path / "other")
    assert other.keys() == first.keys() and all(other[name] != first[name] for name in first)


def test_a_complete_corpus_is_kept_and_an_incomplete_one_made_again(recipe, tmp_path):
    corpus = tmp_path / "corpus"
    make(corpus)
    before = corpus.stat().st_ino
    assert "nothing to do" in make(corpus)
    assert corpus.stat().st_ino == before
    next(corpus.rglob("*.wav")).unlink()
    make(corpus)
    assert wavs(corpus) == wavs(recipe / "corpus")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_directory_of_the_user_is_not_replaced(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "mine.txt").write_text("keep")
    result = python(LOCAL / "make_corpus.py", "--corpus-dir", corpus, cwd=tmp_path)
    assert result.returncode == 1 and "was not made by this script" in result.stderr
    assert (corpus / "mine.txt").exists()


def test_no_two_speakers_share_a_sentence(recipe):
    with open(recipe / "corpus" / "manifest.tsv", encoding="utf-8", newline="") as lines:
        said = {(row["text"], row["speaker"]) for row in csv.DictReader(lines, delimiter="\t")}
    assert len({text for text, _ in said}) == len(said)


def test_data_preparation(recipe):
    result = python(LOCAL / "prepare_data.py", "--corpus_dir", "corpus", "--data-dir", "data", cwd=recipe)
    assert result.returncode == 0, result.stderr
    labelled, unlabelled = recipe / "data" / "mini", recipe / "data" / "mini_unlabelled"
    emotions = datadir.read(labelled, "utt2emo")
    assert sorted(set(emotions.values())) == ["angry", "happy", "neutral", "sad"]
    assert all(name.split("-")[1][0] == emotion[0] for name, emotion in emotions.items())
    assert not (unlabelled / "utt2emo").exists()
    babble = datadir.read(recipe / "data" / "mini_unlabelled_babble", "utt2spk")
    assert len(datadir.read(unlabelled, "utt2spk")) == len(babble) == 2
    assert not set(babble.values()) & set(datadir.read(unlabelled, "utt2spk").values())
    assert not set(datadir.read(labelled, "spk2utt")) & set(datadir.read(unlabelled, "spk2utt"))
    assert all((recipe / path).is_file() for path in datadir.read(labelled, "wav.scp").values())
    check = "import sys; from mtlaug import datadir; print(datadir.validate(sys.argv[1]))"
    for folder in (labelled, unlabelled):
        result = python("-c", check, folder.relative_to(recipe), cwd=recipe)
        assert result.returncode == 0, result.stderr


def test_data_preparation_without_a_corpus(tmp_path):
    result = python(LOCAL / "prepare_data.py", cwd=tmp_path)
    assert result.returncode == 1 and "local/make_corpus.py" in result.stderr and "Traceback" not in result.stderr
