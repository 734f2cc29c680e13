"""What test noise and babble must not share with training, and which kinds it never heard."""

import os
import shutil
from pathlib import Path

import pytest
from corpus import Corpus, write_data_dir
from noisy_speech import Places, make, noise_data, write_sounds

from mtlaug import datadir
from mtlaug.augment import copies, manifest
from mtlaug.files import UserError, read_table, write_table


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


def test_a_recording_is_known_by_any_path_to_it(tmp_path, monkeypatch):
    (tmp_path / "rain").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "rain")
    monkeypatch.chdir(tmp_path)
    for path in ("rain/1.wav", "linked/1.wav"):
        with pytest.raises(UserError, match="training has 1 of the recordings"):
            copies.refuse_shared({str(tmp_path / "rain" / "1.wav")}, {path}, "aug")


def test_kinds_of_the_training_noise_are_told_from_held_out_ones(corpus: Corpus, places: Places, tmp_path):
    train_dir = noise_data(tmp_path / "sounds", tmp_path / "train", "rain/1", "rain/2")
    test_dir = noise_data(tmp_path / "sounds", tmp_path / "test", "rain/3", "wind/1")
    aug_dir = str(tmp_path / "aug")
    manifest.make(corpus.data_dir, aug_dir, corpus.settings(), noise_dir=train_dir)
    make(corpus, Places(test_dir, places.babble_dir, ""), tmp_path / "noisy", aug_dir=aug_dir)
    kinds = copies.noisy_settings(str(tmp_path / "noisy"))["kinds"]
    assert {kind: about["held_out"] for kind, about in kinds.items()} == {"babble": True, "rain": False, "wind": True}
    assert kinds["babble"]["recordings"] == 8


def test_a_kind_is_known_in_other_folders_and_babble_in_the_training_noise(corpus: Corpus, places: Places, tmp_path):
    write_sounds(tmp_path / "sounds", "002 - Rain/1", "babble/1")
    datadir.from_noise(tmp_path / "sounds", str(tmp_path / "noise"), test_share=0)
    test_dir = noise_data(tmp_path / "others", tmp_path / "test", "rain/2", "wind/1")
    aug_dir = str(tmp_path / "aug")
    manifest.make(corpus.data_dir, aug_dir, corpus.settings(), noise_dir=str(tmp_path / "noise_train"))
    make(corpus, Places(test_dir, places.babble_dir, ""), tmp_path / "noisy", aug_dir=aug_dir)
    kinds = copies.noisy_settings(str(tmp_path / "noisy"))["kinds"]
    assert {kind: about["held_out"] for kind, about in kinds.items()} == {"babble": False, "rain": False, "wind": True}


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
