"""Data directories from tables of labels: what they hold, and every mistake that a table can have."""

import logging
from pathlib import Path

import pytest

from mtlaug import datadir
from mtlaug.cli import main
from mtlaug.datadir.table_rows import read_rows
from mtlaug.files import UserError

NAMES = ("anna_1", "anna_2", "bert_1", "bert_2")


@pytest.fixture
def folder(tmp_path: Path, make_wav) -> Path:
    """Four recordings of 1 s of two speakers, where the tables of the tests go."""
    root = tmp_path / "my labels"
    for number, name in enumerate(NAMES):
        make_wav(root / "wav" / f"{name}.wav", seed=number)
    return root


def table_of(folder: Path, *lines: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows_of(*extra: str) -> list[str]:
    """A row of each recording, anna's angry and bert's sad; ``extra`` ends each."""
    endings = extra or ("",) * len(NAMES)
    feeling = {"anna": "angry", "bert": "sad"}
    return [f"wav/{name}.wav,{name[:4]},{feeling[name[:4]]}{end}" for name, end in zip(NAMES, endings, strict=True)]


def test_every_column_has_its_table(folder, tmp_path):
    header = "path,speaker,emotion,gender,language,text"
    table = table_of(folder, header, *rows_of(*(f',{gender},en,"one, two"' for gender in ("Female", "f", "m", "male"))))
    out = tmp_path / "data"
    made = datadir.from_table(table, out)
    assert (made.utterances, made.speakers, made.dropped) == (4, 2, {})
    assert datadir.read(out, "spk2gender") == {"anna": "f", "bert": "m"}
    assert datadir.read(out, "utt2emo")["bert-bert_1"] == "sad"
    assert datadir.read(out, "utt2lang")["anna-anna_2"] == "en"
    assert datadir.read(out, "text")["anna-anna_2"] == "one, two"
    assert datadir.read(out, "wav.scp")["anna-anna_1"] == str((folder / "wav/anna_1.wav").resolve())
    assert not datadir.has(out, "segments")
    assert datadir.check_audio(out).good == datadir.validate(out, need_text=True) == 4


def test_windows_line_ends_byte_order_mark_tabs_and_backslashes(folder, tmp_path):
    lines = ["Path\tSpeaker\tEmotion", "", *(row.replace(",", "\t").replace("/", "\\") for row in rows_of())]
    (folder / "labels.tsv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode() + b"\r\n")
    assert datadir.from_table(folder / "labels.tsv", tmp_path / "data").utterances == 4
    assert datadir.read(tmp_path / "data", "utt2spk")["bert-bert_2"] == "bert"


def test_empty_first_lines_and_quoted_names_decide_nothing(folder, tmp_path):
    lines = ["", "path\tspeaker\temotion", *(row.replace(",", "\t") for row in rows_of())]
    assert datadir.from_table(table_of(folder, *lines), tmp_path / "data").utterances == 4
    table = table_of(folder, 'path,speaker,emotion,"notes; free"', *rows_of(*[',"a;b"'] * 4))
    assert datadir.from_table(table, tmp_path / "data").utterances == 4


def test_audformat_segments(folder, tmp_path):
    table = table_of(
        folder,
        "file,start,end,speaker,emotion",
        "wav/anna_1.wav,0 days 00:00:00,0 days 00:00:00.400000,anna,angry",
        "wav/anna_1.wav,0 days 00:00:00.400000,NaT,anna,sad",
        "wav/bert_1.wav,0.25,0.5,bert,sad",
    )
    datadir.from_table(table, tmp_path / "data")
    assert datadir.read(tmp_path / "data", "segments") == {
        "anna-anna_1-0000000-0000400": "anna_1 0.000000 0.400000",
        "anna-anna_1-0000400-0001000": "anna_1 0.400000 1.000000",
        "bert-bert_1-0000250-0000500": "bert_1 0.250000 0.500000",
    }
    assert list(datadir.read(tmp_path / "data", "wav.scp")) == ["anna_1", "bert_1"]
    assert datadir.check_audio(tmp_path / "data").good == 3
    assert datadir.read(tmp_path / "data", "utt2dur")["anna-anna_1-0000400-0001000"] == "0.600000"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1 days 02:03:04.5", 93784.5), ("0 days 00:00:01", 1), ("01:02:03", 3723), ("7.25", 7.25), ("NaT", None)],
)
def test_times(folder, text, seconds):
    (row,) = read_rows(table_of(folder, "path,speaker,emotion,end", f"wav/anna_1.wav,anna,sad,{text}"))
    assert row.end == seconds


@pytest.mark.parametrize(("column", "segment"), [("start", "0.250000 1.000000"), ("end", "0.000000 0.250000")])
def test_a_start_or_an_end_alone_makes_segments(folder, tmp_path, column, segment):
    datadir.from_table(table_of(folder, f"path,speaker,emotion,{column}", *rows_of(*[",0.25"] * 4)), tmp_path / "data")
    assert set(datadir.read(tmp_path / "data", "segments").values()) == {f"{name} {segment}" for name in NAMES}


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path, make_wav):
    for session in ("s1", "s2"):
        make_wav(tmp_path / "audio" / session / "001.wav")
    table = table_of(tmp_path, "path,speaker,emotion", "s1/001.wav,anna,sad", "s2/001.wav,anna,angry")
    datadir.from_table(table, tmp_path / "data", audio_dir=tmp_path / "audio")
    assert list(datadir.read(tmp_path / "data", "utt2spk")) == ["anna-s1-001", "anna-s2-001"]
    make_wav(tmp_path / "audio/s2/002.wav")
    table = table_of(tmp_path, "path,speaker,emotion", "s1/001.wav,anna,sad", "s2/002.wav,anna,angry")
    datadir.from_table(table, tmp_path / "others", audio_dir=tmp_path / "audio")
    assert list(datadir.read(tmp_path / "others", "utt2spk")) == ["anna-001", "anna-002"]


