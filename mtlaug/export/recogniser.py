"""Trained models ready for audio: from samples to posteriors, alone or as an ensemble of folds and seeds."""

from collections.abc import Sequence

import numpy as np
import torch

from mtlaug.config import Config
from mtlaug.features import frontend
from mtlaug.files import UserError
from mtlaug.model import MultitaskModel


class Member(torch.nn.Module):
    """One model, with the mean and standard deviation (C,) of its training part where it normalises by them."""

    def __init__(self, model: MultitaskModel, mean: torch.Tensor | None, deviation: torch.Tensor | None):
        super().__init__()
        self.model = model
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Posteriors (K,) of features (T, C)."""
        mean, deviation = self.mean, self.deviation
        if mean is None:
            mean, deviation = features.mean(0), features.var(0, correction=0).clamp(min=1e-4).sqrt()
        batch = ((features - mean) / deviation)[None]
        lengths = torch.full((1,), features.shape[0])  # of a shape, so that an export sees where it comes from
        return self.model.classify(batch, lengths)[0].softmax(0)


class Ensemble(torch.nn.Module):
    """From a waveform (S,) in [-1, 1] to the members' mean posteriors (K,)."""

    def __init__(self, extractor: torch.nn.Module, members: Sequence[Member]):
        super().__init__()
        self.extractor, self.members = extractor, torch.nn.ModuleList(members)

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        features = self.extractor(waveform)  # (T, C)
        return torch.stack([member(features) for member in self.members]).mean(0)


class Recogniser:
    """What emotion is this? The posteriors of the members, averaged.

    Args:
        classes: names of the K emotions.
        settings: the configuration that the members were trained with.
        members: at least one.
    Raises:
        UserError: the members normalise by speaker, whose statistics a recording alone does not have.
    """

    def __init__(self, classes: Sequence[str], settings: Config, members: Sequence[Member]):
        if settings.dataset_args.normalisation == "speaker":
            raise UserError(
                "the model normalises by speaker and needs all of a speaker's speech; "
                "take one that was trained with normalisation global or utterance"
            )
        self.classes, self.settings, self.members = tuple(classes), settings, tuple(members)
        self.sample_rate = settings.feature_args.sample_rate
        self.network = Ensemble(frontend.build(settings.feature_args), members).eval().requires_grad_(False)

    @torch.no_grad()
    def posteriors(self, samples: np.ndarray) -> np.ndarray:
        """Posteriors (K,) of samples (S,) in [-1, 1] at ``sample_rate``.

        Raises:
            UserError: the samples are fewer than an analysis window needs.
        """
        return self.network(torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))).numpy()
