"""Augmentation types, the manifest of copies, and their rendering."""

import gzip
import json
import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from corpus import RATE, Corpus, pitch_of, snr_of, speech, write_data_dir
from lhotse import MonoCut

from mtlaug import audio, augment, config, effects, manifest
from mtlaug.cli import main
from mtlaug.cuts import line_of, read_cuts
from mtlaug.fbank import Fbank
from mtlaug.files import UserError, read_table

needs_sox = pytest.mark.skipif(not shutil.which("sox"), reason="the program sox is not installed")
WAVEFORM_TYPES = {"clean": True, "speed": True, "noise": True, "reverb": True}
if shutil.which("sox"):
    WAVEFORM_TYPES |= {"pitch": True, "tempo": True}


def settings(**types: object) -> config.Config:
    return config.from_dict({"augment_args": {"types": {"clean": True, **types}}})


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    """Two utterances, one of them stereo at 44.1 kHz, in directories with a space in their names."""
    (tmp_path / "my wavs").mkdir()
    wavs = {"s1-mono": tmp_path / "my wavs" / "mono.wav", "s2-stereo": tmp_path / "my wavs" / "stereo.wav"}
    soundfile.write(wavs["s1-mono"], speech(0.6123), RATE)
    left = speech(0.5, seed=1, rate=44100)
    soundfile.write(wavs["s2-stereo"], np.stack([left, np.zeros_like(left)], axis=1), 44100)
    return write_data_dir(tmp_path / "my data", wavs)


def cuts_of(data_dir: str | Path) -> dict[str, MonoCut]:
    return {cut.id: cut for cut in read_cuts(data_dir, RATE)}


def copies_of(data_dir: str, out: Path, **types: object) -> dict[str, MonoCut]:
    manifest.make(data_dir, str(out), settings(**types))
    return cuts_of(out)


# Types


def test_classes_are_the_types_switched_on_in_a_fixed_order():
    args = config.AugmentArgs(types={"mixup": True, "noise": {"snr": [3, 5]}, "pitch": False, "clean": True})
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
        augment.types(config.AugmentArgs(types=types))


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


# Audio


def test_stereo_at_another_rate_becomes_mono_at_the_rate(data_dir):
    samples = audio.load(cuts_of(data_dir)["s2-stereo"])
    assert samples.dtype == np.float32
    assert samples.shape == (8000,)
    expected = 0.5 * speech(0.5, rate=RATE)  # the other channel is silent
    assert pitch_of(samples) == pytest.approx(300, abs=4)
    assert np.linalg.norm(samples) == pytest.approx(np.linalg.norm(expected), rel=0.1)


def test_segments(tmp_path):
    signal = np.zeros(RATE, dtype=np.float32)
    signal[4000:8000] = 0.5
    soundfile.write(tmp_path / "a.wav", signal, RATE)
    data_dir = write_data_dir(
        tmp_path / "data",
        {"rec1": tmp_path / "a.wav"},
        utt2spk={"s1-1": "s1", "s1-2": "s1"},
        segments={"s1-1": "rec1 0.25 0.5", "s1-2": "rec1 0.5 -1"},
    )
    cuts = cuts_of(data_dir)
    first, second = audio.load(cuts["s1-1"]), audio.load(cuts["s1-2"])
    assert first.shape == (4000,)
    assert (first > 0.49).all()
    assert second.shape == (8000,)  # an end of -1 is the recording's end
    assert not second.any()


@pytest.mark.parametrize("line", ["rec9 0.0 0.5", "rec1 zero 0.5", "rec1 0.5", "rec1 0.7 0.9", "rec1 0.3 0.2"])
def test_a_segment_that_cannot_be_is_named(tmp_path, line):
    soundfile.write(tmp_path / "a.wav", speech(0.5), RATE)
    (tmp_path / "data").mkdir()
    for name, text in {"wav.scp": f"rec1 {tmp_path}/a.wav", "utt2spk": "s1-1 s1", "segments": f"s1-1 {line}"}.items():
        (tmp_path / "data" / name).write_text(text + "\n")
    with pytest.raises(UserError, match="s1-1"):
        audio.load(cuts_of(tmp_path / "data")["s1-1"])


