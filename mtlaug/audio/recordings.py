"""Recordings of any rate, channels and format, a window at a time: a long one takes no more memory than a short one."""

import logging
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import soundfile
import torch
import torchaudio.functional

from mtlaug.files import UserError, first_line

LONGEST = 60.0  # seconds of a recording that is not cut unless asked for
WINDOW = 10.0  # seconds of the windows that a longer one is cut into

log = logging.getLogger(__name__)


class Window(NamedTuple):
    """A part of a recording: ``start`` and ``end`` in seconds, mono ``samples`` float32 (S,)."""

    start: float
    end: float
    samples: np.ndarray


def windows(source: str | Path | BinaryIO, sample_rate: int, seconds: float | None = None) -> Iterator[Window]:
    """Read anything that soundfile reads, at ``sample_rate`` (Hz), channels averaged, as stage 3 does.

    A last window of less than half the length belongs to the one before it.

    Args:
        seconds: length of a window; None takes the whole recording, or windows of `WINDOW` where it is longer
            than `LONGEST`.
    Raises:
        UserError: it cannot be read, holds no samples, or samples that are not finite, or it changes meanwhile.
    """
    name = source if isinstance(source, (str, Path)) else "standard input"
    before = _state(source)
    try:
        with soundfile.SoundFile(source) as file:
            if not file.frames:
                raise UserError(f"{name}: has no samples")
            rate = file.samplerate
            if rate < sample_rate:
                log.warning("%s: of %d Hz; the model was trained on speech of %d Hz", name, rate, sample_rate)
            for start, end in pairwise(_bounds(file.frames, rate, seconds)):
                samples = file.read(end - start, dtype="float32", always_2d=True)  # (S, channels)
                if len(samples) < end - start or _state(source) != before:
                    raise UserError(f"{name}: is cut off, or changed while it was read, at {start / rate:.2f} s")
                if not np.isfinite(samples).all():
                    raise UserError(f"{name}: has samples that are not finite after {start / rate:.2f} s")
                mono = samples.mean(axis=1)
                if not mono.any():
                    log.warning("%s: nothing but silence from %.2f to %.2f s", name, start / rate, end / rate)
                yield Window(start / rate, end / rate, _resampled(mono, rate, sample_rate))
    except (OSError, RuntimeError, TypeError) as error:
        if isinstance(source, (str, Path)) and not os.path.exists(source):
            raise UserError(f"{name}: no such file") from None
        raise UserError(f"{name}: cannot be read: {first_line(error).rpartition(': ')[2]}") from None


def _bounds(frames: int, rate: int, seconds: float | None) -> list[int]:
    """Where windows begin, and where the last one ends."""
    if seconds is None:
        seconds = WINDOW if frames > LONGEST * rate else frames / rate
    step = max(1, round(seconds * rate))
    number = max(1, (2 * frames + step) // (2 * step))  # the last one has half the length or more
    return [index * step for index in range(number)] + [frames]


def _resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    if rate == wanted:
        return samples
    return torchaudio.functional.resample(torch.from_numpy(samples), rate, wanted).numpy()


def _state(source: str | Path | BinaryIO) -> tuple[int, int] | None:
    """Size and time of a file."""
    if not isinstance(source, (str, Path)) or not os.path.exists(source):
        return None
    status = os.stat(source)
    return status.st_size, status.st_mtime_ns
