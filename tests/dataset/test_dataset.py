"""The draws of an epoch, batches, SpecAugment and mixup."""

import itertools
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from corpus import Corpus

from mtlaug import augment, protocol
from mtlaug.dataset import batching
from mtlaug.dataset.batching import FRAMES_STEP, UNKNOWN, Row, TrainingSet, collate, evaluation_batches, like_lengths
from mtlaug.dataset.feature_effects import mix
from mtlaug.files import UserError, read_table, write_table

CLASSES = ["angry", "sad"]


@pytest.fixture(scope="module")
def bound(corpus: Corpus) -> protocol.Protocol:
    return protocol.load(corpus.data_dir)


def training_set(corpus: Corpus, bound: protocol.Protocol, *overrides: str, seed: int = 1, fold: str = "1"):
    store = corpus.store(fold=fold)
    return TrainingSet(store, bound.utterances(fold, "train"), CLASSES, corpus.settings(*overrides), seed)


def equal(some: list, others: list) -> bool:
    """Whether two lists of batches are the same bit for bit."""
    names = ("features", "lengths", "emotion", "augmentation")
    return len(some) == len(others) and all(
        torch.equal(getattr(one, name), getattr(other, name))
        for one, other in zip(some, others, strict=True)
        for name in names
    )


def test_batches_depend_on_seed_and_epoch_alone(corpus, bound):
    data = training_set(corpus, bound)
    first, second = list(data.batches(1)), list(data.batches(2))
    fresh = training_set(corpus, bound)
    assert equal(list(fresh.batches(2)), second)  # whatever ran before
    assert equal(list(fresh.batches(1)), first)
    assert not equal(first, second)
    assert not equal(list(training_set(corpus, bound, seed=2).batches(1)), first)


def test_shape_of_batches(corpus, bound):
    data = training_set(corpus, bound)
    batches = list(data.batches(1))
    assert len(batches) == data.num_batches() == 3  # 2 speakers of 5 utterances, 2 draws each, at most 8 a batch
    assert sorted(len(batch.lengths) for batch in batches) == [6, 7, 7]
    for batch in batches:
        rows, frames, bins = batch.features.shape
        assert bins == 20
        assert frames % FRAMES_STEP == 0 and 0 <= frames - batch.lengths.max() < FRAMES_STEP
        assert batch.lengths.max() <= 60
        assert batch.emotion.shape == (rows, 2)
        assert batch.augmentation.shape == (rows,)
        assert set(batch.augmentation.tolist()) <= set(range(6))
        torch.testing.assert_close(batch.emotion.sum(1), torch.ones(rows))
        for row, length in zip(batch.features, batch.lengths, strict=True):
            assert not row[length:].any()
            assert row[length - 1].any()


def test_every_type_occurs_about_equally_often(corpus, bound):
    data = training_set(corpus, bound, "dataset_args.copies_per_epoch=60")
    counts = np.bincount(np.concatenate([batch.augmentation.numpy() for batch in data.batches(1)]), minlength=6)
    assert counts.sum() == 600
    assert (abs(counts - 100) < 45).all()


def test_the_type_of_a_row_is_that_of_its_copy(corpus, bound):
    """Rows without mixing or masking can be found again among the stored features."""
    data = training_set(corpus, bound, "dataset_args.max_frames=800")
    seen = set()
    for features, length, label, kind in rows_of(data):
        if kind in augment.TRAINING_TIME:
            continue
        matches = [name for name in stored_of(data, kind) if np.array_equal(data.store.get(name), features[:length])]
        assert len(matches) == 1
        source = data.store.source_of.get(matches[0], matches[0])
        assert label[CLASSES.index(bound.corpus.labels[source])] == 1
        seen.add(kind)
    assert seen == {"clean", "speed", "noise", "reverb"}


def rows_of(data: TrainingSet):
    """Yield (features (T, C), frames, emotion (K,), type) of each row of the first epoch."""
    for batch in data.batches(1):
        kinds = [list(data.types)[index] for index in batch.augmentation]
        yield from zip(batch.features.numpy(), batch.lengths.tolist(), batch.emotion.numpy(), kinds, strict=True)


