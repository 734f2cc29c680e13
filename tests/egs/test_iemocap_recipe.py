"""egs/iemocap on made-up trees in the layout of the release: the speaker trap, every oddity, and stages 1 to 5."""

import shutil
from pathlib import Path

import pytest
import recipes
import tiny_chain
from made_iemocap import Dialogue, add_oddities, make_corpus, path_of
from recipes import PARTIAL, prepare

from mtlaug import datadir
from mtlaug.files import read_json, read_table


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """70 turns of five sessions without oddities; tests must not change it."""
    return make_corpus(tmp_path_factory.mktemp("whole") / "my IEMOCAP")


@pytest.fixture(scope="module")
def prepared(whole, tmp_path_factory):
    """The recipe after stage 1 of `whole`, and what it printed; tests must not change it."""
    recipe = recipes.copy("iemocap", tmp_path_factory.mktemp("prepared"))
    result = prepare(recipe, whole)
    assert recipes.succeeded(result)
    return recipe, result


@pytest.fixture
def recipe(tmp_path):
    """A fresh copy of the recipe; its path has a space."""
    return recipes.copy("iemocap", tmp_path)


@pytest.fixture
def corpus(whole, tmp_path):
    """A copy of `whole` that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "a corpus"))


def test_the_speaker_is_the_letter_of_the_last_part(prepared):
    data = prepared[0] / "data/iemocap"
    utt2spk = datadir.read(data, "utt2spk")
    for utterance, speaker in utt2spk.items():
        name = utterance.partition("-")[2]
        assert speaker == name[:5] + name.rpartition("_")[2][0]
    # Both wear the markers in turn, and both speak in every dialogue.
    assert utt2spk["Ses01M-Ses01F_impro01_M000"] == "Ses01M" and utt2spk["Ses01F-Ses01M_script01_1b_F001"] == "Ses01F"
    assert {name[-1] for name in utt2spk.values()} == {"F", "M"} and len(set(utt2spk.values())) == 10
    assert datadir.read(data, "spk2gender") == {f"Ses0{i}{g}": g.lower() for i in range(1, 6) for g in "FM"}
    folds = read_json(data / "protocol.json")["folds"]
    assert [fold["id"] for fold in folds] == [f"session{number}" for number in range(1, 6)]
    for number, fold in enumerate(folds, 1):  # with the man counted as the woman, a voice would be on both sides
        assert fold["test"] == [f"Ses0{number}F", f"Ses0{number}M"]
        assert fold["dev"] == [f"Ses0{number % 5 + 1}F", f"Ses0{number % 5 + 1}M"]
        assert len(fold["train"]) == 6


def test_tables_and_counts(prepared):
    recipe, result = prepared
    assert recipes.succeeded(result, "70 labelled turns of 10 dialogues (known: 10039 of 151), 70 audio files of turns")
    assert recipes.succeeded(result, "70 utterances of 10 speakers in 5 sessions, 0 left out")
    printed = [line.split() for line in result.stdout.splitlines()]
    assert ["angry", "4", "4", "4", "4", "4", "20", "1103"] in printed
    assert ["excited", "2", "2", "2", "2", "2", "10", "1041"] in printed
    assert ["in", "all", "14", "14", "14", "14", "14", "70", "5531"] in printed
    assert ["known", "1085", "1023", "1151", "1031", "1241", "5531"] in printed
    data = recipe / "data/iemocap"
    assert datadir.read(data, "utt2avd")["Ses03F-Ses03F_impro01_F002"] == "2.5 3 2"  # V, A, D in the release
    assert datadir.read(data, "text")["Ses03F-Ses03F_impro01_F002"] == "words 3 F 2"
    assert set(datadir.read(data, "utt2session").values()) == {f"session{number}" for number in range(1, 6)}
    protocol = read_json(data / "protocol.json")
    assert protocol["counts"] == {"angry": 20, "happy": 20, "neutral": 10, "sad": 20} and protocol["dropped"] == {}
    assert "5 of 5 folds, up to 4 a fold" in result.stderr  # the scripted ones


def test_every_oddity_is_read_or_listed(recipe, corpus):
    expected = add_oddities(corpus)
    result = prepare(recipe, corpus, "--max-loss", 10)
    assert recipes.succeeded(result, "80 utterances of 10 speakers", "1 recordings of whole dialogues not looked at")
    data = recipe / "data/iemocap"
    dropped = datadir.read_dropped(data)
    assert dropped.keys() == expected.keys()
    for name, words in expected.items():
        assert words in dropped[name]
    emotions, ratings, text = (datadir.read(data, name) for name in ("utt2emo", "utt2avd", "text"))
    assert emotions["Ses01F-Ses01M_impro08b_FXX0"] == "frustrated"
    assert ratings["Ses01F-Ses01M_impro08b_FXX0"] == "4 nan 3"
    assert text["Ses01F-Ses01M_impro08b_FXX0"] == "Ses01F-Ses01M_impro08b_FXX0"  # no words: shared with no other
    assert emotions["Ses01M-Ses01M_impro08b_MXX1"] == "no_agreement"
    assert ratings["Ses01M-Ses01M_impro08b_MXX1"] == "3.5 2.5 nan"
    assert ratings["Ses01M-Ses01M_impro08b_M000"] == "nan nan 1"
    rare = [emotions[f"Ses01F-Ses01M_impro08b_F00{number}"] for number in range(4)]
    assert rare == ["fearful", "surprised", "disgusted", "other"]
    assert "3 lack a rating, 1 have no text" in result.stdout
    assert not any("777" in utterance for utterance in emotions)  # of the single raters' folders
    wavs = read_table(data / "wav.scp")
    assert len(set(wavs.values())) == len(wavs) == 80


@pytest.mark.parametrize(
    ("options", "kept", "dropped"),
    [
        (["--merge-excited", "false"], {"angry": 20, "happy": 10, "neutral": 10, "sad": 20}, {"excited": 10}),
        (["--scripted", "false"], {"angry": 10, "happy": 20, "neutral": 10, "sad": 10}, {}),
    ],
)
def test_options(recipe, whole, options, kept, dropped):
    result = prepare(recipe, whole, *options)
    improvised = "--scripted" in options
    assert recipes.succeeded(result, "50 of 50 utterances are good" if improvised else "70 of 70 utterances are good")
    data = recipe / ("data/iemocap_improvised" if improvised else "data/iemocap")
    protocol = read_json(data / "protocol.json")
    assert (protocol["counts"], protocol["dropped"]) == (kept, dropped)
    assert protocol["name"] == ("iemocap_improvised_4" if improvised else "iemocap_4_without_excited")
    listed = datadir.read_dropped(data)  # a choice is listed, and is no loss (--max-loss)
    assert len(listed) == (20 if improvised else 0)
    assert all("_script" in name and reason.startswith("by choice") for name, reason in listed.items())
    assert ("sentences (text)" in result.stderr) != improvised


def test_half_copied_corpus(recipe, corpus):
    shutil.rmtree(corpus / "Session2/sentences")
    shutil.rmtree(corpus / "Session4/dialog")
    shutil.rmtree(corpus / "Session5/dialog/transcriptions")
    result = recipes.run(recipe, "--stop-stage", 1, "--corpus-dir", corpus)
    assert recipes.failed(result, "the counts are far from the known ones", "session2 0 instead of 1023")
    assert recipes.failed(result, "left out 14: labelled, but without an audio file (Ses02F_impro01_F000, ")
    assert recipes.failed(result, "left out 14: audio without a label", "angry 12 instead of 1103", *PARTIAL)
    assert not (recipe / "data").exists()
    result = prepare(recipe, corpus)
    assert recipes.succeeded(result, "warning: a part of the corpus", "42 utterances of 6 speakers in 3 sessions")
    assert recipes.succeeded(result, "42 of 42 utterances are good", "14 have no text")
    dropped = datadir.read_dropped(recipe / "data/iemocap")
    assert len(dropped) == 28
    assert all(reason.startswith("by choice (--allow-partial true)") for reason in dropped.values())


def test_the_licence_and_the_folder(recipe, tmp_path):
    for arguments in ([], ["--stage", 1]):
        result = recipes.run(recipe, *arguments)
        assert recipes.failed(result, "https://sail.usc.edu/iemocap/iemocap_release.htm", "Session1 to Session5")
    assert recipes.failed(recipes.run(recipe, "--corpus-dir", tmp_path / "no such"), "no such: no such directory")
    (tmp_path / "empty").mkdir()
    assert recipes.failed(
        prepare(recipe, tmp_path / "empty"),
        "holds no audio file (.wav",
        ".au); expected names such as Session1/",
    )
    lone = path_of(tmp_path / "other", "Ses01F_impro01_F000")
    lone.parent.mkdir(parents=True)
    lone.write_bytes(b"")
    assert recipes.failed(prepare(recipe, tmp_path / "other"), "holds no Session*/dialog/EmoEvaluation/*.txt")
    assert not (recipe / "data").exists()


def test_the_same_turn_in_two_folders(recipe, corpus):
    again = corpus / "Session1/sentences/wav/copy/Ses01F_impro01_F000.wav"
    again.parent.mkdir()
    shutil.copy(path_of(corpus, "Ses01F_impro01_F000"), again)
    assert recipes.failed(prepare(recipe, corpus), "would both be utterance Ses01F_impro01_F000; keep one of them")


def test_the_same_sound_in_two_sessions(recipe, corpus):
    shutil.copy(path_of(corpus, "Ses01F_impro01_F000"), path_of(corpus, "Ses02F_impro01_F000"))
    assert recipes.failed(prepare(recipe, corpus), "leak", "Ses01F-Ses01F_impro01_F000", "Ses02F-Ses02F_impro01_F000")


def test_from_stage_1_to_the_scores(recipe, tmp_path):
    corpus = make_corpus(tmp_path / "three sessions", sessions=(1, 2, 3))
    add_oddities(corpus)
    assert recipes.succeeded(prepare(recipe, corpus, "--max-loss", 10))
    assert recipes.succeeded(tiny_chain.run(recipe), "Stage 5: scoring of mtlaug", "%UAR")
    folds = {path.name for path in (recipe / "exp/mtlaug").glob("fold_*")}
    assert folds == {"fold_session1", "fold_session2", "fold_session3"}
    assert len(read_table(recipe / "data/iemocap/feats.scp")) == 52


def test_dialogue_lines_are_as_in_the_release():
    made = Dialogue("Ses05F_impro01")
    made.add("F000", "neu")
    assert made.labels[0].startswith("[6.2500 - 7.2500]\tSes05F_impro01_F000\tneu\t[3.0000, 2.5000, 2.0000]\n")
    assert made.words == ["Ses05F_impro01_F000 [006.2500-007.2500]: some words\n"]
