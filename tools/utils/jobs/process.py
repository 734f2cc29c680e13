"""A job as a process of this machine, with its log and its time limit."""

import contextlib
import os
import signal
import subprocess
import time

from jobs import job_log

GRACE = 5.0  # seconds between asking a job to stop and killing it


WARNINGS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)  # of Grid Engine: SIGKILL is to follow


def _ignore_warnings() -> None:
    """Leave a scheduler's warnings, which reach the whole group, to `jobs.member`: a job gets SIGTERM for them."""
    for number in WARNINGS:
        signal.signal(number, signal.SIG_IGN)


class Job:
    """A job and its process group.

    Args:
        program: the launcher, named in the log.
        devices: names of the graphics processors for it alone; none: as the environment says.
        early: seconds before the end of ``request.time`` at which the job is told to stop, so that it can save its
            work before a scheduler with the same limit kills it.
        own_session: start a session, so that the job and all it starts can be stopped together. On a grid the
            job shares the group of the calling process instead: schedulers that know a job by its process
            group would miss what has left it.

    Raises:
        LauncherError: the log cannot be written.
    """

    def __init__(self, program: str, request, number: int, devices: list, early: float = 0.0, own_session: bool = True):
        self.program = program
        self.log = request.log_of(number)
        self.number = number
        self.num_threads = request.num_threads
        self.devices = devices
        self.own_session = own_session
        self.began = time.monotonic()
        self.limit = request.time
        self.early = early
        self.process = None
        self.reason = ""
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
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=self.own_session,
                    preexec_fn=None if self.own_session else _ignore_warnings,
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
            elif self.limit and time.monotonic() > self.began + self.limit - self.early:
                rest = f"over in {self.early:.0f}" if self.early else "over"
                self.reason = f"killed: the time limit of {self.limit} seconds is {rest}"
                stop([self], self.reason, max(GRACE, self.early / 2))
        return self.code

    def send(self, number: int) -> None:
        """Send a signal to all processes of the job."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all of them have ended
            if self.own_session:
                os.killpg(self.process.pid, number)
            elif number == signal.SIGKILL:
                self.process.kill()  # this process still has a log to end; it kills the whole group thereafter
            else:
                os.killpg(os.getpgrp(), number)

    def reaped(self) -> bool:
        """Has the job's first process ended?"""
        return self.process.poll() is not None

    def close(self, reason: str) -> None:
        """Write the end of a job that was stopped."""
        code = self.process.wait()
        # A job that answers SIGTERM with code 0 has not done its work all the same.
        self.code = self._end(code if code > 0 else 128 - (code or -signal.SIGTERM), reason)

    def _end(self, code: int, message: str = "") -> int:
        try:
            if message:
                job_log.add_line(self.log, f"{self.program}: {message}")
            job_log.end_log(self.log, code, time.monotonic() - self.began, self.num_threads)
        except OSError as error:  # as on a full disk, where the job's own output may be cut off too
            self.reason = f"cannot write the log {self.log}: {error.strerror}"
            return code or 1
        return code


def stop(jobs: list, reason: str, grace: float = GRACE) -> None:
    """Stop jobs with everything they started: ask, wait ``grace`` seconds, kill."""
    for job in jobs:
        job.send(signal.SIGTERM)
    limit = time.monotonic() + grace
    while time.monotonic() < limit and not all(job.reaped() for job in jobs):
        time.sleep(0.02)
    for job in jobs:
        job.send(signal.SIGKILL)
    for job in jobs:
        job.close(reason)
