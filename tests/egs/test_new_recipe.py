"""utils/new_recipe.sh: what it makes runs as it stands, without genders, and passes the linters."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import recipes

from mtlaug import datadir
from mtlaug.files import read_json

TINY = "optim_args.epochs=1 model_args.channels=4 model_args.hidden=8"
SPEAKERS = ("anna", "bert", "carl")


def new_recipe(folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    """Run new_recipe.sh for ``folder``/a project/egs."""
    project = folder / "a project"
    (project / "egs").mkdir(parents=True, exist_ok=True)
    if not (project / "tools").exists():
        (project / "tools").symlink_to(recipes.ROOT / "tools")
    script = recipes.ROOT / "tools/utils/new_recipe.sh"
    words = [str(word) for word in (script, "--egs-dir", project / "egs", *arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    assert recipes.succeeded(new_recipe(tmp_path, "my_corpus"), "local/prepare_data.py")
    return tmp_path / "a project/egs/my_corpus"


@pytest.fixture
def corpus(tmp_path: Path, make_wav) -> Path:
    """Three speakers, four emotions and one file of another name."""
    folder = tmp_path / "my files"
    for index, speaker in enumerate(SPEAKERS):
        for number, emotion in enumerate(("anger", "happy", "neutral", "sad")):
            make_wav(folder / f"{speaker}_{emotion}_1.wav", 0.3, seed=10 * index + number)
    return folder


def test_a_new_corpus_becomes_a_running_recipe(recipe, corpus, make_wav):
    make_wav(corpus / "notes.wav", 0.3, seed=99)
    arguments = ("--corpus-dir", corpus, "--nj", 1, "--max-loss", 10)
    assert recipes.failed(recipes.run(recipe, "--stop-stage", 1), "--corpus-dir '': no such directory")
    settings = ("--train-config", "conf/stl.yaml", "--train-args", TINY)
    result = recipes.run(recipe, *arguments, "--stop-stage", 5, *settings)
    assert recipes.succeeded(result, "12 utterances of 3 speakers, 1 files left out", "3 folds, 4 classes", "%UAR")
    assert recipes.succeeded(recipes.run(recipe, "--stage", 8))
    assert "# my_corpus" in (recipe / "RESULTS.md").read_text()
    assert list(datadir.read_dropped(recipe / "data/my_corpus")) == ["notes"]
    for option in ("--folds", 3), ("--label-map", "conf/other.yaml"):
        assert recipes.failed(recipes.run(recipe, "--stage", 4, *option), "stage 1 was run with", "run it again first")
    # Other options, on the same recipe: groups of speakers, and a label map that leaves a class out.
    (recipe / "conf/two.yaml").write_text("classes: [angry, sad]\nmap: {anger: angry, sad: sad}\n")
    fewer = (*arguments, "--stop-stage", 1, "--folds", 3, "--label-map", "conf/two.yaml")
    assert recipes.succeeded(recipes.run(recipe, *fewer))
    protocol = read_json(recipe / "data/my_corpus/protocol.json")
    assert (protocol["scheme"], protocol["dropped"]) == ("speakers", {"happy": 3, "neutral": 3})


def test_genders_and_names_are_edited_in_one_script(recipe, corpus):
    script = recipe / "local/prepare_data.py"
    text = script.read_text()
    assert len(text.splitlines()) <= 42
    script.write_text(text.replace("GENDERS = {}", 'GENDERS = {"anna": "f", "bert": "m"}'))
    assert recipes.failed(recipes.run(recipe, "--corpus-dir", corpus, "--stop-stage", 1), "spk2gender", "carl")
    shutil.copy(corpus / "anna_sad_1.wav", corpus / "anna_sad_1 2.wav")
    shutil.copy(corpus / "anna_sad_1.wav", corpus / "anna_sad_1_2.wav")
    clash = recipes.run(recipe, "--corpus-dir", corpus, "--stop-stage", 1)
    assert recipes.failed(clash, "would both be utterance anna-anna_sad_1_2; rename one of them")
    script.write_text(text.replace("[^_]+)_.+", "[^_]+)_x_.+"))
    assert recipes.failed(recipes.run(recipe, "--corpus-dir", corpus, "--stop-stage", 1), "mend NAME")


def test_what_an_earlier_preparation_left_is_said_as_a_log_line(recipe, corpus):
    (recipe / "data/my_corpus").mkdir(parents=True)
    (recipe / "data/my_corpus/text").write_text("anna-old some words\n")
    result = recipes.run(recipe, "--corpus-dir", corpus, "--stop-stage", 1)
    assert recipes.succeeded(result, " tables.py:", " WARNING data/my_corpus/text is of an earlier preparation")


def test_a_table_takes_the_place_of_the_script(recipe, corpus):
    rows = [f"{path.name},{path.name.split('_')[0]},{path.name.split('_')[1]}" for path in corpus.glob("*.wav")]
    (corpus / "labels.csv").write_text("\n".join(["path,speaker,emotion", *rows]))
    run = recipe / "run.sh"
    call = 'local/prepare_data.py "$corpus_dir" "$data"'
    assert call in run.read_text()
    run.write_text(run.read_text().replace(call, 'mtlaug datadir from-table "$corpus_dir/labels.csv" "$data"'))
    result = recipes.run(recipe, "--corpus-dir", corpus, "--stop-stage", 1)
    assert recipes.succeeded(result, "12 utterances of 3 speakers", "3 folds, 4 classes, 12 utterances")


def test_what_it_makes_is_whole_and_clean(recipe):
    texts = {path: path.read_text() for path in recipe.rglob("*") if path.is_file() and not path.is_symlink()}
    assert {"run.sh", "cmd.sh", "path.sh", "README.md", "labels.yaml", "prepare_data.py"} == {p.name for p in texts}
    assert not [path for path, text in texts.items() if "@NAME@" in text]
    links = [path for path in recipe.rglob("*") if path.is_symlink()]
    assert {"steps", "utils", "mtlaug.yaml", "stl.yaml"} <= {path.name for path in links}
    assert all(path.exists() and not os.path.isabs(os.readlink(path)) for path in links)
    assert all((recipe / name).stat().st_mode & 0o111 == 0o111 for name in ("run.sh", "local/prepare_data.py"))
    assert recipe.stat().st_mode & 0o777 == 0o755
    tools = Path(sys.executable).parent
    for command in (["shellcheck", "run.sh"], ["ruff", "check", "--no-cache", "local"]):
        options = ["--config", str(recipes.ROOT / ".ruff.toml")] if command[0] == "ruff" else ["-x", "-P", "SCRIPTDIR"]
        words = [str(tools / command[0]), *command[1:], *options]
        result = subprocess.run(words, cwd=recipe, capture_output=True, text=True, timeout=120, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", ["Mine", "my corpus", "../mine", "9", "", "a/b", "-x"])
def test_a_bad_name_is_refused(tmp_path, name):
    assert recipes.failed(new_recipe(tmp_path, name), f"NAME '{name}'")
    assert list((tmp_path / "a project/egs").iterdir()) == []


def test_a_recipe_that_is_there_stays(recipe, tmp_path):
    (recipe / "README.md").write_text("mine")
    assert recipes.failed(new_recipe(tmp_path, "my_corpus"), "is there already")
    assert (recipe / "README.md").read_text() == "mine"
    assert [path.name for path in recipe.parent.iterdir()] == ["my_corpus"]


def test_the_folder_of_recipes_needs_the_tools(tmp_path):
    script = str(recipes.ROOT / "tools/utils/new_recipe.sh")
    for words, said in (([script, "--egs-dir", str(tmp_path), "x"], "has no tools/"), ([script, "--egs-dir"], "needs")):
        result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert recipes.failed(result, said)
