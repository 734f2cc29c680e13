"""Augmentation types and the manifest of copies."""

import gzip
import json
import shutil
from pathlib import Path

import pytest
from corpus import Corpus, write_data_dir
from made_copies import WAVEFORM_TYPES, copies_of, cuts_of, settings, two_utterances

from mtlaug import augment
from mtlaug.args import AugmentArgs
from mtlaug.audio.cuts import line_of, read_cuts
from mtlaug.augment import manifest
from mtlaug.cli import main
from mtlaug.files import UserError, read_table

needs_sox = pytest.mark.skipif(not shutil.which("sox"), reason="the program sox is not installed")


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    return two_utterances(tmp_path)


# Types


def test_classes_are_the_types_switched_on_in_a_fixed_order():
    args = AugmentArgs(types={"mixup": True, "noise": {"snr": [3, 5]}, "pitch": False, "clean": True})
    kinds = augment.types(args)
    assert list(kinds) == ["clean", "noise", "mixup"]
    assert kinds["noise"] == augment.Noise(snr=[3.0, 5.0])


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"clean": True, "nose": True}, "unknown type 'nose'; known are clean, speed"),
        ({"clean": True, "noise": {"snrs": [1, 2]}}, "noise: unknown key 'snrs'; did you mean 'snr'"),
        ({"clean": True, "noise": {"snr": ["loud", 2]}}, r"noise\.snr: expected float, got 'loud'"),
        ({"clean": True, "noise": 7}, "noise: expected 'key: value' pairs"),
        ({"clean": False, "noise": True}, "clean cannot be switched off"),
        ({"noise": True}, "clean cannot be switched off"),
        ({"clean": True, "noise": {"snr": [20]}}, "snr"),
        ({"clean": True, "noise": {"snr": []}}, "snr"),
        ({"clean": True, "noise": {"snr": [5, 10, 15]}}, "snr"),
        ({"clean": True, "noise": {"copies_each": 0}}, "copies_each"),
        ({"clean": True, "speed": {"factors": [0.0]}}, "factors"),
        ({"clean": True, "speed": {"factors": []}}, "factors"),
        ({"clean": True, "speed": {"factors": [0.9, 0.9]}}, "factors"),  # two copies of one name
    ],
)
def test_a_mistake_in_the_types_is_named(types, message):
    with pytest.raises(UserError, match=message):
        augment.types(AugmentArgs(types=types))


# Manifest


def test_names_of_copies(corpus: Corpus):
    uniq, aug = (read_table(Path(corpus.aug_dir, name)) for name in ("utt2uniq", "utt2aug"))
    speakers = read_table(Path(corpus.aug_dir, "utt2spk"))
    copies = {copy: (speakers[copy], uniq[copy], aug[copy]) for copy in uniq if uniq[copy] == "s3-sad2"}
    assert copies == {
        "s3-sad2-noise": ("s3", "s3-sad2", "noise"),
        "s3-sad2-reverb": ("s3", "s3-sad2", "reverb"),
        "sp0.9-s3-sad2": ("sp0.9-s3", "s3-sad2", "speed"),
        "sp1.1-s3-sad2": ("sp1.1-s3", "s3-sad2", "speed"),
    }
    sources = read_table(Path(corpus.data_dir, "utt2spk"))
    assert set(uniq.values()) == set(sources)
    assert len(uniq) == 4 * len(sources)


def test_several_copies_of_a_type_are_numbered_and_differ(data_dir, tmp_path):
    copies = copies_of(data_dir, tmp_path / "aug", noise={"copies_each": 3})
    names = [f"{source}-noise{number}" for source in ("s1-mono", "s2-stereo") for number in (1, 2, 3)]
    assert list(copies) == names
    assert len({copies[name].recording.transforms[-1].snr for name in names}) > 1


def test_the_manifest_is_a_valid_data_directory(corpus: Corpus):
    assert main(["datadir", "validate", corpus.aug_dir, "--no-text"]) == 0


def test_manifests_of_two_runs_are_the_same_bytes(data_dir, tmp_path):
    contents = []
    for number in (1, 2):
        out = tmp_path / f"aug {number}"
        manifest.make(data_dir, str(out), settings(**WAVEFORM_TYPES, mixup=True))
        contents.append({path.name: path.read_bytes() for path in out.iterdir() if path.is_file()})
    assert contents[0] == contents[1]
    assert contents[0]["cuts.jsonl.gz"][4:8] == bytes(4)  # the header holds no time
    assert {"cuts.jsonl.gz", "utt2spk", "utt2uniq", "utt2aug", "utt2dur", "augment.yaml"} <= contents[0].keys()


def test_the_seed_changes_the_copies(data_dir, tmp_path):
    snrs = []
    for seed in (0, 1):
        changed = settings(noise=True)
        changed.augment_args.seed = seed
        manifest.make(data_dir, str(tmp_path / str(seed)), changed)
        snrs.append([cut.recording.transforms[-1].snr for cut in cuts_of(tmp_path / str(seed)).values()])
    assert snrs[0] != snrs[1]


