"""Timing: several ways to do one thing, in turn, round after round, so that a busy machine slows all alike."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Row:
    """One line of the table: ``ours`` and ``other`` are medians in ``unit``, ``ratio`` ours / other."""

    what: str
    ours: float
    other: float | None
    beside: str
    unit: str
    reach: str

    @property
    def ratio(self) -> float | None:
        return self.ours / self.other if self.other else None


def in_turn(ways: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Median seconds of each way; one round beforehand is not counted."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if number:
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def process(code: str) -> Callable[[], object]:
    """A way that runs ``code`` in a Python of its own."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# A child's ru_maxrss begins with what its parent had when it started it: the child itself says what it has needed. The
# imports come first: they take seconds, and more or less by more than thousands of utterances take.
_MEASURED = """
import re, sys, time
import mtlaug.attack.waveforms, mtlaug.augment.manifest, mtlaug.evaluation, mtlaug.training.loop
from mtlaug.cli import main
started = time.process_time()
code = main(sys.argv[1:])
print(time.process_time() - started, re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
sys.exit(code)
"""


def run(*commands: Sequence[str], threads: int = 1) -> tuple[float, float]:
    """Run ``mtlaug`` with the words of each command, all at once: processor seconds but for imports, and largest MB."""
    variables = os.environ | {"OMP_NUM_THREADS": str(threads)}
    options = {"env": variables, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    jobs = [subprocess.Popen([sys.executable, "-c", _MEASURED, *words], **options) for words in commands]
    said = [job.communicate()[0] for job in jobs]
    if any(job.returncode for job in jobs):
        raise RuntimeError(f"one of these failed: {commands}")
    measured = [text.split()[-2:] for text in said]
    return sum(float(seconds) for seconds, _ in measured), max(int(kilobytes) for _, kilobytes in measured) / 1024


def peak_memory() -> float:
    """Largest resident size of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
