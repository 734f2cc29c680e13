"""Noisy copies of the test speech."""

import dataclasses
import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus import DROPPED, RATE, Corpus, speech, write_data_dir
from noisy_speech import KINDS, Places, make, noise_data, write_sounds

from mtlaug import datadir
from mtlaug.audio import effects, reading
from mtlaug.audio.cuts import read_cuts
from mtlaug.augment import copies, manifest, noisy
from mtlaug.cli import main
from mtlaug.cli.options import numbers
from mtlaug.features import archives
from mtlaug.files import UserError, read_table, write_table


def cuts_of(directory: str | Path):
    return {cut.id: cut for cut in read_cuts(directory, RATE)}


def noise_of(copy, clean: np.ndarray) -> np.ndarray:
    return reading.load(copy) - clean


def snr_of(clean: np.ndarray, noise: np.ndarray) -> float:
    """dB."""
    return 10 * np.log10(np.square(clean).sum() / np.square(noise).sum())


def test_every_kept_utterance_has_every_kind_at_every_snr(corpus: Corpus, places: Places):
    tables = {name: read_table(Path(places.noisy_dir, name)) for name in ("utt2uniq", "utt2aug", "utt2kind", "utt2snr")}
    kept = read_table(Path(corpus.data_dir, "utt2spk")).keys() - {DROPPED}
    expected = {f"{utt}-{kind}_snr{snr}": (utt, kind, snr) for utt in kept for kind in KINDS for snr in ("60", "-5")}
    assert tables["utt2uniq"] == {copy: utt for copy, (utt, _, _) in sorted(expected.items())}
    assert tables["utt2kind"] == {copy: kind for copy, (_, kind, _) in expected.items()}
    assert tables["utt2snr"] == {copy: snr for copy, (_, _, snr) in expected.items()}
    assert tables["utt2aug"]["s1-sad2-rain_snr-5"] == "rain_snr-5"
    assert datadir.validate(places.noisy_dir, need_feats=True) == len(expected) == 180


@pytest.mark.parametrize("kind", KINDS)
def test_one_noise_at_all_snrs(corpus: Corpus, places: Places, kind):
    clean = reading.load(cuts_of(corpus.data_dir)["s2-sad1"])
    copies = cuts_of(places.noisy_dir)
    quiet, loud = (noise_of(copies[f"s2-sad1-{kind}_snr{snr}"], clean) for snr in ("60", "-5"))
    assert snr_of(clean, loud) == pytest.approx(-5, abs=0.05)
    assert snr_of(clean, quiet) == pytest.approx(60, abs=0.5)
    assert np.corrcoef(quiet, loud)[0, 1] > 0.99


def test_copies_depend_on_the_seed_alone_and_render_again(corpus: Corpus, places: Places, tmp_path):
    assert make(corpus, places, tmp_path / "again") == (180, True)
    assert make(corpus, places, tmp_path / "other", seed=1) == (180, True)
    first, again, other = (
        gzip.decompress(Path(directory, "cuts.jsonl.gz").read_bytes())
        for directory in (places.noisy_dir, tmp_path / "again", tmp_path / "other")
    )
    assert first == again != other
    manifest.render(places.noisy_dir, "s1-sad1-babble_snr-5", str(tmp_path / "copy.wav"), RATE)
    rendered, _ = soundfile.read(tmp_path / "copy.wav", dtype="float32")
    assert np.array_equal(rendered, reading.load(cuts_of(places.noisy_dir)["s1-sad1-babble_snr-5"]))


def test_copies_are_made_anew_only_where_something_changed(corpus: Corpus, places: Places, tmp_path):
    out = tmp_path / "noisy"
    shutil.copytree(places.noisy_dir, out)
    assert make(corpus, places, out) == (180, False)
    assert (out / "feats.scp").exists()
    assert make(corpus, places, out, seed=1) == (180, True)
    # Features of the old noise under the same names would go unnoticed.
    assert not (out / "feats.scp").exists() and not (out / archives.FEATURE_ARGS).exists()
    assert make(corpus, places, out, snrs=[5.0], seed=1) == (90, True)
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "data")
    spoken = dataclasses.replace(corpus, data_dir=str(data_dir))
    assert make(spoken, places, out, snrs=[5.0], seed=1) == (90, False)
    write_table(data_dir / "utt2checksum", {name: f"a{name}" for name in read_table(data_dir / "utt2spk")})
    assert make(spoken, places, out, snrs=[5.0], seed=1) == (90, True)  # other sound under the same names


