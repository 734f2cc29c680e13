"""The scripts of tools/utils around data directories."""

import os
import subprocess
import sys

import pytest
from data_dirs import ids


@pytest.fixture
def utils(project_root, tmp_path, recipe_env):
    """Run a script of tools/utils from the directory of the data, as a recipe does."""
    shim = tmp_path / "bin" / "mtlaug"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mtlaug "$@"\n')
    shim.chmod(0o755)
    path = f"{shim.parent}{os.pathsep}{recipe_env['PATH']}"
    environment = {**recipe_env, "PATH": path, "PYTHONPATH": str(project_root)}
    (tmp_path / "my data" / "utils").symlink_to(project_root / "tools" / "utils")

    def call(script, *arguments):
        command = [f"utils/{script}", *map(str, arguments)]
        where = tmp_path / "my data"
        return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=60)

    return call


def test_scripts(data, utils):
    done = utils("validate_data_dir.sh", "--no-feats", "x")
    assert (done.returncode, done.stdout) == (0, "Successfully validated data-directory x\n"), done.stderr
    assert utils("validate_data_dir.sh", "x").returncode == 1
    (data / "wav.scp").write_text((data / "wav.scp").read_text().replace("c-1 ", "c-2 "))
    done = utils("fix_data_dir.sh", "x")
    assert done.stdout == "fix_data_dir: kept 5 of all 7 utterances\n"
    assert "fix_data_dir: removed c-1: not in wav.scp\n" in done.stderr
    assert utils("split_data.sh", "--per-utt", "x", 5).returncode == 0
    assert ids(data / "split5utt/5") == ["b-2"]
    assert utils("subset_data_dir.sh", "--first", "x", 2, "y z").returncode == 0
    assert ids(data.parent / "y z") == ["a-1", "a-2"]
    (data.parent / "speakers").write_text("b\n")
    assert utils("subset_data_dir.sh", "--spk-list", "speakers", "x", "b").returncode == 0
    done = utils("combine_data.sh", "all", "b", "y z")
    assert done.stdout == "combine_data: 4 utterances are in all\n"


@pytest.mark.parametrize("name", ["validate_data_dir", "fix_data_dir", "split_data", "subset_data_dir", "combine_data"])
def test_scripts_explain_themselves(data, utils, name):
    done = utils(f"{name}.sh", "--help")
    assert done.returncode == 0
    assert f"\nExample: utils/{name}.sh " in done.stdout
    done = utils(f"{name}.sh")
    assert done.returncode == 1
    assert "Usage:" in done.stderr


def test_script_errors_are_one_clear_line(data, utils):
    for call in (
        ("fix_data_dir.sh", "none"),
        ("split_data.sh", "x", 9),
        ("split_data.sh", "x", "two"),
        ("subset_data_dir.sh", "x", "y"),
        ("subset_data_dir.sh", "x", "two", "y"),
        ("combine_data.sh", "y"),
        ("validate_data_dir.sh", "--foo", "x"),
    ):
        done = utils(*call)
        assert done.returncode == 1, call
        assert "error:" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
