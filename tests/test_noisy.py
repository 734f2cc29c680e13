"""Noisy copies of the test speech, and the scores of models on them."""

import dataclasses
import gzip
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import recipes
import soundfile
import yaml
from corpus import DROPPED, RATE, Corpus, extract, speech, write_data_dir

from mtlaug import (
    archives,
    audio,
    copies,
    datadir,
    effects,
    experiment,
    inference,
    manifest,
    noise_scoring,
    noisy,
    training,
)
from mtlaug.cli import main
from mtlaug.cli.options import numbers
from mtlaug.cuts import read_cuts
from mtlaug.experiment import Experiment
from mtlaug.files import UserError, read_json, read_table, write_table
from mtlaug.predictions import read_predictions

SNRS = [60.0, -5.0]  # dB; the first is next to clean
KINDS = ["babble", "hum", "rain"]


@dataclass(frozen=True)
class Places:
    """Data directories of test noise and speech, and the noisy copies of the corpus made from them."""

    noise_dir: str
    babble_dir: str
    noisy_dir: str


def write_sounds(folder: Path, *names: str, gain: float = 1.0) -> dict[str, Path]:
    """Noise files of 0.3 s, shorter than any utterance, at several rates; by their names' stems."""
    wavs = {}
    for seed, name in enumerate(names):
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        rate = (RATE, 44100, 8000)[seed % 3]
        soundfile.write(path, gain * speech(0.3, 200.0 * (seed + 1), seed, rate), rate)
        wavs[f"{path.parent.name}-{path.stem}"] = path
    return wavs


def noise_data(folder: Path, data_dir: Path, *names: str) -> str:
    wavs = write_sounds(folder, *names)
    return write_data_dir(data_dir, wavs, utt2kind={name: name.split("-")[0] for name in wavs})


def make(corpus: Corpus, places: Places | None, out: Path, snrs=SNRS, aug_dir: str = "", **more) -> tuple[int, bool]:
    given = {"noise_dirs": [places.noise_dir], "babble_dir": places.babble_dir} if places else {"noise_dirs": []}
    how = {"babble_dir": None, **given, "snrs": list(snrs), **more}
    return noisy.make(corpus.data_dir, str(out), corpus.settings(), aug_dir or corpus.aug_dir, **how)


@pytest.fixture(scope="module")
def places(corpus: Corpus, tmp_path_factory) -> Places:
    root = tmp_path_factory.mktemp("test noise")
    noise_dir = noise_data(root / "sounds", root / "noise_test", "rain/1", "rain/2", "hum/1")
    talkers = write_sounds(root / "talkers", *(f"t{number}" for number in range(8)))
    made = Places(noise_dir, write_data_dir(root / "speech", talkers), str(root / "noisy"))
    make(corpus, made, Path(made.noisy_dir))
    extract(made.noisy_dir, Path(made.noisy_dir, "data"), corpus.settings().feature_args)
    return made


@pytest.fixture(scope="module")
def trained(corpus: Corpus, tmp_path_factory) -> Experiment:
    """All folds and two seeds, trained for one epoch; the tests must not change it."""
    run = corpus.prepare(tmp_path_factory.mktemp("exp dir") / "tiny", "optim_args.epochs=1", seeds="1 2")
    for fold, seed in run.jobs():
        training.train(run, fold, seed)
    return run


def cuts_of(directory: str | Path):
    return {cut.id: cut for cut in read_cuts(directory, RATE)}


def noise_of(copy, clean: np.ndarray) -> np.ndarray:
    return audio.load(copy) - clean


def snr_of(clean: np.ndarray, noise: np.ndarray) -> float:
    """dB."""
    return 10 * np.log10(np.square(clean).sum() / np.square(noise).sum())


# Copies


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
    clean = audio.load(cuts_of(corpus.data_dir)["s2-sad1"])
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
    assert np.array_equal(rendered, audio.load(cuts_of(places.noisy_dir)["s1-sad1-babble_snr-5"]))


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
    assert not trained_with & {cut.recording.transforms[-1].seed for cut in cuts_of(tmp_path / "noisy").values()}


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


