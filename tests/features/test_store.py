"""Archives that stay open, what a store keeps, and how it normalises."""

import os
import shutil
import weakref
from pathlib import Path

import kaldiio
import numpy as np
import pytest
from corpus import Corpus

from mtlaug import protocol
from mtlaug.features import store
from mtlaug.features.archives import mean_and_deviation
from mtlaug.files import UserError, read_table


@pytest.fixture(scope="module")
def bound(corpus: Corpus) -> protocol.Protocol:
    return protocol.load(corpus.data_dir)


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


@pytest.mark.parametrize("table", ["feats.scp", "cmvn.scp", "utt2num_frames"])
def test_an_utterance_that_a_table_lacks_is_named(corpus: Corpus, tmp_path, table):
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "x")
    utterance, *others = (data_dir / table).read_text().splitlines(keepends=True)
    (data_dir / table).write_text("".join(others))
    with pytest.raises(UserError, match=rf"not of the same utterances, such as {utterance.split()[0]}; run stage 3"):
        store.FeatureStore([str(data_dir)], "utterance", [])


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


def with_changed_features(corpus: Corpus, tmp_path: Path, speakers: tuple[str, ...]) -> Corpus:
    """A copy of the corpus in which the clean features of ``speakers`` are three times as large and shifted."""
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "changed")
    for table in ("feats", "cmvn"):
        matrices = {}
        for name, matrix in kaldiio.load_scp(f"{corpus.data_dir}/{table}.scp").items():
            changed = name.split("-")[0] in speakers
            matrices[name] = 3 * matrix + 5 if changed else matrix
        kaldiio.save_ark(f"{tmp_path}/{table}.ark", matrices, scp=f"{data_dir}/{table}.scp")
    return Corpus(str(data_dir), corpus.aug_dir, corpus.config)


def test_global_statistics_are_those_of_the_clean_training_part(corpus, bound):
    made = corpus.store()
    frames = np.concatenate([made.get(name) for name in bound.utterances("1", "train")])
    np.testing.assert_allclose(frames.mean(0), 0, atol=2e-3)
    np.testing.assert_allclose(frames.std(0), 1, atol=2e-3)
    other = corpus.store(fold="2")
    assert not np.array_equal(made.get("s1-sad1"), other.get("s1-sad1"))


def test_held_out_speakers_do_not_change_global_statistics(corpus, bound, tmp_path):
    fold = bound.fold("1")
    changed = with_changed_features(corpus, tmp_path, fold.test + fold.dev)
    before, after = corpus.store(), changed.store()
    for name in [*bound.utterances("1", "train"), "sp0.9-s1-sad1"]:
        assert np.array_equal(before.get(name), after.get(name))
    tested = next(iter(bound.utterances("1", "test")))
    assert not np.allclose(before.get(tested), after.get(tested))  # the change was there to be seen
    trained = with_changed_features(corpus, tmp_path / "train", fold.train[:1])
    assert not np.allclose(before.get(tested), trained.store().get(tested))


def test_utterance_statistics_are_its_own(corpus):
    made = corpus.store("utterance")
    for name in ("s1-sad1", "s6-angry3", "s6-angry3-noise"):
        np.testing.assert_allclose(made.get(name).mean(0), 0, atol=2e-3)
        np.testing.assert_allclose(made.get(name).std(0), 1, atol=2e-2)


def test_speaker_statistics_are_of_one_speaker_in_one_condition(corpus):
    made = corpus.store("speaker")
    speakers, source_of = read_table(Path(corpus.data_dir, "utt2spk")), made.source_of
    groups = {
        "clean": [name for name in speakers if speakers[name] == "s1"],
        "noise": [name for name in source_of if speakers[source_of[name]] == "s1" and made.type_of[name] == "noise"],
        "speed": [name for name in source_of if speakers[source_of[name]] == "s1" and made.type_of[name] == "speed"],
    }
    assert {kind: len(names) for kind, names in groups.items()} == {"clean": 6, "noise": 6, "speed": 12}
    for names in groups.values():
        frames = np.concatenate([made.get(name) for name in names])
        np.testing.assert_allclose(frames.mean(0), 0, atol=2e-3)
        np.testing.assert_allclose(frames.std(0), 1, atol=5e-3)


def test_normalised_features_are_the_stored_ones(corpus, bound):
    statistics = kaldiio.load_scp(f"{corpus.data_dir}/cmvn.scp")
    mean, deviation = mean_and_deviation(sum(statistics[name] for name in bound.utterances("1", "train")))
    stored = kaldiio.load_scp(f"{corpus.aug_dir}/feats.scp")["s4-sad1-noise"]
    got = corpus.store().get("s4-sad1-noise")
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, (stored - mean) / deviation, rtol=1e-4, atol=1e-4)
