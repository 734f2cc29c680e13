"""check_audio: every kind of unusable audio is found, named and counted; good audio stays."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from mtlaug import datadir
from mtlaug.cli import main
from mtlaug.files import UserError, write_table

RATE = 16000
GOOD = [f"s-{number:02}" for number in range(20)]


def noise(seconds, rate=RATE, channels=1):
    return np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels))


@pytest.fixture
def corpus(tmp_path):
    """Make a data directory of 20 good files and the given further wav.scp entries."""
    audio = tmp_path / "my audio"
    audio.mkdir()
    for name in GOOD:
        soundfile.write(audio / f"{name}.wav", noise(0.2), RATE)

    def make(**sources):
        entries = {name: str(audio / f"{name}.wav") for name in GOOD}
        entries |= {f"s-{name}": str(source).replace("AUDIO", str(audio)) for name, source in sources.items()}
        datadir.write(tmp_path / "x", {"wav.scp": entries, "utt2spk": dict.fromkeys(entries, "s")})
        return tmp_path / "x"

    make.audio = audio
    return make


def make_bad(audio, kind):
    """Write the file for one kind of damage."""
    path = audio / "bad.wav"
    good = (audio / f"{GOOD[0]}.wav").read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "directory":
        path.mkdir()
    elif kind == "no audio":
        path.write_text("this is text, not audio\n" * 100)
    elif kind == "header only":
        path.write_bytes(good[:44])
    elif kind == "truncated wav":
        path.write_bytes(good[: len(good) // 2])
    elif kind == "truncated flac":
        soundfile.write(audio / "whole.flac", noise(1), RATE)
        path.write_bytes((audio / "whole.flac").read_bytes()[:8000])
    elif kind == "short":
        soundfile.write(path, noise(0.024), RATE)
    elif kind == "silent":
        soundfile.write(path, np.zeros(RATE), RATE)
    elif kind == "opposite channels":
        samples = noise(0.5)
        soundfile.write(path, np.hstack([samples, -samples]), RATE, subtype="FLOAT")
    elif kind in ("nan", "inf"):
        samples = noise(0.5)
        samples[77] = float(kind)
        soundfile.write(path, samples, RATE, subtype="FLOAT")


@pytest.mark.parametrize(
    "kind, message",
    [
        ("missing", "no such file"),
        ("empty", "is empty"),
        ("directory", "is a directory"),
        ("no audio", "cannot be decoded"),
        ("header only", "holds no samples"),
        ("truncated wav", "is truncated"),
        ("truncated flac", "cannot be decoded"),
        ("short", "lasts 0.0240 s, less than 0.025 s"),
        ("silent", "is silent"),
        ("opposite channels", "is silent"),
        ("nan", "not finite"),
        ("inf", "not finite"),
    ],
)
def test_bad_files_are_dropped_by_name(corpus, capsys, kind, message):
    make_bad(corpus.audio, kind)
    data = corpus(bad="AUDIO/bad.wav")
    found = datadir.check_audio(data)
    assert (found.good, found.total) == (20, 21)
    assert list(datadir.read(data, "utt2dur")) == GOOD
    reason = datadir.read_dropped(data)["s-bad"]
    assert message in reason
    assert str(corpus.audio / "bad.wav") in reason
    assert f"check_audio: dropped s-bad: {reason}" in capsys.readouterr().err
    assert (data / ".backup/wav.scp").exists()
    assert datadir.validate(data) == 20


@pytest.mark.parametrize(
    "command, message",
    [
        ("false |", "command failed with code 1"),
        ("false | cat |", "command failed with code 1"),
        ("cat 'AUDIO/s-00.wav' | false | cat |", "command failed with code 1"),
        ("no-such-program x |", "code 127"),
        ("true |", "command wrote nothing"),
        ("echo text |", "cannot be decoded"),
        ("head -c 44 'AUDIO/s-00.wav' |", "holds no samples"),
    ],
)
def test_bad_commands_are_dropped(corpus, command, message):
    data = corpus(bad=command)
    assert datadir.check_audio(data).good == 20
    assert message in datadir.read_dropped(data)["s-bad"]


def test_good_audio_of_any_format_stays(corpus):
    soundfile.write(corpus.audio / "stereo.wav", noise(0.5, 44100, 2), 44100)
    soundfile.write(corpus.audio / "x.flac", noise(5), RATE)  # more than one block
    silent_start = np.concatenate([np.zeros((5 * RATE, 1)), noise(0.1)])
    soundfile.write(corpus.audio / "late.wav", silent_start, RATE)
    # What a program that cannot seek back writes: the size of its samples is a placeholder.
    streamed = bytearray((corpus.audio / "s-00.wav").read_bytes())
    streamed[4:8] = streamed[40:44] = b"\xff\xff\xff\x7f"
    (corpus.audio / "streamed.wav").write_bytes(streamed)
    data = corpus(
        a="AUDIO/stereo.wav",
        b="AUDIO/x.flac",
        c="AUDIO/late.wav",
        d="AUDIO/streamed.wav",
        e="cat 'AUDIO/s-00.wav' | cat |",
    )
    found = datadir.check_audio(data)
    assert (found.good, found.total, found.dropped) == (25, 25, {})
    assert (found.other_rate, found.several_channels) == (1, 1)
    durations = datadir.read(data, "utt2dur")
    assert [durations[f"s-{name}"] for name in "abcde"] == ["0.500000", "5.000000", "5.100000", "0.200000", "0.200000"]
    assert datadir.check_audio(data, sample_rate=8000).other_rate == 25
    assert not (data / "dropped.tsv").exists()


def test_too_great_a_loss_changes_nothing(corpus):
    data = corpus(bad1="none.wav", bad2="none.wav")
    before = {path: path.read_bytes() for path in data.rglob("*")}
    with pytest.raises(UserError, match=r"2 of 22 utterances are lost \(9.1 %, more than the 5 % of --max-loss"):
        datadir.check_audio(data)
    assert before == {path: path.read_bytes() for path in data.rglob("*")}
    assert datadir.check_audio(data, max_loss=10).good == 20


@pytest.mark.parametrize("share", ["nan", "-1", "100.5", "few"])
def test_a_loss_that_is_no_percentage_is_refused(corpus, capsys, share):
    with pytest.raises(SystemExit):
        main(["datadir", "check-audio", f"--max-loss={share}", str(corpus(bad1="none.wav", bad2="none.wav"))])
    assert f"argument --max-loss: invalid percentage value: '{share}'" in capsys.readouterr().err


def test_a_list_of_dropped_utterances_that_is_no_text_is_named(corpus):
    data = corpus()
    (data / "dropped.tsv").write_bytes("utterance\treason\ns-1\tstörung\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"dropped\.tsv: not UTF-8 text"):
        datadir.check_audio(data)


def test_all_lost_is_always_an_error(tmp_path):
    datadir.write(tmp_path / "x", {"wav.scp": {"s-1": "none.wav"}, "utt2spk": {"s-1": "s"}})
    with pytest.raises(UserError, match="1 of 1 utterances are lost"):
        datadir.check_audio(tmp_path / "x", max_loss=100)


def test_running_again_counts_the_same_and_lists_once(corpus):
    data = corpus(bad="none.wav")
    first = datadir.check_audio(data, max_loss=10)
    listing = (data / "dropped.tsv").read_text()
    second = datadir.check_audio(data, max_loss=10)
    assert (first.good, first.total) == (second.good, second.total) == (20, 21)
    assert (data / "dropped.tsv").read_text() == listing


def test_features_of_other_sound_go(corpus):
    path = corpus()
    datadir.check_audio(path)
    write_table(path / "feats.scp", dict.fromkeys(GOOD, "feats.ark:1"))
    datadir.check_audio(path)
    assert (path / "feats.scp").exists()
    soundfile.write(corpus.audio / f"{GOOD[0]}.wav", 0.5 * noise(0.2), RATE)
    datadir.check_audio(path)
    assert not (path / "feats.scp").exists()


def test_utterances_dropped_at_preparation_count(corpus):
    data = corpus(bad="none.wav")
    reasons = {"s-lost": "no file", "s-twice": "repeats labels:7; labels:9", "s-choice": "by choice: scripted"}
    datadir.write_dropped(data, reasons)
    with pytest.raises(UserError, match="2 of 22"):
        datadir.check_audio(data, max_loss=5)
    found = datadir.check_audio(data, max_loss=10)
    assert (found.good, found.total) == (20, 22)
    assert list(datadir.read_dropped(data)) == ["s-bad", "s-lost", "s-twice", "s-choice"]


def test_utterances_that_another_table_lacks_count(corpus):
    data = corpus()
    (data / "utt2emo").write_text("".join(f"{name} sad\n" for name in GOOD[1:]))
    (data / "utt2dur").write_text("s-05 1.0\n")  # of an earlier run: written anew
    found = datadir.check_audio(data)
    assert found.dropped == {GOOD[0]: "not in utt2emo"}
    assert datadir.validate(data) == 19


def test_segments_are_checked_one_by_one(tmp_path):
    silence = np.zeros((RATE, 1))
    samples = np.concatenate([noise(1), silence, noise(8)])
    samples[int(9.5 * RATE)] = np.nan
    soundfile.write(tmp_path / "long.wav", samples, RATE, subtype="FLOAT")
    segments = {
        "s-a": "r 0 1",
        "s-b": "r 1.1 1.9",
        "s-c": "r 1.5 2.5",
        "s-d": "r 3 3.02",
        "s-e": "r 9 10",
        "s-f": "r 9.6 10.005",
        "s-g": "r 9.6 10.5",
        "s-h": "r 11 12",
    }
    tables = {"wav.scp": {"r": tmp_path / "long.wav"}, "utt2spk": dict.fromkeys(segments, "s"), "segments": segments}
    datadir.write(tmp_path / "x", tables)
    found = datadir.check_audio(tmp_path / "x", max_loss=80)
    assert datadir.read(tmp_path / "x", "utt2dur") == {"s-a": "1.000000", "s-c": "1.000000", "s-f": "0.400000"}
    reasons = {name: reason.partition(": ")[2] for name, reason in found.dropped.items()}
    assert reasons == {
        "s-b": "is silent, all samples are zero",
        "s-d": "lasts 0.0200 s, less than 0.025 s",
        "s-e": "has samples that are not finite",
        "s-g": "segment ends at 10.5 s, the recording at 10 s",
        "s-h": "segment ends at 12 s, the recording at 10 s",
    }


def test_a_segment_has_the_checksum_of_a_file_of_its_samples(tmp_path):
    samples = noise(8)
    soundfile.write(tmp_path / "whole.wav", samples, RATE)
    starts = {"s-a": 2.01, "s-b": 2.03, "s-c": 4.02, "s-d": 3.0}  # 2.01 x 16000 is a little less than 32160
    segments = {name: f"r {start} {start + 1.01:.2f}" for name, start in starts.items()}
    speakers = dict.fromkeys(segments, "s")
    datadir.write(tmp_path / "x", {"wav.scp": {"r": tmp_path / "whole.wav"}, "utt2spk": speakers, "segments": segments})
    for name, start in starts.items():
        first = round(start * RATE)
        soundfile.write(tmp_path / f"{name}.wav", samples[first : first + round(1.01 * RATE)], RATE)
    datadir.write(tmp_path / "y", {"wav.scp": {name: tmp_path / f"{name}.wav" for name in starts}, "utt2spk": speakers})
    sums = [datadir.check_audio(tmp_path / data) and datadir.read(tmp_path / data, "utt2checksum") for data in "xy"]
    assert sums[0] == sums[1]


def test_command_line(corpus, project_root, recipe_env):
    data = corpus(bad="none.wav")

    def call(*arguments):
        command = [sys.executable, "-m", "mtlaug", "datadir", "check-audio", *arguments, data.name]
        environment = {**recipe_env, "PYTHONPATH": str(project_root)}
        return subprocess.run(command, cwd=data.parent, env=environment, capture_output=True, text=True, timeout=60)

    done = call("--max-loss", "1")
    assert done.returncode == 1
    assert "nothing was left out" in done.stderr
    done = call()
    expected = "check_audio: 20 of 21 utterances are good, 1 dropped (4.8 %), listed in x/dropped.tsv\n"
    assert (done.returncode, done.stdout) == (0, expected)
    assert done.stderr == "check_audio: dropped s-bad: none.wav: no such file\n"


def test_augmented_directory_is_refused(tmp_path):
    datadir.write(tmp_path / "x", {"utt2spk": {"s-1": "s"}})
    (tmp_path / "x/cuts.jsonl.gz").write_bytes(b"")
    with pytest.raises(UserError, match="source directory"):
        datadir.check_audio(tmp_path / "x")
