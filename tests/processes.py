"""Starting tools/utils/run.py, and waiting for other processes."""

import subprocess
import sys
import time
from pathlib import Path

RUN = Path(__file__).parents[1] / "tools/utils/run.py"


def run(*arguments, cwd, env=None) -> subprocess.CompletedProcess:
    """Run run.py to its end."""
    command = [sys.executable, str(RUN), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


def wait_for(condition, seconds: float = 20) -> None:
    """Wait until a condition holds; fail after ``seconds``."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether no process, or only a zombie, is left of ``pid``."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
