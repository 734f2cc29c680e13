"""Stage 3: jobs, archives, and what goes wrong."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from corpus import Corpus, extract, five_utterances, write_data_dir

from mtlaug.args import FeatureArgs
from mtlaug.audio import reading
from mtlaug.audio.cuts import cuts_file, line_of, read_cuts
from mtlaug.cli import main
from mtlaug.features import archives, extraction
from mtlaug.features.archives import cmvn_statistics, mean_and_deviation
from mtlaug.features.fbank import Fbank
from mtlaug.files import UserError, read_table


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
    return five_utterances(tmp_path)


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
        env=os.environ | {"PYTHONPATH": str(Path(extraction.__file__).parents[2])},
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
    exact = {cut.id: fbank(torch.from_numpy(reading.load(cut))).numpy() for cut in read_cuts(data_dir, 16000)}
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
        extraction.extract(data_dir, str(ark), FeatureArgs(), job, 3)
    with pytest.raises(UserError, match=r"feats\.2\.scp: no such file; job 2"):
        archives.collect(data_dir, str(ark), FeatureArgs(), 3)
    assert not Path(data_dir, "feats.scp").exists()


def test_collect_needs_every_utterance(data_dir, tmp_path):
    ark = tmp_path / "ark"
    ark.mkdir()
    extraction.extract(data_dir, str(ark), FeatureArgs(), 1, 2)
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


def test_copies_of_another_rate_are_refused(corpus: Corpus, tmp_path, capsys):
    (tmp_path / "ark").mkdir()
    arguments = [corpus.aug_dir, str(tmp_path / "ark"), "--config", corpus.config]
    assert main(["fbank", "extract", *arguments, "--set", "feature_args.sample_rate=8000"]) == 1
    assert "is of 16000 Hz, feature_args.sample_rate is 8000; run stage 2 again" in capsys.readouterr().err
