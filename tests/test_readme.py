"""The README says what the project does: its commands exist, its table is the generated one."""

import re
import shlex

import pytest

from mtlaug import reference


@pytest.fixture
def readme(project_root):
    return (project_root / "README.md").read_text(encoding="utf-8")


def test_the_two_commands_are_there(readme, project_root):
    block = re.search(r"## Two commands.*?```sh\n(.*?)```", readme, re.DOTALL)[1]
    commands = [shlex.split(line, comments=True)[0] for line in block.splitlines()]
    assert commands == ["egs/mini/run.sh", "tests/run.sh"]
    assert all((project_root / command).stat().st_mode & 0o111 for command in commands)
    assert "./tests/run.sh" in (project_root / ".ci/run").read_text()


def test_the_table_is_that_of_the_generated_results_without_ablations(readme, project_root):
    table = re.search(r"<!-- table of egs/emodb/RESULTS.md -->\n(.*?)<!-- end of table -->", readme, re.DOTALL)[1]
    results = (project_root / "egs/emodb/RESULTS.md").read_text(encoding="utf-8")
    ablations = {path.stem for path in (project_root / "tools/conf/ablation").glob("*.yaml")}
    first = re.search(r"^\| model \|.*?\n\n", results, re.DOTALL | re.MULTILINE)[0]
    expected = [line for line in first.split("\n") if line and line.split(" | ")[0].strip("| ") not in ablations]
    assert table.splitlines() == expected


def test_the_reference_of_the_configuration_is_the_generated_one(project_root):
    assert (project_root / "tools/conf/README.md").read_text(encoding="utf-8") == reference.write()


@pytest.mark.parametrize("pattern", [r"`((?:mtlaug|tools|egs|tests)/[\w./-]*\w)`", r"\]\(([\w./-]+)\)"])
def test_files_it_names_are_there(readme, project_root, pattern):
    names = re.findall(pattern, readme)
    assert names
    for name in names:
        assert (project_root / name).exists(), name
