"""tools/install.sh, env.sh and mend_torchaudio.py, with an interpreter and a pip that only play their parts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Plays both the machine's Python and the environment's own: answers install.sh's questions and
# notes every call of pip, instead of installing anything. Names in $FAKE make it misbehave.
FAKE_PYTHON = r"""#!/usr/bin/env bash
case $* in
  *_base_executable*) echo "$0" ;;
  *'version_info[:2]'*) echo "${FAKE_VERSION:-3.11}" ;;
  *'version_info <'*) [ "${FAKE_VERSION:-3.11}" != 3.9 ] ;;
  *ensurepip*) [[ ${FAKE:-} != *no_venv* ]] ;;
  *m.version*) echo 2.13.0 ;;
  *'-m venv --clear'*)
    rm -rf "${@: -1}"; mkdir -p "${@: -1}/bin"; cp "$0" "${@: -1}/bin/python"
    printf '#!%s/bin/python\n' "${@: -1}" > "${@: -1}/bin/pip"
    echo venv >> "$FAKE_LOG" ;;
  *'-m pip install'*)
    echo "pip ${*: -1}" >> "$FAKE_LOG"
    if [[ ${FAKE:-} == *slow* ]]; then sleep 0.3; fi
    if [[ ${FAKE:-} == *fails* ]]; then exit 1; fi
    if [[ ${FAKE:-} == *killed* ]]; then kill -KILL $PPID; fi ;;
esac
"""


class Tree:
    """A copy of what install.sh needs, in a directory with a space in its name."""

    def __init__(self, top: Path):
        self.root = top / "my project"
        self.venv = self.root / "tools" / "venv"
        (self.root / "tools").mkdir(parents=True)
        for name in ("install.sh", "env.sh", "mend_torchaudio.py", "requirements.txt", "requirements-test.txt"):
            shutil.copy(ROOT / "tools" / name, self.root / "tools" / name)
        shutil.copy(ROOT / "setup.py", self.root)
        (self.root / "egs" / "x").mkdir(parents=True)
        shutil.copy(ROOT / "egs" / "mini" / "path.sh", self.root / "egs" / "x")
        self.log = top / "calls"
        programs = top / "programs"
        programs.mkdir()
        for name in ("python3", "sox"):
            (programs / name).write_text(FAKE_PYTHON)
            (programs / name).chmod(0o755)
        self.env = {**os.environ, "PATH": f"{programs}:/usr/bin:/bin", "FAKE_LOG": str(self.log), "FAKE": ""}
        self.env.pop("PYTHON", None)

    def command(self, *command: str, **env: str):
        """Arguments for subprocess to run ``command`` in the tree."""
        return {
            "args": command,
            "cwd": self.root,
            "env": self.env | env,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        }

    def install(self, *options: str, **env: str) -> subprocess.CompletedProcess:
        return subprocess.run(**self.command("tools/install.sh", *options, **env), timeout=60, check=False)

    def calls(self) -> list[str]:
        """What was asked of the fake Python since the last look."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_help_and_a_wrong_option(tree):
    result = tree.install("--help")
    assert result.returncode == 0 and "e.g.:" in result.stdout
    result = tree.install("--tset")
    assert result.returncode == 1 and "unknown option: --tset" in result.stderr
    assert tree.calls() == []


def test_torch_comes_first_and_a_second_run_does_nothing(tree):
    result = tree.install()
    assert result.returncode == 0, result.stderr
    calls = tree.calls()
    assert calls[:2] == ["venv", "pip torch==2.13.0"] and calls[-1] == f"pip {tree.root}"
    assert not any("requirements-test.txt" in call for call in calls)
    result = tree.install("--quiet")
    assert (result.returncode, result.stdout, result.stderr, tree.calls()) == (0, "", "", [])


def test_what_the_tests_need_is_added_to_the_same_environment(tree):
    tree.install()
    tree.calls()
    assert tree.install("--test").returncode == 0
    calls = tree.calls()
    assert "venv" not in calls and any(call.endswith("requirements-test.txt") for call in calls)
    assert tree.install().returncode == tree.install("--test").returncode == 0
    assert tree.calls() == []


def test_a_changed_pin_completes_the_environment(tree):
    tree.install()
    tree.calls()
    with open(tree.root / "tools" / "requirements.txt", "a") as out:
        out.write("another==1.0\n")
    assert tree.install().returncode == 0
    calls = tree.calls()
    assert calls and "venv" not in calls


def test_a_killed_installation_is_made_anew(tree):
    assert tree.install(FAKE="killed").returncode != 0
    assert tree.calls() == ["venv", "pip torch==2.13.0"]
    assert tree.install().returncode == 0
    assert tree.calls()[0] == "venv"


def test_after_a_failure_of_pip_the_next_run_goes_on(tree):
    result = tree.install(FAKE="fails")
    assert result.returncode == 1 and "pip failed" in result.stderr
    assert tree.calls() == ["venv", "pip torch==2.13.0"]
    assert tree.install().returncode == 0
    calls = tree.calls()
    assert calls and "venv" not in calls


