"""The objective: the weighted sum of the tasks' losses."""

import torch

from mtlaug.args import LossArgs
from mtlaug.dataset import batching
from mtlaug.dataset.batching import Batch
from mtlaug.model import Outputs, frame_mask
from mtlaug.training import distributed


class Objective(torch.nn.Module):
    """L = L_emotion (labelled rows) + alpha L_augtype (all rows) + beta L_reconstruction (all rows, no padding).

    Where the configuration weighs them, the losses of speaker and gender are added. Of several processes
    each gives its share of the loss of the whole batch.

    Args:
        args: weights and label smoothing.
        class_weights: (K,) weights of the emotion classes, mean 1.
    """

    def __init__(self, args: LossArgs, class_weights: torch.Tensor):
        super().__init__()
        self.args = args
        self.register_buffer("class_weights", class_weights)

    def forward(self, outputs: Outputs, batch: Batch) -> dict[str, torch.Tensor]:
        """The loss terms, ``loss`` being their weighted sum; reconstruction is the mean squared error a bin."""
        terms = {
            "loss_emotion": self.emotion(outputs.emotion, batch.emotion),
            "loss_augtype": _cross_entropy(outputs.augmentation, batch.augmentation),
            "loss_reconstruction": self._reconstruction(outputs.reconstruction, batch),
        }
        terms |= {f"loss_{task}": _cross_entropy(logits, batch.meta[task]) for task, logits in outputs.meta.items()}
        loss = terms["loss_emotion"]
        loss = loss + self.args.alpha * terms["loss_augtype"] + self.args.beta * terms["loss_reconstruction"]
        loss = loss + sum(getattr(self.args, task) * terms[f"loss_{task}"] for task in outputs.meta)
        return {"loss": loss, **terms}

    def emotion(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Cross entropy of logits (N, K) against soft labels (N, K), mean over the labelled rows, weighted by class."""
        labelled = target.sum(dim=1, keepdim=True)  # (N, 1), 0 for unlabelled rows
        smoothing = self.args.label_smoothing
        smooth = (1 - smoothing) * target + smoothing * labelled / target.shape[1]
        weights = (target * self.class_weights).sum(dim=1)  # (N,)
        entropy = -(weights[:, None] * smooth * logits.float().log_softmax(dim=1)).sum()
        return entropy / distributed.total(weights.sum()).clamp(min=1e-8)

    def _reconstruction(self, reconstruction: torch.Tensor, batch: Batch) -> torch.Tensor:
        error = (reconstruction - batch.target).square().mean(dim=2)
        mask = frame_mask(batch.lengths, error.shape[1])
        return (error * mask).sum() / distributed.total(mask.sum())


def _cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over the rows that have a part in the task; zero where none has."""
    total = torch.nn.functional.cross_entropy(logits.float(), target, ignore_index=batching.UNKNOWN, reduction="sum")
    return total / distributed.total((target != batching.UNKNOWN).sum()).clamp(min=1)


def class_weights(labels: dict[str, str], classes: list[str]) -> torch.Tensor:
    """Weights (K,) by inverse frequency, their mean over the utterances 1."""
    counts = torch.tensor([sum(label == name for label in labels.values()) for name in classes], dtype=torch.float32)
    return counts.sum() / (len(classes) * counts)