def test_noise_in_a_clip_filled_up_with_silence_is_found(tmp_path):
    clip = np.zeros(5 * RATE)
    clip[RATE : RATE + 800] = 0.1 * np.random.default_rng(0).standard_normal(800)
    soundfile.write(tmp_path / "bark.wav", clip, RATE)
    samples = speech(0.5)[None]
    added = effects.AddNoise(str(tmp_path / "bark.wav"), start=2.0, snr=3.0)(samples, RATE) - samples
    assert snr_of(samples, added) == pytest.approx(3, abs=0.05)
    assert np.abs(added[0, :800]).mean() > 10 * np.abs(added[0, 800:]).mean()


# Training noise and test noise


@pytest.mark.parametrize("name", ["rain/2", "rain/1-5-A"])
def test_noise_that_training_had_is_refused(corpus: Corpus, places: Places, tmp_path, name):
    """The very file, and another take of one recording."""
    take = name.replace("-A", "-B")
    train_dir = noise_data(tmp_path / "sounds", tmp_path / "train", name)
    test_dir = noise_data(tmp_path / "sounds", tmp_path / "test", take, "hum/9")
    aug_dir = str(tmp_path / "aug")
    manifest.make(corpus.data_dir, aug_dir, corpus.settings(), noise_dir=train_dir)
    shared = Places(test_dir, places.babble_dir, "")
    with pytest.raises(UserError, match=rf"aug: training has 1 of the recordings .*{Path(take).name}\.wav"):
        make(corpus, shared, tmp_path / "noisy", aug_dir=aug_dir)
    assert not (tmp_path / "noisy").exists()


def test_kinds_of_the_training_noise_are_told_from_held_out_ones(corpus: Corpus, places: Places, tmp_path):
    train_dir = noise_data(tmp_path / "sounds", tmp_path / "train", "rain/1", "rain/2")
    test_dir = noise_data(tmp_path / "sounds", tmp_path / "test", "rain/3", "wind/1")
    aug_dir = str(tmp_path / "aug")
    manifest.make(corpus.data_dir, aug_dir, corpus.settings(), noise_dir=train_dir)
    make(corpus, Places(test_dir, places.babble_dir, ""), tmp_path / "noisy", aug_dir=aug_dir)
    kinds = copies.noisy_settings(str(tmp_path / "noisy"))["kinds"]
    assert {kind: about["held_out"] for kind, about in kinds.items()} == {"babble": True, "rain": False, "wind": True}
    assert kinds["babble"]["recordings"] == 8


def test_babble_of_the_tested_speech_is_refused(corpus: Corpus, places: Places, tmp_path):
    linked = shutil.copytree(corpus.data_dir, tmp_path / "data")
    wavs = read_table(linked / "wav.scp")
    os.symlink(Path(wavs[min(wavs)]).parent, tmp_path / "wavs")
    write_table(linked / "wav.scp", {name: tmp_path / "wavs" / Path(wav).name for name, wav in wavs.items()})
    for directory in (corpus.data_dir, str(linked)):
        own = Places(places.noise_dir, directory, "")
        with pytest.raises(UserError, match=r"is a recording of .* too; take other speech"):
            make(corpus, own, tmp_path / "noisy")


def test_too_few_talkers_and_a_kind_named_babble(corpus: Corpus, places: Places, tmp_path):
    few = write_data_dir(tmp_path / "few", write_sounds(tmp_path / "sounds", "a", "b"))
    with pytest.raises(UserError, match=r"few/wav\.scp: has 2 recordings; babble is made of 6"):
        make(corpus, Places(places.noise_dir, few, ""), tmp_path / "noisy")
    named = noise_data(tmp_path / "sounds", tmp_path / "named", "babble/1")
    with pytest.raises(UserError, match="utterance babble-1: kind 'babble'"):
        make(corpus, Places(named, places.babble_dir, ""), tmp_path / "noisy")


