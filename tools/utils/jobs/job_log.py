"""The log of a job: the command, host, start, what the job prints, code and elapsed time."""

import os
import socket
import time

from jobs.command_line import Request, replace_word
from jobs.options import LauncherError

MOST_REASONS = 5  # lines of a report that name jobs and why they were killed


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z")


def start_log(path: str, command: str) -> None:
    """Begin the log of a job, in place of an older one.

    Raises:
        LauncherError: it cannot be written.
    """
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as log:
            for line in command.splitlines():
                log.write(f"# {line}\n")
            log.write(f"# Started at {_now()} on {socket.gethostname()}\n")
    except OSError as error:
        raise LauncherError(f"cannot write the log {path}: {error.strerror}") from None


def add_line(path: str, text: str) -> None:
    """Add a line of the launcher's own to a log, also where the job's output ends within a line."""
    with open(path, "ab+") as log:
        if log.tell() > 0:
            log.seek(-1, os.SEEK_END)
            if log.read(1) != b"\n":
                log.write(b"\n")
        log.write(text.encode(errors="surrogateescape") + b"\n")


def end_log(path: str, code: int, elapsed: float, num_threads: int) -> None:
    """End the log of a job.

    Args:
        code: exit code, 128 + n after signal n.
        elapsed: seconds.
    """
    add_line(path, f"# Accounting: time={elapsed:.0f} threads={num_threads}")
    add_line(path, f"# Ended (code {code}) at {_now()}, elapsed time {elapsed:.0f} seconds")


def tail(path: str, count: int = 5) -> list:
    """The last lines that the job itself, not the launcher, wrote to its log; none where there is no log."""
    try:
        with open(path, "rb") as log:
            log.seek(max(0, os.path.getsize(path) - 65536))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if not line.startswith("# ")][-count:]


def report_failures(program: str, request: Request, failed: dict) -> str:
    """The lines that tell the user which logs to read.

    Args:
        failed: `jobs.failure.Failure` by number of the failed jobs.
    """
    if request.num_jobs == 1:
        head = f"{program}: job failed, log is in {request.log_of(request.first)}"
    else:
        logs = replace_word(request.log, request.variable, "*")
        head = f"{program}: {len(failed)} / {request.num_jobs} failed, log is in {logs}"
    numbers = sorted(failed)
    explained = [number for number in numbers if failed[number].reason]
    reasons = [f"{program}: job {number}: {failed[number].reason}" for number in explained[:MOST_REASONS]]
    if len(explained) > MOST_REASONS:
        reasons.append(f"{program}: {len(explained) - MOST_REASONS} more of this kind; their logs say why")
    path = request.log_of(numbers[0])
    return "\n".join([head, *reasons, f"{program}: last lines of {path}:", *(f"  {line}" for line in tail(path))])