def test_own_ids_are_kept_and_begin_with_the_speaker(folder, tmp_path):
    header = "path,speaker,emotion,utterance"
    datadir.from_table(table_of(folder, header, *rows_of(",anna1", ",u 2", ",bert_1", ",x")), tmp_path / "data")
    assert list(datadir.read(tmp_path / "data", "utt2spk")) == ["anna-u_2", "anna1", "bert-x", "bert_1"]


def test_unusable_rows_are_dropped_listed_and_counted(folder, tmp_path, capsys):
    table = table_of(
        folder,
        "path,speaker,emotion,start,end",
        "wav/anna_1.wav,anna,angry,0,0.5",
        "wav/anna_1.wav,anna,sad,0.4,0.9",
        "wav/anna_1.wav,anna,angry,0,0.5",
        "wav/anna_2.wav,anna,NaN,,",
        "wav/bert_1.wav,bert,sad,0.9,0.2",
        "wav/bert_2.wav,,sad,,",
        "wav/gone.wav,bert,sad,,",
        "wav/bert_2.wav,bert,sad,,",
        "wav/bert_2.wav,bert,sad,3,",
        "wav/bert_2.wav,bert,sad,0.5,0.5",
        f"{'long ' * 60},bert,sad,,",
    )
    assert main(["datadir", "from-table", str(table), str(tmp_path / "data")]) == 0
    said = capsys.readouterr()
    assert "2 utterances of 2 speakers" in said.out and "9 of 11 rows dropped" in said.out
    dropped = datadir.read_dropped(tmp_path / "data")
    reasons = [
        ("labels.csv:3", "starts at 0.4 s"),
        ("labels.csv:4", "repeats "),
        ("labels.csv:5", "has no emotion"),
        ("labels.csv:6", "starts at 0.9 s and ends at 0.2 s"),
        ("labels.csv:7", "has no speaker"),
        ("labels.csv:8", "no such file"),
        ("labels.csv:10", "starts at 3 s, its file ends at 1 s"),
        ("labels.csv:11", "starts at 0.5 s and ends at 0.5 s"),
        ("labels.csv:12", "long: no such file"),
    ]
    for (where, reason), found in zip(reasons, dropped.values(), strict=True):
        assert f"{where}: " in found or (reason == "repeats " and found.endswith(where))
        assert reason in found
    assert {"anna_2", "bert_1", "gone"} <= dropped.keys() and all(name in said.err for name in dropped)


