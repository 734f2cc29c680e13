#!/usr/bin/env python3
"""Run jobs on a Slurm grid: slurm.py [options] [JOB=1:N] LOG COMMAND ARGS... (see --help)."""

import os
import re
import sys
from pathlib import Path

from jobs import arrays, launch
from jobs.options import LauncherError
from jobs.scheduler import State, Unreachable, ask, option_words, require

# Of a partition's time limit: SIGTERM to `jobs.member`, which passes it on, 60 seconds before.
WARNING = "--signal=B:TERM@60"
# Reasons that Slurm gives for every job in a queue now and then: they are not worth a line.
ORDINARY = {"None", "Priority", "Resources", "JobArrayTaskLimit", "Cleaning", "BeginTime"}
NEVER = {"BadConstraints", "DependencyNeverSatisfied", "launch failed requeued held", "JobLaunchFailure", "InvalidQOS"}
WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
RUNNING = {"RUNNING", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT"}
SUSPENDED = {"SUSPENDED", "STOPPED"}
KILLED = {
    "TIMEOUT": "killed: the time limit of the scheduler is over",
    "DEADLINE": "killed: its deadline is over",
    "OUT_OF_MEMORY": "killed: it needed more memory than it asked for",
    "NODE_FAIL": "lost: its node failed",
    "BOOT_FAIL": "lost: its node did not boot",
    "PREEMPTED": "killed: preempted by another job",
    "CANCELLED": "cancelled by a user or the scheduler",
    "REVOKED": "revoked by the scheduler",
}
SAID = {
    "memory limit": "OUT_OF_MEMORY",
    "oom-kill": "OUT_OF_MEMORY",
    "oom_kill": "OUT_OF_MEMORY",
    "DUE TO TIME LIMIT": "TIMEOUT",
    "DUE TO NODE FAILURE": "NODE_FAIL",
    "DUE TO PREEMPTION": "PREEMPTED",
    " CANCELLED AT ": "CANCELLED",
}


class Slurm:
    """Slurm, through sbatch, squeue, sacct (where there is accounting) and scancel; see `jobs.arrays`."""

    program = "slurm.py"
    task_variable = "SLURM_ARRAY_TASK_ID"

    def array_limit(self) -> int:
        """The members that an array may have, counted from 1: MaxArraySize holds for indices from 0."""
        require("sbatch", "slurm-client", "Slurm")
        try:
            match = re.search(r"^MaxArraySize\s*=\s*(\d+)", ask(["scontrol", "show", "config"]).stdout, re.M)
        except Unreachable as error:
            raise LauncherError(str(error)) from None
        return max(1, int(match[1]) - 1) if match else 1000

    def submit(self, config, request, name: str, folder: Path, count: int, script: str) -> str:
        """Submit an array with sbatch."""
        together = f"%{request.max_jobs_run}" if request.max_jobs_run else ""
        output = str(folder).replace("%", "%%")
        # Before the site's own words, so that those can say otherwise. A job with a time limit of its own (--time)
        # is warned by `jobs.member`, to the second; Slurm rounds up to minutes and warns up to one early.
        warning = [] if request.time else [WARNING]
        program, *words = config.command
        command = [program, *warning, *words, *option_words(config, request), "--parsable", f"--job-name={name}"]
        command += [f"--output={output}/%a.out", f"--chdir={os.getcwd()}", f"--array=1-{count}{together}"]
        done = ask(command, script)
        match = re.search(r"^(\d+)", done.stdout, re.M)
        if done.returncode or not match:
            said = " ".join((done.stderr or done.stdout).split())
            raise LauncherError(f"{command[0]} did not take the job, nothing was run: {said}")
        return match[1]

    def states(self, array: str, tasks: list) -> dict:
        """Ask squeue, which knows ended jobs for some minutes, then sacct for those that it has forgotten."""
        command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={array}", "--format=%K|%T|%r|%N"]
        done = ask(command)
        if done.returncode and "Invalid job id" not in done.stderr:
            raise Unreachable(" ".join(done.stderr.split()))
        states = {}
        for line in done.stdout.splitlines():
            task, state, reason, nodes = line.split("|", 3)
            if task.isdigit():
                states[int(task)] = _state(state, reason, nodes)
        if any(task not in states for task in tasks):
            states = {**self._accounted(array), **states}
        return states

    def _accounted(self, array: str) -> dict:
        done = ask(["sacct", "--noheader", "--parsable2", "-X", f"--jobs={array}", "--format=JobID,State,NodeList"])
        states = {}
        for line in done.stdout.splitlines() if done.returncode == 0 else ():
            job, state, nodes = line.split("|", 2)
            task = job.rpartition("_")[2]
            if task.isdigit():
                states[int(task)] = _state(state.split()[0], "None", nodes)
        return states

    def explain(self, lines: list) -> str:
        """What slurmstepd wrote: with some ways to count memory, squeue just says that the job failed."""
        text = "\n".join(line for line in lines if line.startswith("slurmstepd"))
        for words, state in SAID.items():
            if words in text:
                return KILLED[state]
        return ""

    def task_suffix(self, task: int) -> str:
        """What to add to the id of an array to name one of its tasks."""
        return f"_{task}"

    def cancel(self, job: str) -> str:
        """Cancel an array or a task of it."""
        done = ask(["scancel", job])
        return f"scancel {job}: {done.stderr.strip()}" if done.returncode else ""


def _state(state: str, reason: str, nodes: str) -> State:
    if reason in NEVER and state in WAITING:
        return State("stuck", reason)
    if state in WAITING:
        return State("waiting", "" if reason in ORDINARY else reason)
    if state in SUSPENDED:
        return State("suspended")
    if state in RUNNING:
        return State("running")
    if state in KILLED:
        where = f", node {nodes}" if nodes else ""
        return State("ended", f"{KILLED[state]} ({state}{where})", cancelled=state == "CANCELLED")
    return State("ended")  # COMPLETED and FAILED: the job has an end of its own


def run(request, config, numbers: list, signals: list) -> dict:
    """Run jobs on the grid; see `jobs.launch.main`."""
    return arrays.run_jobs(Slurm(), request, config, numbers, signals)


if __name__ == "__main__":
    conf = Path(__file__).resolve().parent.parent / "conf/slurm.conf"
    sys.exit(launch.main(sys.argv[1:], Slurm.program, run, str(conf)))
