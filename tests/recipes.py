"""Recipes in a directory of the test's own: they write data/ and exp/ beside their run.sh."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE = ("data", "exp", "corpus", "downloads", "RESULTS.md", "__pycache__")


def copy(name: str, folder: Path) -> Path:
    """Copy ``egs/<name>``, without what it has made, to ``folder``/a project; returns the copy.

    The recipe's links and path.sh lead through ``a project``/tools to the real tools.
    """
    project = folder / "a project"
    recipe = project / "egs" / name
    shutil.copytree(ROOT / "egs" / name, recipe, symlinks=True, ignore=shutil.ignore_patterns(*MADE))
    if not (project / "tools").exists():
        (project / "tools").symlink_to(ROOT / "tools")
    return recipe


def run(recipe: Path, *arguments: object, path: Path | None = None, timeout: float = 300) -> subprocess.CompletedProcess:
    """Run ``./run.sh`` with ``arguments``; programs in the folder ``path`` stand in for the system's."""
    return call(recipe, "./run.sh", *arguments, path=path, timeout=timeout)


def call(
    recipe: Path, *command: object, path: Path | None = None, timeout: float = 300
) -> subprocess.CompletedProcess:
    """Run a command in the recipe's directory, with the environment of its path.sh."""
    words = ["bash", "-c", '. ./path.sh && PATH=${0:+$0:}$PATH && "$@"', path or "", *command]
    # A tests' run in another environment must not lend its own to the recipe.
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHON")}
    return subprocess.run(
        list(map(str, words)), cwd=recipe, env=environment, capture_output=True, text=True, timeout=timeout, check=False
    )


def failed(result: subprocess.CompletedProcess, *named: str) -> bool:
    """Whether a run failed with a message that has all of ``named``, and without a traceback."""
    said = result.stdout + result.stderr
    assert result.returncode not in (0, 2), said
    assert "Traceback" not in said, said
    assert [text for text in named if text not in said] == [], said
    return True
