#!/usr/bin/env python3
"""Run jobs on an SGE grid (Grid Engine): sge.py [options] [JOB=1:N] LOG COMMAND ARGS... (see --help)."""

import getpass
import os
import re
import sys
from pathlib import Path

from jobs import arrays, launch
from jobs.options import LauncherError
from jobs.scheduler import State, Unreachable, ask, option_words, require


class SGE:
    """Grid Engine, through qsub, qstat, qacct (where it can be read) and qdel; see `jobs.scheduler`."""

    program = "sge.py"
    task_variable = "SGE_TASK_ID"

    def array_limit(self) -> int:
        """The members that an array may have; 75000 is Grid Engine's own default."""
        require("qsub", "gridengine-client", "Grid Engine")
        try:
            match = re.search(r"^max_aj_tasks\s+([1-9]\d*)", ask(["qconf", "-sconf"]).stdout, re.M)
        except (Unreachable, LauncherError):
            return 75000
        return int(match[1]) if match else 75000

    def submit(self, config, request, name: str, folder: Path, count: int, script: str) -> str:
        """Submit an array with qsub."""
        if re.search(r"[:,$]", str(folder) + os.getcwd()):
            raise LauncherError(f"Grid Engine takes no ':', ',' or '$' in a path: {folder} or {os.getcwd()}")
        command = [*config.command, *option_words(config, request), "-terse", "-N", name, "-wd", os.getcwd()]
        command += ["-o", f"{folder}/$TASK_ID.out", "-t", f"1-{count}"]
        command += ["-tc", str(request.max_jobs_run)] if request.max_jobs_run else []
        done = ask(command, script)
        match = re.search(r"^(\d+)(?:\.|$)", done.stdout, re.M)
        if done.returncode or not match:
            said = " ".join((done.stderr + " " + done.stdout).split())
            raise LauncherError(f"{command[0]} did not take the job, nothing was run: {said}")
        return match[1]

    def states(self, array: str, tasks: list) -> dict:
        """Ask qstat, then the accounting for those that it no longer lists."""
        done = ask(["qstat", "-u", getpass.getuser(), "-g", "d"])
        if done.returncode:
            raise Unreachable(" ".join(done.stderr.split()))
        states = {}
        for line in done.stdout.splitlines():
            fields = line.split()
            if fields and fields[0] == array:
                # A job that waits has no queue; one without an array no task.
                slots_and_task = [field for field in fields[7:] if "@" not in field]
                task = int(slots_and_task[1]) if len(slots_and_task) > 1 else 1
                states[task] = self._state(array, fields[4])
        if any(task not in states for task in tasks):
            states = {**self._accounted(array), **states}
        return states

    def _state(self, array: str, letters: str) -> State:
        if "E" in letters:
            said = re.search(r"^error reason.*?:\s*(.*)", ask(["qstat", "-j", array]).stdout, re.M)
            return State("stuck", said[1] if said else f"state {letters}")
        if set(letters) & set("sSTN"):
            return State("suspended")
        if "w" in letters:
            return State("waiting", "it is held" if "h" in letters else "")
        return State("running")

    def _accounted(self, array: str) -> dict:
        try:
            done = ask(["qacct", "-j", array])
        except LauncherError:
            return {}
        states = {}
        for block in re.split(r"^=+$", done.stdout, flags=re.M):
            fields = dict(re.findall(r"^(\w+)[ \t]+(.*?)[ \t]*$", block, re.M))
            task = fields.get("taskid", "")
            if fields.get("jobnumber") == array:
                why = _killed(fields.get("failed", "0"), fields.get("hostname", "unknown"))
                states[int(task) if task.isdigit() else 1] = State("ended", why)
        return states

    def explain(self, _lines: list) -> str:
        """Grid Engine writes nothing of its own to a job's output."""
        return ""

    def task_suffix(self, task: int) -> str:
        """What to add to the id of an array to name one of its tasks."""
        return f".{task}"

    def cancel(self, job: str) -> str:
        """Delete an array or a task of it."""
        done = ask(["qdel", job])
        return f"qdel {job}: {(done.stderr or done.stdout).strip()}" if done.returncode else ""


def _killed(failed: str, node: str) -> str:
    """What the accounting's field ``failed`` means, as ``37 : qmaster enforced h_rt ... limit``; nothing for 0."""
    code, text = failed.split()[0], " ".join(failed.split())
    if code == "0":
        return ""
    # Code 100 is all that is known of a job that a signal ended.
    return f"killed by qdel or on its node ({text}, node {node})" if code == "100" else f"killed: {text} (node {node})"


def run(request, config, numbers: list, signals: list) -> dict:
    """Run jobs on the grid; see `jobs.launch.main`."""
    return arrays.run_jobs(SGE(), request, config, numbers, signals)


if __name__ == "__main__":
    conf = Path(__file__).resolve().parent.parent / "conf/sge.conf"
    sys.exit(launch.main(sys.argv[1:], SGE.program, run, str(conf)))
