"""Every script of the project passes the linters: bash -n and shellcheck for shell, ruff for Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# tools/venv and what recipes make or download are not the project's own.
MADE = {"venv", "data", "exp", "corpus", "downloads", "build", "dist"}


def is_shell(path: Path) -> bool:
    """Whether ``path`` is a shell script, by its ending or, without one, by its first line."""
    if path.suffix:
        return path.suffix == ".sh"
    with open(path, "rb") as file:
        first = file.readline(80)
    return first.startswith(b"#!") and first.rstrip().endswith(b"sh")


def shell_scripts() -> list[str]:
    """All shell scripts of the project, relative to its root."""
    found = []
    for folder, folders, names in os.walk(ROOT):  # does not follow the recipes' links to steps and utils
        folders[:] = [name for name in folders if name not in MADE and (name == ".ci" or not name.startswith("."))]
        paths = [Path(folder, name) for name in names]
        found += [str(path.relative_to(ROOT)) for path in paths if not path.is_symlink() and is_shell(path)]
    return sorted(found)


def is_sourced(text: str) -> bool:
    """Whether a script says in its first lines that it is to be sourced: the shell's options are then its caller's."""
    return "sourced" in "".join(text.splitlines(keepends=True)[:3]).lower()


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def tool(name: str) -> str:
    """The linter that tools/install.sh --test put beside this Python."""
    path = BIN / name
    if not path.exists():
        pytest.fail(f"{name} is missing; run tools/install.sh --test")
    return str(path)


def test_the_search_finds_scripts_with_and_without_an_ending():
    assert {"tools/install.sh", "tests/run.sh", "egs/mini/path.sh", ".ci/run"} <= set(shell_scripts())


def test_bash_parses_every_script():
    complaints = [run("bash", "-n", script).stderr for script in shell_scripts()]
    assert [complaint for complaint in complaints if complaint] == []


def test_shellcheck():
    result = run(tool("shellcheck"), *shell_scripts())
    assert result.returncode == 0, result.stdout + result.stderr


def test_scripts_stop_at_errors():
    texts = {script: (ROOT / script).read_text(encoding="utf-8") for script in shell_scripts()}
    lenient = [name for name, text in texts.items() if not is_sourced(text) and "\nset -euo pipefail\n" not in text]
    assert lenient == []


def test_ruff():
    result = run(tool("ruff"), "check", "--no-cache", ".")
    assert result.returncode == 0, result.stdout + result.stderr
