"""The command line that all job launchers share, and the word JOB; `jobs.job_log` writes the logs.

    LAUNCHER [options] [JOB=first:last] LOG COMMAND ARGS...

Standard library only: launchers run before, and without, the environment of tools/install.sh.
"""

import dataclasses
import re
import shlex
import sys

from jobs import conf
from jobs.options import LauncherError, needs_value, parse_option

MOST_JOBS = 100000  # a range beyond this is a slip of the pen, or needs bigger jobs

USAGE = """Usage: {program} [options] [JOB=1:N] LOG COMMAND ARGS...
Runs COMMAND, or a numbered copy of it for each JOB, and writes what it prints to LOG.
The word JOB, where it stands by itself, is replaced by the number in LOG and in ARGS.
COMMAND is run as it is, without a shell. To run a pipeline, give all of it as one quoted argument:
bash runs that, and a failure in any of its parts fails the job.

Options (a dash in a name may be an underscore):
  --mem 4G           memory of a job, in K, M, G or T
  --num-threads 1    threads of a job; sets OMP_NUM_THREADS and MKL_NUM_THREADS
  --gpu 0            graphics processors of a job
  --max-jobs-run N   jobs that run at the same time
  --time hh:mm:ss    longest time of a job, also d-hh:mm:ss
  --retry 0          run failed jobs, and only those, again up to so many times
  --config FILE      lines "default name=value" or "--name value" with defaults of these options;
                     for slurm.py and sge.py also what a site differs in (see tools/conf/slurm.conf)

A job that ends with code 75 was told to stop, as by a time limit, and has kept what it had: it is run again once
the others have ended, up to 20 times, and no --retry is used up. One that a user has cancelled is not run again.

Example: {program} --num-threads 2 JOB=1:4 exp/log/count.JOB.log wc -l data/split4/JOB/wav.scp
"""


@dataclasses.dataclass
class Request:
    """One call of a launcher.

    Attributes:
        log: path of the log; in an array it contains the variable.
        command: the arguments; a single one with white space is a pipeline for bash.
        variable: the word to replace, normally JOB; empty when this is no array.
        first, last: the range of job numbers, both included.
        mem: memory such as ``4G``; None: not limited.
        num_threads: threads of a job.
        gpu: graphics processors of a job.
        max_jobs_run: jobs at the same time; None: the launcher's default.
        time: limit of a job in seconds; None: no limit.
        retry: how often failed jobs are run again.
    """

    log: str
    command: list
    variable: str = ""
    first: int = 1
    last: int = 1
    mem: "str | None" = None
    num_threads: int = 1
    gpu: int = 0
    max_jobs_run: "int | None" = None
    time: "int | None" = None
    retry: int = 0

    @property
    def num_jobs(self) -> int:
        """Number of jobs, 1 when this is no array."""
        return self.last - self.first + 1

    def log_of(self, number: int) -> str:
        """Path of the log of job ``number``."""
        return replace_word(self.log, self.variable, str(number))

    def command_of(self, number: int) -> list:
        """The command of job ``number``, ready to be executed without another shell."""
        arguments = [replace_word(argument, self.variable, str(number)) for argument in self.command]
        if is_pipeline(self.command):
            return ["bash", "-e", "-u", "-o", "pipefail", "-c", arguments[0]]
        return arguments

    def shown(self, number: int) -> str:
        """The command of job ``number`` as one would type it."""
        return self.command_of(number)[-1] if is_pipeline(self.command) else shlex.join(self.command_of(number))


def is_pipeline(command: list) -> bool:
    """Is the command one string for bash?"""
    return len(command) == 1 and len(command[0].split()) > 1


def replace_word(text: str, word: str, value: str) -> str:
    """Replace ``word`` where no letter, digit or underscore touches it (``x.JOB.log``, not ``JOBS``)."""
    return re.sub(rf"(?<![A-Za-z0-9_]){word}(?![A-Za-z0-9_])", value, text) if word else text


def parse(arguments: list, program: str, grid_conf: str = "") -> "tuple | None":
    """Read a launcher's command line; None when it asks for help.

    Args:
        grid_conf: the configuration file that a launcher for a scheduler begins with.

    Returns:
        A `Request` and a `conf.Config`.

    Raises:
        LauncherError: naming the argument that is wrong.
    """
    rest = list(arguments)
    given: dict = {}
    array: dict = {}
    config = conf.Config()
    if grid_conf:
        conf.read(grid_conf, config, for_grid=True)
    while rest and (rest[0].startswith("-") or _looks_like_range(rest[0])):
        argument = rest.pop(0)
        if argument in ("--help", "-h"):
            return None
        if not argument.startswith("-"):
            if array:
                raise LauncherError(f"{argument}: a second range of jobs")
            array = _parse_range(argument)
            continue
        name, equals, value = argument.partition("=")
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else None
        if name == "--config":
            conf.read(needs_value(name, value), config, for_grid=bool(grid_conf))
        else:
            given.update(parse_option(name, value))
    if len(rest) < 2:
        raise LauncherError(f"expected LOG and COMMAND, got {shlex.join(rest) or 'neither'} (see {program} --help)")
    if rest[0].endswith("/"):
        raise LauncherError(f"{rest[0]}: is a directory; LOG is a file")
    if {"|", "||", "&&"} & set(rest[1:]):
        note = "'|' and '&&' go to COMMAND as they are; to run a pipeline, quote all of it as one argument"
        print(f"{program}: note: {note}", file=sys.stderr)
    request = Request(log=rest[0], command=rest[1:], **array, **{**config.defaults, **given})
    if request.num_jobs > 1 and request.log_of(1) == request.log_of(2):
        raise LauncherError(f"the log {request.log} needs the word {request.variable}, or all jobs write to one file")
    return request, config


def _looks_like_range(argument: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*=[^/]*", argument) is not None


def _parse_range(argument: str) -> dict:
    variable, _, numbers = argument.partition("=")
    match = re.fullmatch(r"([0-9]+)(?::([0-9]+))?", numbers)
    if not match:
        raise LauncherError(f"{argument}: expected a range of job numbers such as {variable}=1:8")
    first, last = int(match[1]), int(match[2] or match[1])
    if first < 1:
        raise LauncherError(f"{argument}: jobs are counted from 1")
    if last < first:
        raise LauncherError(f"{argument}: the range is reversed")
    if last - first >= MOST_JOBS:
        raise LauncherError(f"{argument}: more than {MOST_JOBS} jobs; give each job more to do")
    return {"variable": variable, "first": first, "last": last}
