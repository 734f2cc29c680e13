"""Stage 3: jobs, archives, what is done again, and what goes wrong."""

import itertools
import os
import resource
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from corpus import Corpus, extract, speech, write_data_dir

from mtlaug import archives, audio, features, manifest
from mtlaug.archives import cmvn_statistics, mean_and_deviation
from mtlaug.cli import main
from mtlaug.config import FeatureArgs
from mtlaug.cuts import cuts_file, line_of, part, read_cuts, transformed
from mtlaug.effects import AddNoise
from mtlaug.fbank import Fbank
from mtlaug.files import UserError, read_table, write_table


def test_cmvn_statistics():
    matrix = np.random.default_rng(0).normal(3, 2, (50, 4)).astype(np.float32)
    statistics = cmvn_statistics(matrix)
    assert statistics.dtype == np.float64
    assert statistics.shape == (2, 5)
    assert statistics[0, -1] == 50
    np.testing.assert_allclose(statistics[0, :-1], matrix.sum(0, dtype=np.float64))
    np.testing.assert_allclose(statistics[1, :-1], np.square(matrix, dtype=np.float64).sum(0))
    mean, deviation = mean_and_deviation(statistics + cmvn_statistics(matrix * 2))
    both = np.concatenate([matrix, matrix * 2])
    np.testing.assert_allclose(mean, both.mean(0), rtol=1e-5)
    np.testing.assert_allclose(deviation, both.std(0), rtol=1e-5)


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    """Five utterances, in a directory with a space in its name."""
    wavs = {f"s{number}-one": tmp_path / "my wavs" / f"{number}.wav" for number in range(1, 6)}
    (tmp_path / "my wavs").mkdir()
    for seed, path in enumerate(wavs.values()):
        soundfile.write(path, speech(0.3 + 0.05 * seed, seed=seed), 16000)
    return write_data_dir(tmp_path / "my data", wavs)


def matrices(data_dir: str, table: str = "feats.scp") -> dict[str, np.ndarray]:
    return dict(kaldiio.load_scp(f"{data_dir}/{table}").items())


def assert_equal(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> None:
    assert some.keys() == others.keys()
    for name, matrix in some.items():
        assert np.array_equal(matrix, others[name]), name


def test_the_number_of_jobs_changes_no_bit(data_dir, tmp_path):
    results = []
    for nj in (1, 3, 1):
        extract(data_dir, tmp_path / f"ark {nj}", FeatureArgs(), nj)
        results.append((matrices(data_dir), matrices(data_dir, "cmvn.scp"), read_table(f"{data_dir}/utt2num_frames")))
    for feats, cmvn, frames in results[1:]:
        assert_equal(feats, results[0][0])
        assert_equal(cmvn, results[0][1])
        assert frames == results[0][2]


def test_disk_full_in_the_middle_of_an_archive(data_dir, tmp_path):
    """A limit on the size of files is a disk that is full after so many bytes."""
    ark = tmp_path / "an ark"
    extract(data_dir, ark, FeatureArgs())
    before = {path.name: path.read_bytes() for path in ark.iterdir() if path.suffix != ".json"}
    size = len(before["feats.1.ark"])
    (tmp_path / "x.yaml").write_text("feature_args: {compression: 0}\n")  # twice the size
    command = [sys.executable, "-m", "mtlaug", "fbank", "extract", data_dir, ark, "--config", tmp_path / "x.yaml"]
    done = subprocess.run(
        list(map(str, command)),
        env=os.environ | {"PYTHONPATH": str(Path(features.__file__).parents[1])},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1, size + 1)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"error: {ark}/feats.1.ark: File too large; make room and run the stage again" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name: path.read_bytes() for path in ark.iterdir()} == before


def test_two_runs_give_the_same_bytes(data_dir, tmp_path):
    runs = []
    for _ in range(2):
        extract(data_dir, tmp_path / "ark", FeatureArgs(), 2)
        keys = [tmp_path / "ark" / f"feats.{job}.json" for job in (1, 2)]
        for key in keys:
            key.unlink()  # so that the second run does not keep the first one's
        runs.append({path.name: path.read_bytes() for path in (tmp_path / "ark").iterdir()})
    assert runs[0] == runs[1]
    assert sorted(runs[0]) == sorted(f"{k}.{j}.{e}" for k in ("feats", "cmvn") for j in (1, 2) for e in ("ark", "scp"))


def test_archives_of_more_jobs_are_removed(data_dir, tmp_path):
    extract(data_dir, tmp_path / "ark", FeatureArgs(), 3)
    extract(data_dir, tmp_path / "ark", FeatureArgs(), 1)
    assert len(list((tmp_path / "ark").iterdir())) == 5
    assert len(matrices(data_dir)) == 5


def test_tables_beside_the_features(data_dir, tmp_path):
    args = FeatureArgs()
    extract(data_dir, tmp_path / "ark", args, 2)
    feats = matrices(data_dir)
    assert list(read_table(f"{data_dir}/feats.scp")) == sorted(feats)
    frames = {name: int(number) for name, number in read_table(f"{data_dir}/utt2num_frames").items()}
    assert frames == {name: len(matrix) for name, matrix in feats.items()}
    for name, seconds in read_table(f"{data_dir}/utt2dur").items():
        assert abs(float(seconds) - frames[name] * 0.01) < 1e-6
    assert Path(data_dir, "frame_shift").read_text() == "0.01\n"
    assert main(["datadir", "validate", data_dir, "--no-text"]) == 0


