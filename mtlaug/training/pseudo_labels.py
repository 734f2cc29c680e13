"""Pseudo-labels: what a model takes speech without labels for, as soft targets of the emotion task.

The posteriors are aligned to the classes' shares among the labels and sharpened, both as in Berthelot et al. 2020
(ReMixMatch, section 3), but speaker by speaker: a model of few speakers hears some of what is a new one's voice as
emotion, and would find speakers who are mostly angry and others who are mostly sad.
"""

from collections.abc import Mapping

import numpy as np

from mtlaug.dataset.batching import TrainingSet
from mtlaug.experiment.inference import predict
from mtlaug.model import MultitaskModel
from mtlaug.scoring.alignment import aligned

POWER = 2.0  # of sharpening; a temperature of 0.5


def make(model: MultitaskModel, data: TrainingSet, utt2spk: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Soft labels (K,), which sum to 1, for each of ``data``'s unlabelled utterances.

    Args:
        utt2spk: the speaker of each. One whose emotions have other shares than the labels is wronged.
    """
    # predict() asks for labels, and looks at none.
    posteriors = predict(model, data.store, dict.fromkeys(data.unlabelled, data.classes[0]), data.classes)
    prior = np.mean([data.emotion[utterance] for utterance in data.labelled], axis=0)
    of_speaker: dict[str, list[str]] = {}
    for utterance in posteriors:
        of_speaker.setdefault(utt2spk[utterance], []).append(utterance)
    labels = {}
    for utterances in of_speaker.values():
        rows = aligned(np.stack([posteriors[name] for name in utterances]), prior) ** POWER
        rows /= rows.sum(axis=1, keepdims=True)
        labels |= zip(utterances, rows.astype(np.float32), strict=True)
    return labels
