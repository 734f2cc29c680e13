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


def most_jobs(request, devices: list) -> int:
    """How many jobs may run at the same time: so many that they share neither cores nor graphics processors."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = request.max_jobs_run or max(1, cores // request.num_threads)
    return min(limit, len(devices) // request.gpu) if devices else limit


def run(request, _config, numbers: list, signals: list) -> dict:
    """Run jobs as processes of this machine; see `jobs.launch.main`."""
    devices = visible_devices() if request.gpu else []
    if devices and len(devices) < request.gpu:
        raise LauncherError(f"--gpu {request.gpu}: this machine has {len(devices)}")
    limit = most_jobs(request, devices)
    waiting = numbers[::-1]
    total = len(waiting)
    running: list = []
    failed: dict = {}
    try:
        while (waiting or running) and not signals:
            if waiting and len(running) < limit:
                taken = [devices.pop(0) for _ in range(request.gpu)] if devices else []
                running.append(Job(PROGRAM, request, waiting.pop(), taken))
            ended = [job for job in running if job.poll() is not None]
            failed.update({job.number: Failure(job.reason, job.code == REQUEUE) for job in ended if job.code != 0})
            for job in ended:
                devices += job.devices
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
