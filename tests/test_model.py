"""The network: shapes, padding, very short utterances, and where the gradients go."""

import pytest
import torch

from mtlaug.args import ModelArgs
from mtlaug.model import AttentionPooling, MultitaskModel, frame_mask

BINS, CLASSES, TYPES = 20, 3, 5


def model_of(**sizes: int) -> MultitaskModel:
    torch.manual_seed(0)
    args = ModelArgs(**{"channels": 4, "projection": 8, "hidden": 6, "head": 8} | sizes)
    return MultitaskModel(BINS, CLASSES, TYPES, args).eval()


def padded(lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (N, T, C), zero where padded, and lengths (N,)."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(len(lengths), max(lengths), BINS, generator=generator)
    lengths = torch.tensor(lengths)
    return features * frame_mask(lengths, features.shape[1])[..., None], lengths


def test_frame_mask():
    mask = frame_mask(torch.tensor([1, 3, 0]), 3)
    assert mask.tolist() == [[True, False, False], [True, True, True], [False, False, False]]


@pytest.mark.parametrize("frames", [*range(1, 10), 15, 16, 17, 101])
def test_shapes_at_any_length(frames):
    features, lengths = padded([frames, max(1, frames // 2)])
    outputs = model_of()(features, lengths)
    assert outputs.emotion.shape == (2, CLASSES)
    assert outputs.augmentation.shape == (2, TYPES)
    assert outputs.reconstruction.shape == features.shape
    assert all(torch.isfinite(getattr(outputs, name)).all() for name in ("emotion", "augmentation", "reconstruction"))


SIZES = [
    {"num_convolutions": 1, "kernel_size": 3},
    {"num_convolutions": 2},
    {},
    {"kernel_size": 3},
    {"residual_blocks": 1},
    {"num_convolutions": 2, "residual_blocks": 2},
]


@pytest.mark.parametrize("sizes", SIZES)
def test_padding_changes_nothing(sizes):
    model = model_of(**sizes)
    features, lengths = padded([57, 1, 8, 33, 2, 40])
    with torch.no_grad():
        together = model(features, lengths)
        for row, length in enumerate(lengths.tolist()):
            alone = model(features[row : row + 1, :length], lengths[row : row + 1])
            for name in ("emotion", "augmentation"):
                torch.testing.assert_close(getattr(together, name)[row], getattr(alone, name)[0], rtol=0, atol=1e-5)
            got = together.reconstruction[row, :length]
            torch.testing.assert_close(got, alone.reconstruction[0], rtol=0, atol=1e-5)


def test_more_padding_changes_nothing():
    model = model_of()
    features, lengths = padded([23, 30])
    longer = torch.cat([features, torch.zeros(2, 41, BINS)], dim=1)
    with torch.no_grad():
        expected = model.classify(features, lengths)
        torch.testing.assert_close(model.classify(longer, lengths), expected, rtol=0, atol=1e-5)


def test_classify_gives_the_emotion_logits():
    model = model_of()
    features, lengths = padded([30, 21])
    torch.testing.assert_close(model.classify(features, lengths), model(features, lengths).emotion)


def test_an_utterance_is_more_than_its_mean():
    """The order of frames and every part of an utterance reach the output."""
    model = model_of()
    features, lengths = padded([40])
    with torch.no_grad():
        plain = model.classify(features, lengths)
        assert not torch.allclose(plain, model.classify(features.flip(1), lengths), atol=1e-6)
        for frame in (0, 20, 39):
            changed = features.clone()
            changed[:, frame] += 3
            assert not torch.allclose(plain, model.classify(changed, lengths), atol=1e-6)


@pytest.mark.parametrize("task", ["emotion", "augmentation", "reconstruction"])
def test_every_task_trains_the_whole_encoder_and_its_own_head_only(task):
    model = model_of(residual_blocks=1)
    features, lengths = padded([40, 25])
    getattr(model(features, lengths), task).square().mean().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.encoder.parameters())
    heads = {"emotion": model.emotion, "augmentation": model.augmentation, "reconstruction": model.decoder}
    for name, head in heads.items():
        touched = [parameter.grad is not None for parameter in head.parameters()]
        assert all(touched) if name == task else not any(touched)


def test_gradients_reach_the_features():
    features, lengths = padded([30, 12])
    features.requires_grad_()
    model_of().classify(features, lengths).sum().backward()
    assert (features.grad[0].abs().sum(dim=1) > 0).all()
    assert features.grad[1, :12].abs().sum() > 0


def test_equal_frames_have_a_finite_gradient():
    """The deviation of equal frames is zero, and the root's slope there is infinite."""
    pooling = AttentionPooling(4)
    frames = torch.ones(1, 5, 4, requires_grad=True)
    pooled = pooling(frames, torch.tensor([5]))
    pooled.sum().backward()
    torch.testing.assert_close(pooled[0, :4], torch.ones(4))
    assert torch.isfinite(frames.grad).all()


def test_pooling_is_the_weighted_mean_and_deviation():
    pooling = AttentionPooling(4)
    torch.nn.init.zeros_(pooling.score[2].weight)  # equal weights
    frames = torch.randn(1, 50, 4, generator=torch.Generator().manual_seed(0))
    pooled = pooling(frames, torch.tensor([30]))
    expected = torch.cat([frames[0, :30].mean(0), frames[0, :30].std(0, correction=0)])
    torch.testing.assert_close(pooled[0], expected, rtol=1e-4, atol=1e-4)


def test_dropout_is_of_training_only():
    model = model_of()
    features, lengths = padded([30])
    assert torch.equal(model.classify(features, lengths), model.classify(features, lengths))
    model.train()
    assert not torch.equal(model.classify(features, lengths), model.classify(features, lengths))
