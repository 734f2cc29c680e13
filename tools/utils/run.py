#!/usr/bin/env python3
"""Run jobs on this machine: run.py [options] [JOB=1:N] LOG COMMAND ARGS... (see --help)."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import job_log
import launcher

PROGRAM = "run.py"
GRACE = 5.0  # seconds between asking a job to stop and killing it


class Job:
    """A job and its process group."""

    def __init__(self, request, number: int, devices: list):
        self.log = request.log_of(number)
        self.number = number
        self.num_threads = request.num_threads
        self.devices = devices
        self.began = time.monotonic()
        self.deadline = self.began + request.time if request.time else None
        self.process = None
        job_log.start_log(self.log, request.shown(number))
        self.code = self._start(request)

    def _start(self, request):
        """Start the process; returns None, or the exit code if it cannot be started."""
        environment = dict(os.environ)
        environment["OMP_NUM_THREADS"] = environment["MKL_NUM_THREADS"] = str(self.num_threads)
        if self.devices:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(self.devices)
        command = request.command_of(self.number)
        try:
            with open(self.log, "ab") as output:
                # A session of its own, so that the job and all it starts can be stopped together.
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
        except FileNotFoundError:
            return self._end(127, f"{command[0]}: command not found")
        except (OSError, ValueError) as error:
            return self._end(126, f"{command[0]}: cannot be executed: {error}")
        return None

    def poll(self):
        """The exit code once the job has ended, else None; stops a job whose time is over."""
        if self.code is None:
            code = self.process.poll()
            if code is not None:
                self.code = self._end(code if code >= 0 else 128 - code)
            elif self.deadline is not None and time.monotonic() > self.deadline:
                stop([self], f"killed: the time limit of {self.deadline - self.began:.0f} seconds is over")
        return self.code

    def send(self, number: int) -> None:
        """Send a signal to all processes of the job."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all of them have ended
            os.killpg(self.process.pid, number)

    def reaped(self) -> bool:
        """Has the job's first process ended?"""
        return self.process.poll() is not None

    def close(self, reason: str) -> None:
        """Write the end of a job that was stopped."""
        code = self.process.wait()
        # A job that answers SIGTERM with code 0 has not done its work all the same.
        self.code = self._end(code if code > 0 else 128 - code, reason)

    def _end(self, code: int, message: str = "") -> int:
        if message:
            job_log.add_line(self.log, f"{PROGRAM}: {message}")
        job_log.end_log(self.log, code, time.monotonic() - self.began, self.num_threads)
        return code


def stop(jobs: list, reason: str) -> None:
    """Stop jobs with everything they started: ask, wait `GRACE` seconds, kill."""
    for job in jobs:
        job.send(signal.SIGTERM)
    limit = time.monotonic() + GRACE
    while time.monotonic() < limit and not all(job.reaped() for job in jobs):
        time.sleep(0.02)
    for job in jobs:
        job.send(signal.SIGKILL)
        job.close(reason)


def visible_devices() -> list:
    """Names of the graphics processors that jobs may use."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name.strip()]
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    count = sum(line.startswith("GPU ") for line in listing.splitlines())
    return [str(number) for number in range(count)]


def most_jobs(request, devices: list) -> int:
    """How many jobs may run at the same time: so many that they share neither cores nor graphics processors."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = request.max_jobs_run or max(1, cores // request.num_threads)
    return min(limit, len(devices) // request.gpu) if devices else limit


def show_progress(done: int, total: int) -> None:
    """Count the jobs of an array on a terminal; in a log the line would only be noise."""
    if total > 1 and sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{PROGRAM}: {done} / {total} jobs done", end=end, file=sys.stderr, flush=True)


def run(request, signals: list) -> list:
    """Run all jobs; returns the numbers of those that failed.

    Args:
        signals: names of the signals received so far; at the first one all jobs are stopped.
    """
    devices = visible_devices() if request.gpu else []
    if devices and len(devices) < request.gpu:
        raise launcher.LauncherError(f"--gpu {request.gpu}: this machine has {len(devices)}")
    limit = most_jobs(request, devices)
    waiting = list(range(request.last, request.first - 1, -1))
    total = len(waiting)
    running: list = []
    failed: list = []
    try:
        while (waiting or running) and not signals:
            if waiting and len(running) < limit:
                taken = [devices.pop(0) for _ in range(request.gpu)] if devices else []
                running.append(Job(request, waiting.pop(), taken))
            ended = [job for job in running if job.poll() is not None]
            failed += [job.number for job in ended if job.code != 0]
            for job in ended:
                devices += job.devices
                running.remove(job)
                show_progress(total - len(waiting) - len(running), total)
            if not ended and (len(running) == limit or not waiting):
                time.sleep(0.02)
    finally:
        reason = f"stopped by {signals[0]}" if signals else "stopped, because another job could not be started"
        stop([job for job in running if job.code is None], reason)
    return sorted(failed)


def main(arguments: list) -> int:
    """Run one command line; returns the exit code."""
    # A handler that raised could leave a job behind that has just been started, so it only notes the signal.
    signals: list = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, lambda number, _frame: signals.append(signal.Signals(number).name))
    try:
        request = launcher.parse(arguments, PROGRAM)
        if request is None:
            print(launcher.USAGE.format(program=PROGRAM), end="")
            return 0
        failed = run(request, signals)
    except launcher.LauncherError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    if signals:
        print(f"{PROGRAM}: stopped by {signals[0]} with all its jobs, log is in {request.log}", file=sys.stderr)
        return 128 + signal.Signals[signals[0]]
    if failed:
        print(job_log.report_failures(PROGRAM, request, failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