def test_compression_loses_little(data_dir, tmp_path):
    fbank = Fbank(FeatureArgs())
    exact = {cut.id: fbank(torch.from_numpy(audio.load(cut))).numpy() for cut in read_cuts(data_dir, 16000)}
    for compression, most in [(0, 0.0), (3, 1e-3), (2, 0.1)]:
        extract(data_dir, tmp_path / "ark", FeatureArgs(compression=compression))
        error = max(np.abs(matrix - exact[name]).max() for name, matrix in matrices(data_dir).items())
        assert error <= most
        assert (error > 0) == (compression > 0)
        statistics = matrices(data_dir, "cmvn.scp")
        for name, matrix in exact.items():
            np.testing.assert_array_equal(statistics[name], cmvn_statistics(matrix))


def test_collect_needs_every_job(data_dir, tmp_path):
    ark = tmp_path / "ark"
    ark.mkdir()
    for job in (1, 3):
        features.extract(data_dir, str(ark), FeatureArgs(), job, 3)
    with pytest.raises(UserError, match=r"feats\.2\.scp: no such file; job 2"):
        archives.collect(data_dir, str(ark), FeatureArgs(), 3)
    assert not Path(data_dir, "feats.scp").exists()


def test_collect_needs_every_utterance(data_dir, tmp_path):
    ark = tmp_path / "ark"
    ark.mkdir()
    features.extract(data_dir, str(ark), FeatureArgs(), 1, 2)
    with pytest.raises(UserError, match=r"2 utterances have no features, the first is s2-one"):
        archives.collect(data_dir, str(ark), FeatureArgs(), 1)
    assert not Path(data_dir, "feats.scp").exists()


def test_more_jobs_than_utterances(data_dir, tmp_path):
    extract(data_dir, tmp_path / "ark", FeatureArgs(), 7)
    assert len(matrices(data_dir)) == 5


@pytest.fixture
def yaml_file(tmp_path: Path) -> str:
    (tmp_path / "c.yaml").write_text("feature_args: {num_mel_bins: 20}\n")
    return str(tmp_path / "c.yaml")


def run_stage(data_dir: str, ark: Path, yaml_file: str) -> int:
    """Both commands of stage 3 through the command line, the second only after a success of the first."""
    ark.mkdir(exist_ok=True)
    arguments = [data_dir, str(ark), "--config", yaml_file]
    return main(["fbank", "extract", *arguments]) or main(["fbank", "collect", *arguments])


def test_command_line(data_dir, tmp_path, yaml_file, capsys):
    assert run_stage(data_dir, tmp_path / "ark", yaml_file) == 0
    assert "5 utterances, 2.0 s of audio" in capsys.readouterr().out
    assert all(matrix.shape[1] == 20 for matrix in matrices(data_dir).values())


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.unlink(), id="missing"),
        pytest.param(lambda path: path.write_bytes(b"not audio"), id="not audio"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty file"),
        pytest.param(lambda path: soundfile.write(path, np.zeros(0), 16000), id="header only"),
        pytest.param(lambda path: soundfile.write(path, np.zeros(50), 16000), id="shorter than a frame"),
        pytest.param(lambda path: soundfile.write(path, np.full(800, np.nan), 16000, subtype="FLOAT"), id="not finite"),
    ],
)
def test_a_bad_recording_is_named_and_nothing_is_written(data_dir, tmp_path, yaml_file, capsys, spoil):
    spoil(tmp_path / "my wavs" / "3.wav")
    assert run_stage(data_dir, tmp_path / "ark", yaml_file) == 1
    error = capsys.readouterr().err
    assert "s3-one" in error
    assert "3.wav" in error
    assert "Traceback" not in error
    assert list((tmp_path / "ark").iterdir()) == []
    assert not Path(data_dir, "feats.scp").exists()


def test_a_copy_whose_source_went_missing_is_named_and_old_features_stay(corpus: Corpus, tmp_path, capsys):
    aug_dir = shutil.copytree(corpus.aug_dir, tmp_path / "aug")
    manifest = next(read_cuts(str(aug_dir), 16000))
    gone = tmp_path / "gone.wav"
    manifest.recording.sources[0].source = str(gone)
    with cuts_file(aug_dir / "cuts.jsonl.gz") as out:
        out.write(line_of(manifest))
    before = (aug_dir / "feats.scp").read_bytes()
    assert run_stage(str(aug_dir), tmp_path / "ark", corpus.config) == 1
    error = capsys.readouterr().err
    assert f"{gone}: utterance {manifest.id}: cannot be read" in error
    assert (aug_dir / "feats.scp").read_bytes() == before
    assert list((tmp_path / "ark").iterdir()) == []


