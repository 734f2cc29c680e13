"""What every launcher does around its jobs: signals, further tries, the report of failures and the exit code."""

import contextlib
import os
import signal
import sys

from jobs import command_line, job_log
from jobs.options import LauncherError

MOST_REQUEUES = 20  # how often jobs that ask for it (code 75) are run again before they count as failed


def show_progress(program: str, done: int, total: int) -> None:
    """Count the jobs of an array on a terminal; in a log the line would only be noise."""
    if total > 1 and sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{program}: {done} / {total} jobs done", end=end, file=sys.stderr, flush=True)


def main(arguments: list, program: str, run_jobs, grid_conf: str = "") -> int:
    """Run one command line; returns the exit code.

    Args:
        run_jobs: called with the request, the configuration, the numbers of the jobs to run, and the list of the
            names of signals received so far: at the first one it stops all jobs. It returns the failed jobs, a
            dictionary from their numbers to `jobs.failure.Failure`.
        grid_conf: see `jobs.command_line.parse`.
    """
    # A handler that raised could leave a job behind that has just been started, so it only notes the signal.
    signals: list = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, lambda number, _frame: signals.append(signal.Signals(number).name))
    try:
        parsed = command_line.parse(arguments, program, grid_conf)
        if parsed is None:
            print(command_line.USAGE.format(program=program), end="")
            return 0
        request, config = parsed
        failed = _run_with_retries(
            program, request, lambda numbers: run_jobs(request, config, numbers, signals), signals
        )
    except LauncherError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    if signals:
        print(f"{program}: stopped by {signals[0]} with all its jobs, log is in {request.log}", file=sys.stderr)
        return 128 + signal.Signals[signals[0]]
    if failed:
        print(job_log.report_failures(program, request, failed), file=sys.stderr)
    return 1 if failed else 0


def _run_with_retries(program: str, request, run_numbers, signals: list) -> dict:
    """Run all jobs, then again those that ask for it and those that failed; older logs stay beside the new ones."""
    failed = run_numbers(list(range(request.first, request.last + 1)))
    requeued = retried = 0
    while failed and not signals:
        again = [number for number, failure in failed.items() if failure.again]
        if again and requeued < MOST_REQUEUES:
            requeued += 1
            stopped = f"{len(again)} / {request.num_jobs} were stopped and go on"
            head = f"{stopped}, time {requeued} of at most {MOST_REQUEUES}"
        elif retried < request.retry:
            retried += 1
            again = list(failed)
            head = f"{len(failed)} / {request.num_jobs} failed, retry {retried} of {request.retry}"
        else:
            break
        print(f"{program}: {head}", file=sys.stderr)
        for number in again:
            with contextlib.suppress(FileNotFoundError):
                os.replace(request.log_of(number), f"{request.log_of(number)}.try{requeued + retried}")
        others = {number: failure for number, failure in failed.items() if number not in again}
        failed = {**others, **run_numbers(sorted(again))}
    return failed
