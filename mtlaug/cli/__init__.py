"""The ``mtlaug`` command line: ``mtlaug GROUP COMMAND --name value ...``.

One file here a group; each adds its parsers and imports the library only
inside its handlers, so that ``mtlaug --help`` starts fast.
"""

import argparse
import atexit
import gc
import importlib
import logging
import sys
from collections.abc import Callable

from mtlaug import __version__
from mtlaug.files import UserError

GROUPS = (
    *("datadir", "protocol", "augment", "fbank", "train", "score", "attack"),
    *("baseline", "predict", "export", "report", "config", "plan", "doctor"),
)


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """With the defaults of those options that have one."""

    def _get_help_string(self, action):
        return action.help if action.default in (None, "", []) else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """argparse with Kaldi's manners: ``--dev_speakers`` is ``--dev-speakers``, a bad option exits 1."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, allow_abbrev=False, formatter_class=Help, **kwargs)

    def parse_known_args(self, args=None, namespace=None):
        args = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args([_dashes(argument) for argument in args], namespace)

    def error(self, message):
        self.exit(1, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def _dashes(argument: str) -> str:
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def build_parser() -> Parser:
    """The whole parser; each group's ``add_commands`` fills in its part."""
    parser = Parser(prog="mtlaug", description="Speech emotion recognition with MTL-AUG.")
    parser.add_argument("--version", action="version", version=f"mtlaug {__version__}")
    commands = parser.add_subparsers(dest="group", metavar="GROUP", required=True)
    for group in GROUPS:
        importlib.import_module(f"mtlaug.cli.{group}").add_commands(commands)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    atexit.register(gc.freeze)  # else Python's last collection goes through all of torch, for half a second
    options = build_parser().parse_args(argv)
    return run(f"mtlaug {options.group}", options.run, options)


def run(name: str, command: Callable[..., int | None], *args, **kwargs) -> int:
    """Call a command, with log lines on stderr; its exit code.

    Returns:
        What the command returns, 0 for None; 1 after a `UserError` or a file's trouble, which is one line on stderr
        that begins with the name of the command.
    """
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(filename)s:%(lineno)d %(levelname)s %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
    )
    try:
        return command(*args, **kwargs) or 0
    except UserError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        print(f"{name}: error: {place}{error.strerror or error}", file=sys.stderr)
    return 1
