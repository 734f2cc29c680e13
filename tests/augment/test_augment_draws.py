"""What chance decides about a copy."""

import numpy as np
import soundfile
from corpus import RATE, speech, write_data_dir

from mtlaug import augment
from mtlaug.audio.cuts import read_cuts
from mtlaug.augment import manifest

SOURCES = augment.Sources(noise=["a.wav", "b.wav", "c.wav"], rir=["d.wav", "e.wav", "f.wav"])


def drawn(kind: object, sources: augment.Sources) -> list:
    return [transform for _, _, transform, _ in kind.copies("x", np.random.default_rng(0), sources)]


def test_copies_have_any_of_the_recorded_noises_and_rooms_from_any_place_on():
    noises = drawn(augment.Noise(copies_each=30), SOURCES)
    rooms = drawn(augment.Reverberation(copies_each=30), SOURCES)
    assert {noise.source for noise in noises} == set(SOURCES.noise)
    assert {room.source for room in rooms} == set(SOURCES.rir)
    assert len({noise.start for noise in noises}) == 30


def test_no_two_copies_have_the_same_made_noise_or_room():
    for kind in (augment.Noise(copies_each=30), augment.Reverberation(copies_each=30)):
        assert len({transform.seed for transform in drawn(kind, augment.Sources())}) == 30


def test_chance_differs_between_seeds_utterances_and_types(tmp_path):
    wav = tmp_path / "a.wav"
    soundfile.write(wav, speech(0.5), RATE)
    cuts = list(read_cuts(write_data_dir(tmp_path / "data", {"s1-1": wav, "s1-2": wav}), RATE))
    kinds = {"noise": augment.Noise(), "hiss": augment.Noise()}
    copies = [
        copy
        for seed in (0, 1)
        for cut in cuts
        for copy in manifest.describe_copies(cut, "s1", kinds, seed, augment.Sources())
    ]
    assert len({copy.recording.transforms[-1].snr for copy in copies}) == len(copies) == 8
