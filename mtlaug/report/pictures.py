"""The sections that need a trained model, features or audio; each is there where its data is."""

from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from mtlaug.files import UserError
from mtlaug.report import augmentation, listening, representation, shown
from mtlaug.report.blocks import Block, Section, Text
from mtlaug.report.plots import Plots
from mtlaug.report.scores import Scored

PARTS = {
    "Augmentation types of held-out speakers": augmentation.blocks,
    "Shared representation": representation.blocks,
    "Copies to listen to": listening.copies,
    "Worst errors": listening.errors,
}


def sections(models: Sequence[Path], scored: Sequence[Scored], plots: Plots) -> list[Block]:
    """All sections that can be had of one model, and a line for each that cannot."""
    try:
        model = shown.choose(models, scored)
    except UserError as error:
        return [Section("Left out"), Text(f"{', '.join(PARTS)}: {error}.")]
    blocks: list[Block] = []
    left_out: list[Block] = []
    with threadpool_limits(1):  # sums in the same order on any machine; and threads that wait for each other cost more
        for title, part in PARTS.items():
            try:
                blocks += [Section(title), *part(model, plots)]
            except (UserError, OSError) as error:
                left_out.append(Text(f"{title}: {error}."))
    return [*blocks, *([Section("Left out"), *left_out] if left_out else [])]
