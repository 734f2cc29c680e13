"""From feats.scp to batches: which copies an epoch sees, and what is made of them in training.

An epoch is a chain: draw a type for each utterance, bucket the draws by length,
make the rows, pad them. Every choice depends on the seed, the epoch and the
utterance alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from mtlaug import augment
from mtlaug.config import Config
from mtlaug.dataset import feature_effects
from mtlaug.features.store import FeatureStore
from mtlaug.files import UserError
from mtlaug.seeding import random_state

UNKNOWN = -1  # a row's target in a task that it is not part of
# Batches are padded to whole multiples of so many frames: of as few shapes the CPU's kernels are kept, not made anew.
FRAMES_STEP = 16
# Of a batch at test time: in larger ones an attack's gradients leave a CPU's caches, and smaller ones leave a GPU idle.
MOST_FRAMES = 16_000 if torch.cuda.is_available() else 4000


@dataclass(frozen=True)
class Row:
    """One row of a batch, a copy or the clean utterance.

    ``features`` (T, C); ``emotion`` (K,) soft label, all zero if unlabelled; ``augmentation`` its type's index;
    ``target`` (T, C) is what the decoder gives back, ``meta`` the targets of further tasks, by name.
    """

    features: np.ndarray
    emotion: np.ndarray
    augmentation: int
    target: np.ndarray
    meta: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """N rows of C values a frame, padded to T frames.

    ``features`` and ``target`` (N, T, C), zero where padded; ``lengths`` (N,) frames; ``emotion``
    (N, K) soft labels, all zero for unlabelled rows; ``augmentation`` (N,) type indices and
    ``meta``, by name, (N,) indices, `UNKNOWN` where a row has no part in the task.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    emotion: torch.Tensor
    augmentation: torch.Tensor
    target: torch.Tensor
    meta: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> "Batch":
        tensors = [getattr(self, name).to(device) for name in self.__dataclass_fields__ if name != "meta"]
        return Batch(*tensors, {name: indices.to(device) for name, indices in self.meta.items()})


@dataclass(frozen=True)
class Draw:
    """One row of an epoch: a copy (its id in feats.scp), the type it stands for, and its random state."""

    copy: str
    type: str
    frames: int
    names: tuple  # what its random state is made of; the state itself takes a kilobyte


