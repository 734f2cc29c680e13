#!/usr/bin/env python3
"""Run jobs on this machine: run.py [options] [JOB=1:N] LOG COMMAND ARGS... (see --help)."""

import os
import subprocess
import sys
import time

from jobs import launch
from jobs.failure import REQUEUE, Failure
from jobs.options import LauncherError
from jobs.process import Job, stop

PROGRAM = "run.py"


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


class Devices:
    """The graphics processors of this machine: each for one job at a time, or, where jobs ask for none, dealt in turn.

    A training uses one where there is one, asked for or not: without turns all would crowd the first.
    """

    def __init__(self, gpu: int):
        self.gpu, self.free = gpu, visible_devices()
        if self.free and len(self.free) < gpu:
            raise LauncherError(f"--gpu {gpu}: this machine has {len(self.free)}")

    def take(self) -> list:
        """Those of the next job; none leaves it what the environment says."""
        if self.gpu:
            return [self.free.pop(0) for _ in range(self.gpu)] if self.free else []
        self.free = self.free[1:] + self.free[:1]
        return self.free[-1:] if len(self.free) > 1 else []

    def give_back(self, names: list) -> None:
        self.free += names if self.gpu else []


def most_jobs(request, devices: Devices) -> int:
    """How many jobs may run at the same time: they share no cores, and no graphics processors that they ask for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = request.max_jobs_run or max(1, cores // request.num_threads)
    return min(limit, len(devices.free) // request.gpu) if request.gpu and devices.free else limit


def run(request, _config, numbers: list, signals: list) -> dict:
    """Run jobs as processes of this machine; see `jobs.launch.main`."""
    devices = Devices(request.gpu)
    limit = most_jobs(request, devices)
    waiting = numbers[::-1]
    total = len(waiting)
    running: list = []
    failed: dict = {}
    try:
        while (waiting or running) and not signals:
            if waiting and len(running) < limit:
                running.append(Job(PROGRAM, request, waiting.pop(), devices.take()))
            ended = [job for job in running if job.poll() is not None]
            failed.update({job.number: Failure(job.reason, job.code == REQUEUE) for job in ended if job.code != 0})
            for job in ended:
                devices.give_back(job.devices)
                running.remove(job)
                launch.show_progress(PROGRAM, total - len(waiting) - len(running), total)
            if not ended and (len(running) == limit or not waiting):
                time.sleep(0.02)
    finally:
        reason = f"stopped by {signals[0]}" if signals else "stopped, because another job could not be started"
        stop([job for job in running if job.code is None], reason)
    return failed


if __name__ == "__main__":
    sys.exit(launch.main(sys.argv[1:], PROGRAM, run))
