"""Archives that stay open, and what a store keeps."""

import os
import weakref
from pathlib import Path

import kaldiio
import numpy as np
import pytest
from corpus import Corpus

from mtlaug import store
from mtlaug.files import UserError, read_table


def test_matrices_of_more_archives_than_may_be_open(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MOST_OPEN", 2)
    places = []
    for number in range(6):
        made = {"a": np.full((3, 2), number, np.float32), "b": np.full((4, 2), 10 + number, np.float32)}
        kaldiio.save_ark(str(tmp_path / f"{number}.ark"), made, scp=str(tmp_path / f"{number}.scp"))
        places += [line.split()[1] for line in (tmp_path / f"{number}.scp").read_text().splitlines()]
    archives, before = store.Archives(), len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        values = [archives.load(place)[0, 0] for place in places]
        assert values == [value + ten for value in range(6) for ten in (0, 10)]
        assert len(os.listdir("/proc/self/fd")) <= before + 3


@pytest.mark.parametrize("kind", ["global", "utterance", "speaker"])
def test_a_store_goes_with_its_last_user(corpus: Corpus, kind):
    """Tests make one a fold: what stayed would add up to the memory and the open files of all folds."""
    utterances = list(read_table(Path(corpus.data_dir, "utt2spk")))
    before = len(os.listdir("/proc/self/fd"))
    made = store.FeatureStore([corpus.data_dir], kind, utterances)
    assert made.get(utterances[0]) is made.get(utterances[0])
    gone = weakref.ref(made)
    del made
    assert gone() is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_matrices_that_were_used_last_are_kept(corpus: Corpus, monkeypatch):
    first, second, third = list(read_table(Path(corpus.data_dir, "utt2spk")))[:3]
    made = store.FeatureStore([corpus.data_dir], "utterance", [])
    monkeypatch.setattr(made, "_most_kept", 2)
    one, two = made.get(first), made.get(second)
    assert made.get(first) is one
    made.get(third)
    assert made.get(first) is one
    assert made.get(second) is not two
    made.forget()
    assert made.get(first) is not one


def test_an_utterance_of_two_directories_is_refused(corpus: Corpus):
    with pytest.raises(UserError, match=r"feats\.scp: utterance s1-angry1 is in another data directory too"):
        store.FeatureStore([corpus.data_dir, corpus.data_dir], "utterance", [])


@pytest.mark.parametrize("left", [1000, 10])
def test_an_archive_that_was_cut_off_is_named(tmp_path, left):
    path = tmp_path / "feats.1.ark"
    kaldiio.save_ark(str(path), {"a": np.ones((300, 64), np.float32)}, scp=str(tmp_path / "feats.scp"))
    place = (tmp_path / "feats.scp").read_text().split()[1]
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(UserError, match=r"feats\.1\.ark:2: holds no whole matrix .*; run stage 3 again"):
        store.Archives().load(place)
