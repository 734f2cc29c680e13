"""Which files below a corpus's folder are its audio."""

import os
from pathlib import Path

import pytest

from mtlaug import datadir
from mtlaug.files import UserError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_linked_folders_are_entered_once_and_hidden_ones_never(tmp_path):
    corpus, other = tmp_path / "a corpus", tmp_path / "another disk"
    touch(corpus / "s1/a.wav", corpus / "s1/._a.wav", corpus / ".AppleDouble/a.wav", other / "b.flac")
    (corpus / "s2").symlink_to(other)
    (corpus / "s3").symlink_to(other)
    (other / "loop").symlink_to(corpus)
    (corpus / "c.wav").symlink_to(corpus / "s1/a.wav")
    found = datadir.find_audio(corpus, example="s1/a.wav")
    assert found == {"a": corpus / "s1/a.wav", "b": corpus / "s2/b.flac", "c": corpus / "c.wav"}


def test_a_name_that_is_not_utf_8_is_said(tmp_path):
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")))
    with pytest.raises(UserError, match=r"caf\\xe9\.wav': the name is not UTF-8; rename"):
        datadir.find_audio(tmp_path, example="a.wav")


def test_a_link_to_audio_that_is_not_there_is_said(tmp_path):
    (tmp_path / "x.wav").symlink_to("annex/x.wav")
    (tmp_path / "notes.txt").symlink_to("annex/notes.txt")
    with pytest.raises(UserError, match=r"x\.wav: the file that it links to is not there; fetch it"):
        datadir.files_below(tmp_path)
    (tmp_path / "x.wav").unlink()
    assert datadir.files_below(tmp_path) == []


def test_a_folder_that_may_not_be_read_is_said(tmp_path, monkeypatch):
    (tmp_path / "shut").mkdir()
    scandir = os.scandir

    def refused(folder):  # the tests' user may read everything
        if str(folder).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(UserError, match="shut: Permission denied; the files in it would be lost"):
        datadir.files_below(tmp_path)
