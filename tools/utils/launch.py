"""What every launcher does around its jobs: signals, further tries, the report of failures and the exit code."""

import contextlib
import os
import signal
import sys

import job_log
import launcher
from launcher_options import LauncherError


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
            dictionary from their numbers to what the scheduler has to say about it.
        grid_conf: see `launcher.parse`.
    """
    # A handler that raised could leave a job behind that has just been started, so it only notes the signal.
    signals: list = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, lambda number, _frame: signals.append(signal.Signals(number).name))
    try:
        parsed = launcher.parse(arguments, program, grid_conf)
        if parsed is None:
            print(launcher.USAGE.format(program=program), end="")
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
    """Run all jobs, and those that failed again; the log of a failed try stays beside the new one."""
    failed = run_numbers(list(range(request.first, request.last + 1)))
    for attempt in range(1, request.retry + 1):
        if not failed or signals:
            break
        print(
            f"{program}: {len(failed)} / {request.num_jobs} failed, retry {attempt} of {request.retry}", file=sys.stderr
        )
        for number in failed:
            with contextlib.suppress(FileNotFoundError):
                os.replace(request.log_of(number), f"{request.log_of(number)}.try{attempt}")
        failed = run_numbers(sorted(failed))
    return failed
