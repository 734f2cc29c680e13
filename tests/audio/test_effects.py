"""The effects on waveforms, each by itself."""

import dataclasses
import shutil

import numpy as np
import pytest
import soundfile
from corpus import RATE, pitch_of, snr_of, speech

from mtlaug.audio import effects
from mtlaug.files import UserError

needs_sox = pytest.mark.skipif(not shutil.which("sox"), reason="the program sox is not installed")


@pytest.mark.parametrize("rate", [16000, 8000, 44100])
@pytest.mark.parametrize("seconds", [0.2, 3.0])
def test_noise_is_added_at_its_snr(noise_file, rate, seconds):
    noise = np.random.default_rng(0).standard_normal(round(seconds * rate)) * 0.1
    source = noise_file(noise, rate)
    samples = speech(0.7)[None]  # (1, S)
    for snr in (-5.0, 0.0, 12.3):
        noisy = effects.AddNoise(source, start=1.234, snr=snr)(samples, RATE)
        assert noisy.shape == samples.shape
        assert snr_of(samples, noisy) == pytest.approx(snr, abs=0.1)


def test_noise_starts_at_its_start_and_repeats(noise_file):
    noise = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    samples = speech(0.7)[None]
    added = effects.AddNoise(noise_file(noise), start=0.1, snr=0.0)(samples, RATE) - samples
    expected = np.resize(np.concatenate([noise[1600:], noise[:1600]]), samples.shape[1])
    assert np.corrcoef(added[0], expected)[0, 1] > 0.999


def test_silent_noise_is_refused(noise_file):
    source = noise_file(np.zeros(8000))
    with pytest.raises(UserError, match=r"a noise\.wav: is silent"):
        effects.AddNoise(source, start=0.0, snr=5.0)(speech(0.3)[None], RATE)