def test_colours_without_recordings(corpus: Corpus, tmp_path):
    assert make(corpus, None, tmp_path / "noisy", snrs=[0.0]) == (120, True)
    kinds = copies.noisy_settings(str(tmp_path / "noisy"))["kinds"]
    assert {kind: about["held_out"] for kind, about in kinds.items()} == {
        "blue": True, "brown": False, "pink": False, "white": False,
    }  # fmt: skip
    trained_with = {
        cut.recording.transforms[-1].seed for cut in cuts_of(corpus.aug_dir).values() if cut.custom["aug"] == "noise"
    }
    seeds = {cut.recording.transforms[-1].seed for cut in cuts_of(tmp_path / "noisy").values()}
    assert len(seeds) == 120 and not trained_with & seeds


@pytest.mark.parametrize(("kind", "slope"), [("blue", 3.0), ("white", 0.0), ("pink", -3.0), ("brown", -6.0)])
def test_the_slope_of_a_colour(kind, slope):
    samples = speech(2.0)[None]
    noise = effects.AddColouredNoise(noisy.COLOURS[kind], snr=0.0, seed=1)(samples, RATE) - samples
    power, frequency = np.square(np.abs(np.fft.rfft(noise[0]))), np.fft.rfftfreq(noise.shape[1], 1 / RATE)
    low, high = (power[(frequency > f) & (frequency < 2 * f)].mean() for f in (500, 2000))
    assert 10 * np.log10(high / low) / 2 == pytest.approx(slope, abs=0.5)  # dB an octave


def test_every_talker_of_a_babble_is_as_loud(tmp_path):
    names = [f"t{number}" for number in range(noisy.TALKERS)]
    starts = [0.1 * number for number in range(noisy.TALKERS)]
    samples = speech(0.5)[None]
    loud = write_sounds(tmp_path / "a b", *names)
    quiet = {**loud, **write_sounds(tmp_path / "quiet" / "a b", "t0", gain=0.01)}
    added = [
        effects.AddBabble(list(map(str, wavs.values())), starts, snr=5.0)(samples, RATE) - samples
        for wavs in (loud, quiet)
    ]
    assert snr_of(samples, added[0]) == pytest.approx(5, abs=0.05)
    assert np.allclose(*added, atol=2e-3) and loud != quiet


def test_a_babble_is_of_different_talkers(places: Places):
    cuts = cuts_of(places.noisy_dir).values()
    babble = [cut.recording.transforms[-1] for cut in cuts if cut.custom["kind"] == "babble"]
    assert {len(set(transform.sources)) for transform in babble} == {noisy.TALKERS}
    assert len({tuple(transform.sources) for transform in babble}) > 20  # of 30 utterances


def test_a_babble_of_few_speakers_has_each_as_often(tmp_path):
    talkers = write_sounds(tmp_path / "talkers", *(f"{name}/{number}" for name in "ab" for number in range(4)), "c/1")
    noises = noisy.Noises.read([], write_data_dir(tmp_path / "speech", talkers))
    for seed in range(20):
        speakers = [Path(source).parent.name for source in noises.draw("babble", np.random.default_rng(seed)).sources]
        assert sorted(speakers) in (["a", "a", "a", "b", "b", "c"], ["a", "a", "b", "b", "b", "c"])


