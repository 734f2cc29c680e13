"""Data directories that are mended, and what is removed then."""

import random

import pytest
from data_dirs import AUGMENTED, UTTERANCES, cut_ids, ids, use_segments, write_cuts

from mtlaug import datadir
from mtlaug.files import UserError


def test_fix_mends_sorts_and_lists(data):
    original = (data / "text").read_text()
    lines = original.splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    shuffled = "".join([*lines, lines[0], "\n"]).replace("a-1 ", "a-1\t  ")
    (data / "text").write_text(shuffled)
    (data / "wav.scp").write_text((data / "wav.scp").read_text().replace("a-2 /audio/a-2.wav\n", "") + "d-1 x\n")
    (data / "spk2utt").unlink()
    (data / "dropped.tsv").write_text("utterance\treason\nz-9\tno file\n")
    fixed = datadir.fix(data)
    assert (fixed.kept, fixed.total) == (5, 7)
    assert fixed.removed == {"a-2": "not in wav.scp", "d-1": "not in utt2spk, text, utt2emo"}
    assert (data / "text").read_text() == original.replace("a-2 words of a-2\n", "")
    assert (data / ".backup/text").read_text() == shuffled
    assert datadir.read_dropped(data) == {**fixed.removed, "z-9": "no file"}
    assert datadir.validate(data) == 5


def test_fix_again_changes_nothing(data):
    (data / "wav.scp").write_text("".join((data / "wav.scp").read_text().splitlines(keepends=True)[1:]))
    datadir.fix(data)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in data.rglob("*") if path.is_file()}
    fixed = datadir.fix(data)
    assert (fixed.kept, fixed.total, fixed.removed) == (5, 5, {})
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in data.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["feats.scp", "text", "utt2emo", AUGMENTED])
def test_fix_makes_all_tables_agree(data, name):
    if name == AUGMENTED:
        write_cuts(data, list(UTTERANCES)[1:])
    else:
        (data / name).write_text("".join(f"{utterance} x\n" for utterance in list(UTTERANCES)[1:]))
    assert datadir.fix(data).removed == {"a-1": f"not in {name}"}
    assert datadir.validate(data) == 5


def test_fix_segments_and_recordings(data):
    use_segments(data)
    (data / "wav.scp").write_text("r0 x\nr1 y\n")
    fixed = datadir.fix(data)
    assert set(fixed.removed) == {"b-1", "b-2", "c-1"}
    assert fixed.removed["b-1"] == "recording r2 is not in wav.scp"
    assert ids(data, "wav.scp") == ["r1"]
    assert ids(data, "spk2gender") == ["a"]
    assert datadir.validate(data) == 3


def test_fix_filters_cuts(data):
    (data / "wav.scp").unlink()
    write_cuts(data, [*UTTERANCES, "a-1", "d-1"])
    assert datadir.fix(data).removed == {"d-1": "not in utt2spk, text, utt2emo"}
    assert cut_ids(data) == list(UTTERANCES)
    (data / ".backup" / AUGMENTED).unlink()
    datadir.fix(data)
    assert not (data / ".backup" / AUGMENTED).exists()  # there was nothing to mend
    for listed in ([*UTTERANCES, "d-1"], [*UTTERANCES, "a-1"]):
        write_cuts(data, listed)
        datadir.fix(data)
        assert cut_ids(data) == list(UTTERANCES)
        (data / ".backup" / AUGMENTED).unlink()


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("text", "a-1 x\na-1 y\n", "text:2: 'a-1' has two values"),
        ("utt2spk", "a-1\n", "utt2spk:1: 'a-1' has no value"),
        ("wav.scp", "d-1 x\n", "nothing was changed"),
        ("utt2spk", "".join(f"{name} x\n" for name in UTTERANCES), "not a prefix"),
    ],
)
def test_fix_loses_nothing_silently(data, name, text, message):
    (data / name).write_text(text)
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    with pytest.raises(UserError, match=message):
        datadir.fix(data)
    assert before == {path.name: path.read_bytes() for path in data.iterdir()}
