"""Every choice by chance: it depends on a seed and on names alone, never on order, job number or time."""

import hashlib

import numpy as np


def rank(*names: object) -> bytes:
    """The place of something in an order by chance: ``sorted(speakers, key=lambda name: rank(seed, name))``."""
    return hashlib.sha256(":".join(map(str, names)).encode()).digest()


def random_state(*names: object) -> np.random.Generator:
    """A generator of random numbers for ``names``, such as a seed, an utterance and an epoch."""
    return np.random.default_rng(int.from_bytes(rank(*names)[:8], "big"))
