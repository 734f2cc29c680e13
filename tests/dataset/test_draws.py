"""What is left to chance in a training: which seed, fold and epoch it depends on, and what it reaches."""

from itertools import product

import torch
from training_runs import FOLD, SEED

from mtlaug.dataset import batching
from mtlaug.dataset.batching import Batch
from mtlaug.seeding import random_state
from mtlaug.training.loop import Trainer


def contents(batch: Batch) -> list[bytes]:
    """The rows without their padding."""
    return [row[:length].numpy().tobytes() for row, length in zip(batch.features, batch.lengths, strict=True)]


def test_seeds_and_folds_start_from_weights_of_their_own(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp")
    jobs = (("1", 1), ("1", 2), ("2", 1))
    first, *others = (Trainer(run, *job).model.encoder.projection.weight for job in jobs)
    assert not any(torch.equal(first, other) for other in others)


def test_seeds_draw_rows_of_their_own(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp")
    one, other = (
        [row for batch in Trainer(run, FOLD, seed).data.batches(1) for row in contents(batch)] for seed in (1, 2)
    )
    assert set(one) != set(other)


def test_epochs_drop_out_units_of_their_own(corpus, tmp_path):
    trainer, states = Trainer(corpus.prepare(tmp_path / "exp"), FOLD, SEED), []
    trainer.model.register_forward_pre_hook(lambda *_: states.append(torch.get_rng_state()))
    for _ in range(2):
        trainer.train_epoch()
    first, second = (states[3 * epoch] for epoch in (0, 1))
    assert len(states) == 6
    assert not torch.equal(first, second)


def test_no_random_state_is_that_of_another_seed_or_epoch(corpus, tmp_path, monkeypatch):
    run = corpus.prepare(tmp_path / "exp")
    sets = {seed: Trainer(run, FOLD, seed).data for seed in (1, 2)}
    used = []
    for seed, epoch in product((1, 2), (3, 4)):
        names = set()
        monkeypatch.setattr(batching, "random_state", lambda *some, names=names: names.add(some) or random_state(*some))
        list(sets[seed].batches(epoch))
        used.append(names)
    assert sum(map(len, used)) == len(set().union(*used)) > 4 * 20


def test_every_copy_of_a_type_is_drawn(corpus, tmp_path):
    off = [f"augment_args.types.{name}=false" for name in ("noise", "reverb", "specaugment", "mixup")]
    data = Trainer(corpus.prepare(tmp_path / "exp", *off, "dataset_args.copies_per_epoch=40"), FOLD, SEED).data
    drawn = {draw.copy for draw in data._draws(data.labelled, data.draws, 1)}
    copies = {f"sp{factor}-{utterance}" for factor, utterance in product((0.9, 1.1), data.labelled)}
    assert drawn == {*data.labelled, *copies}


def test_processes_share_the_rows_of_each_batch(corpus, tmp_path):
    data = Trainer(corpus.prepare(tmp_path / "exp"), FOLD, SEED).data
    for whole, one, other in zip(data.batches(1), data.batches(1, 0, 2), data.batches(1, 1, 2), strict=True):
        assert sorted(contents(whole)) == sorted(contents(one) + contents(other))
        assert abs(len(one.lengths) - len(other.lengths)) <= 1