def test_a_copy_of_a_segment_is_of_that_segment(tmp_path):
    signal = np.concatenate([speech(3.0, tone=3000, seed=1), speech(0.5, tone=500), speech(0.5, tone=3000, seed=2)])
    soundfile.write(tmp_path / "a.wav", signal, RATE)
    data_dir = write_data_dir(
        tmp_path / "data", {"rec1": tmp_path / "a.wav"}, utt2spk={"s1-1": "s1"}, segments={"s1-1": "rec1 3.0 3.5"}
    )
    copies = copies_of(data_dir, tmp_path / "aug", **WAVEFORM_TYPES | {"noise": {"snr": [10, 10]}})
    plain = audio.load(cuts_of(data_dir)["s1-1"])
    assert snr_of(plain, audio.load(copies["s1-1-noise"])) == pytest.approx(10, abs=0.1)
    changed = {"sp0.9-s1-1": (0.9, 450), "sp1.1-s1-1": (1.1, 550)}
    if "tempo" in WAVEFORM_TYPES:
        changed["s1-1-tempo"] = (copies["s1-1-tempo"].recording.transforms[-1].value, 500)
    for name, (factor, pitch) in changed.items():
        copy, samples = copies[name], audio.load(copies[name])
        assert (copy.start, copy.duration) == pytest.approx((3.0 / factor, 0.5 / factor), abs=1e-3)
        assert len(samples) == pytest.approx(8000 / factor, abs=2)
        assert pitch_of(samples) == pytest.approx(pitch, abs=5)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_every_length_can_be_rendered(tmp_path, rate):
    """Rounding of resampled and stretched lengths must not reach past the end of a recording."""
    lengths = [rate // 3 + 37 * number for number in range(8)]
    wavs = {f"s1-{length}": tmp_path / f"{length}.wav" for length in lengths}
    for length, path in zip(lengths, wavs.values(), strict=True):
        soundfile.write(path, speech(length / rate, rate=rate), rate)
    copies = copies_of(write_data_dir(tmp_path / "data", wavs), tmp_path / "aug", speed={"factors": [0.9, 1.1, 1.07]})
    for copy in copies.values():
        assert len(audio.load(copy)) == pytest.approx(copy.duration * RATE, abs=1)


def test_rendering_gives_the_samples_of_the_features(corpus: Corpus, tmp_path):
    fbank = Fbank(corpus.settings().feature_args)
    feats = kaldiio.load_scp(f"{corpus.aug_dir}/feats.scp")
    cuts = cuts_of(corpus.aug_dir)
    for name in ("s1-sad1-noise", "s1-sad1-reverb", "sp0.9-s4-angry2"):
        first, second = tmp_path / "one copy.wav", tmp_path / "again.wav"
        for out in (first, second):
            assert main(["augment", "render", corpus.aug_dir, name, str(out), "--config", corpus.config]) == 0
        assert first.read_bytes() == second.read_bytes()
        samples, rate = soundfile.read(first, dtype="float32")
        assert rate == RATE
        assert np.array_equal(samples, audio.load(cuts[name]))
        np.testing.assert_allclose(fbank(torch.from_numpy(samples)).numpy(), feats[name], atol=1e-3)


def test_a_clean_utterance_can_be_rendered(corpus: Corpus, tmp_path):
    out = tmp_path / "clean.wav"
    assert main(["augment", "render", corpus.data_dir, "s1-sad1", str(out), "--config", corpus.config]) == 0
    source = read_table(Path(corpus.data_dir, "wav.scp"))["s1-sad1"]
    assert np.array_equal(soundfile.read(out)[0], soundfile.read(source)[0])


def test_rendering_an_unknown_copy_names_it(corpus: Corpus, tmp_path, capsys):
    out = tmp_path / "x.wav"
    assert main(["augment", "render", corpus.aug_dir, "s1-sad1-fog", str(out), "--config", corpus.config]) == 1
    assert "no utterance 's1-sad1-fog'" in capsys.readouterr().err
    assert not out.exists()


@needs_sox
def test_sox_copies_are_the_same_twice(data_dir, tmp_path):
    copies = copies_of(data_dir, tmp_path / "aug", pitch=True, tempo=True)
    assert len(copies) == 4
    for copy in copies.values():
        assert np.array_equal(audio.load(copy), audio.load(copy))


# Copies with effects


def test_the_copy_whose_noise_went_missing_is_named_in_one_line(data_dir, tmp_path, noise_file):
    source = noise_file(np.random.default_rng(0).standard_normal(2000))
    noise_dir = write_data_dir(tmp_path / "noise", {"n1": source})
    manifest.make(data_dir, str(tmp_path / "aug"), settings(noise=True), noise_dir=noise_dir)
    Path(source).unlink()
    with pytest.raises(UserError) as caught:
        audio.load(cuts_of(tmp_path / "aug")["s1-mono-noise"])
    assert source in str(caught.value)
    assert "s1-mono-noise" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_noise_directory_is_used(data_dir, tmp_path, noise_file):
    source = noise_file(np.random.default_rng(0).standard_normal(20000) * 0.1)
    noise_dir = write_data_dir(tmp_path / "noise", {"n1": source})
    manifest.make(data_dir, str(tmp_path / "aug"), settings(noise=True), noise_dir=noise_dir)
    clean, copies = cuts_of(data_dir), cuts_of(tmp_path / "aug")
    for name, copy in copies.items():
        transform = copy.recording.transforms[-1]
        assert (type(transform), transform.source) == (effects.AddNoise, source)
        plain = audio.load(clean[copy.custom["source"]])
        assert snr_of(plain, audio.load(copy)) == pytest.approx(transform.snr, abs=0.1), name


def test_the_rir_directory_is_used(data_dir, tmp_path, noise_file):
    source = noise_file(np.random.default_rng(0).standard_normal(4000) * np.exp(-np.arange(4000) / 500))
    rir_dir = write_data_dir(tmp_path / "rir", {"r1": source})
    manifest.make(data_dir, str(tmp_path / "aug"), settings(reverb=True), rir_dir=rir_dir)
    for copy in cuts_of(tmp_path / "aug").values():
        assert copy.recording.transforms[-1].to_dict()["kwargs"] == {"source": source}
        assert np.isfinite(audio.load(copy)).all()


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_changes_duration_and_pitch(data_dir, tmp_path, factor):
    copies = copies_of(data_dir, tmp_path / "aug", speed={"factors": [factor]})
    plain, fast = audio.load(cuts_of(data_dir)["s1-mono"]), audio.load(copies[f"sp{factor}-s1-mono"])
    assert len(fast) == pytest.approx(len(plain) / factor, abs=2)
    assert pitch_of(fast) == pytest.approx(300 * factor, abs=4)


def test_without_sox_the_error_says_what_to_do(monkeypatch, data_dir, tmp_path):
    """The manifest can be made; the copy names the program when it is wanted."""
    effects._sox.cache_clear()
    monkeypatch.setattr(effects.shutil, "which", lambda name: None)
    copies = copies_of(data_dir, tmp_path / "aug", pitch=True)
    with pytest.raises(UserError, match=r"sox: program not found.*apt-get install sox"):
        audio.load(copies["s1-mono-pitch"])


def test_lines_of_a_manifest_are_those_of_lhotse(data_dir, tmp_path):
    manifest.make(data_dir, str(tmp_path / "aug"), settings(**WAVEFORM_TYPES))
    for cut in [*read_cuts(data_dir, 8000), *read_cuts(tmp_path / "aug", 16000)]:
        assert json.loads(line_of(cut)) == json.loads(json.dumps(cut.to_dict()))
