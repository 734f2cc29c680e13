"""What the tests of slurm.py and sge.py share: a cluster, a launcher run against it in a directory, a lost node."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import wait_for

ROOT = Path(__file__).resolve().parent.parent


# Arguments that have to reach a job as they are.
WORDS = ["two  words", "$HOME", "*", 'quote"s', "it's", "", "a;b", "/data/JOBS"]


def running(scheduler, folder: Path):
    """What a fixture yields: the cluster of the module ``slurm_cluster`` or ``sge_cluster``, started in ``folder``."""
    if not scheduler.available():
        pytest.skip(f"a real scheduler {scheduler.WHY_NOT}")
    with scheduler.Cluster(folder) as cluster:
        yield cluster


class Bench:
    """A launcher, a cluster to run on, and a directory with a configuration for impatient tests."""

    def __init__(self, program: str, cluster, folder: Path):
        self.program = program
        self.cluster = cluster
        self.place = folder / "a place"
        self.place.mkdir()
        self.write("x.conf", "poll 0.5\nsilence 10\n")

    def write(self, name: str, text: str) -> None:
        (self.place / name).write_text(text)

    def read(self, name: str) -> str:
        """The text of a file in the directory; empty if there is none."""
        path = self.place / name
        return path.read_text() if path.exists() else ""

    def start(self, *arguments: object) -> subprocess.Popen:
        command = [sys.executable, str(ROOT / "tools/utils" / self.program), "--config", "x.conf", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=self.place,
            env=self.cluster.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object) -> tuple[int, str]:
        return finish(self.start(*arguments))

    def start_array(self, script: str, last: int = 2, first: str = ":") -> tuple[subprocess.Popen, list[str]]:
        """Start an array of a bash script; returns the launcher and the cluster's jobs for it once all members run.

        Args:
            first: what the script does before it says that it runs.
        """
        before = {line.split()[0] for line in self.cluster.jobs()}
        launcher = self.start(f"JOB=1:{last}", "x.JOB.log", "bash", "-c", f"{first}; echo begun; {script}")
        wait_for(lambda: all("\nbegun" in self.read(f"x.{number}.log") for number in range(1, last + 1)))
        return launcher, [job for job in (line.split()[0] for line in self.cluster.jobs()) if job not in before]


def finish(launcher: subprocess.Popen) -> tuple[int, str]:
    """The launcher's exit code and what it wrote to standard error."""
    try:
        stderr = launcher.communicate(timeout=60)[1]
    finally:
        launcher.kill()
    assert "Traceback" not in stderr, stderr
    return launcher.returncode, stderr


def lose_node(bench: Bench, daemon: str) -> tuple[int, str]:
    """Run two jobs and kill the node's ``daemon`` with them; returns what `finish` says of the launcher."""
    bench.write("x.conf", "poll 0.5\nsilence 4\n")
    launcher, _ = bench.start_array("echo $$ >pid.JOB; exec sleep 60")
    bench.cluster.stop(daemon, signal.SIGKILL)
    for number in (1, 2):
        _kill_with_parents(int(bench.read(f"pid.{number}")))
    return finish(launcher)


def _kill_with_parents(pid: int) -> None:
    """Kill a job with the processes that the scheduler started for it, as the end of its node would."""
    pids = []
    while pid > 1:
        pids.append(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert len(pids) == 3, "the job, jobs.member, and the scheduler's process for it"
    for one in reversed(pids):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
