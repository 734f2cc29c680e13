"""Is this machine fit? What is installed, what is known not to work together, and how to mend it.

Imports nothing heavy itself: what is broken is looked at from outside, in a process of its own.
"""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

REINSTALL = "run tools/install.sh"
TORCH = """
import torch
cuda = torch.version.cuda or "none"
devices = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
print(f"{torch.__version__}, CUDA {cuda}, GPUs: {', '.join(devices) or 'none'}")
"""


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``mend`` says what to do where something is broken, and is empty otherwise."""

    name: str
    state: str
    mend: str = ""


def examine() -> Iterator[Finding]:
    """Yield what was found, the broken things too."""
    version = platform.python_version()
    old = sys.version_info < (3, 10)
    yield Finding("python", f"{version} {sys.executable}", "install Python 3.10 or newer" if old else "")
    yield _library("torch", TORCH, REINSTALL)
    yield _library(
        "torchaudio",
        "import torchaudio; print(torchaudio.__version__)",
        "run tools/mend_torchaudio.py: its native libraries do not fit this torch; or tools/install.sh, which also "
        "installs the versions that belong together",
    )
    yield from _pins()
    yield _sox()
    yield Finding("cores", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()))
    yield _disk()
    for command, grid in (("sbatch", "Slurm"), ("qsub", "SGE")):
        path = shutil.which(command)
        yield Finding(grid, f"{path} is there; whether it takes jobs is not tried" if path else "not on this machine")


def _library(name: str, code: str, mend: str) -> Finding:
    """What an import says in a process of its own, as a broken one may end the process."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Finding(name, done.stdout.strip().splitlines()[-1])
    said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return Finding(name, f"cannot be imported: {said}", mend)


def _pins() -> Iterator[Finding]:
    """The installed packages beside the versions that mtlaug is pinned to."""
    try:
        pins = importlib.metadata.requires("mtlaug") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("packages", "mtlaug itself is not installed", REINSTALL)
        return
    others = []
    for pin in pins:
        name, wanted, marker = re.fullmatch(r"([\w.-]+)==([\w.+]+)\s*(?:;\s*(.*))?", pin.strip()).groups()
        if marker and not _holds(marker):
            continue
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "none"
        if installed.split("+")[0] != wanted:
            others.append(f"{name} {installed}, not {wanted}")
    yield Finding("packages", "; ".join(others) or "as pinned", REINSTALL if others else "")


def _holds(marker: str) -> bool:
    """Of the markers that the pins have: an extra is not asked for, a Python version is compared."""
    found = re.search(r"python_version\s*(>=|<)\s*[\"'](\d+)\.(\d+)[\"']", marker)
    if "extra" in marker or not found:
        return False
    newer = sys.version_info[:2] >= (int(found[2]), int(found[3]))
    return newer if found[1] == ">=" else not newer


def _sox() -> Finding:
    path = shutil.which("sox")
    if not path:
        mend = "Debian: apt-get install sox; or switch pitch and tempo off in augment_args"
        return Finding("sox", "not found; copies of type pitch and tempo need it", mend)
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"v([\d.]+)", done.stdout)
    return Finding("sox", f"{found[1]} {path}" if found else path)


def _disk() -> Finding:
    free = shutil.disk_usage(".").free / 2**30  # GiB
    return Finding("disk", f"{free:.0f} GiB free here", "features need room: free some" if free < 1 else "")
