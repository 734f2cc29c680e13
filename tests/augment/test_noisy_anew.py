"""When noisy copies of the test speech are made anew."""

import dataclasses
import shutil
from pathlib import Path

import pytest
import yaml
from corpus import TREE, Corpus
from noisy_speech import Places, make, noise_data

from mtlaug.files import read_table, write_table


def test_other_features_make_them_anew(corpus: Corpus, tmp_path):
    assert make(corpus, None, tmp_path / "noisy", snrs=[0.0]) == (120, True)
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({**TREE, "feature_args": {"num_mel_bins": 21}}))
    other = dataclasses.replace(corpus, config=str(tmp_path / "other.yaml"))
    assert make(other, None, tmp_path / "noisy", snrs=[0.0]) == (120, True)
    assert make(other, None, tmp_path / "noisy", snrs=[0.0]) == (120, False)


def test_other_stretches_of_the_speech_make_them_anew(corpus: Corpus, tmp_path):
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "data")
    trimmed = dataclasses.replace(corpus, data_dir=str(data_dir))
    for end in (0.3, 0.2):
        segments = {name: f"{name} 0.0 {end}" for name in read_table(data_dir / "utt2spk")}
        write_table(data_dir / "segments", segments)
        assert make(trimmed, None, tmp_path / "noisy", snrs=[0.0]) == (120, True)
    assert make(trimmed, None, tmp_path / "noisy", snrs=[0.0]) == (120, False)


def test_noise_and_talkers_of_another_size_make_them_anew(corpus: Corpus, places: Places, tmp_path):
    talkers = shutil.copytree(places.babble_dir, tmp_path / "speech")
    wavs = {name: shutil.copy(wav, tmp_path / f"{name}.wav") for name, wav in read_table(talkers / "wav.scp").items()}
    write_table(talkers / "wav.scp", wavs)
    noise_dir = noise_data(tmp_path / "sounds", tmp_path / "noise", "rain/1")
    own = Places(noise_dir, str(talkers), "")
    for changed in (None, tmp_path / "sounds" / "rain" / "1.wav", Path(min(wavs.values()))):
        if changed:
            changed.write_bytes(changed.read_bytes() + bytes(4))
        assert make(corpus, own, tmp_path / "noisy", snrs=[0.0]) == (60, True)
    assert make(corpus, own, tmp_path / "noisy", snrs=[0.0]) == (60, False)


def test_a_run_that_was_killed_leaves_nothing_that_looks_whole(corpus: Corpus, tmp_path, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    make(corpus, None, tmp_path / "noisy", snrs=[0.0])
    with monkeypatch.context() as patch:
        patch.setattr("mtlaug.augment.manifest.write_copies", killed)
        with pytest.raises(KeyboardInterrupt):
            make(corpus, None, tmp_path / "noisy", snrs=[0.0], seed=1)
    assert make(corpus, None, tmp_path / "noisy", snrs=[0.0]) == (120, True)
