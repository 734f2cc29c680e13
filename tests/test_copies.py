"""What a directory says of the copies in it, and which directories are refused."""

import dataclasses
import gzip
import json
from pathlib import Path

import pytest
import yaml

from mtlaug import augment, config, copies
from mtlaug.files import UserError, write_table

SETTINGS = config.from_dict({"augment_args": {"seed": 3, "types": {"clean": True, "noise": True, "mixup": True}}})


def cut(utterance: str, source: str = "/corpus/a.wav", start: float = 0.5, **changes) -> dict:
    """A line of cuts.jsonl.gz, as far as it is read."""
    recording = {"sources": [{"source": source}], "transforms": changes.pop("transforms", [])}
    return {"id": utterance, "start": start, "duration": 1.5, "recording": recording} | changes


def write_cuts(aug_dir: Path, *cuts: dict) -> str:
    """A directory of these copies; returns its path."""
    aug_dir.mkdir(exist_ok=True)
    with gzip.open(aug_dir / "cuts.jsonl.gz", "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(one) + "\n" for one in cuts)
    return str(aug_dir)


def write_settings(aug_dir: Path, seed: int = 3, **types: dict) -> None:
    """augment.yaml of copies of the waveform types as configured, but for what ``types`` says."""
    configured = augment.types(SETTINGS.augment_args)
    made = {name: dataclasses.asdict(configured[name]) for name in ("clean", "noise")}
    (aug_dir / copies.SETTINGS).write_text(yaml.safe_dump({"types": made | types, "seed": seed}))


@pytest.mark.parametrize(
    "changes",
    [
        {"utterance": "b"},
        {"start": 0.75},
        {"duration": 1.25},
        {"transforms": [{"name": "Speed", "kwargs": {"factor": 1.1}}]},
    ],
)
def test_the_digest_knows_a_copy_its_times_and_its_transforms(tmp_path, changes):
    before = copies.copies_digest(write_cuts(tmp_path / "aug", cut("a")))
    assert copies.copies_digest(write_cuts(tmp_path / "aug", cut(**{"utterance": "a"} | changes))) != before


def test_the_digest_is_the_same_wherever_the_corpus_lies(tmp_path):
    here = copies.copies_digest(write_cuts(tmp_path / "aug", cut("a")))
    assert copies.copies_digest(write_cuts(tmp_path / "aug", cut("a", source="/elsewhere/a.wav"))) == here


def test_copies_as_configured_are_taken_with_types_beside_them(tmp_path):
    aug_dir = write_cuts(tmp_path / "aug", cut("a"))
    write_settings(tmp_path / "aug", pitch={"semitones": 1})
    assert copies.check_copies(aug_dir, SETTINGS) == copies.copies_digest(aug_dir)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"seed": 4}, "was made with seed 4, not 3; run stages 2 and 3 again"),
        ({"noise": {"snr": [0, 1]}}, "was made without type 'noise' as configured; run stages 2 and 3 again"),
    ],
)
def test_copies_made_otherwise_are_refused(tmp_path, made: dict, words: str):
    aug_dir = write_cuts(tmp_path / "aug", cut("a"))
    write_settings(tmp_path / "aug", **made)
    with pytest.raises(UserError, match=rf"augment.yaml: {words}"):
        copies.check_copies(aug_dir, SETTINGS)


@pytest.mark.parametrize("there", ["types", "seed"])
def test_settings_that_are_not_whole_are_refused(tmp_path, there: str):
    (tmp_path / copies.SETTINGS).write_text(f"{there}: 0\n")
    with pytest.raises(UserError, match=r"augment.yaml: lacks types, seed; remove its directory, and run stages 2"):
        copies.copies_settings(str(tmp_path))


def lengths(folder: Path, kind: str, copy: int, source: int) -> tuple[str, str]:
    """A directory of one copy and one of its source, of so many frames."""
    for name, frames in (("aug", {f"a-{kind}": copy}), ("data", {"a": source})):
        (folder / name).mkdir()
        write_table(folder / name / "utt2num_frames", {key: str(number) for key, number in frames.items()})
    write_table(folder / "aug" / "utt2uniq", {f"a-{kind}": "a"})
    write_table(folder / "aug" / "utt2aug", {f"a-{kind}": kind})
    return str(folder / "aug"), str(folder / "data")


@pytest.mark.parametrize("kind", ["noise", "reverb", "pitch"])
def test_copies_of_a_longer_stretch_of_speech_are_refused(tmp_path, kind: str):
    with pytest.raises(UserError, match=f"utterance a-{kind} has 120 frames, and a in .*data has 100: the copies"):
        copies.check_lengths(*lengths(tmp_path, kind, copy=120, source=100))


@pytest.mark.parametrize(("kind", "frames"), [("speed", 120), ("tempo", 120), ("noise", 100)])
def test_copies_may_be_as_long_as_their_type_makes_them(tmp_path, kind: str, frames: int):
    copies.check_lengths(*lengths(tmp_path, kind, copy=frames, source=100))


def test_copies_of_utterances_that_were_dropped_since_have_no_length_to_be_compared_with(tmp_path):
    aug_dir, data_dir = lengths(tmp_path, "noise", copy=120, source=100)
    write_table(Path(data_dir, "utt2num_frames"), {"b": "100"})
    copies.check_lengths(aug_dir, data_dir)


@pytest.mark.parametrize("table", ["utt2num_frames", "utt2uniq", "utt2aug"])
def test_tables_of_different_copies_are_refused(tmp_path, table: str):
    aug_dir, data_dir = lengths(tmp_path, "noise", copy=100, source=100)
    with open(Path(aug_dir, table), "a", encoding="utf-8") as rows:
        rows.write("b-noise 100\n")
    with pytest.raises(UserError, match="its tables are of different copies"):
        copies.check_lengths(aug_dir, data_dir)


def test_recordings_that_copies_hold(tmp_path):
    noise = [{"name": "AddNoise", "kwargs": {"source": "/noise/rain.wav"}}, {"name": "Speed", "kwargs": {}}]
    babble = [{"name": "AddBabble", "kwargs": {"sources": ["/talk/x.wav", "/talk/y.wav"]}}]
    made = cut("a", transforms=noise), cut("b", "/corpus/b.wav", transforms=babble), cut("c", transforms=None)
    aug_dir = write_cuts(tmp_path / "aug", *made)
    mixed_in = {"/noise/rain.wav", "/talk/x.wav", "/talk/y.wav"}
    assert copies.sources_of(aug_dir) == mixed_in
    assert copies.sources_of(aug_dir, speech=True) == mixed_in | {"/corpus/a.wav", "/corpus/b.wav"}
