"""Labels that are hidden: whose, and that nothing is made of them."""

import shutil
from pathlib import Path

import pytest
import torch
from corpus import Corpus
from training_runs import FOLD, SEED

from mtlaug import protocol
from mtlaug.dataset import unlabelled
from mtlaug.files import read_table, write_table
from mtlaug.training.loop import Trainer

CLASSES = ["angry", "sad"]


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_labels_are_hidden_by_speaker(share):
    labels = {f"s{n}-{name}": name for n in range(10) for name in CLASSES}
    speakers = {utterance: utterance.split("-")[0] for utterance in labels}
    kept, hidden = unlabelled.hide_labels(labels, speakers, share, seed=3)
    assert len(kept) == 2 * round(10 * share)
    assert set(kept) | set(hidden) == set(labels)
    assert not {speakers[u] for u in kept} & {speakers[u] for u in hidden}
    others, _ = unlabelled.hide_labels(labels, speakers, share, seed=4)
    assert (set(others) == set(kept)) == (share == 1.0)


def test_hiding_keeps_every_class():
    labels = {"a-1": "angry", "b-1": "angry", "c-1": "sad"}
    kept, _ = unlabelled.hide_labels(labels, {"a-1": "a", "b-1": "b", "c-1": "c"}, 0.1, seed=1)
    assert set(kept.values()) == {"angry", "sad"}


def test_hidden_labels_are_not_seen_and_as_many_updates_are_made(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", "dataset_args.labelled_share=0.5", "unlabelled_args.ratio=1")
    data = Trainer(run, "1", 1).data
    assert data.num_batches() == 3
    assert len(data.labelled) == len(data.unlabelled) == 5  # one of two speakers
    rows = torch.cat([batch.emotion for batch in data.batches(1)])
    assert len(rows) == 40
    assert int((rows.sum(1) > 0).sum()) == 20


def test_seeds_hide_the_labels_of_different_speakers(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", "dataset_args.labelled_share=0.5", "unlabelled_args.ratio=1")
    kept = [set(Trainer(run, FOLD, seed).data.labelled) for seed in (1, 3)]
    assert not kept[0] & kept[1]  # of s5 and of s6


@pytest.fixture(scope="module")
def unlike(corpus, tmp_path_factory) -> Corpus:
    """The corpus, but one of the two training speakers of fold 1, s5, is angry once and sad four times."""
    data_dir = Path(shutil.copytree(corpus.data_dir, tmp_path_factory.mktemp("unlike") / "data"))
    relabelled = {"s5-angry1": "sad", "s5-angry2": "sad"}
    write_table(data_dir / "utt2emo", read_table(data_dir / "utt2emo") | relabelled)
    labels = Path(corpus.config).parent / "labels.yaml"
    protocol.make(data_dir, scheme="speakers", folds=3, label_map_file=labels)
    return Corpus(str(data_dir), corpus.aug_dir, corpus.config)


@pytest.mark.parametrize(
    ("share", "on", "expected"),
    [
        (1, "true", [10 / 8, 10 / 12]),
        (1, "false", [1, 1]),
        (0.5, "true", [5 / 2, 5 / 8]),  # of s5 alone
    ],
)
def test_class_weights_are_those_of_the_labels_that_are_used(unlike, tmp_path, share, on, expected):
    settings = (f"dataset_args.labelled_share={share}", f"loss_args.class_weights={on}")
    trainer = Trainer(unlike.prepare(tmp_path / "exp", *settings), FOLD, SEED)
    assert trainer.objective.class_weights.tolist() == pytest.approx(expected)
