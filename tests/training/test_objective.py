"""The objective: the losses of the tasks and their weighted sum."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from mtlaug.args import LossArgs
from mtlaug.dataset.batching import UNKNOWN, Batch
from mtlaug.model import Outputs
from mtlaug.training.objective import Objective


def made_batch(emotion: list[list[float]], lengths: list[int]) -> tuple[Outputs, Batch]:
    """Random outputs and a batch of 3 classes, 4 types and 5 bins, not padded with zeros."""
    generator = torch.Generator().manual_seed(0)
    rows, frames = len(lengths), max(lengths)
    outputs = Outputs(
        emotion=torch.randn(rows, 3, generator=generator),
        augmentation=torch.randn(rows, 4, generator=generator),
        reconstruction=torch.randn(rows, frames, 5, generator=generator),
    )
    features = torch.randn(rows, frames, 5, generator=generator)
    augmentation = torch.randint(4, (rows,), generator=generator)
    return outputs, Batch(features, torch.tensor(lengths), torch.tensor(emotion), augmentation, features)


def rows(outputs: Outputs, batch: Batch, chosen: list[int]) -> tuple[Outputs, Batch]:
    return (
        Outputs(*(getattr(outputs, name)[chosen] for name in ("emotion", "augmentation", "reconstruction"))),
        Batch(*(getattr(batch, name)[chosen] for name in batch.__dataclass_fields__ if name != "meta")),
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_emotion_loss_is_smoothed_cross_entropy_weighted_by_the_rows_class(smoothing):
    outputs, batch = made_batch([[1.0, 0, 0], [1.0, 0, 0], [0, 0, 1.0]], [4, 4, 4])
    class_weights, target = torch.tensor([0.5, 1.0, 1.5]), torch.tensor([0, 0, 2])
    terms = Objective(LossArgs(label_smoothing=smoothing), class_weights)(outputs, batch)
    entropy = cross_entropy(outputs.emotion, target, label_smoothing=smoothing, reduction="none")
    weights = class_weights[target]
    torch.testing.assert_close(terms["loss_emotion"], (weights * entropy).sum() / weights.sum())


def test_the_loss_is_the_weighted_sum_of_its_terms():
    outputs, batch = made_batch([[1.0, 0, 0], [0, 1.0, 0]], [4, 3])
    terms = Objective(LossArgs(alpha=0.2, beta=0.7), torch.ones(3))(outputs, batch)
    expected = terms["loss_emotion"] + 0.2 * terms["loss_augtype"] + 0.7 * terms["loss_reconstruction"]
    torch.testing.assert_close(terms["loss"], expected)
    augtype = cross_entropy(outputs.augmentation, batch.augmentation)
    torch.testing.assert_close(terms["loss_augtype"], augtype)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_unlabelled_rows_have_no_emotion_loss_but_the_others(smoothing):
    outputs, batch = made_batch([[1.0, 0, 0], [0, 0, 0], [0, 0.6, 0.4], [0, 0, 0]], [4, 2, 3, 1])
    objective = Objective(LossArgs(label_smoothing=smoothing), torch.tensor([0.5, 1.0, 1.5]))
    outputs.emotion.requires_grad_()
    outputs.augmentation.requires_grad_()
    outputs.reconstruction.requires_grad_()
    terms = objective(outputs, batch)
    labelled = objective(*rows(outputs, batch, [0, 2]))
    torch.testing.assert_close(terms["loss_emotion"], labelled["loss_emotion"])
    terms["loss"].backward()
    assert not outputs.emotion.grad[[1, 3]].any()
    assert outputs.emotion.grad[[0, 2]].all()
    assert outputs.augmentation.grad.all()
    assert all(outputs.reconstruction.grad[row, 0].any() for row in range(4))


def test_rows_of_unknown_type_change_nothing():
    outputs, batch = made_batch([[1.0, 0, 0]] * 4, [4, 2, 3, 1])
    batch.augmentation[[1, 3]] = UNKNOWN
    objective = Objective(LossArgs(), torch.ones(3))
    known = objective(*rows(outputs, batch, [0, 2]))
    torch.testing.assert_close(objective(outputs, batch)["loss_augtype"], known["loss_augtype"])


def test_a_batch_without_labels_is_finite():
    outputs, batch = made_batch([[0.0, 0, 0], [0, 0, 0]], [4, 2])
    terms = Objective(LossArgs(), torch.ones(3))(outputs, batch)
    assert terms["loss_emotion"] == 0
    assert torch.isfinite(terms["loss"])


def test_padded_frames_are_not_reconstructed():
    outputs, batch = made_batch([[1.0, 0, 0], [0, 1.0, 0]], [6, 2])
    objective = Objective(LossArgs(), torch.ones(3))
    before = objective(outputs, batch)["loss_reconstruction"]
    errors = [(outputs.reconstruction[row, :n] - batch.features[row, :n]).square() for row, n in [(0, 6), (1, 2)]]
    torch.testing.assert_close(before, torch.cat(errors).mean())
    outputs.reconstruction[1, 2:] += 100
    torch.testing.assert_close(objective(outputs, batch)["loss_reconstruction"], before)


def test_outputs_of_half_precision_lose_nothing_in_the_loss():
    outputs, batch = made_batch([[1.0, 0, 0], [0, 1.0, 0]], [6, 2])
    half = Outputs(*(getattr(outputs, name).bfloat16() for name in ("emotion", "augmentation", "reconstruction")))
    whole = Outputs(*(getattr(half, name).float() for name in ("emotion", "augmentation", "reconstruction")))
    objective = Objective(LossArgs(), torch.ones(3))
    for name, term in objective(half, batch).items():
        assert term.dtype is torch.float32
        torch.testing.assert_close(term, objective(whole, batch)[name])
