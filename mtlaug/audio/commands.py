"""Commands in wav.scp: an entry that ends in ``|`` is run, and writes audio to stdout."""

import io
import subprocess

from mtlaug.files import UserError


class CommandError(UserError):
    """A command failed, or wrote nothing; the message says how."""


def in_bash(command: str) -> list[str]:
    """The words that run ``command``, without its last ``|``, so that a failure anywhere in it is one."""
    return ["bash", "-c", f"set -o pipefail; {command}"]


def output_of(command: str) -> io.BytesIO:
    """What ``command``, without its last ``|``, writes to stdout; it gets no stdin.

    Raises:
        CommandError: it fails, with its last line of stderr in the message, or writes nothing.
    """
    done = subprocess.run(in_bash(command), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise CommandError(f"command failed with code {done.returncode}: {said[-1]}")
    if not done.stdout:
        raise CommandError("command wrote nothing")
    return io.BytesIO(done.stdout)
