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
    (corpus / "broken.wav").symlink_to(tmp_path / "nothing")
    found = datadir.find_audio(corpus, example="s1/a.wav")
    assert found == {"a": corpus / "s1/a.wav", "b": corpus / "s2/b.flac", "c": corpus / "c.wav"}


def test_a_name_that_is_not_utf_8_is_said(tmp_path):
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")))
    with pytest.raises(UserError, match=r"caf\\xe9\.wav': the name is not UTF-8; rename"):
        datadir.find_audio(tmp_path, example="a.wav")