def stored_of(data: TrainingSet, kind: str) -> list[str]:
    """Training utterances, or their copies of a type."""
    if kind == "clean":
        return data.labelled
    return [name for source in data.labelled for name in data.copies[source, kind]]


@pytest.mark.parametrize("fold", ["1", "2", "3"])
def test_only_training_utterances_are_read(corpus, bound, fold):
    data = training_set(corpus, bound, fold=fold)
    read, real = set(), data.store.get
    data.store.get = lambda name: read.add(name) or real(name)
    for epoch in range(1, 6):
        list(data.batches(epoch))
    sources = {data.store.source_of.get(name, name) for name in read}
    assert sources == set(bound.utterances(fold, "train"))


def test_single_task_and_multitask_take_equally_many_updates(corpus, bound):
    clean = {name: False for name in augment.TYPES if name != "clean"}
    overrides = [f"augment_args.types.{name}={value}" for name, value in clean.items()]
    single, multi = training_set(corpus, bound, *overrides), training_set(corpus, bound)
    assert list(single.types) == ["clean"]
    batches = list(single.batches(1))
    assert len(batches) == len(list(multi.batches(1))) == single.num_batches() == multi.num_batches()
    assert sum(len(batch.lengths) for batch in batches) == 20
    assert all((batch.augmentation == 0).all() for batch in batches)


def test_a_missing_copy_is_not_replaced_by_clean_speech(corpus, bound, tmp_path):
    """A clean row labelled as noise would teach the auxiliary task a wrong answer."""
    aug_dir = shutil.copytree(corpus.aug_dir, tmp_path / "aug")
    lost = f"{next(iter(bound.utterances('1', 'train')))}-noise"
    for table in ("utt2uniq", "utt2aug", "utt2num_frames", "feats.scp", "cmvn.scp"):
        write_table(aug_dir / table, {k: v for k, v in read_table(aug_dir / table).items() if k != lost})
    data = training_set(Corpus(corpus.data_dir, str(aug_dir), corpus.config), bound)
    with pytest.raises(UserError, match="noise"):
        for epoch in range(1, 30):  # in one of them it is drawn
            list(data.batches(epoch))


def test_long_copies_are_cropped_differently_from_epoch_to_epoch(corpus, bound):
    clean = [f"augment_args.types.{name}=false" for name in ("speed", "noise", "reverb", "specaugment", "mixup")]
    data = training_set(corpus, bound, *clean, "dataset_args.max_frames=20", "dataset_args.copies_per_epoch=1")
    rows = [np.concatenate([batch.features.numpy() for batch in data.batches(epoch)]) for epoch in (1, 2)]
    assert all(row.shape == (10, 2 * FRAMES_STEP, 20) and not row[:, 20:].any() for row in rows)
    whole = np.concatenate([data.store.get(name) for name in data.labelled])
    firsts = [{row[0].tobytes() for row in epoch} for epoch in rows]
    assert firsts[0] | firsts[1] <= {frame.tobytes() for frame in whole}
    assert firsts[0] != firsts[1]


def test_collate():
    rows = [
        Row(ones := np.ones((2, 3), np.float32), np.array([1.0, 0.0], np.float32), 4, 3 * ones, {"speaker": 7}),
        Row(twos := np.full((5, 3), 2, np.float32), np.array([0.0, 0.0], np.float32), 0, twos, {"speaker": UNKNOWN}),
    ]
    batch = collate(rows)
    assert batch.features.shape == batch.target.shape == (2, FRAMES_STEP, 3)
    assert batch.features[0].sum() == 6
    assert not batch.features[0, 2:].any()
    assert batch.lengths.tolist() == [2, 5]
    assert batch.emotion.tolist() == [[1, 0], [0, 0]]
    assert batch.augmentation.tolist() == [4, 0]
    assert batch.target[0].sum() == 18
    assert torch.equal(batch.target[1], batch.features[1])
    assert batch.meta["speaker"].tolist() == [7, UNKNOWN]
    assert batch.features.dtype == batch.emotion.dtype == torch.float32


