"""The sound of utterances and of their copies."""

import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from corpus import RATE, Corpus, pitch_of, snr_of, speech, write_data_dir
from made_copies import WAVEFORM_TYPES, copies_of, cuts_of, settings, two_utterances

from mtlaug.audio import effects, reading
from mtlaug.augment import manifest
from mtlaug.cli import main
from mtlaug.features.fbank import Fbank
from mtlaug.files import UserError, read_table

needs_sox = pytest.mark.skipif(not shutil.which("sox"), reason="the program sox is not installed")


@pytest.fixture
def data_dir(tmp_path: Path) -> str:
    return two_utterances(tmp_path)


def test_stereo_at_another_rate_becomes_mono_at_the_rate(data_dir):
    samples = reading.load(cuts_of(data_dir)["s2-stereo"])
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
    first, second = reading.load(cuts["s1-1"]), reading.load(cuts["s1-2"])
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
        reading.load(cuts_of(tmp_path / "data")["s1-1"])


def test_a_copy_of_a_segment_is_of_that_segment(tmp_path):
    signal = np.concatenate([speech(3.0, tone=3000, seed=1), speech(0.5, tone=500), speech(0.5, tone=3000, seed=2)])
    soundfile.write(tmp_path / "a.wav", signal, RATE)
    data_dir = write_data_dir(
        tmp_path / "data", {"rec1": tmp_path / "a.wav"}, utt2spk={"s1-1": "s1"}, segments={"s1-1": "rec1 3.0 3.5"}
    )
    copies = copies_of(data_dir, tmp_path / "aug", **WAVEFORM_TYPES | {"noise": {"snr": [10, 10]}})
    plain = reading.load(cuts_of(data_dir)["s1-1"])
    assert snr_of(plain, reading.load(copies["s1-1-noise"])) == pytest.approx(10, abs=0.1)
    changed = {"sp0.9-s1-1": (0.9, 450), "sp1.1-s1-1": (1.1, 550)}
    if "tempo" in WAVEFORM_TYPES:
        changed["s1-1-tempo"] = (copies["s1-1-tempo"].recording.transforms[-1].value, 500)
    for name, (factor, pitch) in changed.items():
        copy, samples = copies[name], reading.load(copies[name])
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
        assert len(reading.load(copy)) == pytest.approx(copy.duration * RATE, abs=1)


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
        assert np.array_equal(samples, reading.load(cuts[name]))
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
        assert np.array_equal(reading.load(copy), reading.load(copy))


def test_the_copy_whose_noise_went_missing_is_named_in_one_line(data_dir, tmp_path, noise_file):
    source = noise_file(np.random.default_rng(0).standard_normal(2000))
    noise_dir = write_data_dir(tmp_path / "noise", {"n1": source})
    manifest.make(data_dir, str(tmp_path / "aug"), settings(noise=True), noise_dir=noise_dir)
    Path(source).unlink()
    with pytest.raises(UserError) as caught:
        reading.load(cuts_of(tmp_path / "aug")["s1-mono-noise"])
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
        plain = reading.load(clean[copy.custom["source"]])
        assert snr_of(plain, reading.load(copy)) == pytest.approx(transform.snr, abs=0.1), name


def test_the_rir_directory_is_used(data_dir, tmp_path, noise_file):
    source = noise_file(np.random.default_rng(0).standard_normal(4000) * np.exp(-np.arange(4000) / 500))
    rir_dir = write_data_dir(tmp_path / "rir", {"r1": source})
    manifest.make(data_dir, str(tmp_path / "aug"), settings(reverb=True), rir_dir=rir_dir)
    for copy in cuts_of(tmp_path / "aug").values():
        assert copy.recording.transforms[-1].to_dict()["kwargs"] == {"source": source}
        assert np.isfinite(reading.load(copy)).all()


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_changes_duration_and_pitch(data_dir, tmp_path, factor):
    copies = copies_of(data_dir, tmp_path / "aug", speed={"factors": [factor]})
    plain, fast = reading.load(cuts_of(data_dir)["s1-mono"]), reading.load(copies[f"sp{factor}-s1-mono"])
    assert len(fast) == pytest.approx(len(plain) / factor, abs=2)
    assert pitch_of(fast) == pytest.approx(300 * factor, abs=4)


def test_without_sox_the_error_says_what_to_do(monkeypatch, data_dir, tmp_path):
    """The manifest can be made; the copy names the program when it is wanted."""
    effects._sox.cache_clear()
    monkeypatch.setattr(effects.shutil, "which", lambda name: None)
    copies = copies_of(data_dir, tmp_path / "aug", pitch=True)
    with pytest.raises(UserError, match=r"sox: program not found.*apt-get install sox"):
        reading.load(copies["s1-mono-pitch"])