@pytest.mark.parametrize("text", ["loud", "nan", "5 inf", "", "5,5.0", "5;0"])
def test_snrs_that_are_no_numbers_are_refused(corpus: Corpus, tmp_path, text, capsys):
    out = tmp_path / "noisy"
    command = ["augment", "noisy", corpus.data_dir, str(out), "--aug-dir", corpus.aug_dir, "--config", corpus.config]
    assert main([*command, f"--snrs={text}"]) == 1
    assert "--snrs" in capsys.readouterr().err and not out.exists()


def test_snrs_below_zero_are_read():
    assert numbers("--snrs", "-5, 2.5 0") == [-5.0, 2.5, 0.0]


# Scores


def test_each_condition_is_scored_and_pairs_with_clean(trained: Experiment, places: Places, capsys):
    assert main(["score", "within", str(trained.directory)]) == 0
    assert main(["score", "noise", str(trained.directory), places.noisy_dir, "--command-line", "./run.sh"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    expected = [f"score_noise_{kind}_snr{snr}" for kind in KINDS for snr in ("60", "-5")]
    assert [Path(line.split()[-1]).name for line in lines] == expected
    clean, next_to_clean, noisiest = (
        read_predictions(trained.directory / name / "predictions.tsv")
        for name in ("score_within", "score_noise_hum_snr60", "score_noise_hum_snr-5")
    )
    for column in ("utts", "folds", "seeds", "speakers", "reference"):
        assert np.array_equal(getattr(clean, column), getattr(noisiest, column)), column
    near, far = (np.abs(other.posteriors - clean.posteriors).mean() for other in (next_to_clean, noisiest))
    assert near < 0.1 * far and far > 0.001
    results = read_json(trained.directory / "score_noise_rain_snr-5" / "results.json")
    assert results["curve"] == {"name": "noise", "series": "rain", "level": -5.0, "unit": "dB SNR"}
    assert results["noise"]["held_out"] is True and results["command"] == "./run.sh"
    assert results["condition"] == "noise_rain_snr-5"


def test_each_fold_is_tested_with_its_own_model_and_normalisation(trained: Experiment, places: Places):
    """One condition by hand: the features of a copy, normalised as the training part says."""
    conditions = noise_scoring.read_conditions(places.noisy_dir)
    copy_of = conditions["rain", -5.0]
    rows = noise_scoring.predict(trained, places.noisy_dir, {("rain", -5.0): copy_of})["rain", -5.0]
    fold = trained.protocol.folds[1].id
    store = trained.store(fold, places.noisy_dir)
    seed = trained.seeds[-1]
    model = inference.trained_model(trained, fold, seed)
    utterance, label = next(iter(trained.protocol.utterances(fold, "test").items()))
    expected = inference.predict(model, store, {copy_of[utterance]: label}, trained.classes)[copy_of[utterance]]
    (found,) = [row for row in rows if row[:3] == (utterance, fold, seed)]
    assert found[3] == label and np.allclose(found[4], expected, atol=1e-5)


def changed(places: Places, folder: Path, name: str, **values: object) -> str:
    """A copy of the noisy directory in which ``values`` are changed in one of its settings files."""
    shutil.copytree(places.noisy_dir, folder)
    path = folder / name
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}, default_flow_style=None))
    return str(folder)


def test_copies_that_do_not_fit_the_experiment_are_refused(trained: Experiment, places: Places, tmp_path):
    other = changed(places, tmp_path / "a b", copies.NOISE_SETTINGS, protocol="0" * 64)
    with pytest.raises(UserError, match="a b: is of another protocol"):
        noise_scoring.score(trained, other, "")
    bins = tmp_path / "bins"
    shutil.copytree(places.noisy_dir, bins)
    written = (bins / archives.FEATURE_ARGS).read_text()
    (bins / archives.FEATURE_ARGS).write_text(written.replace('"num_mel_bins": 20', '"num_mel_bins": 40'))
    with pytest.raises(UserError, match=r"another feature_args \(num_mel_bins\); extract them again"):
        noise_scoring.score(trained, str(bins), "")
    with pytest.raises(UserError, match=r"noise\.yaml: no such file; make the noisy copies with stage 6"):
        noise_scoring.score(trained, trained.aug_dir, "")
    conditions = noise_scoring.read_conditions(places.noisy_dir)
    del conditions["hum", 60.0]["s1-sad1"]
    with pytest.raises(UserError, match="utterance s1-sad1 has no copy"):
        noise_scoring.predict(trained, places.noisy_dir, conditions)


