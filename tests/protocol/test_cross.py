"""The fold scheme "cross", with shots and with folds of the target."""

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from mtlaug import protocol
from mtlaug.cli import main
from mtlaug.files import UserError, read_table, write_table
from mtlaug.protocol import cross, leaks
from mtlaug.protocol.folds import Fold

SPEAKERS = {"en": 10, "de": 5, "ur": 6}  # corpus to its number of speakers
RAW = {"en": ("angry", "sad", "calm"), "de": ("anger", "sadness"), "ur": ("angry", "sad")}
LABEL_MAP = "classes: [angry, sad]\nmap: {angry: angry, anger: angry, sad: sad, sadness: sad}\n"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Three corpora, each speaker with two utterances a label; speakers of the third have one label, but for ur-5."""
    folder = tmp_path / "all corpora"
    folder.mkdir()
    utt2emo, utt2spk = {}, {}
    for corpus, number in SPEAKERS.items():
        for index in range(number):
            labels = RAW[corpus] if corpus != "ur" or index == 5 else RAW[corpus][index % 2 : index % 2 + 1]
            for label in labels:
                for take in (1, 2):
                    utt2emo[f"{corpus}-{index}-{label}{take}"] = label
                    utt2spk[f"{corpus}-{index}-{label}{take}"] = f"{corpus}-{index}"
    write_table(folder / "utt2emo", utt2emo)
    write_table(folder / "utt2spk", utt2spk)
    write_table(folder / "utt2corpus", {utterance: utterance.split("-")[0] for utterance in utt2emo})
    genders = {speaker: "mf"[int(speaker.split("-")[1]) % 2] for speaker in utt2spk.values()}
    write_table(folder / "spk2gender", genders)
    (tmp_path / "labels.yaml").write_text(LABEL_MAP)
    return folder


def make(data_dir: Path, pairs: str, **options) -> protocol.Protocol:
    return protocol.make(
        data_dir, scheme="cross", pairs=pairs, label_map_file=data_dir.parent / "labels.yaml", **options
    )


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ("", "needs --pairs"),
        ("en", "'en': expected train:test"),
        ("en:de:ur", "expected train:test"),
        ("en+:de", "expected train:test"),
        ("en:en", "names a corpus twice"),
        ("en+en:de", "names a corpus twice"),
        ("en+de:ur de+en:ur", "'de\\+en:ur' is given twice"),
    ],
)
def test_wrong_pairs(pairs, message):
    with pytest.raises(UserError, match=message):
        cross.parse_pairs(pairs)


def test_a_fold_is_a_training_set(data_dir):
    made = make(data_dir, "en:de en:ur en+de:ur")
    assert [fold.id for fold in made.folds] == ["en", "en+de"]
    en, both = made.folds
    assert {speaker.split("-")[0] for speaker in en.test} == {"de", "ur"}
    assert set(both.test) == {f"ur-{index}" for index in range(6)}  # tested in both folds, each scored alone
    for name, speakers in (("en", 10), ("de", 5)):
        train, dev = ([s for s in getattr(both, part) if s.startswith(name)] for part in ("train", "dev"))
        assert len(train) + len(dev) == speakers
        assert {int(speaker[-1]) % 2 for speaker in dev} == {0, 1} and len(dev) == 2
    assert [speaker for speaker in both.dev if speaker.startswith("en")] == list(en.dev)
    assert made.to_json()["dropped"] == {"calm": 20}
    assert protocol.load(data_dir).sha256 == made.sha256
    assert make(data_dir, "en:de en:ur de+en:ur").fold("de+en").train == both.train


def test_more_speakers_more_dev():
    genders = {f"{number:02}": "m" for number in range(20)} | {"lone": "f"}
    dev = cross._dev_speakers(genders, genders, seed=0)
    assert len(dev) == 4 and "lone" not in dev
    assert len(cross._dev_speakers([name for name in genders if name < "13"], genders, seed=0)) == 3
    assert dev != cross._dev_speakers(genders, genders, seed=1)


def test_refused_corpora(data_dir):
    with pytest.raises(UserError, match="no corpus 'fr' in utt2corpus; known are de en ur"):
        make(data_dir, "en:fr")
    with pytest.raises(UserError, match="are for --scheme cross"):
        protocol.make(data_dir, pairs="en:de")
    labels = data_dir.parent / "labels.yaml"
    labels.write_text("classes: [angry, sad]\nmap: {anger: angry, sad: sad}\n")
    with pytest.raises(UserError, match="no class in common: en has sad; de has angry"):
        make(data_dir, "en:de")
    labels.write_text("classes: [angry, sad]\nmap: {angry: angry, sad: sad}\n")
    with pytest.raises(UserError, match="corpus de has no utterance of any class"):
        make(data_dir, "en:de")
    labels.write_text(LABEL_MAP)
    table = read_table(data_dir / "utt2corpus")
    write_table(data_dir / "utt2corpus", table | {"de-0-anger1": "en"})
    with pytest.raises(UserError, match="speaker de-0 is of both de and en"):
        make(data_dir, "en:ur")
    write_table(data_dir / "utt2corpus", {k: v for k, v in table.items() if k != "de-0-anger1"})
    with pytest.raises(UserError, match=r"lacks utterance de-0-anger1; copy .*copy_data_dir.sh --prefix"):
        make(data_dir, "en:de")


def test_nothing_of_the_test_corpus_selects(data_dir):
    made = make(data_dir, "en:de")
    fold = made.folds[0]
    tested = tuple(s for s in fold.test if s != "de-0")
    for train, dev in ((fold.train, (*fold.dev, "de-0")), ((*fold.train, "de-0"), fold.dev)):
        with pytest.raises(UserError, match="leak: corpus de is tested, but also trained or selected on"):
            protocol.verify(dataclasses.replace(made, folds=(Fold("en", train, dev, tested),)))


def test_a_speaker_without_an_utterance_of_a_class_is_in_no_part(data_dir):
    before = make(data_dir, "en:ur").folds
    for name in ("utt2emo", "utt2spk", "utt2corpus"):
        table = read_table(data_dir / name)
        more = {f"{corpus}-x-1": table[f"{corpus}-0-angry1"] for corpus in ("en", "ur")}
        more = {utt: utt[:4] for utt in more} if name == "utt2spk" else more
        more = dict.fromkeys(more, "calm") if name == "utt2emo" else more
        write_table(data_dir / name, table | more)
    write_table(data_dir / "spk2gender", read_table(data_dir / "spk2gender") | {"en-x": "m", "ur-x": "m"})
    assert make(data_dir, "en:ur").folds == before


def test_another_seed_deals_other_speakers_and_shots(data_dir):
    folds = [make(data_dir, "en:de", few_shot=1, seed=seed).folds[0] for seed in range(8)]
    donors = [{utterance.rsplit("-", 1)[0] for utterance in fold.shots} for fold in folds]
    assert {len(one) for one in donors} == {1} and len({*map(frozenset, donors)}) > 2
    takes = {utterance.rsplit("-", 1)[1] for fold in folds for utterance in fold.shots}
    assert takes == {"anger1", "anger2", "sadness1", "sadness2"}
    assert len({fold.dev for fold in folds}) > 2


def test_the_donor_of_shots_is_who_leaves_most_to_test(data_dir):
    for name in ("utt2emo", "utt2spk", "utt2corpus"):
        table = read_table(data_dir / name)
        write_table(data_dir / name, {utt: table[utt] for utt in table if utt not in ("de-3-anger2", "de-3-sadness2")})
    for seed in range(5):
        assert make(data_dir, "en:de", few_shot=1, seed=seed).folds[0].shots == ("de-3-anger1", "de-3-sadness1")


def test_few_shot(data_dir):
    zero = make(data_dir, "en:ur")
    made = make(data_dir, "en:ur de:ur en+de:ur", few_shot=2)
    assert [fold.id for fold in made.folds] == ["en_to_ur_2shot", "de_to_ur_2shot", "en+de_to_ur_2shot"]
    assert [cross.cell(fold, "ur") for fold in made.folds] == [(name, "2-shot") for name in ("en", "de", "en+de")]
    fold = made.folds[0]
    # ur-5 has both labels: one donor is enough.
    assert Counter(made.corpus.labels[utterance] for utterance in fold.shots) == {"angry": 2, "sad": 2}
    assert {made.corpus.utt2spk[utterance] for utterance in fold.shots} == {"ur-5"}
    assert "ur-5" not in {*fold.train, *fold.dev, *fold.test} and "ur-4" in fold.test
    assert fold.shots == made.folds[1].shots == made.folds[2].shots
    extra = made.utterances(fold, "train").keys() - zero.utterances("en", "train").keys()
    assert extra == set(fold.shots)
    assert not extra & (made.utterances(fold, "test").keys() | made.utterances(fold, "dev").keys())
    assert protocol.load(data_dir).folds == made.folds and made.sha256 != zero.sha256


def test_few_shot_gathers_from_several_speakers_and_keeps_a_test(data_dir):
    fold = make(data_dir, "en:ur", few_shot=3).folds[0]
    donors = {utterance.rsplit("-", 1)[0] for utterance in fold.shots}
    assert "ur-5" in donors and len(donors) == 3 and len(fold.shots) == 6
    assert len(fold.test) == 3
    with pytest.raises(UserError, match=r"takes . speakers of ur, and no utterance of class \w+ is left to test"):
        make(data_dir, "en:ur", few_shot=6)
    with pytest.raises(UserError, match="takes 5 speakers of de, and no utterance of class angry is left to test"):
        make(data_dir, "en:de", few_shot=9)
    with pytest.raises(UserError, match="corpus de has 10 utterances of class angry"):
        make(data_dir, "en:de", few_shot=11)
    with pytest.raises(UserError, match="0 or more"):
        make(data_dir, "en:de", few_shot=-1)


def test_each_fold_of_the_target_is_tested_by_models_that_heard_the_others(data_dir):
    zero = make(data_dir, "en:de en:ur")
    made = make(data_dir, "en:de en:ur", target_folds=2)
    names = ["en_to_de_2fold1", "en_to_de_2fold2", "en_to_ur_2fold1", "en_to_ur_2fold2"]
    assert [fold.id for fold in made.folds] == names
    assert [cross.cell(fold, "ur") for fold in made.folds[2:]] == [("en", "2-fold")] * 2
    for one, other in (made.folds[:2], made.folds[2:]):
        assert (
            one.unlabelled == other.test and other.unlabelled == one.test and abs(len(one.test) - len(other.test)) < 2
        )
        assert one.train == other.train == zero.folds[0].train and one.dev == other.dev == zero.folds[0].dev
        women = [sum(int(speaker[-1]) % 2 for speaker in fold.test) for fold in (one, other)]
        assert abs(women[0] - women[1]) < 2
    assert {*made.folds[0].test, *made.folds[1].test} == {f"de-{index}" for index in range(5)}
    heard = made.utterances("en_to_de_2fold1", "unlabelled")
    assert heard == made.utterances("en_to_de_2fold2", "test") and not heard.keys() & made.utterances(names[0], "train")
    assert protocol.load(data_dir).folds == made.folds and made.sha256 != zero.sha256


def test_as_many_folds_of_the_target_as_speakers(data_dir):
    folds = make(data_dir, "en:de", target_folds=5).folds
    assert sorted(fold.test for fold in folds) == [(f"de-{index}",) for index in range(5)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_folds": 1}, "--target-folds 1: choose from 2 to the 5 speakers of de, or 0"),
        ({"target_folds": 6}, "--target-folds 6: choose from 2 to the 5 speakers of de"),
        ({"target_folds": 2, "few_shot": 1}, "give one of them"),
    ],
)
def test_refused_target_folds(data_dir, options, message):
    with pytest.raises(UserError, match=message):
        make(data_dir, "en:de", **options)


def test_who_is_heard_without_labels_is_in_no_part(data_dir):
    made = make(data_dir, "en:de", target_folds=2)
    fold = made.folds[0]
    for part in ("train", "dev", "test"):
        moved = dataclasses.replace(fold, **{part: (*fold.speakers(part), fold.unlabelled[0])})
        with pytest.raises(UserError, match=rf"leak: speaker\(s\) {fold.unlabelled[0]} in both {part} and unlabelled"):
            leaks.check_fold(made.name, made.classes, made.corpus, moved)


def test_a_donor_is_not_tested(data_dir):
    made = make(data_dir, "en:ur", few_shot=2)
    fold = dataclasses.replace(made.folds[0], test=(*made.folds[0].test, "ur-5"))
    with pytest.raises(UserError, match=r"leak: speaker\(s\) ur-5 in both train and test"):
        leaks.check_fold(made.name, made.classes, made.corpus, fold)
    fold = dataclasses.replace(made.folds[0], shots=("ur-9-sad1",))
    with pytest.raises(UserError, match=r"shot\(s\) not among the kept utterances: ur-9-sad1"):
        leaks.check_fold(made.name, made.classes, made.corpus, fold)


def test_the_same_recording_in_two_corpora_is_refused(data_dir):
    sums = {utterance: f"{number:032}" for number, utterance in enumerate(read_table(data_dir / "utt2spk"))}
    write_table(data_dir / "utt2checksum", sums)
    fold = make(data_dir, "en:de").folds[0]
    trained = f"{fold.train[0]}-calm1"  # without a class, but it may train the other tasks
    write_table(data_dir / "utt2checksum", sums | {"de-3-anger1": sums[trained]})
    with pytest.raises(UserError, match=rf"leak: 1 .*very samples of one in test, such as {trained} and de-3-anger1"):
        make(data_dir, "en:de")


def test_commands(data_dir, capsys):
    labels = str(data_dir.parent / "labels.yaml")
    pairs = ["--scheme", "cross", "--pairs", "en:ur", "--few-shot", "2", "--label-map", labels]
    assert main(["protocol", "make", str(data_dir), *pairs]) == 0
    said = capsys.readouterr()
    assert "fold en_to_ur_2shot: 4 labelled utterances of ur-5, whose other 0 utterances are not tested" in said.err
    assert main(["protocol", "show", str(data_dir)]) == 0
    assert "shots          4  in the train part: ur-5-angry1" in capsys.readouterr().out
    assert main(["protocol", "list", str(data_dir), "train", "dev"]) == 0
    listed = capsys.readouterr().out.split()
    assert len(listed) == 10 * 4 + 4 and listed == sorted(listed)
    assert {utterance[:2] for utterance in listed} == {"en", "ur"}
    pairs[-4:-2] = ["--target-folds", "2"]
    assert main(["protocol", "make", str(data_dir), *pairs]) == 0
    assert main(["protocol", "show", str(data_dir)]) == 0
    assert "en_to_ur_2fold2                8  without labels: ur-1 ur-2 ur-5" in capsys.readouterr().out
    assert main(["protocol", "list", str(data_dir), "unlabelled"]) == 0
    assert len(capsys.readouterr().out.split()) == 14
    assert main(["protocol", "list", str(data_dir), "train", "valid"]) == 1
    assert "valid is no part of a fold; known are train, dev, test, unlabelled" in capsys.readouterr().err
