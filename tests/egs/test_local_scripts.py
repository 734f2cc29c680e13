"""The command line of a recipe's local/prepare_data.py: what it hands on, and how it ends."""

import sys
from pathlib import Path

import pytest

from mtlaug.cli.local import prepare_data
from mtlaug.files import UserError


def ended(monkeypatch, prepare, *words: str, **kwargs: bool) -> int:
    """The exit code of a script with this ``prepare``, called with these words."""
    monkeypatch.setattr(sys, "argv", ["local/prepare_data.py", *words])
    with pytest.raises(SystemExit) as end:
        prepare_data(prepare, "Make data.\n\nMore of it.", **kwargs)
    return end.value.code


def test_folders_and_switches_are_handed_on(monkeypatch):
    calls = []
    assert ended(monkeypatch, lambda *args: calls.append(args), "a corpus", "data") == 0
    assert calls == [(Path("a corpus"), Path("data"))]
    switches = []
    for words in ((), ("--scripted", "false"), ("--allow_partial", "true")):
        assert ended(monkeypatch, lambda *_, **kw: switches.append(kw), *words, "corpus", "data", turns=True) == 0
    assert [(kw["scripted"], kw["allow_partial"]) for kw in switches] == [(True, False), (False, False), (True, True)]


def test_trouble_is_one_line_and_a_code(monkeypatch, capsys):
    def refuse(corpus, data):
        raise UserError(f"{corpus}: holds no speech")

    def find_no_place(corpus, data):
        raise PermissionError(13, "Permission denied", str(data))

    assert ended(monkeypatch, refuse, "corpus", "data") == 1
    assert capsys.readouterr().err == "prepare_data: error: corpus: holds no speech\n"
    assert ended(monkeypatch, find_no_place, "corpus", "data") == 1
    assert capsys.readouterr().err == "prepare_data: error: data: Permission denied\n"
    for words in (("corpus",), ("--scripted", "false", "corpus", "data")):
        assert ended(monkeypatch, refuse, *words) == 1
        assert "prepare_data: error: " in capsys.readouterr().err
