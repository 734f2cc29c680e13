"""The figures of others in the report."""

from pathlib import Path

import pytest
from made_reports import part, row

from mtlaug import report
from mtlaug.files import UserError

ANCHOR = """
- {system: "eGeMAPS, linear SVM", uar: 76.1, source: "a paper", protocol_name: made, protocol: "01234567",
   condition: within, normalisation: global}
- {system: other, uar: 50, source: "a paper", protocol_name: made, protocol: "01234567", condition: within,
   normalisation: speaker}
- {system: of a part, uar: 50, source: "a paper", protocol_name: made, protocol: "abcdefab", condition: within,
   normalisation: global}
"""


def test_figures_of_others_stand_beside_ours(exp_dir: Path, tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "anchors.yaml").write_text(ANCHOR)
    report.write(exp_dir, tmp_path / "with.md")
    within = part((tmp_path / "with.md").read_text(), "within")
    assert row(within, "eGeMAPS, linear SVM")[1:] == ["within", "76.1", "a paper"]
    assert "| other |" not in within  # of another normalisation
    assert "| of a part |" not in within  # of other utterances
    names = "other (made, within, speaker); of a part (made, within, global)"
    left_out = f"in settings that are not scored here, left out: {names}."
    assert left_out in (tmp_path / "with.md").read_text()
    assert "not made or compared here" in within


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- {system: x, uar: 5}", "lacks a key"),
        ("- {sytem: x}", "unknown key 'sytem'; did you mean 'system'"),
        ("system: x", "expected a list"),
        (ANCHOR.replace("01234567", "0123456"), "entry 1: protocol '0123456' needs 8 digits"),
        (
            "- {system: x, uar: high, source: y, protocol_name: m, protocol: p, condition: c, normalisation: n}",
            "expected float",
        ),
    ],
)
def test_broken_figures_of_others_are_refused(exp_dir: Path, tmp_path, content, message):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "anchors.yaml").write_text(content)
    with pytest.raises(UserError, match=message):
        report.write(exp_dir, tmp_path / "RESULTS.md")