def test_two_at_once_install_once(tree):
    if shutil.which("flock") is None:
        pytest.skip("flock is not on this machine")
    both = [subprocess.Popen(**tree.command("tools/install.sh", FAKE="slow")) for _ in range(2)]
    assert [process.communicate(timeout=60) and process.returncode for process in both] == [0, 0]
    assert tree.calls().count("venv") == 1


def test_a_moved_tree_gets_a_new_environment(tree, tmp_path):
    tree.install()
    tree.calls()
    tree.root.rename(tmp_path / "elsewhere")
    tree.root = tmp_path / "elsewhere"
    assert tree.install().returncode == 0
    assert tree.calls()[0] == "venv"


def test_another_python_gets_a_new_environment(tree, tmp_path):
    tree.install()
    tree.calls()
    other = tmp_path / "python3.12"
    other.write_text(FAKE_PYTHON.replace(":-3.11", ":-3.12"))
    other.chmod(0o755)
    assert tree.install(PYTHON=str(other)).returncode == 0
    assert tree.calls()[0] == "venv"
    # Without PYTHON what is there is kept.
    assert tree.install().returncode == 0 and tree.calls() == []


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"FAKE_VERSION": "3.9"}, "3.10 or newer is needed"),
        ({"FAKE": "no_venv"}, "apt-get install python3-venv"),
        ({"PYTHON": "python3.99"}, "cannot run python3.99"),
    ],
)
def test_an_unfit_python_is_named(tree, env, message):
    result = tree.install(**env)
    assert result.returncode == 1 and message in result.stderr
    assert tree.calls() == [] and not tree.venv.exists()


def test_without_sox_it_says_how_to_get_it(tree, tmp_path):
    tree.install()
    programs = tmp_path / "few programs"
    programs.mkdir()
    for name in ("bash", "cat", "dirname", "cksum", "id"):
        (programs / name).symlink_to(shutil.which(name))
    result = tree.install(PATH=str(programs))
    assert result.returncode == 0 and "WARNING: the sox program is missing" in result.stderr
    assert "brew install sox" in result.stderr


def test_path_sh_sets_the_environment(tree):
    script = """set -euo pipefail
. "egs/x/path.sh"; . "egs/x/path.sh"
printf '%s\n' "$LC_ALL" "$PYTHONUNBUFFERED" "$PYTHONIOENCODING" "$MTLAUG_ROOT" "$(command -v python)" "$PATH"
"""
    result = subprocess.run(**tree.command("bash", "-c", script), timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[:5] == ["C", "1", "UTF-8", str(tree.root), str(tree.venv / "bin" / "python")]
    assert lines[5].count(str(tree.venv)) == 1


def test_path_sh_stops_the_recipe_when_the_installation_fails(tree):
    script = 'set -euo pipefail; . "egs/x/path.sh"; echo went on'
    result = subprocess.run(**tree.command("bash", "-c", script, FAKE="fails"), timeout=60, check=False)
    assert result.returncode != 0 and "went on" not in result.stdout


def fake_torchaudio(site: Path, code: str) -> Path:
    """A torchaudio whose import runs ``code``, beside a torch for the CPU; returns its native library."""
    site.mkdir()
    (site / "torch.py").write_text("__version__ = '2.13.0+cpu'\nclass version:\n    cuda = None\n")
    native = site / "torchaudio" / "lib" / "_torchaudio.so"
    native.parent.mkdir(parents=True)
    native.write_text("")
    (site / "torchaudio" / "__init__.py").write_text(code)
    return native


def mend(site: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "tools" / "mend_torchaudio.py")]
    env = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


NEEDS_NO_LIBRARY = """import pathlib
if list((pathlib.Path(__file__).parent / 'lib').glob('*.so')):
    raise OSError('libcudart.so.13: cannot open shared object file')
"""


def test_torchaudio_is_mended_once(tmp_path):
    site = tmp_path / "site packages"
    native = fake_torchaudio(site, NEEDS_NO_LIBRARY)
    result = mend(site)
    assert result.returncode == 0, result.stderr
    assert "CPU only" in result.stderr and "libcudart.so.13" in result.stderr
    assert not native.exists() and (native.parent / "unused" / native.name).exists()
    again = mend(site)
    assert (again.returncode, again.stderr) == (0, "")


def test_torchaudio_that_works_or_cannot_be_mended_is_left_alone(tmp_path):
    native = fake_torchaudio(tmp_path / "a", "")
    assert mend(tmp_path / "a").returncode == 0 and native.exists()
    native = fake_torchaudio(tmp_path / "b", "raise ImportError('broken otherwise')")
    result = mend(tmp_path / "b")
    assert result.returncode == 1 and "broken otherwise" in result.stderr and native.exists()


def test_setup_takes_the_pins_from_the_requirements():
    command = [sys.executable, "setup.py", "--version", "--license"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    import mtlaug

    assert result.stdout.split()[-2:] == [mtlaug.__version__, "Apache-2.0"]
