"""The options that all job launchers share, with the forms that their values may take."""

import re


class LauncherError(Exception):
    """A mistake that the user can mend; its text says how."""


def _count(text: str, least: int) -> int:
    if not re.fullmatch(r"[0-9]+", text) or int(text) < least:
        raise ValueError(f"expected a whole number of {least} or more")
    return int(text)


def _memory(text: str) -> str:
    """A whole amount with its unit: ``1.5G`` becomes ``1536M``, for schedulers that know no fractions."""
    match = re.fullmatch(r"([0-9]+)(?:\.([0-9]+))?([KMGT])", text)
    if not match or not float(text[:-1]):
        raise ValueError("expected an amount such as 500M or 4G")
    if not match[2]:
        return text
    smaller = {"T": "G", "G": "M", "M": "K"}.get(match[3])
    return f"{round(float(text[:-1]) * 1024)}{smaller}" if smaller else f"{int(match[1]) + 1}K"


def seconds_of(text: str) -> int:
    """Seconds of ``[days-]hours:minutes:seconds``."""
    match = re.fullmatch(r"(?:([0-9]+)-)?([0-9]+):([0-5]?[0-9]):([0-5]?[0-9])", text)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total == 0:
        raise ValueError("expected a time above zero, as hh:mm:ss")
    return total


OPTIONS = {
    "mem": _memory,
    "num_threads": lambda text: _count(text, 1),
    "gpu": lambda text: _count(text, 0),
    "max_jobs_run": lambda text: _count(text, 1),
    "time": seconds_of,
    "retry": lambda text: _count(text, 0),
}


def needs_value(name: str, value) -> str:
    """The value of an option.

    Raises:
        LauncherError: there is none.
    """
    if value is None or value == "":
        raise LauncherError(f"option {name} needs a value")
    return value


def parse_option(name: str, value, where: str = "") -> dict:
    """Read ``--name value`` to ``{name: value}``.

    Args:
        where: file and line to begin a message with.

    Raises:
        LauncherError: there is no such option, or it cannot have this value.
    """
    key = name[2:].replace("-", "_") if name.startswith("--") else ""
    if key not in OPTIONS:
        raise LauncherError(f"{where}unknown option {name} (see --help)")
    try:
        return {key: OPTIONS[key](needs_value(where + name, value))}
    except ValueError as error:
        raise LauncherError(f"{where}option {name} {value}: {error}") from None
