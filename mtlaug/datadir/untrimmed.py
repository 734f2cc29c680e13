"""What of its recording an utterance was before silence was left out: ``utt2untrimmed``, ``start:end`` in seconds.

By the sound of all that an utterance is known elsewhere, whether it was trimmed there or not.
"""

import os
from collections.abc import Mapping

from mtlaug.datadir.tables import has, line_of, path_of, read
from mtlaug.files import UserError, write_table

UNTRIMMED = "utt2untrimmed"


def read_untrimmed(data_dir: str | os.PathLike) -> dict[str, tuple[float, float]]:
    """Utterance to start and end (seconds, infinite for the recording's); empty where nothing was trimmed.

    Raises:
        UserError: a line is malformed.
    """
    table = read(data_dir, UNTRIMMED) if has(data_dir, UNTRIMMED) else {}
    spans = {}
    for utterance, value in table.items():
        try:
            start, end = map(float, value.split(":"))
        except ValueError:
            where = line_of(path_of(data_dir, UNTRIMMED), table, utterance)
            raise UserError(f"{where}: expected 'utterance start:end', got {value!r}; run stage 1 again") from None
        spans[utterance] = start, end
    return spans


def keep_untrimmed(data_dir: str | os.PathLike, spans: Mapping[str, tuple[float, float]]) -> None:
    """Write the spans of utterances that are to be trimmed; those that were trimmed before stay as they are."""
    spans = {**spans, **read_untrimmed(data_dir)}
    write_table(
        path_of(data_dir, UNTRIMMED), {utterance: f"{start}:{end}" for utterance, (start, end) in spans.items()}
    )
