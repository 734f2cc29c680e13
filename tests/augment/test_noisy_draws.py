"""The noises for tests: what is drawn from them, and which of them training had."""

import numpy as np
import pytest
from corpus import Corpus
from noisy_speech import Places, make

from mtlaug.augment import manifest, noisy
from mtlaug.files import UserError

RAIN = ["/n/rain/1.wav", "/n/rain/2.wav", "/n/rain/3.wav"]
TALKERS = {f"s{speaker}": [f"/s/{speaker}-{number}.wav" for number in range(3)] for speaker in range(8)}
NOISES = noisy.Noises({"rain": RAIN}, TALKERS, {})


def drawn(kind: str) -> list:
    return [NOISES.draw(kind, np.random.default_rng(seed)) for seed in range(60)]


def test_every_recording_of_a_kind_and_other_seeds_of_a_colour_are_drawn():
    assert {noise.source for noise in drawn("rain")} == set(RAIN)
    assert len({noise.seed for noise in drawn("white")}) == 60


def test_babble_has_any_recording_of_a_talker_from_any_place_on():
    babble = drawn("babble")
    assert {source for noise in babble for source in noise.sources} == set(NOISES.speech)
    starts = [start for noise in babble for start in noise.starts]
    assert min(starts) < 5 and max(starts) > 55
    assert all(len(set(noise.starts)) == noisy.TALKERS for noise in babble)


def test_babble_of_dialogues_has_as_many_recordings():
    """Where two of the speakers share one, others help out."""
    dialogues = {f"s{side}{number}": [f"/s/{number}.wav"] for number in range(7) for side in "AB"}
    shared = noisy.Noises({}, dialogues, {})
    for seed in range(60):
        babble = shared.draw("babble", np.random.default_rng(seed))
        assert len(set(babble.sources)) == len(babble.starts) == noisy.TALKERS


def test_babble_that_training_had_is_refused(corpus: Corpus, places: Places, tmp_path):
    aug_dir = str(tmp_path / "aug")
    manifest.make(corpus.data_dir, aug_dir, corpus.settings(), noise_dir=places.babble_dir)
    with pytest.raises(UserError, match=r"aug: training has \d of the recordings .*talkers"):
        make(corpus, places, tmp_path / "noisy", aug_dir=aug_dir)


def test_a_renamed_kind_is_known_by_its_folder():
    renamed = noisy.Noises({"drizzle": RAIN}, {}, {})
    for folder, held_out in (("rain", False), ("drizzle", False), ("wind", True)):
        assert renamed.described("drizzle", "", {f"/m/{folder}/9.wav"}) == {"recordings": 3, "held_out": held_out}


def test_colours_are_held_out_where_training_had_recorded_noise(corpus: Corpus):
    assert NOISES.described("white", corpus.aug_dir, set()) == {"recordings": 0, "held_out": False}
    assert NOISES.described("white", corpus.aug_dir, {"/m/wind/1.wav"}) == {"recordings": 0, "held_out": True}