def test_groups_of_like_lengths_are_as_large_as_they_may_be(monkeypatch):
    monkeypatch.setattr(batching, "MOST_FRAMES", 10 * FRAMES_STEP)
    lengths = {
        "b": 3,
        "a": 3,
        "long": 11 * FRAMES_STEP,
        "c": 2 * FRAMES_STEP,
        "d": 2 * FRAMES_STEP + 1,
        "e": 50,
        "f": 80,
    }
    groups = list(like_lengths(SimpleNamespace(num_frames=lengths), lengths))
    assert groups == [["a", "b", "c"], ["d", "e"], ["f"], ["long"]]


def test_evaluation_has_every_utterance_once_and_whole(corpus, bound, monkeypatch):
    monkeypatch.setattr(batching, "MOST_FRAMES", 200)
    store, labels = corpus.store(), bound.utterances("1", "test")
    seen, sizes = [], []
    for utterances, batch in evaluation_batches(store, labels, CLASSES):
        seen += utterances
        sizes.append(len(utterances))
        for utterance, features, length, emotion in zip(
            utterances, batch.features, batch.lengths, batch.emotion, strict=True
        ):
            assert np.array_equal(features[:length].numpy(), store.get(utterance))
            assert CLASSES[int(emotion.argmax())] == labels[utterance]
    assert sorted(seen) == sorted(labels)
    assert len(sizes) > 1 and max(sizes) > 1


# What training does to rows


def test_mixup_mixes_labels_as_it_mixes_features(corpus, bound):
    off = [f"augment_args.types.{name}=false" for name in ("speed", "noise", "reverb", "specaugment")]
    weight = "augment_args.types.mixup.weight=[0.7, 0.7]"
    data = training_set(corpus, bound, *off, weight, "dataset_args.max_frames=800")
    get, emotion = data.store.get, data.emotion
    candidates = [  # every possible row
        (mix(get(one), get(other), 0.7), 0.7 * emotion[one] + 0.3 * emotion[other])
        for one, other in itertools.product(data.labelled, repeat=2)
    ]
    soft = 0
    for features, length, label, kind in rows_of(data):
        if kind == "clean":
            assert label.max() == 1
            continue
        expected = [row for mixed, row in candidates if np.array_equal(mixed, features[:length])]
        assert len(expected) == 1
        np.testing.assert_allclose(label, expected[0], rtol=1e-5)
        soft += label.max() < 1
    assert soft > 0


def test_rows_have_filters_of_their_own(corpus, bound):
    types = [f"augment_args.types.{name}=false" for name in ("speed", "noise", "reverb")]
    # Present, but without any effect of their own.
    types += ["augment_args.types.specaugment={time_masks: 0, freq_masks: 0}", "augment_args.types.mixup.weight=[1, 1]"]
    plain, filtered = (training_set(corpus, bound, *types, f"dataset_args.filter_gain={gain}") for gain in (0, 0.5))
    curves, kinds = [], set()
    for one, other in zip(plain.batches(1), filtered.batches(1), strict=True):
        assert torch.equal(one.lengths, other.lengths) and torch.equal(other.features, other.target)
        for row, changed, length, kind in zip(
            one.features, other.features, one.lengths, one.augmentation.tolist(), strict=True
        ):
            change = (changed - row)[:length]
            torch.testing.assert_close(change, change[:1].expand_as(change), atol=1e-5, rtol=0)
            assert not changed[length:].any()
            curves.append(tuple(change[0].tolist()))
            kinds |= {kind} if any(curves[-1]) else set()
    unchanged = [curve for curve in curves if not any(curve)]
    assert len(curves) == 20 and 4 < len(unchanged) < 16 and len(set(curves)) == 21 - len(unchanged)
    assert kinds == {0, 1, 2}


def test_what_is_to_be_given_back_as_clean_has_no_filter(corpus, bound):
    data = training_set(
        corpus, bound, "dataset_args.filter_gain=0.5", "loss_args.reconstruct=clean", "dataset_args.max_frames=800"
    )
    stored = {data.store.get(name).tobytes() for name in data.labelled}
    clean = list(data.types).index("clean")
    for batch in data.batches(1):
        for target, length, kind in zip(batch.target, batch.lengths, batch.augmentation, strict=True):
            if kind == clean:
                assert target[:length].numpy().tobytes() in stored
