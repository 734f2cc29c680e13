"""Features moved against the emotion task before an update."""

import torch

from mtlaug.args import LossArgs, ModelArgs
from mtlaug.dataset.batching import Batch
from mtlaug.model import MultitaskModel
from mtlaug.training import adversarial
from mtlaug.training.objective import Objective

EPSILON = 0.05


def made_batch(emotion: list[list[float]], lengths: list[int]) -> Batch:
    """Random features of 8 bins and 3 classes, zero where padded."""
    features = torch.randn(len(lengths), max(lengths), 8, generator=torch.Generator().manual_seed(0))
    for row, length in zip(features, lengths, strict=True):
        row[length:] = 0
    return Batch(features, torch.tensor(lengths), torch.tensor(emotion), torch.zeros(len(lengths)).long(), features)


def moved(batch: Batch, epsilon: float = EPSILON) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The features, and the loss before and after, of a small random model without dropout."""
    torch.manual_seed(1)
    args = ModelArgs(channels=4, num_convolutions=1, projection=8, hidden=8, head=8, dropout=0.0)
    model, objective = MultitaskModel(8, 3, 2, args), Objective(LossArgs(), torch.ones(3))

    def loss(features: torch.Tensor) -> torch.Tensor:
        return objective.emotion(model.classify(features, batch.lengths), batch.emotion)

    features = adversarial.moved(batch, loss, epsilon)
    assert all(parameter.grad is None for parameter in model.parameters())
    return features, loss(batch.features), loss(features)


def test_the_loss_rises_and_no_value_moves_further_than_epsilon():
    batch = made_batch([[1.0, 0, 0], [0, 1.0, 0], [0, 0.4, 0.6]], [30, 20, 25])
    features, before, after = moved(batch)
    change = (features - batch.features).abs()
    assert after > before
    assert EPSILON * 0.9 < change.max() <= EPSILON + 1e-6
    assert not features.requires_grad


def test_padding_stays_zero():
    features, _, _ = moved(made_batch([[1.0, 0, 0], [0, 1.0, 0]], [30, 12]))
    assert not features[1, 12:].any() and features[1, :12].all()


def test_unlabelled_rows_are_moved_as_well_and_at_random():
    batch = made_batch([[1.0, 0, 0], [0, 0, 0]], [30, 30])
    change = (moved(batch)[0] - batch.features).abs()
    assert change.max() <= EPSILON + 1e-6
    # The step ends at the surface for most values; a uniform draw does so for none.
    at_surface = (change > EPSILON * 0.999).float().mean(dim=(1, 2))
    assert at_surface[0] > 0.5 and at_surface[1] < 0.05 and change[1].max() > EPSILON / 2


def test_the_gradient_is_taken_at_a_random_start_on_all_sides_of_the_features():
    batch, seen = made_batch([[1.0, 0, 0], [0, 1.0, 0]], [30, 30]), []

    def loss(features: torch.Tensor) -> torch.Tensor:
        seen.append(features.detach())
        return features.sum()

    torch.manual_seed(1)
    adversarial.moved(batch, loss, EPSILON)
    (start,) = seen
    change = (start - batch.features) / EPSILON
    assert -1.001 < change.min() < -0.9 and 0.9 < change.max() < 1.001
    assert change.mean().abs() < 0.1
