"""What the launchers for schedulers share in asking them.

A scheduler is an object with

    program        name of the launcher
    array_limit()  most members of one array
    submit(config, request, name, folder, count, script) -> id of the array of tasks 1 to count
    states(id, tasks) -> {task: State}, for tasks it no longer knows none; raises Unreachable
    explain(lines) -> why a member was killed, from what the scheduler wrote to its output; or nothing
    cancel(id)     -> text of an error, or nothing
    task_variable, task_suffix(task): the environment variable, and what to add to an id, that name a member
"""

import dataclasses
import shutil
import subprocess

from jobs.options import LauncherError


class Unreachable(Exception):
    """The scheduler did not answer a question."""


@dataclasses.dataclass
class State:
    """What a scheduler says of a member.

    Attributes:
        phase: ``waiting``, ``running``, ``suspended``, ``ended``, or ``stuck`` (will never start).
        why: why it waits or is stuck, or what killed it; empty where nothing is out of the ordinary.
        cancelled: somebody has cancelled it: it is not to be run again, whatever it says itself.
    """

    phase: str
    why: str = ""
    cancelled: bool = False


def ask(command: list, script: str = "", timeout: float = 60.0) -> subprocess.CompletedProcess:
    """Run a program of the scheduler; Ctrl-C must not reach it, or a job could be submitted and its id lost.

    Raises:
        Unreachable: it does not answer within ``timeout`` seconds.
        LauncherError: there is no such program.
    """
    try:
        return subprocess.run(
            command,
            input=script,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{command[0]} has not answered for {timeout:.0f} seconds") from None
    except OSError as error:
        raise LauncherError(f"{command[0]}: {error.strerror}") from None


def require(program: str, package: str, scheduler: str) -> None:
    """Check that a program of the scheduler is there.

    Raises:
        LauncherError: naming the package that brings it.
    """
    if not shutil.which(program):
        raise LauncherError(
            f"{program}: command not found; it belongs to {scheduler} (Debian's package {package}, or the site's"
            " module). Without a grid, set cmd_backend=run in cmd.sh"
        )


def option_words(config, request) -> list:
    """The words to submit for the options of a request, as the configuration has them."""
    hours, rest = divmod(request.time or 0, 3600)
    values = {
        "mem": request.mem,
        "num_threads": str(request.num_threads),
        "gpu": str(request.gpu),
        "time": f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}" if request.time else None,
    }
    return [word for name, value in values.items() if value is not None for word in config.words_for(name, value)]
