"""Folds, label maps and the hash of mtlaug.protocol; its leak guard stands in test_protocol_leaks.py."""

import dataclasses
import json
from pathlib import Path

import pytest
import six_speakers
from six_speakers import GENDERS, change

from mtlaug import protocol
from mtlaug.cli import Parser
from mtlaug.cli.protocol import add_commands
from mtlaug.files import UserError, read_table, write_table
from mtlaug.protocol.folds import Fold, groups_from_list, leave_one_speaker_out, speaker_groups


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return six_speakers.make(tmp_path)


def test_loso_dev_speakers_follow_the_test_speaker():
    folds = {fold.id: fold for fold in leave_one_speaker_out(GENDERS)}
    assert list(folds) == list(GENDERS)
    assert folds["a1"] == Fold("a1", train=("b2", "c1", "c2"), dev=("a2", "b1"), test=("a1",))
    assert folds["c2"].dev == ("a1", "a2")  # round the end
    assert folds["c1"].dev == ("a1", "c2")


def test_loso_needs_enough_speakers_of_each_gender():
    assert leave_one_speaker_out(GENDERS, 2)[0].dev == ("a2", "b1", "b2", "c1")
    with pytest.raises(UserError, match=r"fold a1.*gender f.*only 2"):
        leave_one_speaker_out(GENDERS, 3)
    with pytest.raises(UserError, match="1 or more"):
        leave_one_speaker_out(GENDERS, 0)


def test_leaving_one_speaker_out_needs_three():
    with pytest.raises(UserError, match="needs three, to train, choose and test on; there are 2"):
        leave_one_speaker_out({"a": "f", "b": "f"})


def test_labels_that_no_class_has_are_named(data_dir: Path, tmp_path: Path):
    (tmp_path / "map.yaml").write_text("classes: [angry, sad]\nmap: {Anger: angry, Sadness: sad}\n")
    with pytest.raises(UserError, match=r"none of its labels \(.*anger, boredom, sadness\) is in .*map.yaml"):
        protocol.make(data_dir, label_map_file=tmp_path / "map.yaml")
    (tmp_path / "map.yaml").write_text("classes: [angry, sad]\nmap: {anger: angry, Sadness: sad}\n")
    with pytest.raises(UserError, match=r"class\(es\) sad; 25 utterances have no class, see .*protocol_dropped.tsv"):
        protocol.make(data_dir, label_map_file=tmp_path / "map.yaml")
    assert "a1-sadness-1\tlabel sadness is not in the label map" in (data_dir / "protocol_dropped.tsv").read_text()


def test_an_option_of_another_scheme_is_refused(data_dir: Path):
    with pytest.raises(UserError, match="--dev-speakers-per-gender is for --scheme loso"):
        protocol.make(data_dir, scheme="speakers", folds=3, dev_speakers_per_gender=1)


def test_speaker_groups_balance_gender_and_size():
    genders = {f"{number:02}": "mf"[number % 2] for number in range(22)}
    groups = speaker_groups(genders, 4)
    assert sorted(speaker for group in groups for speaker in group) == sorted(genders)
    for counts in (
        [len(group) for group in groups],
        [sum(genders[speaker] == "f" for speaker in group) for group in groups],
        [sum(genders[speaker] == "m" for speaker in group) for group in groups],
    ):
        assert max(counts) - min(counts) <= 1
    with pytest.raises(UserError, match="--folds 2"):
        speaker_groups(genders, 2)


def test_speakers_scheme_rotates_test_and_dev(data_dir: Path):
    made = protocol.make(data_dir, scheme="speakers", folds=3)
    first, second, third = made.folds
    assert (first.id, first.dev, third.dev) == ("1", second.test, first.test)
    assert set(first.train) == set(third.test)


