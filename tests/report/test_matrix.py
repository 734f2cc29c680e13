"""Matrices of training and test corpora in the report."""

import shutil
from pathlib import Path

import pytest
from made_predictions import random_predictions, write_made_score
from made_reports import part, row

from mtlaug import report
from mtlaug.files import UserError, read_json
from mtlaug.scoring.comparison import compare_predictions, p_value
from mtlaug.scoring.predictions import read_predictions
from mtlaug.scoring.scores import percent, points


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


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("mtlaug_speaker", "mtlaug"),
        ("mtlaug_speaker_ensemble_aligned", "mtlaug_ensemble_aligned"),
        ("mtl_speaker_speaker", "mtl_speaker"),
        ("mtlaug_speakers", "mtlaug_speakers"),
    ],
)
def test_a_model_has_one_name_with_every_normalisation(tmp_path, name, plain):
    for model, normalisation in ((name, "speaker"), ("other", "global")):
        where = {"protocol_name": "cross", "protocol": "c" * 64, "set": "b", "normalisation": normalisation}
        where |= {"condition": "cross_a_to_b", "pair": {"train": "a", "test": "b"}}
        write_made_score(tmp_path / "exp", model, random_predictions(0.4), "score_cross_a_to_b", **where)
    report.write(tmp_path / "exp", tmp_path / "RESULTS.md")
    overview = part((tmp_path / "RESULTS.md").read_text(), "normalisations across corpora")
    assert row(overview, plain, "speaker")


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


MATRIX_CELLS = {("mtlaug", "a", "b"): 0.8, ("mtlaug", "a+b", "c"): 0.7, ("stl", "a", "b"): 0.5, ("stl", "d", "b"): 0.4}


SEEDS = {"mtlaug": (1, 2), "stl": (2,)}


def write_cells(exp: Path) -> dict[tuple[str, str, str], Path]:
    """Cells of unlike sizes whose UAR is not their WA; each model lacks one that the other has."""
    cells = {}
    for (model, train, test), skill in MATRIX_CELLS.items():
        made = random_predictions(skill, draw=len(cells), speakers={"b": 6, "c": 4}[test], seeds=SEEDS[model])
        rare = (made.reference > 0) | (made.utts <= f"{made.speakers[0]}-999")  # the first class of one speaker alone
        where = {"condition": f"cross_{train}_to_{test}", "protocol_name": "cross", "protocol": "c" * 64, "set": test}
        where["pair"] = {"train": train, "test": test}
        cells[model, train, test] = write_made_score(
            exp, model, made.take(rare), f"score_{where['condition']}", **where
        )
    return cells


def test_cells_and_differences_are_those_of_the_scores(tmp_path):
    cells = write_cells(tmp_path / "exp")
    report.write(tmp_path / "exp", tmp_path / "RESULTS.md")
    matrix = part((tmp_path / "RESULTS.md").read_text(), "across corpora")
    assert "| model | a → b | a+b → c | d → b |" in matrix
    results = {cell: read_json(directory / "results.json") for cell, directory in cells.items()}
    assert all(round(r["uar"], 3) != round(r["wa"], 3) for r in results.values())
    told = {cell: f"{percent(r['uar'])} [ {', '.join(map(percent, r['ci95']['uar']))} ]" for cell, r in results.items()}
    first = [line for line in matrix.splitlines() if line.startswith(("| mtlaug |", "| stl |"))]
    assert first == [
        f"| mtlaug | {told['mtlaug', 'a', 'b']} | {told['mtlaug', 'a+b', 'c']} | - |",
        f"| stl | {told['stl', 'a', 'b']} | - | {told['stl', 'd', 'b']} |",
    ]
    both = [read_predictions(cells[model, "a", "b"] / "predictions.tsv") for model in ("mtlaug", "stl")]
    c = compare_predictions(*both, ("mtlaug", "stl"))
    assert c["difference"] == pytest.approx(results["mtlaug", "a", "b"]["uar"] - results["stl", "a", "b"]["uar"])
    low, high = map(percent, c["ci95"])
    assert f"| mtlaug - stl | {points(c['difference'])} [ {low}, {high} ] p {p_value(c['p'])} | - | - |" in matrix
    (b,) = {results[cell]["n"] for cell in results if cell[2] == "b"}
    assert f"tested: b {b} utterances, 6 speakers; c {results['mtlaug', 'a+b', 'c']['n']} utterances, 4" in matrix
    assert "seeds 1 2 (mtlaug), 2 (stl)" in matrix


def test_two_scores_of_one_cell_are_refused(tmp_path):
    exp = tmp_path / "exp"
    again = write_cells(exp)["stl", "a", "b"]
    shutil.copytree(again, exp / "stl" / "score_again")
    with pytest.raises(UserError, match=r"score_again and .*score_cross_a_to_b are both of a → b; remove"):
        report.write(exp, tmp_path / "RESULTS.md")


def test_protocols_of_one_name_are_apart(tmp_path):
    cells = write_cells(tmp_path / "exp")
    made = read_predictions(cells["stl", "a", "b"] / "predictions.tsv")
    for letter, normalisation in (
        ("d", "speaker"),
        ("c", "utterance"),
    ):  # the first one's cells are of another protocol
        where = {"protocol_name": "cross", "protocol": letter * 64, "set": "b", "normalisation": normalisation}
        where |= {"condition": "cross_a_to_b", "pair": {"train": "a", "test": "b"}}
        write_made_score(tmp_path / "exp", f"wide_{normalisation}", made, "score_cross_a_to_b", **where)
    report.write(tmp_path / "exp", tmp_path / "RESULTS.md")
    overview = part((tmp_path / "RESULTS.md").read_text(), "normalisations across corpora")
    told = [line.strip("| ").split(" | ")[:4] for line in overview.splitlines() if "global" in line or "wide" in line]
    uars = {cell: percent(read_json(directory / "results.json")["uar"]) for cell, directory in cells.items()}
    assert told == [
        ["wide", "utterance", "1", uars["stl", "a", "b"]],
        ["mtlaug", "global", "2", uars["mtlaug", "a", "b"]],
        ["stl", "global", "1", uars["stl", "a", "b"]],
    ]