def test_a_copy_depends_on_its_utterance_alone(corpus: Corpus, tmp_path):
    wavs = read_table(Path(corpus.data_dir, "wav.scp"))
    few = write_data_dir(tmp_path / "few", {name: wavs[name] for name in ("s2-angry1", "s5-sad2")})
    copies = copies_of(few, tmp_path / "aug", **WAVEFORM_TYPES)
    everyone = cuts_of(corpus.aug_dir)
    shared = [name for name in copies if name in everyone]
    assert len(shared) == 8
    for name in shared:
        assert copies[name].to_dict() == everyone[name].to_dict()


def test_a_type_depends_on_no_other_type(data_dir, tmp_path):
    alone = copies_of(data_dir, tmp_path / "alone", reverb=True)
    among = copies_of(data_dir, tmp_path / "among", speed=True, noise=True, reverb=True)
    for name, copy in alone.items():
        assert copy.to_dict() == among[name].to_dict()


def test_the_sources_are_not_changed_by_their_copies(data_dir):
    cut = cuts_of(data_dir)["s1-mono"]
    before = cut.to_dict()
    kinds = augment.waveform_types(settings(**WAVEFORM_TYPES).augment_args)
    assert len(list(manifest.describe_copies(cut, "s1", kinds, 0, augment.Sources()))) == 6
    assert cut.to_dict() == before


def test_parameters_lie_in_their_ranges(corpus: Corpus, tmp_path):
    copies = copies_of(corpus.data_dir, tmp_path / "aug", noise={"snr": [3, 4]}, reverb={"rt60": [0.3, 0.4]})
    for copy in copies.values():
        transform = copy.recording.transforms[-1]
        if copy.custom["aug"] == "noise":
            assert 3 <= transform.snr <= 4
            assert 0 <= transform.exponent <= 2
        else:
            assert 0.3 <= transform.rt60 <= 0.4


@needs_sox
def test_ranges_of_pitch_and_tempo(corpus: Corpus, tmp_path):
    copies = copies_of(corpus.data_dir, tmp_path / "aug", pitch=True, tempo=True)
    pitch = [copy.recording.transforms[-1].value for copy in copies.values() if copy.custom["aug"] == "pitch"]
    tempo = [copy.recording.transforms[-1].value for copy in copies.values() if copy.custom["aug"] == "tempo"]
    assert all(1 <= abs(value) <= 3 for value in pitch)
    assert all(0.8 <= value <= 0.92 or 1.08 <= value <= 1.25 for value in tempo)
    assert min(pitch) < 0 < max(pitch)  # both directions occur
    assert min(tempo) < 1 < max(tempo)


def test_an_empty_noise_directory_is_refused(data_dir, tmp_path):
    """Synthetic noise in its place would be another experiment than the one asked for."""
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "wav.scp").touch()
    with pytest.raises(UserError, match=r"noise/wav\.scp"):
        manifest.make(data_dir, str(tmp_path / "aug"), settings(noise=True), noise_dir=str(tmp_path / "noise"))


def test_an_utterance_without_a_speaker_is_named(data_dir, tmp_path):
    Path(data_dir, "utt2spk").write_text("s1-mono s1\n")
    with pytest.raises(UserError, match="s2-stereo"):
        manifest.make(data_dir, str(tmp_path / "aug"), settings(noise=True))


def test_a_cut_short_manifest_is_named(data_dir, tmp_path):
    copies_of(data_dir, tmp_path / "aug", noise=True)
    cuts = tmp_path / "aug" / "cuts.jsonl.gz"
    cuts.write_bytes(cuts.read_bytes()[:60])
    with pytest.raises(UserError, match=r"cuts\.jsonl\.gz"):
        cuts_of(tmp_path / "aug")


def test_an_effect_that_is_not_known_is_named(data_dir, tmp_path):
    copies_of(data_dir, tmp_path / "aug", noise=True)
    cuts = tmp_path / "aug" / "cuts.jsonl.gz"
    cuts.write_bytes(gzip.compress(gzip.decompress(cuts.read_bytes()).replace(b"AddColouredNoise", b"AddHum")))
    with pytest.raises(UserError, match=r"cuts\.jsonl\.gz: is broken after line 1 .*AddHum"):
        cuts_of(tmp_path / "aug")


def test_command_line_make(corpus: Corpus, data_dir, tmp_path, capsys):
    assert main(["augment", "make", data_dir, str(tmp_path / "aug"), "--config", corpus.config]) == 0
    assert "8 copies (speed 4, noise 2, reverb 2)" in capsys.readouterr().out


def test_without_waveform_types_there_is_nothing_to_describe(data_dir, tmp_path):
    with pytest.raises(UserError, match="no waveform type is switched on"):
        manifest.make(data_dir, str(tmp_path / "aug"), settings(specaugment=True))


def test_lines_of_a_manifest_are_those_of_lhotse(data_dir, tmp_path):
    manifest.make(data_dir, str(tmp_path / "aug"), settings(**WAVEFORM_TYPES))
    for cut in [*read_cuts(data_dir, 8000), *read_cuts(tmp_path / "aug", 16000)]:
        assert json.loads(line_of(cut)) == json.loads(json.dumps(cut.to_dict()))
