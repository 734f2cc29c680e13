"""Data directories: write and validate."""

import gzip

import pytest
from data_dirs import AUGMENTED, UTTERANCES, tables, use_segments, write_cuts

from mtlaug import datadir
from mtlaug.files import UserError


def test_write_makes_a_valid_directory(data):
    assert datadir.validate(data, need_text=True) == 6
    assert (data / "spk2utt").read_text() == "a a-1 a-2 a-3\nb b-1 b-2\nc c-1\n"


def test_valid_variants(data):
    (data / "frame_shift").write_text("0.01\n")
    (data / "utt2dur").write_text("".join(f"{name} 1.5\n" for name in UTTERANCES))
    for name in ("feats.scp", "cmvn.scp"):
        (data / name).write_text("".join(f"{utterance} x.ark:12\n" for utterance in UTTERANCES))
    use_segments(data)
    assert datadir.validate(data, need_feats=True) == 6
    (data / "segments").unlink()
    (data / "wav.scp").unlink()
    assert datadir.validate(data, need_wav=False) == 6
    write_cuts(data, UTTERANCES)
    assert datadir.validate(data) == 6


BAD = {  # what is wrong: file, new content as a function of the old, part of the message
    "malformed": ("utt2spk", lambda text: text.replace("a-2 a", "a-2"), "utt2spk:2: expected"),
    "three words": ("utt2spk", lambda text: text.replace("a-2 a", "a-2 a x"), "utt2spk:2"),
    "unsorted": (
        "wav.scp",
        lambda text: "\n".join(reversed(text.split("\n")[:-1])),
        "wav.scp:2: 'b-2' is out of order",
    ),
    "duplicate": ("text", lambda text: text + text.split("\n")[-2] + "\n", "text:7: 'c-1' is listed twice"),
    "missing line": ("utt2emo", lambda text: text.replace("b-1 angry\n", ""), "utterance 'b-1'"),
    "other utterance": ("text", lambda text: text + "d-1 x\n", "text:7: utterance 'd-1' is not in utt2spk"),
    "wav only": ("wav.scp", lambda text: text + "d-1 x\n", "wav.scp:7: utterance 'd-1' is not in utt2spk"),
    "inverse": ("spk2utt", lambda text: text.replace("b-1 b-2", "b-1"), "spk2utt:2: speaker 'b'"),
    "inverse speaker": ("spk2utt", lambda text: text + "d d-1\n", "spk2utt:4: speaker 'd'"),
    "prefix": ("utt2spk", lambda text: text.replace("c-1 c", "c-1 d"), "utt2spk:6: speaker 'd' is not a prefix"),
    "gender": ("spk2gender", lambda text: text.replace("b f", "b x"), "spk2gender:2: 'b' has 'x'"),
    "no gender": ("spk2gender", lambda text: text.replace("b f\n", ""), "speaker 'b' is missing"),
    "other gender": ("spk2gender", lambda text: text + "d m\n", "spk2gender:4: speaker 'd'"),
    "empty": ("utt2spk", lambda text: "", "holds no utterances"),
    "not UTF-8": ("text", lambda text: text.replace("words", "w\udce4"), "not UTF-8"),
    "emotion": ("utt2emo", lambda text: text.replace("b-1 angry", "b-1 very angry"), "utt2emo:4: 'b-1'"),
    "aug": ("utt2aug", lambda text: "a-1 noise\n", "utt2aug: utterance 'a-2'"),
    "uniq": ("utt2uniq", lambda text: "a-0 a\n", "utt2uniq:1: utterance 'a-0'"),
    "feats": ("feats.scp", lambda text: "a-1 x.ark:9\n", "feats.scp: utterance 'a-2'"),
    "cmvn": ("cmvn.scp", lambda text: "z x.ark:9\n", "cmvn.scp:1: utterance 'z'"),
    "duration": ("utt2dur", lambda text: "".join(f"{name} nan\n" for name in UTTERANCES), "utt2dur:1"),
    "frames": ("utt2num_frames", lambda text: "".join(f"{name} 0\n" for name in UTTERANCES), "utt2num_frames:1"),
    "frame shift": ("frame_shift", lambda text: "ten\n", "frame_shift:1"),
    "blank line": ("text", lambda text: "\n" + text, "text:1: expected"),
}