def test_fold_list(data_dir: Path, tmp_path: Path):
    listed = tmp_path / "fold list"
    listed.write_text("x a1 a2\ny b1 b2\nz c1 c2\n")
    made = protocol.make(data_dir, scheme="speakers", fold_list=listed)
    assert made.fold("y") == Fold("y", train=("a1", "a2"), dev=("c1", "c2"), test=("b1", "b2"))
    listed.write_text("x a1 a2\ny b1 b2\nz c1\n")
    with pytest.raises(UserError, match=r"in no fold.*c2"):
        groups_from_list(listed, GENDERS)
    listed.write_text("x a1 a2\ny a1 b2\nz c1\n")
    with pytest.raises(UserError, match="a1 is in fold x and again in fold y"):
        groups_from_list(listed, GENDERS)
    listed.write_text("x a1 a2\ny b1 b2 d9\nz c1 c2\n")
    with pytest.raises(UserError, match=r"fold list: speaker\(s\) not in the data: d9; complete the copy"):
        protocol.make(data_dir, scheme="speakers", fold_list=listed)


def test_label_map_keeps_counts_and_lists(data_dir: Path):
    made = protocol.make(data_dir, label_map_file=data_dir.parent / "map.yaml", name="six")
    content = json.loads((data_dir / "protocol.json").read_text())
    assert content["classes"] == ["angry", "sad"]
    assert content["counts"] == {"angry": 12, "sad": 12}
    assert content["utterances"] == 24
    assert content["dropped"] == {"(no label)": 1, "boredom": 12}
    lines = (data_dir / "protocol_dropped.tsv").read_text().splitlines()
    assert len(lines) == 1 + 13
    assert lines[1:3] == [
        "a1-boredom-1\tlabel boredom is not in the label map",
        "a1-boredom-2\tlabel boredom is not in the label map",
    ]
    assert "a1-unlabelled\tno label in utt2emo" in lines
    assert made.utterances("a1", "test") == {
        "a1-anger-1": "angry",
        "a1-anger-2": "angry",
        "a1-sadness-1": "sad",
        "a1-sadness-2": "sad",
    }
    parts = [made.utterances(made.fold("a1"), part) for part in ("train", "dev", "test")]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 24
    with pytest.raises(UserError, match="no fold 'a9'"):
        made.utterances("a9", "test")


