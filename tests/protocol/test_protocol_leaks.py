"""What mtlaug.protocol refuses and warns of where the parts of a fold share something, or lack it."""

import logging
from pathlib import Path

import pytest
import six_speakers
from six_speakers import change

from mtlaug import protocol
from mtlaug.files import UserError, read_table, write_table
from mtlaug.protocol.folds import Fold


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return six_speakers.make(tmp_path)


def with_fold(made: protocol.Protocol, fold: Fold) -> protocol.Protocol:
    return protocol.Protocol(made.name, made.scheme, made.classes, made.label_map, (fold,), made.corpus)


@pytest.mark.parametrize(
    ("fold", "message"),
    [
        (Fold("x", ("a1", "b1"), ("b2",), ("c1", "a1")), "leak: speaker.*a1 in both train and test"),
        (Fold("x", ("a1", "b1"), ("b1",), ("c1",)), "leak: speaker.*b1 in both train and dev"),
        (Fold("x", ("a1", "b1"), ("c1",), ("c1",)), "leak: speaker.*c1 in both dev and test"),
        (Fold("x", ("a1",), (), ("c1",)), "the dev part has no utterance"),
        (Fold("x", ("a1",), ("b1",), ("d9",)), "not in the data: d9"),
        (Fold("x/y", ("a1",), ("b1",), ("c1",)), "fold id 'x/y'"),
    ],
)
def test_verify_refuses_leaks_and_holes(data_dir: Path, fold: Fold, message: str):
    made = protocol.make(data_dir)
    with pytest.raises(UserError, match=message):
        protocol.verify(with_fold(made, fold))


def test_a_source_recording_in_two_parts_is_a_leak(data_dir: Path):
    utterances = read_table(data_dir / "utt2spk")
    write_table(data_dir / "utt2uniq", {utt: utt for utt in utterances} | {"a1-anger-1": "r", "a1-anger-2": "r"})
    protocol.make(data_dir)  # the same speaker may repeat a recording
    change(data_dir / "utt2uniq", **{"c1-boredom-1": "r"})
    with pytest.raises(UserError, match=r"leak: 1 recording.*such as r \(.*c1-boredom-1"):
        protocol.make(data_dir)


def test_shared_text_is_a_warning_with_counts(data_dir: Path, caplog: pytest.LogCaptureFixture):
    for table in ("text", "utt2checksum"):
        write_table(data_dir / table, {utt: utt for utt in read_table(data_dir / "utt2spk")})
    with caplog.at_level(logging.WARNING):
        protocol.make(data_dir)
    assert not caplog.records
    change(data_dir / "text", **{"a1-anger-1": "one sentence", "c1-anger-1": "one sentence"})
    with caplog.at_level(logging.WARNING):
        protocol.make(data_dir)  # a1 and c1 are on different sides in folds a1, b1, b2 and c2
    assert [record.message for record in caplog.records] == [
        "protocol my data: held-out sentences (text) are also in training: 4 of 6 folds, up to 1 a fold"
    ]


def test_one_recording_in_two_parts(data_dir: Path, caplog: pytest.LogCaptureFixture):
    """Stretches of it are told of, and common samples are refused; those of one part may overlap."""
    utterances = [utt for utt in read_table(data_dir / "utt2spk") if utt.endswith("-1") and "anger" in utt]
    own = {utt: f"{utt} 0.5 2.5" for utt in read_table(data_dir / "utt2spk")}
    shared = {utt: f"hall {3 * number} {3 * number + 2}" for number, utt in enumerate(utterances)}
    write_table(data_dir / "segments", own | shared | {"a1-anger-2": "hall 0 1.5"})
    with caplog.at_level(logging.WARNING):
        protocol.make(data_dir)
    assert "36 utterances are not in utt2checksum" in caplog.text
    assert "held-out recordings (segments) are also in training: 6 of 6 folds, up to 1 a fold" in caplog.text
    change(data_dir / "segments", **{"c2-anger-1": "hall 1.9 2.9"})
    with pytest.raises(UserError, match="fold a1: leak: c2-anger-1 of train and a1-anger-1 of test overlap"):
        protocol.make(data_dir)
    change(data_dir / "segments", **{"c2-anger-1": "hall 1.9"})
    with pytest.raises(UserError, match="segments: malformed"):
        protocol.make(data_dir)


def test_the_same_sound_in_two_parts_is_refused(data_dir: Path):
    sums = {utterance: f"{number:032x}" for number, utterance in enumerate(read_table(data_dir / "utt2spk"))}
    twice = sums | {"a1-anger-2": sums["a1-anger-1"]}  # of one speaker: they never part
    write_table(data_dir / "utt2checksum", twice)
    made = protocol.make(data_dir)
    write_table(data_dir / "utt2checksum", twice | {"b2-sadness-1": sums["a1-anger-1"]})
    with pytest.raises(UserError, match=r"leak: 1 utterance.*very samples.*(b2-sadness-1|a1-anger-\d)"):
        protocol.load(data_dir)
    (data_dir / "utt2checksum").unlink()
    assert protocol.load(data_dir).sha256 == made.sha256  # the table defines no evaluation