@pytest.mark.parametrize("case", BAD)
def test_validate_names_file_and_line(data, case):
    name, change, message = BAD[case]
    path = data / name
    text = change(path.read_text() if path.exists() else "")
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError) as error:
        datadir.validate(data)
    assert message in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["utt2spk", "spk2utt", "wav.scp", "feats.scp", "text"])
def test_validate_misses_needed_files(data, name):
    (data / name).unlink(missing_ok=True)
    with pytest.raises(UserError, match=f"{name}: no such file"):
        datadir.validate(data, need_feats=name == "feats.scp", need_text=True)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("a-1 r1 0.5 1", "a-1 r3 0.5 1", "segments:1: recording 'r3' of utterance 'a-1'"),
        ("a-1 r1 0.5 1", "a-1 r1 1 0.5", "segments:1: 'a-1'"),
        ("a-1 r1 0.5 1", "a-1 r1 -0.5 1", "segments:1: 'a-1'"),
        ("a-1 r1 0.5 1", "a-1 r1 0.5", "segments:1: 'a-1'"),
        ("r2", "r1", "wav.scp:2: no segment uses 'r2'"),
    ],
)
def test_validate_segments(data, old, new, message):
    use_segments(data)
    path = data / "segments"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=message):
        datadir.validate(data)


@pytest.mark.parametrize("names", [["a-1"], [*UTTERANCES, "d-1"], [*UTTERANCES, "a-1"]])
def test_validate_cuts(data, names):
    (data / "wav.scp").unlink()
    write_cuts(data, names)
    with pytest.raises(UserError, match=AUGMENTED):
        datadir.validate(data)


def test_validate_finds_broken_cuts(data):
    (data / "wav.scp").unlink()
    write_cuts(data, UTTERANCES)
    (data / AUGMENTED).write_bytes((data / AUGMENTED).read_bytes()[:-9])
    with pytest.raises(UserError, match="broken gzip"):
        datadir.validate(data)
    with gzip.open(data / AUGMENTED, "wt") as out:
        out.write('{"id": "a-1"}\n{"start": 0}\n')
    with pytest.raises(UserError, match=r"cuts.jsonl.gz:2: not a JSON object with an 'id'"):
        datadir.validate(data)


def test_validate_warns_of_an_order_that_kaldi_refuses(tmp_path, caplog):
    datadir.write(tmp_path / "x", {"utt2spk": {"s10_a": "s10", "s1_a": "s1"}})
    assert datadir.validate(tmp_path / "x", need_wav=False) == 2
    assert "not in C order" in caplog.text


@pytest.mark.parametrize(
    "change, message",
    [
        ({"utt2spk": {"a-1": "b"}}, "'b' is not a prefix"),
        ({"utt2emo": {"a-1": "angry"}}, "is missing"),
        ({"utt2emo": {**dict.fromkeys(UTTERANCES, "x"), "a-1": "two\nlines"}}, "makes no 'key value' line"),
        ({"utt2emo": {**dict.fromkeys(UTTERANCES, "x"), "a-1": " "}}, "makes no 'key value' line"),
        ({"notes": {"a": "b"}}, "not a table"),
    ],
)
def test_write_refuses_what_validate_would(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        datadir.write(tmp_path / "x", {**tables(), **change})
    assert not (tmp_path / "x").exists()


def test_write_again_leaves_nothing_stale(data):
    for name in ("feats.scp", "utt2num_frames"):
        (data / name).write_text("".join(f"{utterance} 7\n" for utterance in UTTERANCES))
    (data / "utt2lang").write_text("a-1 de\n")
    datadir.write(data, tables(), dropped={"z-1": "no file"})
    assert (data / "feats.scp").exists()
    assert not (data / "utt2lang").exists()
    assert (data / ".backup/utt2lang").read_text() == "a-1 de\n"
    assert (data / "dropped.tsv").read_text() == "utterance\treason\nz-1\tno file\n"
    fewer = {"a-1": "a", "b-1": "b"}
    datadir.write(data, tables(fewer))
    assert not (data / "feats.scp").exists()
    assert datadir.validate(data) == 2


def test_missing_directory_is_an_error_and_not_made(tmp_path):
    missing = tmp_path / "none"
    for action in (datadir.validate, datadir.fix, datadir.check_audio, lambda path: datadir.split(path, 1)):
        with pytest.raises(UserError, match="no such data directory"):
            action(missing)
    assert not missing.exists()
