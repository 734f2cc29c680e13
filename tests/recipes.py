"""Recipes in a directory of the test's own: they write data/ and exp/ beside their run.sh."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTIAL = ("--allow-partial", "true")
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


def environment(path: Path | None = None) -> dict[str, str]:
    """The variables to run a recipe with; programs in the folder ``path`` stand in for the system's."""
    # The environment that the tests run in must not lend its own to the recipe.
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHON")}
    return variables | ({"PATH": f"{path}{os.pathsep}{variables['PATH']}"} if path else {})


def run(recipe: Path, *arguments: object, path: Path | None = None) -> subprocess.CompletedProcess:
    """Run ``./run.sh`` with ``arguments``; see `environment` for ``path``."""
    return _completed(recipe, ["./run.sh", *arguments], path)


def call(recipe: Path, *command: object, path: Path | None = None) -> subprocess.CompletedProcess:
    """Run a command in the recipe's directory, as run.sh does after it has sourced path.sh."""
    return _completed(recipe, ["bash", "-c", '. ./path.sh && exec "$@"', "bash", *command], path)


def _completed(recipe: Path, command: list, path: Path | None) -> subprocess.CompletedProcess:
    words = list(map(str, command))
    return subprocess.run(
        words, cwd=recipe, env=environment(path), capture_output=True, text=True, timeout=1800, check=False
    )


def prepare(recipe: Path, corpus: Path, *arguments: object) -> subprocess.CompletedProcess:
    """Stage 1 on a made-up corpus, of which only a part of the known files is there."""
    return run(recipe, "--stop-stage", 1, "--corpus-dir", corpus, *PARTIAL, *arguments)


def succeeded(result: subprocess.CompletedProcess, *said: str) -> bool:
    """Whether a run ended with code 0 and printed all of ``said``."""
    text = result.stdout + result.stderr
    assert result.returncode == 0, text
    assert [part for part in said if part not in text] == [], text
    return True


def failed(result: subprocess.CompletedProcess, *named: str) -> bool:
    """Whether a run failed with a message that has all of ``named``, and without a traceback."""
    said = result.stdout + result.stderr
    assert result.returncode not in (0, 2), said
    assert "Traceback" not in said, said
    assert [text for text in named if text not in said] == [], said
    return True
