"""The network: one encoder, attention pooling, an emotion head, an augmentation head and a decoder.

Padding never changes an utterance's output: padded frames are zero before every
convolution, the recurrent layer ends at an utterance's own last frame, and the
norm is over the bins and channels of one frame.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import nn

from mtlaug.args import ModelArgs


@dataclass(frozen=True)
class Outputs:
    """``emotion`` (N, K) logits, ``augmentation`` (N, A) logits, ``reconstruction`` (N, T, C) features.

    ``meta`` has the logits of the tasks that a competitor adds, by name: ``speaker`` (N, S) and ``gender`` (N, 2).
    """

    emotion: torch.Tensor
    augmentation: torch.Tensor
    reconstruction: torch.Tensor
    meta: dict[str, torch.Tensor] = field(default_factory=dict)


def frame_mask(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """True where a frame is not padding: lengths (N,) to (N, T)."""
    return torch.arange(frames, device=lengths.device)[None, :] < lengths[:, None]


class StridedConvolution(nn.Module):
    """Convolution over time and mel bins that halves both, norm over all maps of a frame, GELU.

    (N, I, T, F) to (N, O, ceil(T / 2), ceil(F / 2)).
    """

    def __init__(self, inputs: int, outputs: int, bins: int, kernel_size: int):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel_size, stride=2, padding=kernel_size // 2)
        self.norm = nn.LayerNorm([(bins + 1) // 2, outputs])

    def forward(self, maps: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        frames = self.convolution(maps).permute(0, 2, 3, 1)  # (N, T, F, O), as it lies in memory
        frames = nn.functional.gelu(self.norm(frames))
        lengths = (lengths + 1) // 2
        frames = frames * frame_mask(lengths, frames.shape[1])[..., None, None]
        return frames.permute(0, 3, 1, 2), lengths


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with norms, added to their input (He et al. 2016): (N, O, T, F) to the same shape."""

    def __init__(self, channels: int, bins: int):
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm([bins, channels]) for _ in range(2))

    def forward(self, maps: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        mask = frame_mask(lengths, maps.shape[2])[:, None, :, None]
        inner = nn.functional.gelu(self._layer(0, maps)) * mask
        return nn.functional.gelu(maps + self._layer(1, inner)) * mask

    def _layer(self, number: int, maps: torch.Tensor) -> torch.Tensor:
        frames = self.convolutions[number](maps).permute(0, 2, 3, 1)  # (N, T, F, O), as it lies in memory
        return self.norms[number](frames).permute(0, 3, 1, 2)


class BidirectionalLSTM(nn.Module):
    """A bidirectional LSTM whose backward direction starts at each utterance's own last frame: (N, T, C) to (N, T, 2H).

    The same function as ``nn.LSTM`` on packed sequences. Turning each utterance round within
    its length instead of packing lets the CPU use its fused kernel, in less than half the time.
    """

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.forwards = nn.LSTM(inputs, hidden, batch_first=True)
        self.backwards = nn.LSTM(inputs, hidden, batch_first=True)

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        mask = frame_mask(lengths, frames.shape[1])
        times = torch.arange(frames.shape[1], device=frames.device).expand_as(mask)
        turned = torch.where(mask, lengths[:, None] - 1 - times, times)  # (N, T)
        rows = torch.arange(len(frames), device=frames.device)[:, None]
        ahead, _ = self.forwards(frames)
        back, _ = self.backwards(frames[rows, turned])
        return torch.cat([ahead, back[rows, turned]], dim=2) * mask[..., None]


class Encoder(nn.Module):
    """Strided convolutions, residual blocks and a bidirectional LSTM: (N, T, C) to (N, ceil(T / 2**n), 2 * hidden)."""

    def __init__(self, num_mel_bins: int, args: ModelArgs):
        super().__init__()
        widths = [1] + [args.channels * 2**number for number in range(args.num_convolutions)]
        bins, strided, residual = num_mel_bins, [], []
        for number, (inputs, outputs) in enumerate(pairwise(widths)):
            # The first one sees the features themselves; those after it have both axes halved already.
            strided.append(StridedConvolution(inputs, outputs, bins, args.kernel_size if number == 0 else 3))
            bins = (bins + 1) // 2
            # After the first one, whose maps are the largest, they would take most of the time.
            count = args.residual_blocks if number else 0
            residual.append(nn.ModuleList(ResidualBlock(outputs, bins) for _ in range(count)))
        # With the channels innermost, the CPU takes half the time.
        self.convolutions = nn.ModuleList(strided).to(memory_format=torch.channels_last)
        self.residual = nn.ModuleList(residual).to(memory_format=torch.channels_last)
        self.dropout = nn.Dropout(args.dropout)
        self.projection = nn.Linear(bins * widths[-1], args.projection)
        self.lstm = BidirectionalLSTM(args.projection, args.hidden)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the frames and how many of them each utterance has."""
        maps = features[:, None]  # (N, 1, T, F)
        for convolution, blocks in zip(self.convolutions, self.residual, strict=True):
            maps, lengths = convolution(maps, lengths)
            for block in blocks:
                maps = block(maps, lengths)
        frames = self.dropout(maps.permute(0, 2, 3, 1).flatten(2))
        frames = self.lstm(nn.functional.gelu(self.projection(frames)), lengths)
        return frames.to(features.dtype), lengths  # in bfloat16 the small variances of pooling would drown


class AttentionPooling(nn.Module):
    """Attentive statistics pooling (Okabe et al. 2018): (N, T, D) to (N, 2 * D), weighted mean and deviation."""

    def __init__(self, width: int, hidden: int = 64):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        scores = self.score(frames).squeeze(-1).to(frames.dtype)
        scores = scores.masked_fill(~frame_mask(lengths, frames.shape[1]), -torch.inf)
        weights = scores.softmax(dim=1)[..., None]  # (N, T, 1)
        mean = (weights * frames).sum(dim=1)
        variance = (weights * frames.square()).sum(dim=1) - mean.square()
        return torch.cat([mean, variance.clamp(min=1e-6).sqrt()], dim=1)


class Head(nn.Module):
    """Attention pooling and two layers: frames (N, T, D) to logits (N, outputs)."""

    def __init__(self, width: int, outputs: int, args: ModelArgs):
        super().__init__()
        self.pooling = AttentionPooling(width)
        self.layers = nn.Sequential(
            nn.Dropout(args.dropout),
            nn.Linear(2 * width, args.head),
            nn.GELU(),
            nn.Dropout(args.dropout),
            nn.Linear(args.head, outputs),
        )

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.layers(self.pooling(frames, lengths))


class Decoder(nn.Module):
    """Each encoder frame gives back the ``stride`` feature frames under it: (N, T / stride, D) to (N, T, C)."""

    def __init__(self, width: int, num_mel_bins: int, stride: int, args: ModelArgs):
        super().__init__()
        self.num_mel_bins = num_mel_bins
        self.layers = nn.Sequential(
            nn.Linear(width, 2 * args.projection), nn.GELU(), nn.Linear(2 * args.projection, stride * num_mel_bins)
        )

    def forward(self, frames: torch.Tensor, num_frames: int) -> torch.Tensor:
        return self.layers(frames).reshape(len(frames), -1, self.num_mel_bins)[:, :num_frames]


class MultitaskModel(nn.Module):
    """The whole network.

    Args:
        num_mel_bins: C, width of the features.
        num_emotions, num_augmentations: K and A, outputs of the two heads.
        args: sizes; see `mtlaug.args.ModelArgs`.
        meta: outputs of further heads, by the name of their task.
    """

    def __init__(
        self,
        num_mel_bins: int,
        num_emotions: int,
        num_augmentations: int,
        args: ModelArgs,
        meta: dict[str, int] | None = None,
    ):
        super().__init__()
        width = 2 * args.hidden
        self.encoder = Encoder(num_mel_bins, args)
        self.emotion = Head(width, num_emotions, args)
        self.augmentation = Head(width, num_augmentations, args)
        self.decoder = Decoder(width, num_mel_bins, 2**args.num_convolutions, args)
        # Last, so that the others start from the same weights with and without them.
        self.meta = nn.ModuleDict({name: Head(width, outputs, args) for name, outputs in (meta or {}).items()})

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> Outputs:
        """All tasks, of normalised features (N, T, C) with ``lengths`` (N,) frames."""
        frames, num_frames = self.encoder(features, lengths)
        return Outputs(
            emotion=self.emotion(frames, num_frames),
            augmentation=self.augmentation(frames, num_frames),
            reconstruction=self.decoder(frames, features.shape[1]),
            meta={name: head(frames, num_frames) for name, head in self.meta.items()},
        )

    def classify(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Emotion logits (N, K) alone."""
        return self.emotion(*self.encoder(features, lengths))
