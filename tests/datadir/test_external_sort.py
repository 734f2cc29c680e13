"""Sorting by runs on disk, and data directories written row by row."""

import random

import pytest

from mtlaug import datadir, external_sort
from mtlaug.datadir import write_rows
from mtlaug.external_sort import sorted_lines
from mtlaug.files import UserError


@pytest.mark.parametrize("run", [1, 7, 1000])
def test_lines_are_in_the_order_of_their_bytes(tmp_path, monkeypatch, run):
    monkeypatch.setattr(external_sort, "MOST_OPEN", 5)
    lines = [f"{word}\t{number}\n".encode() for number, word in enumerate(["b", "a", "é", "a-b", "ab", "Z"] * 9)]
    random.Random(0).shuffle(lines)
    assert list(sorted_lines(iter(lines), tmp_path, run)) == sorted(lines)
    assert list(sorted_lines([], tmp_path, run)) == []
    assert list(tmp_path.iterdir()) == []


def test_rows_make_the_directory_that_tables_make(tmp_path):
    # Speakers whose utterances are not in a row.
    rows = [("aa1", "a", "x 1"), ("ab1", "ab", "y"), ("ac1", "a", "z")]
    tables = {"utt2spk": {row[0]: row[1] for row in rows}, "utt2what": {row[0]: row[2] for row in rows}}
    write_rows(tmp_path / "by row", ["utt2spk", "utt2what"], rows)
    datadir.write(tmp_path / "by table", tables)
    files = [{path.name: path.read_text() for path in (tmp_path / name).iterdir()} for name in ("by row", "by table")]
    assert files[0] == files[1]
    assert files[0]["spk2utt"] == "a aa1 ac1\nab ab1\n"


def test_tables_of_other_utterances_are_retired(tmp_path):
    datadir.write(tmp_path, {name: {"a-1": "a", "a-2": "a"} for name in ("utt2spk", "utt2emo", "feats.scp")})
    write_rows(tmp_path, ["utt2spk"], [("a-1", "a"), ("a-2", "a")])
    assert (tmp_path / "feats.scp").exists() and not (tmp_path / "utt2emo").exists()
    write_rows(tmp_path, ["utt2spk"], [("a-1", "a")])
    assert not (tmp_path / "feats.scp").exists() and (tmp_path / ".backup/feats.scp").exists()


@pytest.mark.parametrize(
    "rows, message",
    [
        ([("a-1", "a"), ("a-1", "a")], "two utterances 'a-1'"),
        ([("a-1", "b")], "speaker 'b' is not a prefix of utterance 'a-1'"),
    ],
)
def test_bad_rows_leave_the_old_tables(tmp_path, rows, message):
    write_rows(tmp_path, ["utt2spk"], [("c-1", "c")])
    with pytest.raises(UserError, match=message):
        write_rows(tmp_path, ["utt2spk"], rows)
    assert (tmp_path / "utt2spk").read_text() == "c-1 c\n"
