"""Data directories: write, validate, fix, and the utils scripts around them."""

import gzip
import os
import random
import subprocess
import sys

import pytest
from data_dirs import AUGMENTED, UTTERANCES, cut_ids, ids, tables, use_segments, write_cuts

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
    assert (data / ".backup" / AUGMENTED).exists()


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


def test_missing_directory_is_an_error_and_not_made(tmp_path):
    missing = tmp_path / "none"
    for action in (datadir.validate, datadir.fix, datadir.check_audio, lambda path: datadir.split(path, 1)):
        with pytest.raises(UserError, match="no such data directory"):
            action(missing)
    assert not missing.exists()


@pytest.fixture
def utils(project_root, tmp_path, recipe_env):
    """Run a script of tools/utils from the directory of the data, as a recipe does."""
    shim = tmp_path / "bin" / "mtlaug"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mtlaug "$@"\n')
    shim.chmod(0o755)
    path = f"{shim.parent}{os.pathsep}{recipe_env['PATH']}"
    environment = {**recipe_env, "PATH": path, "PYTHONPATH": str(project_root)}
    (tmp_path / "my data" / "utils").symlink_to(project_root / "tools" / "utils")

    def call(script, *arguments):
        command = [f"utils/{script}", *map(str, arguments)]
        where = tmp_path / "my data"
        return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=60)

    return call


def test_scripts(data, utils):
    done = utils("validate_data_dir.sh", "--no-feats", "x")
    assert (done.returncode, done.stdout) == (0, "Successfully validated data-directory x\n"), done.stderr
    assert utils("validate_data_dir.sh", "x").returncode == 1
    (data / "wav.scp").write_text((data / "wav.scp").read_text().replace("c-1 ", "c-2 "))
    done = utils("fix_data_dir.sh", "x")
    assert done.stdout == "fix_data_dir: kept 5 of all 7 utterances\n"
    assert "fix_data_dir: removed c-1: not in wav.scp\n" in done.stderr
    assert utils("split_data.sh", "--per-utt", "x", 5).returncode == 0
    assert ids(data / "split5utt/5") == ["b-2"]
    assert utils("subset_data_dir.sh", "--first", "x", 2, "y z").returncode == 0
    assert ids(data.parent / "y z") == ["a-1", "a-2"]
    (data.parent / "speakers").write_text("b\n")
    assert utils("subset_data_dir.sh", "--spk-list", "speakers", "x", "b").returncode == 0
    done = utils("combine_data.sh", "all", "b", "y z")
    assert done.stdout == "combine_data: 4 utterances are in all\n"


@pytest.mark.parametrize("name", ["validate_data_dir", "fix_data_dir", "split_data", "subset_data_dir", "combine_data"])
def test_scripts_explain_themselves(data, utils, name):
    done = utils(f"{name}.sh", "--help")
    assert done.returncode == 0
    assert f"\nExample: utils/{name}.sh " in done.stdout
    done = utils(f"{name}.sh")
    assert done.returncode == 1
    assert "Usage:" in done.stderr


def test_script_errors_are_one_clear_line(data, utils):
    for call in (
        ("fix_data_dir.sh", "none"),
        ("split_data.sh", "x", 9),
        ("split_data.sh", "x", "two"),
        ("subset_data_dir.sh", "x", "y"),
        ("subset_data_dir.sh", "x", "two", "y"),
        ("combine_data.sh", "y"),
        ("validate_data_dir.sh", "--foo", "x"),
    ):
        done = utils(*call)
        assert done.returncode == 1, call
        assert "error:" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
