"""egs/urdu: names and the stages that it has, on a made-up tree and on the real corpus where it is present."""

from collections import Counter

import pytest
import recipes
from made_urdu import make_corpus

from mtlaug import datadir


def test_names(tmp_path, make_wav):
    corpus = make_corpus(tmp_path / "a corpus")
    for name in ("SM1_F3_B01", "notes", "SX1_F1_A01"):
        make_wav(corpus / f"{name}.wav", seconds=0.1)
    recipe = recipes.copy("urdu", tmp_path)
    result = recipes.run(recipe, "--corpus-dir", corpus, "--max-loss", 30)
    said = ["10 utterances of 4 speakers, 3 of 13", "notes.wav: not a URDU file name", "emotion B is none of A H N S"]
    assert recipes.succeeded(result, *said, "as it was published: angry 2 of 100, happy 4 of 100")
    made = recipe / "data/urdu"
    assert datadir.read(made, "spk2gender") == {"SF10": "f", "SF2": "f", "SM1": "m", "SM5": "m"}
    assert datadir.read(made, "utt2emo")["SM5-SM5_F5_N01"] == "neutral"
    assert set(datadir.read(made, "utt2lang").values()) == {"ur"}
    assert datadir.read_dropped(made).keys() == {"SM1_F3_B01", "notes", "SX1_F1_A01"}


def test_it_has_two_stages(tmp_path):
    recipe = recipes.copy("urdu", tmp_path)
    for option in ("--stage", "--stop-stage"):
        said = recipes.run(recipe, option, 2, "--corpus-dir", tmp_path)
        assert recipes.failed(said, "URDU is a test set: there are stages 0 and 1 only", "egs/cross_corpus")
    assert recipes.failed(recipes.run(recipe), "get URDU (for research only) from https://github.com/siddiquelatif")
    assert recipes.failed(recipes.run(recipe, "--stage", 1, "--stop-stage", 0), "no stage is left")
    assert recipes.failed(recipes.run(recipe, "--seeds", 1), "unknown option --seeds")
    (tmp_path / "empty").mkdir()
    assert recipes.failed(recipes.run(recipe, "--corpus-dir", tmp_path / "empty"), "holds no audio file")
    assert not (recipe / "data").exists()


def test_the_real_corpus_is_complete(shared_data, tmp_path):
    if not (shared_data / "urdu").is_dir():
        pytest.skip("URDU is not in ../shared/data")
    recipe = recipes.copy("urdu", tmp_path)
    result = recipes.run(recipe, "--corpus-dir", shared_data / "urdu")
    assert recipes.succeeded(result, "400 utterances of 29 speakers, 0 of 400 left out")
    assert "not the corpus as it was published" not in result.stderr
    emotions, speakers = (datadir.read(recipe / "data/urdu", name) for name in ("utt2emo", "utt2spk"))
    assert Counter(emotions.values()) == dict.fromkeys(("angry", "happy", "neutral", "sad"), 100)
    # The reason why it is only tested on.
    kinds = Counter(speaker for speaker, _ in {(speakers[utterance], emotions[utterance]) for utterance in emotions})
    assert sorted(speaker for speaker, number in kinds.items() if number > 1) == ["SM3", "SM5", "SM6"]
