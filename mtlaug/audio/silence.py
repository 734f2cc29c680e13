"""Where speech begins and ends in a recording."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # to import it takes longer than most commands on data directories
    import numpy as np

BELOW = 30.0  # dB below the loudest window of a recording, from which on another one is silence
MARGIN = 0.1  # seconds that are kept at either end of the speech
_WINDOW = 0.025  # seconds whose level is looked at


def speech(samples: "np.ndarray", rate: int, below: float = BELOW, margin: float = MARGIN) -> tuple[int, int]:
    """First sample of the speech, and the one after its last.

    Args:
        samples: (S,) or (S, channels), at least one.
        rate: in Hz.
        below: windows of 25 ms that are further below the loudest one (dB, of their mean power) are silence.
        margin: seconds kept before the first louder window and after the last.
    Returns:
        Indices into ``samples``, the second exclusive.
    """
    import numpy as np

    powers = np.square(samples.reshape(len(samples), -1), dtype=np.float64).mean(axis=1)  # (S,)
    size = round(_WINDOW * rate)
    starts = np.arange(0, len(powers), size)
    levels = np.add.reduceat(powers, starts) / np.diff(starts, append=len(powers))
    loud = starts[levels >= levels.max() * 10 ** (-below / 10)]
    kept = round(margin * rate)
    return max(0, int(loud[0]) - kept), min(len(powers), int(loud[-1]) + size + kept)
