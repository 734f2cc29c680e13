"""Weights and states of trainings on disk."""

import io
from pathlib import Path

import torch

from mtlaug.files import UserError, atomic_path


def save(path: Path, state: dict) -> None:
    """Write a checkpoint, whole or not at all; the same training gives the same bytes."""
    # By way of memory: torch would write the file's name into it, and name no full disk.
    content = io.BytesIO()
    torch.save(state, content)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def load(path: Path) -> dict:
    """Read a checkpoint into the CPU's memory; only tensors and plain values, no code.

    Raises:
        UserError: there is none, or it is not whole.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the fold is not trained, run stage 4") from None
    except Exception as error:  # torch.load raises many kinds for a broken file
        raise UserError(f"{path}: not a checkpoint ({error}); remove the file and run stage 4 again") from None
