"""egs/ravdess: names, folds and classes, on a made-up tree and on the real corpus where it is present."""

import json
import shutil

import pytest
import recipes


@pytest.fixture
def corpus(tmp_path, make_wav):
    """Two files an actor, in both formats, one song and one file of another name."""
    folder = tmp_path / "a corpus"
    for actor in range(1, 25):
        for emotion in ("03", "04") if actor % 2 else ("03", "08"):
            ending = "wav" if actor < 20 else "flac"
            path = folder / f"Actor_{actor:02d}" / f"03-01-{emotion}-01-01-01-{actor:02d}.{ending}"
            make_wav(path, seconds=0.1, seed=100 * actor + int(emotion))
    make_wav(folder / "Actor_01" / "03-02-03-01-01-01-01.wav", seconds=0.1)
    make_wav(folder / "Actor_01" / "notes.wav", seconds=0.1)
    return folder


def test_actors_are_speakers_in_folds_of_four(corpus, tmp_path):
    recipe = recipes.copy("ravdess", tmp_path)
    result = recipes.run(recipe, "--corpus-dir", corpus, "--stop-stage", "1", "--classes", "4")
    assert recipes.failed(result, "no training utterance of class(es) angry, neutral")
    label_map = recipe / "conf/labels_4.yaml"
    label_map.write_text("classes: [happy, sad]\nmap: {happy: happy, sad: sad}\n")
    result = recipes.run(recipe, "--corpus-dir", corpus, "--stop-stage", "1", "--classes", "4")
    assert recipes.succeeded(result, "1 of 49 files left out, 1 files of song", "notes.wav", "surprised")
    part = "warning: not the corpus as it was published: neutral 0 of 96, calm 0 of 192, happy 24 of 192"
    assert recipes.succeeded(result, part)
    protocol = json.loads((recipe / "data/ravdess/protocol.json").read_text())
    assert protocol["dropped"] == {"surprised": 12}
    assert [fold["test"] for fold in protocol["folds"]] == [
        [f"actor{actor:02d}" for actor in range(first, first + 4)] for first in range(1, 25, 4)
    ]
    genders = dict(line.split() for line in (recipe / "data/ravdess/spk2gender").read_text().splitlines())
    assert genders["actor01"] == "m" and genders["actor24"] == "f"
    utt2spk = dict(line.split() for line in (recipe / "data/ravdess/utt2spk").read_text().splitlines())
    assert utt2spk["actor12-03-01-08-01-01-01-12"] == "actor12"


def test_a_copy_without_an_actor_names_the_list_of_folds(corpus, tmp_path):
    recipe = recipes.copy("ravdess", tmp_path)
    shutil.rmtree(corpus / "Actor_07")
    result = recipes.run(recipe, "--corpus-dir", corpus, "--stop-stage", "1")
    assert recipes.failed(result, "conf/folds.txt: speaker(s) not in the data: actor07; complete the copy")


def test_the_real_corpus_is_complete(shared_data, tmp_path):
    recipe = recipes.copy("ravdess", tmp_path)
    result = recipes.run(recipe, "--corpus-dir", shared_data / "ravdess_speech", "--stop-stage", "1")
    assert recipes.succeeded(result, "1440 utterances of 24 speakers, 0 of 1440 files left out")
    assert "not the corpus as it was published" not in result.stderr
    protocol = json.loads((recipe / "data/ravdess/protocol.json").read_text())
    assert protocol["counts"] == dict.fromkeys(protocol["classes"], 192) | {"neutral": 96}