def test_babble_is_of_the_speakers_of_segments(tmp_path):
    """One recording may hold several speakers, and one speaker may have several segments of it."""
    talkers = write_sounds(tmp_path / "talkers", *(f"r/{number}" for number in range(6)))
    data_dir = tmp_path / "speech"
    spoken = {f"{speaker}-{name}-{part}": name for speaker in "ab" for name in talkers for part in "xy"}
    segments = {utterance: f"{name} 0.0 0.2" for utterance, name in spoken.items()}
    utt2spk = {utterance: utterance[0] for utterance in spoken}
    datadir.write(data_dir, {"wav.scp": talkers, "segments": segments, "utt2spk": utt2spk})
    noises = noisy.Noises.read([], str(data_dir))
    assert {speaker: len(sources) for speaker, sources in noises.babble.items()} == {"a": 6, "b": 6}
    assert len(noises.speech) == 6
    for seed in range(20):
        assert len(set(noises.draw("babble", np.random.default_rng(seed)).sources)) == 6
    (data_dir / "segments").write_text((data_dir / "segments").read_text().replace(" r-5 ", " gone "))
    with pytest.raises(UserError, match="gone"):
        noisy.Noises.read([], str(data_dir))


def test_any_part_of_a_long_noise_is_used(corpus: Corpus, tmp_path):
    data_dir = noise_data(tmp_path / "sounds", tmp_path / "noise", "rain/1")
    for seconds, latest in ((300.0, 300), (5.0, 60)):
        write_table(Path(data_dir, "utt2dur"), {"rain-1": f"{seconds}"})
        aug_dir = str(tmp_path / f"aug{seconds}")
        manifest.make(corpus.data_dir, aug_dir, corpus.settings(), noise_dir=data_dir)
        noises = noisy.Noises.read([data_dir], None)
        drawn = [noises.draw("rain", np.random.default_rng(seed)).start for seed in range(50)]
        copied = [
            t.start for t in (cut.recording.transforms[-1] for cut in cuts_of(aug_dir).values()) if "start" in vars(t)
        ]
        for starts in (drawn, copied):
            assert 0.8 * latest < max(starts) < latest


def test_noise_in_a_clip_filled_up_with_silence_is_found(tmp_path):
    clip = np.zeros(5 * RATE)
    clip[RATE : RATE + 800] = 0.1 * np.random.default_rng(0).standard_normal(800)
    soundfile.write(tmp_path / "bark.wav", clip, RATE)
    samples = speech(0.5)[None]
    added = effects.AddNoise(str(tmp_path / "bark.wav"), start=2.0, snr=3.0)(samples, RATE) - samples
    assert snr_of(samples, added) == pytest.approx(3, abs=0.05)
    assert np.abs(added[0, :800]).mean() > 10 * np.abs(added[0, 800:]).mean()


@pytest.mark.parametrize("text", ["loud", "nan", "5 inf", "", "5,5.0", "5;0"])
def test_snrs_that_are_no_numbers_are_refused(corpus: Corpus, tmp_path, text, capsys):
    out = tmp_path / "noisy"
    command = ["augment", "noisy", corpus.data_dir, str(out), "--aug-dir", corpus.aug_dir, "--config", corpus.config]
    assert main([*command, f"--snrs={text}"]) == 1
    assert "--snrs" in capsys.readouterr().err and not out.exists()


def test_snrs_below_zero_are_read():
    assert numbers("--snrs", "-5, 2.5 0") == [-5.0, 2.5, 0.0]


@pytest.mark.parametrize("place", ["the speech", "a model", "the copies for training"])
def test_copies_replace_nothing_but_copies(corpus: Corpus, tmp_path, place):
    """A directory that was left out of a command's arguments must not cost another one its tables."""
    where = {"the speech": corpus.data_dir, "the copies for training": corpus.aug_dir, "a model": str(tmp_path / "exp")}
    corpus.prepare(tmp_path / "exp")
    before = sorted(Path(where[place]).iterdir())
    with pytest.raises(UserError, match=r"no directory of copies; give another|holds the copies for training"):
        make(corpus, None, Path(where[place]))
    assert sorted(Path(where[place]).iterdir()) == before


def test_augmented_copies_do_not_replace_the_speech(corpus: Corpus):
    before = sorted(Path(corpus.data_dir).iterdir())
    with pytest.raises(UserError, match=r"has wav\.scp, so it is no directory of copies"):
        manifest.make(corpus.data_dir, corpus.data_dir, corpus.settings())
    assert sorted(Path(corpus.data_dir).iterdir()) == before
