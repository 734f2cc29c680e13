"""egs/msp_improv on made-up trees in the layouts of the release: every oddity, and stages 1 to 5."""

import shutil
from pathlib import Path

import pytest
import recipes
import tiny_chain
from made_msp_improv import EXTRA, add_oddities, make_corpus, path_of
from recipes import PARTIAL, prepare

from mtlaug import datadir
from mtlaug.files import read_json, read_table


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """96 turns of six sessions without oddities; tests must not change it."""
    return make_corpus(tmp_path_factory.mktemp("whole") / "my MSP-IMPROV")


@pytest.fixture
def recipe(tmp_path):
    """A fresh copy of the recipe; its path has a space."""
    return recipes.copy("msp_improv", tmp_path)


@pytest.fixture
def corpus(whole, tmp_path):
    """A copy of `whole` that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "a corpus"))


def test_speakers_sessions_and_labels(recipe, whole):
    result = prepare(recipe, whole)
    assert recipes.succeeded(result, "96 utterances of 12 speakers in 6 sessions, 0 left out", "96 of 96 utterances")
    printed = [line.split() for line in result.stdout.splitlines()]
    assert ["angry", *["4"] * 6, "24", "792"] in printed and ["known", *["-"] * 6, "7798"] in printed
    assert ["S", *["4"] * 6, "24", "4381"] in printed
    data = recipe / "data/msp_improv"
    utterance = "F04-MSP-IMPROV-S20H-F04-P-FM01"
    emotions = datadir.read(data, "utt2emo")
    assert emotions[utterance] == "sad"  # what raters said, not the intended emotion H of the name
    assert datadir.read(data, "utt2avd")[utterance] == "2.8 3.2 3"
    assert datadir.read(data, "utt2spk")[utterance] == "F04"
    text = datadir.read(data, "text")
    assert (text[utterance], text["M04-MSP-IMPROV-S20H-M04-R-MF01"]) == (utterance, "sentence20")
    protocol = read_json(data / "protocol.json")
    assert [fold["test"] for fold in protocol["folds"]] == [[f"F0{number}", f"M0{number}"] for number in range(1, 7)]
    assert protocol["folds"][5]["dev"] == ["F01", "M01"] and protocol["folds"][5]["id"] == "session6"
    assert "6 of 6 folds, up to 2 a fold" in result.stderr


@pytest.mark.parametrize(
    ("labels", "audio"), [("Evaluation.txt", "Audio"), ("Human labels/Evalution.txt", "Audio"), ("Evaluation.txt", "")]
)
def test_layouts_of_copies(recipe, tmp_path, labels, audio):
    corpus = make_corpus(tmp_path / "a copy", sessions=(1, 2, 3), labels=labels, audio=audio)
    assert recipes.succeeded(prepare(recipe, corpus), "48 utterances of 6 speakers in 3 sessions, 0 left out")
    wavs = read_table(recipe / "data/msp_improv/wav.scp")
    assert wavs["M02-MSP-IMPROV-S01A-M02-T-MF01"] == str(path_of(corpus / audio, "S01A-M02-T-MF01"))


def test_every_oddity_is_read_or_listed(recipe, corpus):
    expected = add_oddities(corpus)
    result = prepare(recipe, corpus, "--max-loss", 10)
    assert recipes.succeeded(result, f"{96 + EXTRA} utterances of 12 speakers", "other labels: no_agreement 1, other 1")
    data = recipe / "data/msp_improv"
    dropped = datadir.read_dropped(data)
    assert dropped.keys() == expected.keys()
    for name, words in expected.items():
        assert words in dropped[name]
    ratings = datadir.read(data, "utt2avd")
    assert ratings["F01-MSP-IMPROV-S02N-F01-P-FM01"] == "nan nan nan"
    assert ratings["F01-MSP-IMPROV-S02N-F01-P-FM02"] == "2.5 nan 1.5"
    assert ratings["M01-MSP-IMPROV-S02N-M01-T-MF11"] == "nan nan nan"
    assert "3 lack a rating" in result.stdout
    protocol = read_json(data / "protocol.json")
    assert protocol["dropped"] == {"no_agreement": 1, "other": 1} and protocol["utterances"] == 98
    wavs = read_table(data / "wav.scp")
    assert len(set(wavs.values())) == len(wavs) == 96 + EXTRA


def test_own_words_alone(recipe, whole):
    result = prepare(recipe, whole, "--scripted", "false")
    assert recipes.succeeded(result, "48 utterances of 12 speakers", "48 of 48 utterances are good")
    assert "sentences (text)" not in result.stderr
    data = recipe / "data/msp_improv_improvised"
    assert {utterance.split("-")[5] for utterance in datadir.read(data, "utt2spk")} == {"P", "S"}
    assert len(datadir.read_dropped(data)) == 48 and read_json(data / "protocol.json")["name"] == data.name + "_4"


def test_half_copied_corpus(recipe, corpus):
    shutil.rmtree(corpus / "session3")
    result = recipes.run(recipe, "--stop-stage", 1, "--corpus-dir", corpus)
    assert recipes.failed(result, "in all 96 instead of 8438", *PARTIAL)  # of conditions, in the label file
    assert not (recipe / "data").exists()
    missing = "left out 16: by choice (--allow-partial true): labelled, but without"
    assert recipes.succeeded(prepare(recipe, corpus), "80 of 80 utterances are good", "80 instead of 7798", missing)
    (corpus / "Evalution.txt").rename(corpus / "labels.txt")
    assert recipes.failed(prepare(recipe, corpus), "holds no Evalution.txt or Evaluation.txt")


def test_two_label_files(recipe, corpus):
    shutil.copy(corpus / "Evalution.txt", corpus / "session1" / "Evaluation.txt")
    assert recipes.succeeded(prepare(recipe, corpus), "96 utterances")
    (corpus / "Evaluation.txt").write_text("another version\n")
    assert recipes.failed(prepare(recipe, corpus), "Evalution.txt", "label files with different contents; keep one")


def test_the_licence_and_the_folder(recipe, tmp_path):
    for arguments in ([], ["--stage", 1]):
        result = recipes.run(recipe, *arguments)
        assert recipes.failed(result, "https://www.lab-msp.com/MSP/MSP-Improv.html", "Evalution.txt (or Evalu")
    assert recipes.failed(recipes.run(recipe, "--corpus-dir", tmp_path / "no such"), "no such: no such directory")
    (tmp_path / "empty").mkdir()
    assert recipes.failed(
        prepare(recipe, tmp_path / "empty"),
        "holds no audio file (.wav",
        ".au); expected names such as session1/",
    )
    assert not (recipe / "data").exists()


def test_from_stage_1_to_the_scores(recipe, tmp_path):
    corpus = make_corpus(tmp_path / "three sessions", sessions=(1, 2, 3))
    add_oddities(corpus)
    assert recipes.succeeded(prepare(recipe, corpus, "--max-loss", 20))
    assert recipes.succeeded(tiny_chain.run(recipe), "Stage 5: scoring of mtlaug", "%UAR")
    folds = {path.name for path in (recipe / "exp/mtlaug").glob("fold_*")}
    assert folds == {"fold_session1", "fold_session2", "fold_session3"}
    assert len(read_table(recipe / "data/msp_improv/feats.scp")) == 48 + EXTRA