def test_a_stretch_of_next_to_nothing_is_silence(noise_file):
    """One faint sample, brought to the wanted SNR, would be a click that carries the power of all the noise."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE)
    noise[: 2 * RATE] = 0
    noise[100] = 1 / 32768
    samples = speech(0.5)[None]
    added = effects.AddNoise(noise_file(noise), start=0.0, snr=0.0)(samples, RATE) - samples
    assert np.abs(added).max() < 6 * added.std()


def test_missing_noise_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.wav"):
        effects.AddNoise(str(tmp_path / "nowhere.wav"), start=0.0, snr=5.0)(speech(0.3)[None], RATE)


def test_of_several_microphones_the_first_is_the_room(noise_file):
    """Their mean would be a comb filter."""
    responses = np.zeros((4000, 2))
    responses[100, 0] = responses[108, 1] = 0.5
    samples = speech(0.5)[None]
    np.testing.assert_allclose(effects.Reverb(noise_file(responses))(samples, RATE), samples, atol=1e-5)


def test_a_pause_of_a_talker_stays_faint_in_the_babble(tmp_path):
    talkers = 0.1 * np.random.default_rng(0).standard_normal((2, 2 * RATE))
    talkers[1, :RATE] *= 0.01
    for number, talker in enumerate(talkers):
        soundfile.write(tmp_path / f"{number}.wav", talker, RATE)
    samples = speech(0.5)[None]
    sources = [str(tmp_path / "0.wav"), str(tmp_path / "1.wav")]
    added = effects.AddBabble(sources, [0.0, 0.0], snr=0.0)(samples, RATE) - samples
    assert np.corrcoef(added[0], talkers[0, : samples.shape[1]])[0, 1] > 0.99


@needs_sox
@pytest.mark.parametrize(("effect", "value"), [("pitch", 2.0), ("tempo", 1.1)])
def test_sox_clips_no_loud_input(effect, value):
    samples = speech(0.7)[None]
    samples *= 0.8 / np.abs(samples).max()
    quiet, loud = (effects.SoxEffect(effect, value)(gain * samples, RATE) for gain in (1.0, 2.0))
    np.testing.assert_allclose(loud, 2 * quiet, atol=1e-3)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_coloured_noise_has_its_snr_and_slope(exponent):
    samples = speech(2.0)[None]
    effect = effects.AddColouredNoise(exponent, snr=7.0, seed=3)
    noisy = effect(samples, RATE)
    assert snr_of(samples, noisy) == pytest.approx(7.0, abs=0.1)
    assert np.array_equal(noisy, effect(samples, RATE))
    power = np.square(np.abs(np.fft.rfft((noisy - samples)[0])))
    frequencies = np.fft.rfftfreq(samples.shape[1], 1 / RATE)
    band = (frequencies > 50) & (frequencies < 7000)
    slope = np.polyfit(np.log(frequencies[band]), np.log(power[band]), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.15)


def test_half_of_brown_noise_is_above_20_hz():
    samples = speech(10.0)[None]
    noise = effects.AddColouredNoise(2.0, snr=0.0, seed=1)(samples, RATE) - samples
    power = np.square(np.abs(np.fft.rfft(noise[0])))
    frequencies = np.fft.rfftfreq(samples.shape[1], 1 / RATE)
    assert power[frequencies > 20].sum() / power.sum() == pytest.approx(0.5, abs=0.1)


def test_reverberation_removes_the_delay_and_keeps_length_and_level(noise_file):
    response = np.zeros(8000)
    response[1600] = 0.4  # 100 ms late
    samples = speech(0.5)[None]
    alone = effects.Reverb(noise_file(response))(samples, RATE)
    np.testing.assert_allclose(alone, samples, atol=1e-5)
    response[1600:] += 0.05 * np.random.default_rng(0).standard_normal(6400) * np.exp(-np.arange(6400) / 1000)
    samples = np.random.default_rng(1).standard_normal((1, 8000)).astype(np.float32)
    wet = effects.Reverb(noise_file(response))(samples, RATE)
    assert wet.shape == samples.shape
    assert np.linalg.norm(wet) == pytest.approx(np.linalg.norm(samples), rel=1e-4)
    assert np.abs(wet - samples).max() > 0.01
    assert np.correlate(wet[0], samples[0], "full").argmax() == samples.shape[1] - 1  # no lag


def test_the_direct_sound_of_a_response_may_be_negative(noise_file):
    response = np.zeros(8000)
    response[1600] = -0.4
    samples = speech(0.5)[None]
    np.testing.assert_allclose(effects.Reverb(noise_file(response))(samples, RATE), -samples, atol=1e-5)


@pytest.mark.parametrize("length", [7919, 8000])  # a prime one, which Fourier transforms do not like
def test_reverberation_is_the_convolution_with_the_response(noise_file, length):
    rng = np.random.default_rng(2)
    response = np.concatenate([[0.9], 0.1 * rng.uniform(-1, 1, 1200)])
    samples = rng.standard_normal((1, length)).astype(np.float32)
    wet = effects.Reverb(noise_file(response))(samples, RATE)[0]
    expected = np.convolve(samples[0].astype(np.float64), response)[:length]
    expected *= np.linalg.norm(samples) / np.linalg.norm(expected)
    np.testing.assert_allclose(wet, expected, atol=1e-3)  # the response was rounded to 16 bit


def test_a_silent_impulse_response_is_refused(noise_file):
    source = noise_file(np.zeros(8000))
    with pytest.raises(UserError, match=r"a noise\.wav"):
        effects.Reverb(source)(speech(0.3)[None], RATE)


def test_synthetic_reverberation_is_determined_by_its_parameters():
    samples = speech(0.5)[None]
    effect = effects.SyntheticReverb(rt60=0.4, drr=0.0, seed=5)
    wet = effect(samples, RATE)
    assert wet.shape == samples.shape
    assert np.array_equal(wet, effect(samples, RATE))
    assert not np.array_equal(wet, dataclasses.replace(effect, seed=6)(samples, RATE))
    assert np.linalg.norm(wet) == pytest.approx(np.linalg.norm(samples), rel=1e-4)


def test_synthetic_reverberation_has_its_decay_and_ratio():
    click = np.zeros((1, RATE), dtype=np.float32)
    click[0, 0] = 1.0
    response = effects.SyntheticReverb(rt60=0.5, drr=3.0, seed=1)(click, RATE)[0]
    direct, tail = response[0] ** 2, np.square(response[1:])
    assert 10 * np.log10(direct / tail.sum()) == pytest.approx(3.0, abs=0.1)
    remaining = 10 * np.log10(np.cumsum(tail[::-1])[::-1][: RATE // 4])  # Schroeder's integral
    slope = np.polyfit(np.arange(RATE // 4) / RATE, remaining, 1)[0]  # dB a second
    assert slope == pytest.approx(-60 / 0.5, rel=0.1)


@pytest.mark.parametrize("seed", range(10))
def test_the_direct_sound_stays_where_the_tail_is_stronger(seed):
    click = np.zeros((1, RATE), np.float32)
    click[0, 100] = 1.0
    wet = effects.SyntheticReverb(rt60=0.5, drr=-20.0, seed=seed)(click, RATE)[0]
    assert np.flatnonzero(np.abs(wet) > 1e-4)[0] == 100


def test_silence_stays_finite():
    silence = np.zeros((1, 8000), dtype=np.float32)
    for effect in (effects.AddColouredNoise(1.0, 10.0, 0), effects.SyntheticReverb(0.3, 0.0, 0)):
        assert np.isfinite(effect(silence, RATE)).all()


@needs_sox
@pytest.mark.parametrize("semitones", [-2.0, 3.0])
def test_pitch_keeps_the_length(semitones):
    samples = speech(0.8, tone=600)[None]
    shifted = effects.SoxEffect("pitch", semitones)(samples, RATE)
    assert shifted.shape == samples.shape
    assert pitch_of(shifted[0]) == pytest.approx(600 * 2 ** (semitones / 12), rel=0.02)
    assert np.linalg.norm(shifted) == pytest.approx(np.linalg.norm(samples), rel=0.15)


@needs_sox
@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_tempo_keeps_the_pitch(factor):
    samples = speech(0.8, tone=600)[None]
    changed = effects.SoxEffect("tempo", factor)(samples, RATE)
    assert changed.shape[1] == pytest.approx(samples.shape[1] / factor, abs=1)
    assert pitch_of(changed[0]) == pytest.approx(600, rel=0.02)
