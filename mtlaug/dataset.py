"""From feats.scp to batches: which copies an epoch sees, SpecAugment and mixup.

An epoch is a chain of generators: draw a type for each utterance, bucket the
draws by length, make the rows, pad them. Every choice depends on the seed, the
epoch and the utterance alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from mtlaug import augment
from mtlaug.config import Config
from mtlaug.files import UserError
from mtlaug.store import FeatureStore


@dataclass(frozen=True)
class Batch:
    """N padded copies of T frames and C mel bins.

    ``features`` (N, T, C), zero where padded; ``lengths`` (N,) frames; ``emotion``
    (N, K) class weights, all zero for unlabelled rows; ``augmentation`` (N,) type indices.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    emotion: torch.Tensor
    augmentation: torch.Tensor

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Draw:
    """One row of an epoch: a copy (its id in feats.scp), the type it stands for, and its random state."""

    copy: str
    type: str
    frames: int
    names: tuple  # what its random state is made of


class TrainingSet:
    """The training part of a fold, as batches of copies.

    Args:
        store: features of all copies.
        labels: training utterance to class name.
        classes: class names in the order of the outputs.
        settings: the resolved configuration.
        seed: of the draws; the same for every fold and model.
    """

    def __init__(self, store: FeatureStore, labels: dict[str, str], classes: list[str], settings: Config, seed: int):
        self.store, self.settings, self.seed = store, settings.dataset_args, seed
        self.types = augment.types(settings.augment_args)
        self.type_index = {name: index for index, name in enumerate(self.types)}
        identity = np.eye(len(classes), dtype=np.float32)
        self.emotion = {utterance: identity[classes.index(label)] for utterance, label in labels.items()}
        self.utterances = list(labels)
        self.copies: dict[tuple[str, str], list[str]] = {}
        for copy, source in store.source_of.items():
            if source in self.emotion:
                self.copies.setdefault((source, store.type_of[copy]), []).append(copy)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch (from 1); the same whatever happened before."""
        for draws in self._bucketed(list(self._draws(epoch)), epoch):
            yield collate([self._row(draw) for draw in draws])

    def num_batches(self) -> int:
        """Batches an epoch; the same for every choice of types."""
        return -(-len(self.utterances) * self.settings.copies_per_epoch // self.settings.batch_size)

    def _draws(self, epoch: int) -> Iterator[Draw]:
        for utterance in self.utterances:
            for index in range(self.settings.copies_per_epoch):
                names = (self.seed, epoch, utterance, index)
                rng = augment.random_state(*names)
                name = list(self.types)[rng.integers(len(self.types))]
                stored = self._stored(utterance, name)
                copy = stored[rng.integers(len(stored))]
                yield Draw(copy, name, min(self.store.num_frames[copy], self.settings.max_frames), (*names, "row"))

    def _stored(self, utterance: str, name: str) -> list[str]:
        """What the features of type ``name`` are made from: its copies, or the clean utterance."""
        if name == "clean" or name in augment.TRAINING_TIME:
            return [utterance]
        if (utterance, name) not in self.copies:
            raise UserError(f"utterance {utterance} has no copy of type {name}; run stages 2 and 3 again")
        return self.copies[utterance, name]

    def _bucketed(self, draws: list[Draw], epoch: int) -> Iterator[list[Draw]]:
        rng = augment.random_state(self.seed, epoch, "batches")
        # Lengths are jittered, so that batches differ between epochs and still pad little.
        order = np.argsort([draw.frames * rng.uniform(0.9, 1.1) for draw in draws], kind="stable")
        size = self.settings.batch_size
        starts = np.arange(0, len(draws), size)
        for start in rng.permutation(starts):
            yield [draws[index] for index in order[start : start + size]]

    def _row(self, draw: Draw) -> tuple[np.ndarray, np.ndarray, int]:
        rng = augment.random_state(*draw.names)
        features = _cropped(self.store.get(draw.copy), self.settings.max_frames, rng)
        emotion = self.emotion[self.store.source_of.get(draw.copy, draw.copy)]
        if draw.type == "specaugment":
            features = spec_augment(features, self.types[draw.type], rng)
        elif draw.type == "mixup":
            partner = self.utterances[rng.integers(len(self.utterances))]
            weight = rng.uniform(*self.types[draw.type].weight)
            features = mix(features, self.store.get(partner), weight)
            emotion = weight * emotion + (1 - weight) * self.emotion[partner]
        return features, emotion, self.type_index[draw.type]


def collate(rows: list[tuple[np.ndarray, np.ndarray, int]]) -> Batch:
    """Pad rows of (features (T, C), emotion (K,), type) to a `Batch`."""
    lengths = torch.tensor([len(features) for features, _, _ in rows])
    padded = torch.zeros(len(rows), int(lengths.max()), rows[0][0].shape[1])
    for row, (features, _, _) in zip(padded, rows, strict=True):
        row[: len(features)] = torch.from_numpy(features)
    emotion = torch.from_numpy(np.stack([emotion for _, emotion, _ in rows])).float()
    return Batch(padded, lengths, emotion, torch.tensor([index for _, _, index in rows]))


def spec_augment(features: np.ndarray, args: augment.SpecAugment, rng: np.random.Generator) -> np.ndarray:
    """Set bands of frames and mel bins to zero, the mean of normalised features (T, C) (Park et al. 2019)."""
    features = features.copy()
    frames, bins = features.shape
    for _ in range(args.time_masks):
        width = int(rng.integers(0, int(args.time_share * frames) + 1))
        start = int(rng.integers(0, frames - width + 1))
        features[start : start + width] = 0
    for _ in range(args.freq_masks):
        width = int(rng.integers(0, min(args.freq_bins, bins) + 1))
        start = int(rng.integers(0, bins - width + 1))
        features[:, start : start + width] = 0
    return features


def mix(features: np.ndarray, partner: np.ndarray, weight: float) -> np.ndarray:
    """``weight`` times the features (T, C) plus the rest of the partner's, which is repeated or cut to T frames."""
    partner = np.resize(partner, (len(features), partner.shape[1]))
    return (weight * features + (1 - weight) * partner).astype(np.float32)


def evaluation_batches(store: FeatureStore, labels: dict[str, str], classes: list[str], size: int = 32):
    """Yield (utterances, `Batch`) of whole clean utterances, similar lengths together."""
    identity = np.eye(len(classes), dtype=np.float32)
    ordered = sorted(labels, key=lambda utterance: (store.num_frames[utterance], utterance))
    for start in range(0, len(ordered), size):
        part = ordered[start : start + size]
        rows = [(store.get(utterance), identity[classes.index(labels[utterance])], 0) for utterance in part]
        yield part, collate(rows)


def _cropped(features: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    start = rng.integers(0, max(0, len(features) - most) + 1)
    return features[start : start + most]