class TrainingSet:
    """The training part of a fold, as batches of copies.

    Every epoch has as many updates as the whole training part needs, however few of its
    labels are used. Unlabelled rows come on top, and are no longer than the labelled ones.

    Args:
        store: features of all copies.
        labels: training utterance to class name.
        classes: class names in the order of the outputs.
        settings: the resolved configuration.
        seed: of the draws; the same for every fold and model.
        unlabelled: utterances for the label-free tasks, and for the emotion task once they have a `label`.
        meta: task to utterance to its target there.
        draws: labelled rows an epoch; by default copies_per_epoch for each utterance.
    """

    def __init__(
        self,
        store: FeatureStore,
        labels: Mapping[str, str],
        classes: list[str],
        settings: Config,
        seed: int,
        unlabelled: Sequence[str] = (),
        meta: Mapping[str, Mapping[str, int]] | None = None,
        draws: int | None = None,
    ):
        self.store, self.seed, self.meta = store, seed, meta or {}
        self.settings, self.loss = settings.dataset_args, settings.loss_args
        self.types = augment.types(settings.augment_args)
        self.type_index = {name: index for index, name in enumerate(self.types)}
        if self.loss.augtype_rows == "waveform":
            self.type_index.update(dict.fromkeys(augment.TRAINING_TIME, UNKNOWN))
        self.classes, identity = classes, np.eye(len(classes), dtype=np.float32)
        self.emotion = {utterance: identity[classes.index(label)] for utterance, label in labels.items()}
        self.no_emotion = np.zeros(len(classes), np.float32)
        self.labelled, self.unlabelled = list(labels), list(unlabelled)
        self.draws = draws or len(labels) * self.settings.copies_per_epoch
        self.unlabelled_draws = round(settings.unlabelled_args.ratio * self.draws) if unlabelled else 0
        self.copies: dict[tuple[str, str], list[str]] = {}
        used = {*self.labelled, *self.unlabelled}
        for copy, source in store.source_of.items():
            if source in used:
                self.copies.setdefault((source, store.type_of[copy]), []).append(copy)

    def label(self, emotions: Mapping[str, np.ndarray]) -> None:
        """Soft labels (K,) for unlabelled utterances, which have them in the batches from now on."""
        self.emotion |= emotions

    def batches(self, epoch: int, rank: int = 0, world: int = 1) -> Iterator[Batch]:
        """The batches of an epoch (from 1), or every ``world``-th row of them; the same whatever happened before."""
        number = self.num_batches()
        labelled = self._buckets(list(self._draws(self.labelled, self.draws, epoch)), number, epoch)
        unlabelled = self._buckets(list(self._draws(self.unlabelled, self.unlabelled_draws, epoch)), number, epoch)
        for index in random_state(self.seed, epoch, "batches").permutation(number):
            longest = max(draw.frames for draw in labelled[index])
            draws = [*labelled[index], *unlabelled[index]][rank::world]
            yield collate([self._row(draw, longest) for draw in draws])

    def num_batches(self) -> int:
        """Batches an epoch; the same for every choice of types and of unlabelled speech."""
        return -(-self.draws // self.settings.batch_size)

    def _draws(self, utterances: list[str], number: int, epoch: int) -> Iterator[Draw]:
        """``number`` draws, every utterance as often as any other, or once less."""
        types = list(self.types)
        order = random_state(self.seed, epoch, "order").permutation(len(utterances))
        for place, position in enumerate(order[:number]):
            utterance = utterances[position]
            rng = random_state(self.seed, epoch, utterance)
            for index in range(number // len(order) + (place < number % len(order))):
                name = types[rng.integers(len(types))]
                stored = self._stored(utterance, name)
                copy = stored[rng.integers(len(stored))]
                frames = min(self.store.num_frames[copy], self.settings.max_frames)
                yield Draw(copy, name, frames, (self.seed, epoch, utterance, index))

    def _stored(self, utterance: str, name: str) -> list[str]:
        """What the features of type ``name`` are made from: its copies, or the clean utterance."""
        if name == "clean" or name in augment.TRAINING_TIME:
            return [utterance]
        if (utterance, name) not in self.copies:
            raise UserError(f"utterance {utterance} has no copy of type {name}; run stages 2 and 3 again")
        return self.copies[utterance, name]

    def _buckets(self, draws: list[Draw], number: int, epoch: int) -> list[list[Draw]]:
        """``number`` buckets of like sizes, from the shortest draws to the longest."""
        rng = random_state(self.seed, epoch, "lengths")
        # Lengths are jittered, so that batches differ between epochs and still pad little.
        order = np.argsort([draw.frames * rng.uniform(0.9, 1.1) for draw in draws], kind="stable")
        return [[draws[index] for index in part] for part in np.array_split(order, number)]

    def _row(self, draw: Draw, most: int) -> Row:
        """The row of a draw, cropped at random to at most ``most`` frames."""
        rng = random_state(*draw.names)
        source = self.store.source_of.get(draw.copy, draw.copy)
        features = self.store.get(draw.copy)
        start = rng.integers(0, max(0, len(features) - most) + 1)
        cut = slice(start, start + most)
        target = features
        if self.loss.reconstruct == "clean" and draw.copy != source:
            target = feature_effects.stretched(self.store.get(source), len(features))
        features, target = features[cut], target[cut]
        emotion = self.emotion.get(source, self.no_emotion)
        meta = {task: indices.get(source, UNKNOWN) for task, indices in self.meta.items()}
        if self.settings.filter_gain:
            features = feature_effects.filtered(features, self.settings.filter_gain, rng)
        changed = features
        if draw.type == "specaugment":
            changed = feature_effects.spec_augment(features, self.types[draw.type], rng)
        elif draw.type == "mixup":
            pool = self.labelled if source in self.emotion else self.unlabelled
            partner = pool[rng.integers(len(pool))]
            weight = rng.uniform(*self.types[draw.type].weight)
            changed = feature_effects.mix(features, self.store.get(partner), weight)
            emotion = weight * emotion + (1 - weight) * self.emotion.get(partner, self.no_emotion)
            meta = dict.fromkeys(meta, UNKNOWN)  # two speakers at once
        target = changed if self.loss.reconstruct == "input" else target
        return Row(changed, emotion, self.type_index[draw.type], target, meta)


def collate(rows: list[Row]) -> Batch:
    """Pad rows to a `Batch`."""
    lengths = torch.tensor([len(row.features) for row in rows])
    features = _padded([row.features for row in rows])
    alike = all(row.target is row.features for row in rows)
    return Batch(
        features=features,
        lengths=lengths,
        emotion=torch.from_numpy(np.stack([row.emotion for row in rows])).float(),
        augmentation=torch.tensor([row.augmentation for row in rows]),
        target=features if alike else _padded([row.target for row in rows]),
        meta={task: torch.tensor([row.meta[task] for row in rows]) for task in rows[0].meta},
    )


def _padded(matrices: list[np.ndarray]) -> torch.Tensor:
    padded = torch.zeros(len(matrices), _in_steps(max(map(len, matrices))), matrices[0].shape[1])
    for row, matrix in zip(padded, matrices, strict=True):
        row[: len(matrix)] = torch.from_numpy(matrix)
    return padded


def _in_steps(frames: int) -> int:
    return -(-frames // FRAMES_STEP) * FRAMES_STEP


def evaluation_batches(store: FeatureStore, labels: dict[str, str], classes: list[str]):
    """Yield (utterances, `Batch`) of whole clean utterances, grouped by `like_lengths`."""
    identity = np.eye(len(classes), dtype=np.float32)
    for part in like_lengths(store, labels):
        emotions = (identity[classes.index(labels[utterance])] for utterance in part)
        matrices = map(store.get, part)
        yield part, collate([Row(m, e, 0, m) for m, e in zip(matrices, emotions, strict=True)])


def like_lengths(store: FeatureStore, utterances: Iterable[str]) -> Iterator[list[str]]:
    """Yield groups, the shortest utterances first, of at most `MOST_FRAMES` padded frames or of one utterance."""
    part: list[str] = []
    for utterance in sorted(utterances, key=lambda utterance: (store.num_frames[utterance], utterance)):
        if part and (len(part) + 1) * _in_steps(store.num_frames[utterance]) > MOST_FRAMES:
            yield part
            part = []
        part.append(utterance)
    if part:
        yield part
