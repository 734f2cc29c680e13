"""Per-channel energy normalisation, in the place of the logarithm of mel energies."""

import math

import torch

SMOOTHING = 400  # ms, time constant of the average
GAIN, OFFSET, ROOT = 0.9, 2.0, 0.5  # α, δ and r
EPSILON = 1e-6
SPAN = 6.4  # time constants after which the average has forgotten all but 0.15 % of a frame
STEP = 64  # frames


class Pcen(torch.nn.Module):
    """Per-channel energy normalisation (Wang et al. 2017, equation 1): (E / (ε + M)^α + δ)^r - δ^r.

    M is an exponential average of the energies E of the same mel bin, over this frame and those before it; before the
    first frame lies the mean of the utterance. So what is steady in a bin, noise and channel alike, is divided out, and
    of what is left the faint is all but taken away, where a logarithm would spread it. Lostanlen et al. (2019) describe
    what it does to noise. The parameters are the former's, for energies with a mean of one, but for α (0.98 there).

    Args:
        frame_shift: ms.
    """

    def __init__(self, frame_shift: float):
        super().__init__()
        newest = min(frame_shift / SMOOTHING, 1.0)
        weights = newest * (1 - newest) ** torch.arange(math.ceil(SPAN * SMOOTHING / frame_shift), dtype=torch.float64)
        weights = (weights / weights.sum()).flip(0).float()  # (K,), for the oldest first
        # Several frames in one step: the convolution is a product of larger matrices then, and far faster.
        moved = [torch.nn.functional.pad(weights, (index, STEP - 1 - index)) for index in range(STEP)]
        self.register_buffer("weights", torch.stack(moved)[:, None], persistent=False)  # (STEP, 1, K + STEP - 1)

    def forward(self, energies: torch.Tensor) -> torch.Tensor:
        """Mel energies (..., T, C), of which the mean frame has a sum of one, to features (..., T, C), zero or more."""
        energies = energies * energies.shape[-1]
        averages = self._averages(energies)
        return (energies / (EPSILON + averages) ** GAIN + OFFSET) ** ROOT - OFFSET**ROOT

    def _averages(self, energies: torch.Tensor) -> torch.Tensor:
        channels = energies.mT  # (..., C, T)
        frames, history = channels.shape[-1], self.weights.shape[-1] - STEP
        before = channels.mean(dim=-1, keepdim=True).expand(*channels.shape[:-1], history)
        rows = torch.cat([before, channels], dim=-1).flatten(0, -2)[:, None]  # (N C, 1, K - 1 + T)
        steps = torch.nn.functional.conv1d(torch.nn.functional.pad(rows, (0, STEP - 1)), self.weights, stride=STEP)
        return steps.mT.flatten(1)[:, :frames].reshape(channels.shape).mT
