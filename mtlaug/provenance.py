"""How a model and its results came to be: versions, commit, and the command that makes them again."""

import importlib.metadata
import platform
import shlex
import subprocess
from pathlib import Path

import mtlaug

ROOT = Path(__file__).resolve().parent.parent
CODE = ("mtlaug", "tools", "egs/*/run.sh", "egs/*/local/*")  # what a run writes, such as RESULTS.md, is no change of it
TESTING = ("snrs", "attack-args")  # options of a recipe that choose what a trained model is tested on


def versions() -> dict[str, str]:
    """Of Python and the packages that figures depend on, as installed; to import them would take seconds."""
    installed = {name: importlib.metadata.version(name) for name in ("torch", "torchaudio", "lhotse", "numpy")}
    return {"python": platform.python_version(), "mtlaug": mtlaug.__version__} | installed


def git_commit() -> str:
    """That of the toolkit, ``-dirty`` where `CODE` differs from it; ``unknown`` without git or a checkout."""
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", *CODE)
    return f"{commit}-dirty" if commit and changed else commit or "unknown"


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
    except OSError:  # a node of a grid may have no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def command_line(trained: str, seeds: tuple[int, ...], tested: str) -> str:
    """What a user types to train and test a model again.

    Args:
        trained: the recipe's command when the model was trained, empty where that is not known; what it says of
            tests was of those that came with the training.
        seeds: of the model, which may have come one by one.
        tested: the recipe's command that tests it; what it says of training may be less than was said then.
    """
    options, testing = _options(trained), _options(tested)
    if options is None or testing is None:
        return tested
    options = {name: value for name, value in options.items() if name not in TESTING}
    options |= {name: value for name, value in testing.items() if name in TESTING}
    options |= {"seeds": " ".join(map(str, seeds))} if len(seeds) > 1 or "seeds" in options else {}
    return " ".join(["./run.sh", *(f"--{name} {_quoted(value)}" for name, value in options.items())])


def overrides(command: str) -> list[str]:
    """Those of the configuration that a recipe's command gives, ``block.key=value`` each."""
    return (_options(command) or {}).get("train-args", "").split()


def _options(command: str) -> dict[str, str] | None:
    """Those of a recipe's command; None of what is no such command."""
    try:
        program, *words = shlex.split(command)
        options = {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}
    except ValueError:  # nothing, an open quote, or an option without a value
        return None
    return options if program == "./run.sh" else None


def _quoted(value: str) -> str:
    return value if shlex.quote(value) == value else '"' + value.replace('"', '\\"') + '"'
