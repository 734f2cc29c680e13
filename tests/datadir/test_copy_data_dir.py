"""Copies of data directories with prefixed ids, and joining them."""

import pytest
from corpus import write_data_dir

from mtlaug import datadir
from mtlaug.cli import main
from mtlaug.files import UserError, read_table


@pytest.fixture
def source(tmp_path, make_wav):
    """A recipe's data directory with one recording, by a path relative to the recipe, in two segments."""
    recipe = tmp_path / "a recipe"
    make_wav(recipe / "corpus/talk.wav")
    tables = {
        "wav.scp": {"s1-talk": "corpus/talk.wav", "s2-tool": "cat x.wav |"},
        "segments": {"s1-a": "s1-talk 0 0.5", "s1-b": "s1-talk 0.5 1", "s2-a": "s2-tool 0 1"},
        "utt2spk": {"s1-a": "s1", "s1-b": "s1", "s2-a": "s2"},
        "utt2emo": {"s1-a": "sad", "s1-b": "angry", "s2-a": "sad"},
        "utt2uniq": {"s1-a": "s1-a", "s1-b": "s1-a", "s2-a": "s2-a"},
        "feats.scp": {"s1-a": "x.ark:1", "s1-b": "x.ark:2", "s2-a": "x.ark:3"},
        "spk2gender": {"s1": "f", "s2": "m"},
    }
    datadir.write(recipe / "data/one", tables, dropped={"s1-c": "is silent"})
    return recipe / "data/one"


def test_ids_have_the_prefix_and_paths_are_absolute(source, tmp_path):
    assert main(["datadir", "copy", "--prefix", "one-", str(source), str(tmp_path / "a copy")]) == 0
    made = {path.name: path for path in (tmp_path / "a copy").iterdir()}
    assert "feats.scp" not in made
    recording = str(source.parent.parent / "corpus/talk.wav")
    assert read_table(made["wav.scp"]) == {"one-s1-talk": recording, "one-s2-tool": "cat x.wav |"}
    assert read_table(made["segments"])["one-s1-b"] == "one-s1-talk 0.5 1"
    assert read_table(made["utt2spk"]) == {"one-s1-a": "one-s1", "one-s1-b": "one-s1", "one-s2-a": "one-s2"}
    assert read_table(made["utt2uniq"])["one-s1-b"] == "one-s1-a"
    assert read_table(made["utt2emo"])["one-s1-b"] == "angry"
    assert read_table(made["spk2gender"]) == {"one-s1": "f", "one-s2": "m"}
    assert set(read_table(made["utt2corpus"]).values()) == {"one"}
    assert datadir.read_dropped(tmp_path / "a copy") == {"one-s1-c": "is silent"}


def test_features_of_an_earlier_copy_do_not_stay(source, tmp_path):
    """They may be of other sound, which no check of the copy could tell."""
    copied = tmp_path / "a copy"
    for _ in range(2):
        datadir.copy(source, copied, prefix="one-")
        assert not (copied / "feats.scp").exists()
        (copied / "feats.scp").write_text("".join(f"one-{name} x.ark:1\n" for name in ("s1-a", "s1-b", "s2-a")))


def test_speakers_of_one_name_stay_apart(tmp_path, make_wav):
    copies = []
    for corpus in ("one", "two"):
        wav = make_wav(tmp_path / corpus / "s1-a.wav")
        data_dir = write_data_dir(tmp_path / corpus / "data", {"s1-a": wav})
        datadir.copy(data_dir, tmp_path / f"copy of {corpus}", prefix=f"{corpus}-")
        copies.append(tmp_path / f"copy of {corpus}")
    assert datadir.combine(tmp_path / "all", copies).utterances == 2
    assert datadir.read(tmp_path / "all", "utt2spk") == {"one-s1-a": "one-s1", "two-s1-a": "two-s1"}
    assert datadir.read(tmp_path / "all", "utt2corpus") == {"one-s1-a": "one", "two-s1-a": "two"}


def test_refused(source, tmp_path):
    for prefix in ("", "-", "a b-", "a/b-", "a+b-"):
        with pytest.raises(UserError, match="use letters, digits"):
            datadir.copy(source, tmp_path / "copy", prefix=prefix)
    with pytest.raises(UserError, match="is the source too"):
        datadir.copy(source, source, prefix="one-")
    (source.parent.parent / "corpus/talk.wav").unlink()
    with pytest.raises(UserError, match=r"wav\.scp: 'corpus/talk\.wav' \(one-s1-talk\): no such file"):
        datadir.copy(source, tmp_path / "copy", prefix="one-")
    (source / "cuts.jsonl.gz").touch()
    with pytest.raises(UserError, match="is augmented"):
        datadir.copy(source, tmp_path / "copy", prefix="one-")
    assert not (tmp_path / "copy").exists()
