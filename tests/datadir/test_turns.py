"""Corpora in sessions: counts beside known ones, turns told apart, tables, and the folds that leave a session out."""

import math
from pathlib import Path

import pytest
import soundfile
from corpus import RATE, speech

from mtlaug import datadir, protocol
from mtlaug.datadir.counts import Known, check_counts
from mtlaug.datadir.turns import LeftOut, Turn, from_turns
from mtlaug.files import UserError, read_table, write_table

KNOWN = Known(3, {"angry": None, "sad": None}, {"one": None, "two": None, "three": None})
SPEAKERS = {"a": "one", "b": "two", "c": "three"}


def turn(name: str, *, emotion: str = "angry", avd=(1.0, 2.0, math.nan), where: str = "labels:1", **more) -> Turn:
    """Turn ``a1`` is of speaker ``a``."""
    fields = {"scripted": False, "gender": "f", "session": SPEAKERS[name[0]]}
    return Turn(name, where, name[0], emotion=emotion, avd=avd, **(fields | more))


def write_audio(folder: Path, *names: str) -> dict[str, Path]:
    """Name to file, a sound of its own each."""
    paths = {name: folder / f"{name}.wav" for name in names}
    folder.mkdir(exist_ok=True)
    for seed, path in enumerate(paths.values()):
        soundfile.write(path, speech(0.1, seed=seed), RATE)
    return paths


@pytest.fixture
def data_dir(tmp_path):
    """Three utterances, one a session, after the check of their audio."""
    path = tmp_path / "my data"
    from_turns(path, map(turn, ("a1", "b1", "c1")), write_audio(tmp_path / "wav", "a1", "b1", "c1"), KNOWN, LeftOut())
    datadir.check_audio(path)
    return path


def test_sessions_are_folds(data_dir):
    made = protocol.make(data_dir, scheme="sessions")
    assert [(fold.id, fold.test, fold.dev, fold.train) for fold in made.folds] == [
        ("one", ("a",), ("c",), ("b",)),
        ("three", ("c",), ("b",), ("a",)),
        ("two", ("b",), ("a",), ("c",)),
    ]
    assert protocol.load(data_dir).sha256 == made.sha256


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.pop("b-b1"), "utterance b-b1 is missing"),
        (lambda table: table.update({"b-b1": "one"}), r"2 group\(s\) of speakers: 3 are the fewest"),
    ],
)
def test_sessions_that_make_no_folds(data_dir, spoil, message):
    sessions = read_table(data_dir / "utt2session")
    spoil(sessions)
    write_table(data_dir / "utt2session", sessions)
    with pytest.raises(UserError, match=message):
        protocol.make(data_dir, scheme="sessions")
    (data_dir / "utt2session").unlink()
    with pytest.raises(UserError, match="utt2session: no such file"):
        protocol.make(data_dir, scheme="sessions")


def test_speaker_in_two_sessions(tmp_path):
    turns = [*map(turn, ("a1", "b1", "c1")), turn("a2", session="two")]
    audio = write_audio(tmp_path / "wav", "a1", "a2", "b1", "c1")
    from_turns(tmp_path / "data", turns, audio, KNOWN, LeftOut(), allow_partial=True)
    with pytest.raises(UserError, match="speaker a is in one and, by utterance a-a2, in two"):
        protocol.make(tmp_path / "data", scheme="sessions")


@pytest.mark.parametrize("ratings", ["1 2", "1 2 x", "1 2 inf", "1 2 3 4"])
def test_ratings_are_three_numbers(data_dir, ratings):
    assert datadir.read(data_dir, "utt2avd")["a-a1"] == "1 2 nan"
    assert datadir.validate(data_dir) == 3
    write_table(data_dir / "utt2avd", read_table(data_dir / "utt2avd") | {"a-a1": ratings})
    with pytest.raises(UserError, match=r"utt2avd:1: .* expected .utterance activation valence dominance"):
        datadir.validate(data_dir)


def test_repeated_and_contradicting_turns(tmp_path):
    turns = [*map(turn, ("a1", "b1", "c1")), turn("a1", where="x/labels:4"), turn("c2", where="labels:5")]
    turns += [turn("c2", where="labels:6", avd=(1.0, 2.0, 3.0)), turn("c2", where="labels:7")]
    audio = write_audio(tmp_path / "wav", "a1", "b1", "c1", "c2")
    from_turns(tmp_path / "data", turns, audio, KNOWN, LeftOut())
    assert list(datadir.read(tmp_path / "data", "utt2spk")) == ["a-a1", "b-b1", "c-c1"]
    dropped = datadir.read_dropped(tmp_path / "data")
    assert dropped.pop("labels:4") == "repeats a turn with the same label; x/labels:4"
    assert dropped.pop("c2") == "labels:5 and labels:6: has two different labels"
    assert list(dropped) == ["labels:7"]  # repeats the first of them


def test_what_is_left_out_by_choice_is_no_loss(tmp_path, capsys):
    turns = [*map(turn, ("a1", "b1", "c1")), turn("a2", scripted=True), turn("b2", scripted=True)]
    audio = write_audio(tmp_path / "wav", "a1", "a2", "b1", "b2", "c1", "c9")
    from_turns(tmp_path / "data", turns, audio, Known(5, KNOWN.by_class, KNOWN.by_session), LeftOut(), scripted=False)
    assert "left out 2: by choice (--scripted false): scripted speech (a2, b2)" in capsys.readouterr().err
    checked = datadir.check_audio(tmp_path / "data", max_loss=30)
    assert (checked.good, checked.total) == (3, 4)  # the audio without a label is lost
    with pytest.raises(UserError, match="1 of 4 utterances are lost"):
        datadir.check_audio(tmp_path / "data", max_loss=20)


def test_nothing_is_left(tmp_path):
    audio = write_audio(tmp_path / "wav", "a1")
    with pytest.raises(UserError, match="no utterance is left; nothing was written"):
        from_turns(tmp_path / "data", [turn("b1")], audio, KNOWN, LeftOut(), allow_partial=True)
    assert not (tmp_path / "data").exists()


def test_counts_that_are_nearly_the_known_ones(capsys):
    known = Known(100, {"angry": 60, "sad": 40}, {"one": 100})
    check_counts([("angry", "one")] * 58 + [("sad", "one")] * 41 + [("other", "one")] * 7, known)
    assert "other labels: other 7" in capsys.readouterr().out
    for sad in (37, 43):
        with pytest.raises(UserError, match=f"sad {sad} instead of 40"):
            check_counts([("angry", "one")] * 60 + [("sad", "one")] * sad, known)
    with pytest.raises(UserError, match="unknown session two"):
        check_counts([("angry", "one")] * 60 + [("sad", "one")] * 40 + [("other", "two")], known)
