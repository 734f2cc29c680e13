"""Adversarial training: an update learns from features that were moved against the emotion task first."""

from collections.abc import Callable

import torch

from mtlaug.attack import LinfBall
from mtlaug.dataset.batching import Batch
from mtlaug.model import frame_mask


def moved(
    batch: Batch, loss: Callable[[torch.Tensor], torch.Tensor], epsilon: float, step_size: float = 1.25
) -> torch.Tensor:
    """Features (N, T, C) within ε of the batch's where the loss is higher: one step from a random start.

    After Wong, Rice and Kolter, *Fast is better than free* (2020), whose step size is the default. Rows
    without a label, on which the loss does not depend, are moved at random. Padding is zero in what is returned; the
    gradient is taken where it has noise of ε like the rest.

    Args:
        loss: of features (N, T, C) the loss of the emotion task.
        epsilon: the largest change, in standard deviations of a normalised feature.
        step_size: share of ε.
    """
    start = epsilon * (2 * torch.rand_like(batch.features) - 1)
    inputs = (batch.features + start).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(inputs), inputs)
    ball = LinfBall(epsilon)
    change = ball.project(start + step_size * ball.direction(gradient))
    mask = frame_mask(batch.lengths, change.shape[1])
    return batch.features + change * mask[..., None]
