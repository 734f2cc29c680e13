"""What becomes of a job that has not done its work."""

import dataclasses

REQUEUE = 75  # exit code (EX_TEMPFAIL) of a job that was told to stop and has kept what it had: run again, it goes on


@dataclasses.dataclass(frozen=True)
class Failure:
    """The end of a job that has to be reported or run again.

    Attributes:
        reason: why; empty where the job's own exit code says all.
        again: it asks to be run again (code `REQUEUE`), and nobody has cancelled it.
    """

    reason: str = ""
    again: bool = False