def test_rows_without_an_emotion_and_overlaps_can_be_kept(folder, tmp_path):
    table = table_of(
        folder,
        "path,speaker,emotion,start,end",
        "wav/anna_1.wav,anna,angry,0,0.5",
        "wav/anna_1.wav,bert,,0.4,0.9",
    )
    made = datadir.from_table(table, tmp_path / "data", unlabelled="none", allow_overlap=True)
    assert made.dropped == {}
    assert list(datadir.read(tmp_path / "data", "utt2emo").values()) == ["angry", "none"]


def test_a_column_with_gaps_makes_no_table_and_says_so(folder, tmp_path, caplog):
    table = table_of(folder, "path,speaker,emotion,gender,text", *rows_of(",f,a", ",f,", ",,b", ",other,c"))
    with caplog.at_level(logging.WARNING):
        datadir.from_table(table, tmp_path / "data")
    assert "text is not written: 1 of 4" in caplog.text and "spk2gender is not written: 1 of 2" in caplog.text
    assert not datadir.has(tmp_path / "data", "text") and not datadir.has(tmp_path / "data", "spk2gender")
    caplog.clear()  # a column that is there and says nothing is nothing lost
    datadir.from_table(table_of(folder, "path,speaker,emotion,text", *rows_of(*[","] * 4)), tmp_path / "empty")
    assert caplog.text == "" and not datadir.has(tmp_path / "empty", "text")


HEADER = "path,speaker,emotion"
MISTAKES = {
    "missing column": (["path,spk,emotion", *rows_of()], "labels.csv:1: no column speaker among path, spk, emotion"),
    "column twice": (["path,file,speaker,emotion", "a,a,b,c"], "labels.csv:1: 2 columns are 'path'"),
    "no rows": ([HEADER], "has no rows"),
    "cells": ([HEADER, *rows_of(), "wav/anna_1.wav,anna,angry,x"], "labels.csv:6: has 4 cells, the header 3"),
    "quotes": ([HEADER, '"a"b,anna,angry'], "labels.csv:2: not CSV"),
    "time": ([HEADER + ",end", "wav/anna_1.wav,anna,sad,soon"], "labels.csv:2: end 'soon': give seconds"),
    "infinite": ([HEADER + ",end", "wav/anna_1.wav,anna,sad,inf"], "labels.csv:2: end 'inf': give seconds"),
    "contradiction": ([HEADER, *rows_of(), "wav/anna_1.wav,anna,sad"], "labels.csv:6: .* the emotion 'sad', but 'an"),
    "two speakers": ([HEADER, *rows_of(), "wav/anna_1.wav,eva,angry"], "labels.csv:6: .* the speaker 'eva', but 'an"),
    "one id": (
        [HEADER + ",utterance", *rows_of(",anna1", ",anna1", ",b", ",c")],
        "labels.csv:3: would be utterance anna1, as .*labels.csv:2 is",
    ),
    "gender": ([HEADER + ",gender", *rows_of(",f", ",m", ",m", ",m")], "labels.csv:3: speaker anna is m here"),
    "nothing left": ([HEADER, "gone.wav,anna,sad"], "none of its 1 rows can be used; .*labels.csv:2: .*no such file"),
}


@pytest.mark.parametrize(("lines", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_name_the_line(folder, tmp_path, lines, message):
    with pytest.raises(UserError, match=message):
        datadir.from_table(table_of(folder, *lines), tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_table_that_is_missing_or_not_utf8(folder, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        datadir.from_table(folder / "none.csv", tmp_path / "data")
    (folder / "labels.csv").write_bytes("path,speaker,emotion\na,Jürgen,sad\n".encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8 text"):
        datadir.from_table(folder / "labels.csv", tmp_path / "data")


def test_a_column_of_another_name(folder, tmp_path, capsys):
    table = str(table_of(folder, "path;spk;emotion", *(row.replace(",", ";") for row in rows_of())))
    assert main(["datadir", "from-table", "--column", "speaker=SPK", table, str(tmp_path / "data")]) == 0
    assert main(["datadir", "from-table", "--column", "speaker=who", table, str(tmp_path / "data")]) == 1
    assert "no column who among path, spk, emotion" in capsys.readouterr().err
    assert main(["datadir", "from-table", "--column", "colour=SPK", table, str(tmp_path / "data")]) == 1
    with pytest.raises(SystemExit) as stopped:
        main(["datadir", "from-table", "--column", "speaker", table, str(tmp_path / "data")])
    assert stopped.value.code == 1
