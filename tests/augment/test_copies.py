"""What a directory says of the copies in it, and which directories are refused."""

import gzip
import json
import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import yaml
from corpus import extract

from mtlaug import augment
from mtlaug.audio.cuts import read_cuts
from mtlaug.augment import copies
from mtlaug.augment.copies import check_copies
from mtlaug.files import UserError, write_table


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


def test_a_line_that_is_no_copy_is_named(tmp_path):
    broken = cut("b") | {"recording": {}}
    with pytest.raises(UserError, match=r"cuts\.jsonl\.gz: utterance b: lacks 'transforms'; run stages 2 and 3 again"):
        copies.copies_digest(write_cuts(tmp_path / "aug", cut("a"), broken))


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


def test_copies_of_the_same_configuration_are_accepted(corpus):
    check_copies(corpus.aug_dir, corpus.settings())
    check_copies(corpus.aug_dir, corpus.settings("augment_args.types.noise=false"))  # fewer types, same copies
    check_copies(corpus.aug_dir, corpus.settings("augment_args.types.specaugment.freq_bins=3"))  # made in training


@pytest.mark.parametrize(
    ("override", "made"),
    [
        ("augment_args.types.noise.snr=[0, 20]", "without type 'noise' as configured"),
        ("augment_args.types.tempo=true", "without type 'tempo' as configured"),
        ("augment_args.types.speed.factors=[0.9]", "without type 'speed' as configured"),
        ("augment_args.seed=3", "with seed 0, not 3"),
    ],
)
def test_copies_of_another_configuration_are_refused(corpus, override, made):
    with pytest.raises(UserError, match=rf"augment\.yaml: was made {made}; run stages 2 and 3 again, with"):
        check_copies(corpus.aug_dir, corpus.settings(override))


def test_a_manifest_without_its_parameters_is_refused(corpus, tmp_path):
    with pytest.raises(UserError, match=r"augment\.yaml: no such file; the copies are not there: run stages 2 and 3"):
        check_copies(str(tmp_path), corpus.settings())
    for text, message in (("types: [", "not YAML"), ("seed: 0", "lacks types, seed; remove its directory")):
        (tmp_path / "augment.yaml").write_text(text)
        with pytest.raises(UserError, match=rf"augment\.yaml: {message}"):
            check_copies(str(tmp_path), corpus.settings())


def test_the_parameters_in_the_manifest_are_all_of_them(corpus):
    made = yaml.safe_load(Path(corpus.aug_dir, "augment.yaml").read_text())
    assert made["seed"] == 0
    assert made["types"]["noise"] == {"snr": [5.0, 20.0], "exponent": [0.0, 2.0], "copies_each": 1}
    assert list(made["types"]) == list(augment.types(corpus.settings().augment_args))


def test_features_of_copies_are_those_of_their_audio(corpus, tmp_path):
    """The rows that a model sees come from the manifest: extracted anew they are the same."""
    aug_dir = shutil.copytree(corpus.aug_dir, tmp_path / "aug")
    extract(str(aug_dir), tmp_path / "ark", corpus.settings().feature_args, nj=2)
    some, others = (kaldiio.load_scp(f"{path}/feats.scp") for path in (corpus.aug_dir, aug_dir))
    assert set(some) == set(others) == {cut.id for cut in read_cuts(corpus.aug_dir, 16000)}
    assert all(np.array_equal(some[name], others[name]) for name in some)
