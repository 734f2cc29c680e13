"""Stage 3 run again: which jobs have nothing to do, and which start anew."""

import os
import shutil
from pathlib import Path

import pytest
from corpus import extract, five_utterances, write_data_dir

from mtlaug.args import FeatureArgs
from mtlaug.audio.cuts import read_cuts, transformed
from mtlaug.audio.effects import AddNoise
from mtlaug.augment import manifest
from mtlaug.features import archives, extraction
from mtlaug.files import UserError, read_table, write_table


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    return five_utterances(tmp_path)


def written(ark_dir: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in ark_dir.glob("*.ark")}


def test_a_job_that_is_done_is_not_done_again(data_dir, tmp_path):
    extract(data_dir, tmp_path / "arks", FeatureArgs(), nj=2)
    before = written(tmp_path / "arks")
    extract(data_dir, tmp_path / "arks", FeatureArgs(), nj=2)
    assert written(tmp_path / "arks") == before
    assert not extraction.extract(data_dir, str(tmp_path / "arks"), FeatureArgs(), 1, 2)["utterances"]


def test_a_directory_of_archives_is_of_one_data_directory(data_dir, tmp_path):
    other = shutil.copytree(data_dir, tmp_path / "other")
    extract(data_dir, tmp_path / "arks", FeatureArgs())
    with pytest.raises(UserError, match=f"arks: holds the features of {data_dir}; give .*other a directory of its own"):
        extract(str(other), tmp_path / "arks", FeatureArgs())


@pytest.mark.parametrize("change", ["options", "recording", "list", "killed", "lost archive", "cut off", "moved"])
def test_a_job_whose_input_changed_is_done_again(data_dir, tmp_path, make_wav, change):
    copied = shutil.copytree(data_dir, tmp_path / "data")
    wavs = read_table(copied / "wav.scp")
    first = make_wav(tmp_path / "first.wav", 0.5)
    write_table(copied / "wav.scp", wavs | {min(wavs): first})
    extract(str(copied), tmp_path / "arks", FeatureArgs())
    before = written(tmp_path / "arks")
    args = FeatureArgs()
    if change == "options":
        args = FeatureArgs(low_freq=40.0)
    elif change == "recording":
        make_wav(first, 0.6)
    elif change == "list":
        write_table(copied / "wav.scp", wavs)
    elif change == "killed":
        (tmp_path / "arks" / "feats.1.json").unlink()
    elif change == "lost archive":
        (tmp_path / "arks" / "cmvn.1.scp").unlink()
    elif change == "cut off":
        os.truncate(tmp_path / "arks" / "feats.1.ark", 1000)
    else:  # the scp files name the archives where they were
        shutil.copytree(tmp_path / "arks", tmp_path / "moved")
        assert extraction.extract(str(copied), str(tmp_path / "moved"), args, 1, 1)["utterances"] == len(wavs)
        return
    assert extraction.extract(str(copied), str(tmp_path / "arks"), args, 1, 1)["utterances"] == len(wavs)
    after = written(tmp_path / "arks")
    assert all(after[name] > before[name] for name in before)


def test_copies_whose_noise_changed_are_made_again(tmp_path, make_wav):
    speech, noise = make_wav(tmp_path / "s.wav", 0.5), make_wav(tmp_path / "n.wav", 0.5, seed=1)
    cut = next(read_cuts(write_data_dir(tmp_path / "data", {"s1-a": speech}), 16000))
    noisy = transformed(cut, "s1-a-noise", AddNoise(str(noise), 0.0, 5.0))
    noisy.custom = {"speaker": "s1", "source": "s1-a", "aug": "noise"}
    manifest.write_copies(tmp_path, [noisy])
    assert [extraction.extract(str(tmp_path), str(tmp_path), FeatureArgs())["utterances"] for _ in range(2)] == [1, 0]
    make_wav(noise, 0.6, seed=2)
    assert extraction.extract(str(tmp_path), str(tmp_path), FeatureArgs())["utterances"] == 1


def extract_job(data_dir: str, ark_dir: str, job: int) -> None:
    extraction.extract(data_dir, ark_dir, FeatureArgs(), job, 2)


def test_tables_of_the_features_go_when_some_are_made_anew(data_dir, tmp_path):
    copied = str(shutil.copytree(data_dir, tmp_path / "data"))
    arks = str(tmp_path)
    for job in (1, 2):
        extract_job(copied, arks, job)
    archives.collect(copied, arks, FeatureArgs(), 2)
    extract_job(copied, arks, 1)
    assert Path(copied, archives.FEATURE_ARGS).exists()  # it had nothing to do
    extraction.extract(copied, arks, FeatureArgs(low_freq=40.0), 1, 2)
    assert not any(Path(copied, name).exists() for name in archives.TABLES)
