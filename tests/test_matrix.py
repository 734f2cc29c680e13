"""Matrices of training and test corpora in the report."""

import shutil
from pathlib import Path

import pytest
from made_predictions import random_predictions, write_made_score
from made_reports import part, row

from mtlaug import report


def test_a_matrix_has_a_column_a_pair(text):
    matrix = part(text, "across corpora")
    assert "| model | a → b | a+b → c |" in matrix
    assert float(row(matrix, "mtlaug")[1].split()[0]) > float(row(matrix, "stl")[1].split()[0])
    assert float(row(matrix, "mtlaug - stl")[1].split()[0]) > 0
    assert "chance 25.0" in matrix


@pytest.mark.parametrize(
    ("test", "heard"),
    [
        ("b", "no part in training or selection."),
        ("b (5-shot)", "selection, but for the labelled shots."),
        ("b (2-fold)", "selection, but for the speech of its other folds' speakers, without labels, in models with"),
    ],
)
def test_what_is_heard_of_a_test_corpus_is_said(tmp_path, test, heard):
    where = {"protocol_name": "cross", "protocol": "c" * 64, "set": "b", "pair": {"train": "a", "test": test}}
    write_made_score(tmp_path / "exp", "stl", random_predictions(0.4), "score_cross_a_to_b", **where)
    report.write(tmp_path / "exp", tmp_path / "RESULTS.md")
    assert heard in part((tmp_path / "RESULTS.md").read_text(), "across corpora")


def test_normalisations_stand_side_by_side(exp_dir: Path, tmp_path):
    exp = shutil.copytree(exp_dir, tmp_path / "exp")
    skills = {"stl": 0.4, "mtlaug": 0.7, "stl_aug": 0.6, "mtl_meta": 0.5, "mtlaug_unlabelled": 0.8}
    for model, skill in skills.items():
        where = {"protocol_name": "cross", "protocol": "c" * 64, "set": "b", "normalisation": "speaker"}
        where |= {"condition": "cross_a_to_b", "pair": {"train": "a", "test": "b"}}
        cell = random_predictions(skill, draw=5)
        write_made_score(exp, f"{model}_speaker", cell, "score_cross_a_to_b", **where)
    report.write(exp, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text()
    overview = part(text, "normalisations across corpora: protocol cross")
    speaker = part(text, "across corpora: protocol cross, normalisation speaker")
    assert "not ranked with the others" in overview
    usual = part(text, "across corpora: protocol cross, normalisation global")
    assert row(overview, "stl", "global")[2:4] == ["1", row(usual, "stl")[1].split()[0]]
    assert row(overview, "stl", "speaker")[2:] == ["1", row(speaker, "stl_speaker")[1].split()[0], "-"]
    # Five models, so that only differences from the references are shown, whatever ends their names.
    assert "| mtlaug_speaker - mtl_meta_speaker |" in speaker
    assert "| mtlaug_unlabelled_speaker - mtlaug_speaker |" in speaker