def test_a_model_trained_with_other_copies_is_refused(corpus: Corpus, places: Places, tmp_path):
    """Its noise was never compared with that of the test."""
    aug_dir = str(tmp_path / "aug")
    manifest.make(corpus.data_dir, aug_dir, corpus.settings(), noise_dir=places.noise_dir)
    extract(aug_dir, Path(aug_dir, "data"), corpus.settings().feature_args)
    other = Corpus(corpus.data_dir, aug_dir, corpus.config)
    run = other.prepare(tmp_path / "exp")
    with pytest.raises(UserError, match=r"noisy: its noise was compared with other copies than those that .*exp was"):
        noise_scoring.score(run, places.noisy_dir, "")


@pytest.mark.parametrize(("babble", "named"), [(True, "more"), (False, "more_aug")])
def test_unlabelled_speech_that_is_babble_or_has_noise_of_the_test_is_refused(
    corpus: Corpus, trained: Experiment, places: Places, tmp_path, babble, named
):
    speech_dir = str(tmp_path / "more")
    shutil.copytree(places.babble_dir if babble else corpus.data_dir, speech_dir)
    manifest.make(speech_dir, f"{speech_dir}_aug", corpus.settings(), noise_dir=places.noise_dir)
    settings = corpus.settings("unlabelled_args.ratio=1", f"unlabelled_args.data_dirs=[{speech_dir}]")
    run = dataclasses.replace(trained, settings=settings)
    with pytest.raises(UserError, match=rf"{named}: training has \d+ of the recordings"):
        noise_scoring.score(run, places.noisy_dir, "")
    run = dataclasses.replace(run, unlabelled={speech_dir: "of before"})
    with pytest.raises(UserError, match=r"more_aug: holds other copies now than .*tiny was trained on; train anew"):
        noise_scoring.score(run, places.noisy_dir, "")


def test_copies_that_are_made_anew_while_they_are_scored_are_no_score(
    trained: Experiment, places, tmp_path, monkeypatch
):
    noisy_dir = changed(places, tmp_path / "noisy", copies.NOISE_SETTINGS)

    def predict(*arguments):
        path = Path(noisy_dir, copies.NOISE_SETTINGS)
        path.write_text(path.read_text().replace("seed: 0", "seed: 1"))

    monkeypatch.setattr(noise_scoring, "predict", predict)
    with pytest.raises(UserError, match="noisy: another run made other copies meanwhile"):
        noise_scoring.score(trained, noisy_dir, "")


def test_step(corpus: Corpus, trained: Experiment, places: Places, tmp_path):
    recipe = recipes.copy("mini", tmp_path)
    exp_dir = tmp_path / "my exp" / "tiny"
    shutil.copytree(trained.directory, exp_dir, ignore=shutil.ignore_patterns("score_*"))
    step = ["steps/eval_noise.sh", "--nj", "1", "--fbank-config", corpus.config, "--noise-dir", places.noise_dir]
    where = [corpus.data_dir, corpus.aug_dir, tmp_path / "my noisy", exp_dir]
    first = recipes.call(recipe, *step, "--snrs", "-5 10", *where)
    assert recipes.succeeded(first, "120 noisy copies described: hum (held out of training)", "score_noise_rain_snr-5")
    assert len([line for line in first.stdout.splitlines() if line.startswith("%UAR")]) == 4
    again = recipes.call(recipe, *step, "--snrs=-5,10", *where)
    assert recipes.succeeded(again, "120 noisy copies are there already", "score_noise_hum_snr10")
    assert "utterances" not in again.stdout  # no second extraction
    assert recipes.failed(recipes.call(recipe, *step, corpus.data_dir), "Usage: steps/eval_noise.sh")
    assert experiment.load(exp_dir).seeds == (1, 2)


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
