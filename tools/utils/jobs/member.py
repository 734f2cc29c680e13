"""What a scheduler starts on a node: one member of an array, with its log, its signs of life and its end mark.

    cd tools/utils && python3 -m jobs.member FOLDER TASK

FOLDER is made by `jobs.arrays`. It holds ``array.json``; a member leaves ``TASK.beat`` there, touched now and then,
and at last ``TASK.end``, its exit code. Only with that mark is a job counted as done, whatever the scheduler says.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from jobs import command_line
from jobs.options import LauncherError
from jobs.process import WARNINGS, Job, stop

EARLY = 60.0  # seconds before the end of its time limit that a job is told to stop; not of less than ten times that
GRACE = 20.0  # seconds to save its work that a job has after SIGTERM; schedulers kill after 30 or later
ARRAY_WAIT = 60.0  # seconds that a file system over the network may take to show array.json
PAUSE = 0.1  # seconds


def read_array(folder: Path) -> dict:
    """Read array.json, once the node can see it."""
    limit = time.monotonic() + ARRAY_WAIT
    while True:
        try:
            return json.loads((folder / "array.json").read_text())
        except FileNotFoundError:
            if time.monotonic() > limit:
                raise
            time.sleep(1)


def write_mark(folder: Path, task: str, code: int, reason: str) -> None:
    """Leave the end mark, whole or not at all."""
    mark = folder / f"{task}.end"
    aside = mark.with_suffix(".tmp")
    aside.write_text(json.dumps({"code": code, "reason": reason}))
    os.replace(aside, mark)


def wait(job: Job, beat: Path, interval: float, signals: list) -> bool:
    """Wait until the job has ended; stop it at the first signal, or when the launcher has removed the folder.

    Args:
        interval: seconds between signs of life.

    Returns:
        Whether the job was stopped.
    """
    next_beat = 0.0
    reason = ""
    while job.poll() is None and not reason:
        if time.monotonic() >= next_beat:
            next_beat = time.monotonic() + interval
            try:
                beat.touch()
            except FileNotFoundError:
                reason = "stopped: the launcher has given up waiting for it"
            except OSError:
                pass  # as on a full disk: for this alone no job should be lost
        if signals:
            reason = f"stopped by {signals[0]}"
        time.sleep(PAUSE)
    if reason and job.code is None:
        stop([job], reason, GRACE)
    return bool(reason or job.reason)


def main(folder: Path, task: str) -> int:
    """Run the member ``task`` (counted from 1) of the array described in ``folder``."""
    signals: list = []
    for number in (signal.SIGTERM, signal.SIGINT, *WARNINGS):
        signal.signal(number, lambda number, _frame: signals.append(signal.Signals(number).name))
    array = read_array(folder)
    os.chdir(array["directory"])
    os.environ["PWD"] = array["directory"]
    request = command_line.Request(**array["request"])
    early = EARLY if request.time and request.time >= 10 * EARLY else 0.0
    leads_group = os.getpgrp() == os.getpid()
    try:
        number = array["numbers"][int(task) - 1]
        job = Job(array["program"], request, number, [], early, own_session=not leads_group)
    except LauncherError as error:
        write_mark(folder, task, 1, str(error))
        return 1
    stopped = wait(job, folder / f"{task}.beat", array["beat"], signals)
    if folder.exists():
        write_mark(folder, task, job.code, job.reason)
    if leads_group and stopped:
        os.killpg(os.getpgrp(), signal.SIGKILL)  # what the job started and left behind, this process included
    return job.code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
