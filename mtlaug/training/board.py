"""TensorBoard event files beside ``log.jsonl``, from its lines; ``tensorboard --logdir exp/<model>`` shows them."""

import importlib.util
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from mtlaug.files import UserError


def check() -> None:
    """A `UserError` where the package is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise UserError(
            "--tensorboard: tensorboard is not installed; "
            'pip install -r "$MTLAUG_ROOT/tools/requirements-tensorboard.txt"'
        )


def start(directory: Path, lines: Iterable[str]) -> Callable[[str], None]:
    """Write the lines of a log, and return what writes a further one.

    Event files of earlier runs are replaced, so that no epoch is there twice after a resume.

    Raises:
        UserError: see `check`.
    """
    check()
    from torch.utils.tensorboard import SummaryWriter

    for path in directory.glob("events.out.tfevents.*"):
        path.unlink()
    writer = SummaryWriter(str(directory))

    def write(line: str) -> None:
        row = json.loads(line)
        for name, value in row.items():
            if name != "epoch" and isinstance(value, int | float) and not isinstance(value, bool):
                writer.add_scalar(name, value, row["epoch"])
        writer.flush()

    for line in lines:
        write(line)
    return write
