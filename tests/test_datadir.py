"""Data directories: validate, fix, split, subset, combine, write, and the utils scripts around them."""

import gzip
import json
import os
import random
import subprocess
import sys

import pytest

from mtlaug import datadir
from mtlaug.files import UserError

UTTERANCES = {"a-1": "a", "a-2": "a", "a-3": "a", "b-1": "b", "b-2": "b", "c-1": "c"}
AUGMENTED = "cuts.jsonl.gz"


def tables(utterances=UTTERANCES):
    return {
        "wav.scp": {utterance: f"/audio/{utterance}.wav" for utterance in utterances},
        "utt2spk": dict(utterances),
        "spk2gender": dict.fromkeys(utterances.values(), "f"),
        "utt2emo": dict.fromkeys(utterances, "angry"),
        "text": {utterance: f"words of {utterance}" for utterance in utterances},
    }


@pytest.fixture
def data(tmp_path):
    """A valid data directory; the path has a space."""
    directory = tmp_path / "my data" / "x"
    datadir.write(directory, tables())
    return directory


def write_cuts(directory, names):
    with gzip.open(directory / AUGMENTED, "wt") as out:
        for name in names:
            out.write(json.dumps({"id": name, "start": 0}) + "\n")


def ids(directory, name="utt2spk"):
    return list(datadir.read(directory, name))


def cut_ids(directory):
    return [name for name, _ in datadir.read_cuts(directory / AUGMENTED)]


def use_segments(data):
    (data / "wav.scp").write_text("r1 /audio/r1.wav\nr2 sox r2.wav -t wav - |\n")
    rows = [f"{name} {'r1' if name < 'b' else 'r2'} {number}.5 {number + 1}" for number, name in enumerate(UTTERANCES)]
    (data / "segments").write_text("\n".join(rows) + "\n")


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
    "cmvn": ("cmvn.scp", lambda text: "a x.ark:9\n", "cmvn.scp:1: utterance 'a'"),
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


def test_split_keeps_speakers_together(data):
    assert datadir.split(data, 2) == str(data / "split2")
    assert ids(data / "split2/1") == ["a-1", "a-2", "a-3"]
    assert ids(data / "split2/2") == ["b-1", "b-2", "c-1"]
    assert ids(data / "split2/2", "spk2gender") == ["b", "c"]
    assert [datadir.validate(data / "split2" / part, need_text=True) for part in ("1", "2")] == [3, 3]
    assert not list(data.glob(".tmp*"))


@pytest.mark.parametrize("n", range(1, 13))
def test_split_loses_nothing_and_is_balanced(tmp_path, n):
    sizes = [9, 1, 1, 5, 2, 8, 3, 1, 1, 1, 7, 4]
    utterances = {f"{65 + k}-{number}": f"{65 + k}" for k, size in enumerate(sizes) for number in range(size)}
    datadir.write(tmp_path, tables(utterances))
    for per_speaker, suffix in ((True, ""), (False, "utt")):
        datadir.split(tmp_path, n, per_speaker=per_speaker)
        parts = [ids(tmp_path / f"split{n}{suffix}" / str(part)) for part in range(1, n + 1)]
        assert [name for part in parts for name in part] == sorted(utterances)
        lengths = list(map(len, parts))
        assert min(lengths) >= 1
        assert per_speaker or max(lengths) - min(lengths) <= 1
        assert not per_speaker or max(lengths) <= len(utterances) / n + max(sizes)


def test_split_of_segments_cuts_and_frame_shift(data):
    use_segments(data)
    (data / "frame_shift").write_text("0.01\n")
    write_cuts(data, UTTERANCES)
    datadir.split(data, 2)
    assert ids(data / "split2/1", "wav.scp") == ["r1"]
    assert cut_ids(data / "split2/2") == ["b-1", "b-2", "c-1"]
    assert (data / "split2/2/frame_shift").read_text() == "0.01\n"
    assert datadir.validate(data / "split2/2") == 3


def test_split_into_too_many_parts(data):
    with pytest.raises(UserError, match="cannot split 3 speakers into 4 parts; use --nj 3 or less, or --per-utt"):
        datadir.split(data, 4)
    with pytest.raises(UserError, match="cannot split 6 utterances into 7 parts"):
        datadir.split(data, 7, per_speaker=False)
    with pytest.raises(UserError):
        datadir.split(data, 0)
    assert not list(data.glob("split*"))


def test_split_is_made_again_only_after_a_change(data):
    datadir.split(data, 2)
    inode = (data / "split2").stat().st_ino
    datadir.split(data, 2)
    assert (data / "split2").stat().st_ino == inode
    (data / "text").unlink()
    datadir.split(data, 2)
    assert not (data / "split2/1/text").exists()
    (data / "utt2lang").write_text("".join(f"{utterance} de\n" for utterance in UTTERANCES))
    datadir.split(data, 2)
    assert (data / "split2/1/utt2lang").exists()
    (data / "split2/2/wav.scp").unlink()
    datadir.split(data, 2)
    assert ids(data / "split2/2", "wav.scp") == ["b-1", "b-2", "c-1"]