def test_a_failing_pipe_fails_the_job(tmp_path, yaml_file, make_wav, capsys):
    path = make_wav(tmp_path / "a.wav", 0.3)
    data_dir = write_data_dir(tmp_path / "data", {"s1-a": f"cat '{path}' | false |"})
    assert run_stage(data_dir, tmp_path / "ark", yaml_file) == 1
    assert "s1-a" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["cat '{}' |", "cat <(cat '{}') |"])  # the second one is bash's
def test_a_pipe_gives_the_features_of_its_audio(tmp_path, make_wav, command):
    path = make_wav(tmp_path / "a file.wav", 0.3)
    piped = write_data_dir(tmp_path / "piped", {"s1-a": command.format(path)})
    plain = write_data_dir(tmp_path / "plain", {"s1-a": path})
    for data_dir in (piped, plain):
        extract(data_dir, Path(data_dir, "ark"), FeatureArgs())
    assert_equal(matrices(piped), matrices(plain))


# Features that are there already


def written(ark_dir: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in ark_dir.glob("*.ark")}


def test_a_job_that_is_done_is_not_done_again(data_dir, tmp_path):
    extract(data_dir, tmp_path / "arks", FeatureArgs(), nj=2)
    before = written(tmp_path / "arks")
    extract(data_dir, tmp_path / "arks", FeatureArgs(), nj=2)
    assert written(tmp_path / "arks") == before
    assert not features.extract(data_dir, str(tmp_path / "arks"), FeatureArgs(), 1, 2)["utterances"]


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
        assert features.extract(str(copied), str(tmp_path / "moved"), args, 1, 1)["utterances"] == len(wavs)
        return
    assert features.extract(str(copied), str(tmp_path / "arks"), args, 1, 1)["utterances"] == len(wavs)
    after = written(tmp_path / "arks")
    assert all(after[name] > before[name] for name in before)


def test_copies_whose_noise_changed_are_made_again(tmp_path, make_wav):
    speech, noise = make_wav(tmp_path / "s.wav", 0.5), make_wav(tmp_path / "n.wav", 0.5, seed=1)
    cut = next(read_cuts(write_data_dir(tmp_path / "data", {"s1-a": speech}), 16000))
    noisy = transformed(cut, "s1-a-noise", AddNoise(str(noise), 0.0, 5.0))
    noisy.custom = {"speaker": "s1", "source": "s1-a", "aug": "noise"}
    manifest.write_copies(tmp_path, [noisy])
    assert [features.extract(str(tmp_path), str(tmp_path), FeatureArgs())["utterances"] for _ in range(2)] == [1, 0]
    make_wav(noise, 0.6, seed=2)
    assert features.extract(str(tmp_path), str(tmp_path), FeatureArgs())["utterances"] == 1


def test_tables_of_the_features_go_when_some_are_made_anew(data_dir, tmp_path):
    copied = str(shutil.copytree(data_dir, tmp_path / "data"))
    arks = str(tmp_path)
    for job in (1, 2):
        extract_job(copied, arks, job)
    archives.collect(copied, arks, FeatureArgs(), 2)
    extract_job(copied, arks, 1)
    assert Path(copied, archives.FEATURE_ARGS).exists()  # it had nothing to do
    features.extract(copied, arks, FeatureArgs(low_freq=40.0), 1, 2)
    assert not any(Path(copied, name).exists() for name in archives.TABLES)


def extract_job(data_dir: str, ark_dir: str, job: int) -> None:
    features.extract(data_dir, ark_dir, FeatureArgs(), job, 2)


def test_copies_of_another_rate_are_refused(corpus: Corpus, tmp_path, capsys):
    (tmp_path / "ark").mkdir()
    arguments = [corpus.aug_dir, str(tmp_path / "ark"), "--config", corpus.config]
    assert main(["fbank", "extract", *arguments, "--set", "feature_args.sample_rate=8000"]) == 1
    assert "is of 16000 Hz, feature_args.sample_rate is 8000; run stage 2 again" in capsys.readouterr().err


def test_a_command_is_run_once_for_the_segments_of_its_recording(tmp_path, make_wav):
    path, count = make_wav(tmp_path / "a.wav", 0.9), tmp_path / "count"
    data_dir = write_data_dir(tmp_path / "data", {"rec": f"echo >>'{count}' && cat '{path}' |"})
    Path(data_dir, "segments").write_text("s1-1 rec 0 0.3\ns1-2 rec 0.3 0.6\ns1-3 rec 0.6 0.9\n")
    assert len(list(read_cuts(data_dir, 16000))) == 3
    assert count.read_text() == "\n"


@pytest.mark.parametrize(("nj", "copies"), [(2, 6), (3, 6), (4, 6), (6, 6), (5, 7)])
def test_jobs_share_every_kind_of_copy(nj, copies):
    """Kinds take different times, and come in one order for every utterance."""
    rows = [(utterance, kind) for utterance in range(120) for kind in range(copies)]
    parts = [list(part(rows, job, nj)) for job in range(1, nj + 1)]
    assert sorted(itertools.chain(*parts)) == rows
    for own in parts:
        counts = Counter(kind for _, kind in own)
        assert max(counts.values()) - min(counts.values()) <= 0.1 * len(own) / copies
