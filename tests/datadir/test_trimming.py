"""Silence around the speech: what is left out, and what stays."""

import subprocess

import numpy as np
import pytest
import soundfile
from corpus import speech

from mtlaug import datadir
from mtlaug.audio.cuts import read_cuts
from mtlaug.audio.reading import load
from mtlaug.cli import main
from mtlaug.files import UserError, read_table

RATE = 16000


@pytest.fixture
def data_dir(tmp_path):
    """Three utterances of a second of speech: in near silence, with a pause inside, and with nothing around."""
    rng = np.random.default_rng(0)
    said, hiss = speech(1.0), 1e-4 * rng.standard_normal(3 * RATE).astype(np.float32)
    waves = {
        "s-around": np.concatenate([hiss[:RATE], said, hiss[: RATE // 2]]),
        "s-pause": np.concatenate([hiss[:RATE], said[: RATE // 2], hiss[:RATE], said[RATE // 2 :]]),
        "s-whole": said,
    }
    folder = tmp_path / "my audio"
    folder.mkdir()
    for name, samples in waves.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE)
    paths = {name: str(folder / f"{name}.wav") for name in waves}
    paths["s-whole"] = f"cat '{paths['s-whole']}' |"
    datadir.write(tmp_path / "x", {"wav.scp": paths, "utt2spk": dict.fromkeys(paths, "s")})
    datadir.check_audio(tmp_path / "x")
    return tmp_path / "x"


def test_speech_and_the_pauses_in_it_stay(data_dir, capsys):
    checksums = read_table(data_dir / "utt2checksum")
    assert main(["datadir", "trim-silence", "--margin", "0.2", str(data_dir)]) == 0
    assert "trim_silence: 2 of 6 s (29.2 %) are silence around the speech" in capsys.readouterr().out
    times = {
        name: [float(time) for time in line.split()[1:]] for name, line in read_table(data_dir / "segments").items()
    }
    assert times == {"s-around": [0.8, 2.2], "s-pause": [0.8, 3.0], "s-whole": [0.0, 1.0]}
    durations = {name: float(seconds) for name, seconds in read_table(data_dir / "utt2dur").items()}
    assert durations == pytest.approx({"s-around": 1.4, "s-pause": 2.2, "s-whole": 1.0})
    assert read_table(data_dir / "utt2checksum") == checksums
    datadir.validate(data_dir, need_wav=True, need_feats=False, need_text=False)
    assert {cut.id: len(load(cut)) for cut in read_cuts(data_dir, RATE)}["s-around"] == round(1.4 * RATE)


@pytest.mark.parametrize("margins", [(0.2,), (0.2, 0.0)])
def test_trimmed_speech_that_is_checked_again_is_known_by_all_that_it_was(data_dir, margins):
    """The guard of unlabelled speech compares these sums; and the features are still of the same sound."""
    checksums = read_table(data_dir / "utt2checksum")
    for margin in margins:
        datadir.trim(data_dir, margin=margin)
    durations = read_table(data_dir / "utt2dur")
    (data_dir / "feats.scp").write_text("".join(f"{name} x.ark:1\n" for name in checksums))
    datadir.check_audio(data_dir)
    assert read_table(data_dir / "utt2checksum") == checksums
    assert read_table(data_dir / "utt2dur") == durations
    assert (data_dir / "feats.scp").exists()


def test_trimmed_speech_keeps_its_sums_beside_speech_that_is_not_trimmed(data_dir, tmp_path):
    wavs = read_table(data_dir / "wav.scp")
    datadir.write(tmp_path / "y", {"wav.scp": {"t-whole": wavs["s-around"]}, "utt2spk": {"t-whole": "t"}})
    datadir.check_audio(tmp_path / "y")
    datadir.trim(data_dir)
    datadir.combine(tmp_path / "z", [data_dir, tmp_path / "y"])
    before = read_table(tmp_path / "z/utt2checksum")
    datadir.check_audio(tmp_path / "z")
    assert read_table(tmp_path / "z/utt2checksum") == before
    assert before["t-whole"] == before["s-around"]


def test_what_an_utterance_was_has_to_be_readable(data_dir):
    datadir.trim(data_dir)
    path = data_dir / "utt2untrimmed"
    path.write_text(path.read_text().replace("s-pause 0.0:inf", "s-pause all"))
    with pytest.raises(UserError, match=r"utt2untrimmed:2: expected 'utterance start:end', got 'all'; run stage 1"):
        datadir.check_audio(data_dir)


def test_what_is_less_far_below_is_no_silence(data_dir):
    assert datadir.trim(data_dir, below=120.0).after == pytest.approx(6.5)


def test_no_margin_is_kept_where_none_is_asked_for(data_dir):
    datadir.trim(data_dir, margin=0.0)
    assert read_table(data_dir / "segments")["s-around"].endswith(" 1.000 2.000")


def test_segments_that_are_there_become_narrower(tmp_path):
    hiss = 1e-4 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    turns = np.concatenate([hiss, speech(1.0), hiss, speech(1.0, seed=1), hiss])  # two turns in a recording
    soundfile.write(tmp_path / "call.wav", np.stack([turns, 0 * turns], axis=1), RATE)
    tables = {"wav.scp": {"call": tmp_path / "call.wav"}, "utt2spk": {"s-a": "s", "s-b": "s"}}
    tables["segments"] = {"s-a": "call 0.5 2.5", "s-b": "call 3.05 4.9"}
    datadir.write(tmp_path / "x", tables)
    datadir.check_audio(tmp_path / "x")
    assert datadir.trim(tmp_path / "x") == pytest.approx((3.85, 2.25))
    assert read_table(tmp_path / "x/segments") == {"s-a": "call 0.900 2.100", "s-b": "call 3.050 4.100"}
    assert datadir.trim(tmp_path / "x") == pytest.approx((2.25, 2.25))  # nothing more to leave out


def test_features_of_untrimmed_speech_are_not_taken_for_new_ones(data_dir):
    for name in ("feats.scp", "cmvn.scp", "utt2num_frames"):
        (data_dir / name).write_text("".join(f"s-{name} 1\n" for name in ("around", "pause", "whole")))
    datadir.trim(data_dir)
    assert not (data_dir / "feats.scp").exists() and (data_dir / ".backup/feats.scp").exists()
    assert not {"cmvn.scp", "utt2num_frames"} & {path.name for path in data_dir.iterdir()}


def test_mistakes_are_named(data_dir, tmp_path, project_root):
    for options in ({"below": 0.0}, {"below": float("nan")}, {"margin": -1.0}, {"margin": float("inf")}):
        with pytest.raises(UserError, match="expected dB above zero"):
            datadir.trim(data_dir, **options)
    (data_dir / "utt2emo").write_text("s-around sad\n")
    with pytest.raises(UserError, match=r"utterance s-pause: not in utt2emo; run utils/fix_data_dir\.sh"):
        datadir.trim(data_dir)
    (data_dir / "utt2emo").unlink()
    (tmp_path / "my audio/s-around.wav").unlink()
    with pytest.raises(UserError, match=r"s-around\.wav: cannot be read: no such file"):
        datadir.trim(data_dir)
    assert not (data_dir / "segments").exists()
    (data_dir / "utt2dur").write_text("s-around long\ns-pause 1\ns-whole 1\n")
    with pytest.raises(UserError, match=r"utt2dur: could not convert .*'long'; run utils/check_audio\.sh"):
        datadir.trim(data_dir)
    assert not (data_dir / "segments").exists()
    (data_dir / "utt2dur").unlink()
    with pytest.raises(UserError, match=r"has no utt2dur; run utils/check_audio\.sh"):
        datadir.trim(data_dir)
    script = project_root / "tools/utils/trim_silence.sh"
    assert "Usage" in subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
