"""Configuration files of job launchers: defaults of the options, and what a scheduler calls them.

    command sbatch --export=ALL       the program that submits, with the site's own options
    option mem=* --mem=$0             what to submit for an option; $0 is its value
    option num_threads=1              the same for one value of it; here nothing
    default gpu=0                     a default of one of the launcher's options; also "--gpu 0"
    poll 10                           seconds between two questions to the scheduler
    silence 900                       seconds without a sign of life after which a job counts as lost

A later line replaces an earlier one of the same subject, so a site's file needs only the differences.
"""

import dataclasses
import shlex

from jobs.options import OPTIONS, LauncherError, parse_option

GRID_LINES = ("command", "option", "poll", "silence")


@dataclasses.dataclass
class Config:
    """What a configuration says.

    Attributes:
        defaults: values of the launcher's options.
        command: words of the program that submits jobs.
        templates: for each option the words to submit, by value; ``*`` stands for all other values.
        poll, silence: seconds, see above.
    """

    defaults: dict = dataclasses.field(default_factory=dict)
    command: list = dataclasses.field(default_factory=list)
    templates: dict = dataclasses.field(default_factory=dict)
    poll: float = 10.0
    silence: float = 900.0

    def words_for(self, name: str, value: str) -> list:
        """The words to submit for an option with this value."""
        templates = self.templates.get(name, {})
        return [word.replace("$0", value) for word in templates.get(value, templates.get("*", []))]


def read(path: str, config: Config, for_grid: bool) -> Config:
    """Add what a file says to ``config`` and return it.

    Args:
        for_grid: whether lines about a scheduler are admitted.

    Raises:
        LauncherError: naming the file and the line that is wrong.
    """
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                _read_line(line, f"{path}:{number}: ", config, for_grid)
    except (OSError, UnicodeDecodeError) as error:
        raise LauncherError(f"option --config: cannot read {path}: {error}") from None
    return config


def _read_line(line: str, where: str, config: Config, for_grid: bool) -> None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise LauncherError(f"{where}{error}: {line.strip()}") from None
    if not words:
        return
    kind, rest = words[0], words[1:]
    if kind.startswith("--"):
        _read_default(kind, rest, where, config, line)
    elif kind == "default":
        name, equals, value = rest[0].partition("=") if len(rest) == 1 else ("", "", "")
        if not equals:
            raise LauncherError(f"{where}expected 'default name=value', got {line.strip()!r}")
        config.defaults.update(parse_option(f"--{name}", value, where))
    elif kind not in GRID_LINES:
        known = ("default", *GRID_LINES) if for_grid else ("default",)
        raise LauncherError(f"{where}unknown word {kind!r}; a line begins with --name, {', '.join(known)}")
    elif not for_grid:
        raise LauncherError(f"{where}a line {kind!r} is for slurm.py and sge.py; here no scheduler is asked")
    elif kind == "command":
        config.command = rest or _fail(where, "expected 'command PROGRAM [options]'")
    elif kind == "option":
        _read_template(rest, where, config)
    else:
        setattr(config, kind, _seconds(rest, where, kind))


def _read_default(kind: str, rest: list, where: str, config: Config, line: str) -> None:
    name, equals, value = kind.partition("=")
    values = [value, *rest] if equals else rest
    if len(values) > 1:
        raise LauncherError(f"{where}expected '--name value', got {line.strip()!r}")
    config.defaults.update(parse_option(name, values[0] if values else None, where))


def _read_template(rest: list, where: str, config: Config) -> None:
    name, equals, value = rest[0].partition("=") if rest else ("", "", "")
    name = name.replace("-", "_")
    if not equals or not value:
        raise LauncherError(f"{where}expected 'option name=* [words]' or 'option name=value [words]'")
    if name not in OPTIONS or name in ("max_jobs_run", "retry"):
        known = ", ".join(key for key in OPTIONS if key not in ("max_jobs_run", "retry"))
        raise LauncherError(
            f"{where}unknown option {name!r}, not one of {known}; site options go to the line 'command'"
        )
    config.templates.setdefault(name, {})[value] = rest[1:]


def _seconds(rest: list, where: str, kind: str) -> float:
    try:
        (value,) = map(float, rest)
    except ValueError:
        value = 0.0
    return value if 0 < value < float("inf") else _fail(where, f"expected '{kind} SECONDS'")


def _fail(where: str, message: str):
    raise LauncherError(where + message)
