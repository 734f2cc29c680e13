"""Augmented copies: their types, the manifest that describes them, and noisy copies of test speech."""

from mtlaug.augment.augtypes import (
    TRAINING_TIME,
    TYPES,
    Noise,
    Reverberation,
    Sources,
    SpecAugment,
    types,
    waveform_types,
)

__all__ = ["TRAINING_TIME", "TYPES", "Noise", "Reverberation", "Sources", "SpecAugment", "types", "waveform_types"]