def test_without_label_map_the_labels_are_the_classes(data_dir: Path):
    assert protocol.make(data_dir).classes == ("anger", "boredom", "sadness")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: [angry]\nmap: {anger: cross}\n", "leads to cross"),
        ("classes: [angry]\nmap: {1: angry}\n", "quotes round numbers"),
        ("classes: [yes]\nmap: {anger: yes}\n", "True must be one word"),
        ("classes: [a, a]\nmap: {anger: a}\n", "different names"),
        ("classes: [angry]\n", "expected exactly"),
        ("classes: [", "not YAML"),
    ],
)
def test_bad_label_maps_are_refused(data_dir: Path, text: str, message: str):
    (data_dir.parent / "map.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        protocol.make(data_dir, label_map_file=data_dir.parent / "map.yaml")
    assert not (data_dir / "protocol.json").exists()


def test_load_returns_what_make_wrote(data_dir: Path):
    made = protocol.make(data_dir, label_map_file=data_dir.parent / "map.yaml")
    assert protocol.load(data_dir) == made
    assert protocol.load(data_dir / "protocol.json").sha256 == made.sha256


def test_hash_ignores_what_was_dropped_and_sees_the_rest(data_dir: Path):
    label_map = data_dir.parent / "map.yaml"
    reference = protocol.make(data_dir, label_map_file=label_map).sha256
    emotions = {utt: label for utt, label in read_table(data_dir / "utt2emo").items() if label != "boredom"}
    write_table(data_dir / "utt2emo", emotions)
    write_table(data_dir / "utt2spk", {utt: utt[:2] for utt in emotions})
    assert protocol.make(data_dir, label_map_file=label_map).sha256 == reference
    assert protocol.make(data_dir, label_map_file=label_map, scheme="speakers", folds=3).sha256 != reference
    change(data_dir / "utt2emo", **{"a1-anger-1": "sadness"})
    assert protocol.make(data_dir, label_map_file=label_map).sha256 != reference


def test_hash_covers_every_field(data_dir: Path):
    made = protocol.make(data_dir, label_map_file=data_dir.parent / "map.yaml")
    changes = {"name": "other", "scheme": "speakers", "classes": ("sad", "angry"), "label_map": None, "folds": ()}
    hashes = {dataclasses.replace(made, **{field: value}).sha256 for field, value in changes.items()}
    assert len(hashes | {made.sha256}) == 1 + len(changes)


@pytest.mark.parametrize("table", ["utt2emo", "utt2spk", "protocol.json"])
def test_load_refuses_changed_data_and_folds(data_dir: Path, table: str):
    protocol.make(data_dir, label_map_file=data_dir.parent / "map.yaml")
    if table == "utt2emo":
        change(data_dir / table, **{"a1-anger-1": "sadness"})
    elif table == "utt2spk":
        change(data_dir / table, **{"a1-anger-1": "a2"})
    else:
        stored = (data_dir / table).read_text()
        (data_dir / table).write_text(stored.replace('"name": "my data"', '"name": "other"'))
    with pytest.raises(UserError, match="run stages 1 to 5 again"):
        protocol.load(data_dir)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[1]", "expected a JSON object"), (b"{", "not JSON"), ("ü".encode("latin-1"), "not UTF-8")],
)
def test_a_protocol_that_is_no_json_object_is_named(data_dir, content, message):
    (data_dir / "protocol.json").write_bytes(content)
    with pytest.raises(UserError, match=rf"protocol\.json.*{message}"):
        protocol.load(data_dir)


def test_load_refuses_an_incomplete_file(data_dir: Path):
    (data_dir / "protocol.json").write_text('{"name": "x"}')
    with pytest.raises(UserError, match="incomplete"):
        protocol.load(data_dir)


def test_a_class_without_training_utterance_is_refused(data_dir: Path):
    change(data_dir / "utt2emo", **{"a1-anger-1": "rare"})
    with pytest.raises(UserError, match=r"fold a1: no training utterance of class.* rare"):
        protocol.make(data_dir)


def test_a_speaker_tested_twice_is_refused(data_dir: Path):
    made = protocol.make(data_dir)
    folds = (Fold("x", ("a1",), ("b1",), ("c1",)), Fold("y", ("a2",), ("b2",), ("c1",)))
    with pytest.raises(UserError, match="c1 is tested in folds x and y"):
        protocol.verify(protocol.Protocol("p", "speakers", made.classes, None, folds, made.corpus))


def test_a_fold_id_that_is_used_twice_is_refused(data_dir: Path):
    made = protocol.make(data_dir)
    folds = (made.folds[0], dataclasses.replace(made.folds[1], id=made.folds[0].id))
    with pytest.raises(UserError, match="fold id a1 is used twice"):
        protocol.verify(dataclasses.replace(made, folds=folds))


def test_missing_gender_and_stray_labels_are_refused(data_dir: Path):
    write_table(data_dir / "spk2gender", {**GENDERS, "b1": "x"})
    with pytest.raises(UserError, match="speaker b1 needs a line with f or m"):
        protocol.make(data_dir)
    change(data_dir / "utt2emo", zz="anger")
    with pytest.raises(UserError, match="utterance zz is not in utt2spk"):
        protocol.make(data_dir)


def test_options_that_do_not_fit_the_scheme_are_refused(data_dir: Path):
    for options in ({"scheme": "random"}, {"scheme": "speakers"}, {"scheme": "loso", "folds": 3}):
        with pytest.raises(UserError, match="--scheme"):
            protocol.make(data_dir, **options)


def test_command_line(data_dir: Path, capsys: pytest.CaptureFixture[str]):
    parser = Parser(prog="mtlaug")
    add_commands(parser.add_subparsers())
    label_map = ["--label_map", str(data_dir.parent / "map.yaml")]
    for command, *extra in (["make", *label_map], ["check"], ["show"]):
        options = parser.parse_args(["protocol", command, str(data_dir), *extra])
        assert not options.run(options)
    captured = capsys.readouterr()
    digest = protocol.load(data_dir).sha256
    assert f"my data, 6 folds, 2 classes, 24 utterances, sha256 {digest[:12]}" in captured.out
    assert "Successfully checked" in captured.out
    assert f"sha256     {digest}" in captured.out
    assert any(line.split() == ["a1", "dev", "8", "4", "4", "a2", "b1"] for line in captured.out.splitlines())
    assert "dropped: 12 utterances, boredom (see " in captured.err


def test_folds_without_shots_are_written_as_ever(data_dir: Path):
    protocol.make(data_dir)
    folds = json.loads((data_dir / "protocol.json").read_text())["folds"]
    assert {tuple(fold) for fold in folds} == {("id", "train", "dev", "test")}