def test_subset_by_lists_and_numbers(data, tmp_path):
    listed = tmp_path / "list"
    listed.write_text("b-2 ignored\na-1\n")
    assert datadir.subset(data, tmp_path / "y", utt_list=listed) == 2
    assert ids(tmp_path / "y") == ["a-1", "b-2"]
    listed.write_text("c\nb\n")
    assert datadir.subset(data, tmp_path / "y", spk_list=listed) == 3
    assert datadir.subset(data, tmp_path / "y", first=2) == 2
    assert ids(tmp_path / "y") == ["a-1", "a-2"]
    assert datadir.subset(data, tmp_path / "y", per_spk=2) == 5
    assert datadir.validate(tmp_path / "y", need_text=True) == 5
    (tmp_path / "y/utt2lang").write_text("old de\n")
    assert datadir.subset(data, tmp_path / "y", count=4) == 4
    assert datadir.validate(tmp_path / "y", need_text=True) == 4


def test_random_subset_depends_on_ids_and_seed_only(tmp_path):
    many = {f"s-{number:03}": "s" for number in range(200)}
    datadir.write(tmp_path / "all", tables(many))
    datadir.write(tmp_path / "half", tables(dict.fromkeys(list(many)[::2], "s")))
    for seed in (0, 1):
        datadir.subset(tmp_path / "all", tmp_path / f"a{seed}", count=50, seed=seed)
    datadir.subset(tmp_path / "half", tmp_path / "h", count=50)
    first, other = ids(tmp_path / "a0"), ids(tmp_path / "a1")
    assert first != other
    # An utterance's rank does not change when others go.
    assert {name for name in first if int(name[2:]) % 2 == 0} <= set(ids(tmp_path / "h"))


def test_subset_refuses(data, tmp_path):
    (tmp_path / "list").write_text("a-1\nnone\n")
    (tmp_path / "empty").write_text("\n")
    link = tmp_path / "link"
    link.symlink_to(data)
    for options, message in [
        ({"utt_list": tmp_path / "list"}, "'none' .1 in all. is no utterance"),
        ({"spk_list": tmp_path / "list"}, "'a-1' .2 in all. is no speaker"),
        ({"utt_list": tmp_path / "empty"}, "names nothing"),
        ({"utt_list": tmp_path / "absent"}, "no such file"),
        ({"count": 7}, "cannot take 7 of 6"),
        ({"first": 0}, "cannot take 0"),
        ({"first": 1, "count": 1}, "exactly one"),
        ({}, "exactly one"),
    ]:
        with pytest.raises(UserError, match=message):
            datadir.subset(data, tmp_path / "y", **options)
    assert not (tmp_path / "y").exists()
    with pytest.raises(UserError, match="is the source"):
        datadir.subset(data, link, count=1)
    assert datadir.validate(data) == 6


def test_combine_joins_and_says_what_it_leaves_out(data, tmp_path):
    datadir.write(tmp_path / "y", {**tables({"c-9": "c", "d-1": "d"}), "utt2lang": {"c-9": "de", "d-1": "de"}})
    (tmp_path / "y/text").unlink()
    combined = datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    assert combined == (8, {"text": f"not in {tmp_path / 'y'}", "utt2lang": f"not in {data}"})
    assert datadir.validate(tmp_path / "z") == 8
    assert datadir.read(tmp_path / "z", "spk2utt")["c"] == "c-1 c-9"
    # An older target keeps none of the files that are left out now.
    datadir.combine(tmp_path / "z", [data])
    datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    assert not (tmp_path / "z/text").exists()


def test_combine_refuses(data, tmp_path):
    datadir.write(tmp_path / "y", tables({"a-2": "a"}))
    with pytest.raises(UserError, match=r"'a-2' is in .*my data/x too"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    with pytest.raises(UserError, match="is a source too"):
        datadir.combine(data, [data, tmp_path / "y"])
    datadir.write(tmp_path / "y", {**tables({"a-9": "a"}), "spk2gender": {"a": "m"}})
    with pytest.raises(UserError, match=r"'a' is in .* too, with 'f' instead of 'm'"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    datadir.write(tmp_path / "y", {"utt2spk": {"e-1": "e"}})
    write_cuts(tmp_path / "y", ["e-1"])
    with pytest.raises(UserError, match="share none"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    for directory, shift in ((data, "0.01"), (tmp_path / "y", "0.02")):
        (directory / "frame_shift").write_text(shift + "\n")
        (directory / "feats.scp").write_text("".join(f"{name} x\n" for name in ids(directory)))
    with pytest.raises(UserError, match="'frame_shift' is in"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    assert not (tmp_path / "z").exists()


def test_combine_segments_with_whole_recordings(data, tmp_path):
    use_segments(data)
    datadir.write(tmp_path / "y", tables({"d-1": "d"}))
    with pytest.raises(UserError, match="needs utt2dur"):
        datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    (tmp_path / "y/utt2dur").write_text("d-1 2.5\n")
    datadir.combine(tmp_path / "z", [data, tmp_path / "y"])
    assert datadir.read(tmp_path / "z", "segments")["d-1"] == "d-1 0 2.5"
    assert datadir.validate(tmp_path / "z") == 7


def test_combine_cuts(data, tmp_path):
    for name, names in (("x", ["a-1", "a-2"]), ("y", ["b-1"])):
        datadir.write(tmp_path / name, {"utt2spk": {utterance: utterance[0] for utterance in names}})
        write_cuts(tmp_path / name, names)
    datadir.combine(tmp_path / "z", [tmp_path / "x", tmp_path / "y"])
    assert cut_ids(tmp_path / "z") == ["a-1", "a-2", "b-1"]
    assert datadir.validate(tmp_path / "z") == 3


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
