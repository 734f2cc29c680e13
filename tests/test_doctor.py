"""What the doctor finds, and what it says about broken machines."""

import importlib.metadata
import shutil

import pytest

from mtlaug import doctor
from mtlaug.cli import main


def test_a_fit_machine_has_nothing_to_mend(capsys):
    if not shutil.which("sox"):
        pytest.skip("there is no sox program on this machine")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for name in ("python", "torch ", "torchaudio", "packages", "sox", "disk", "Slurm", "SGE"):
        assert f"ok {name}" in said
    assert "!!" not in said


def test_a_package_of_another_version_is_named_with_the_mend(monkeypatch, capsys):
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "9.9" if name == "lhotse" else version(name))
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "!! packages   lhotse 9.9, not " in said
    assert "-> run tools/install.sh" in said


def test_a_missing_sox_is_named_with_the_mend(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = {finding.name: finding for finding in doctor.examine()}
    assert "apt-get install sox" in found["sox"].mend
    assert found["Slurm"].state == "not on this machine"


def test_a_library_that_cannot_be_imported_is_said_to_be_so():
    found = doctor._library("torchaudio", "raise OSError('libcudart.so.13: no such file')", "mend it")
    assert found.mend == "mend it"
    assert "libcudart.so.13" in found.state


@pytest.mark.parametrize(
    ("marker", "holds"),
    [('python_version >= "3.9"', True), ('python_version < "3.9"', False), ('extra == "test"', False)],
)
def test_markers_of_the_pins(marker, holds):
    assert doctor._holds(marker) is holds
