"""The fold scheme "cross", few-shot included, and scores across corpora."""

import dataclasses
import shutil
from collections import Counter
from pathlib import Path

import pytest
import recipes
from corpus import Corpus
from made_emodb import WOMEN
from made_emodb import make_corpus as make_emodb
from made_urdu import make_corpus as make_urdu

from mtlaug import attack, cross, cross_scoring, evaluation, inference, leaks, protocol, robustness, training
from mtlaug.cli import main
from mtlaug.files import UserError, read_json, read_table, write_table
from mtlaug.folds import Fold
from mtlaug.labels import read_label_map
from mtlaug.predictions import read_predictions

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
    moved = Fold("en", fold.train, (*fold.dev, "de-0"), tuple(s for s in fold.test if s != "de-0"))
    with pytest.raises(UserError, match="leak: corpus de is tested, but also trained or selected on"):
        protocol.verify(dataclasses.replace(made, folds=(moved,)))


def test_few_shot(data_dir):
    zero = make(data_dir, "en:ur")
    made = make(data_dir, "en:ur de:ur en+de:ur", few_shot=2)
    assert [fold.id for fold in made.folds] == ["en_to_ur_2shot", "de_to_ur_2shot", "en+de_to_ur_2shot"]
    assert {cross.train_name(fold, "ur") for fold in made.folds} == {"en", "de", "en+de"}
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
    with pytest.raises(UserError, match="corpus de has 10 utterances of class angry"):
        make(data_dir, "en:de", few_shot=11)
    with pytest.raises(UserError, match="0 or more"):
        make(data_dir, "en:de", few_shot=-1)


def test_a_donor_is_not_tested(data_dir):
    made = make(data_dir, "en:ur", few_shot=2)
    fold = dataclasses.replace(made.folds[0], test=(*made.folds[0].test, "ur-5"))
    with pytest.raises(UserError, match=r"leak: speaker\(s\) ur-5 in both train and test"):
        leaks.check_fold(made, fold)
    fold = dataclasses.replace(made.folds[0], shots=("ur-9-sad1",))
    with pytest.raises(UserError, match=r"shot\(s\) not among the kept utterances: ur-9-sad1"):
        leaks.check_fold(made, fold)


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


def train(corpus, root: Path, owner: dict[str, str], seeds: str, **options):
    """The library's corpus as several, trained for an epoch; ``owner`` is of a speaker, ``one`` by default."""
    data_dir = root / "data"
    shutil.copytree(corpus.data_dir, data_dir)
    utt2spk = read_table(data_dir / "utt2spk")
    write_table(data_dir / "utt2corpus", {utt: owner.get(speaker, "one") for utt, speaker in utt2spk.items()})
    labels = Path(corpus.data_dir).parent / "labels.yaml"
    protocol.make(data_dir, scheme="cross", label_map_file=labels, **options)
    run = Corpus(str(data_dir), corpus.aug_dir, corpus.config).prepare(root / "exp", "optim_args.epochs=1", seeds=seeds)
    for job in run.jobs():
        training.train(run, *job)
    return run


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """Three corpora: one (s1 to s4), two (s5) and three (s6)."""
    root = tmp_path_factory.mktemp("cross")
    return train(corpus, root, {"s5": "two", "s6": "three"}, "1 2", pairs="one:two one:three one+two:three")


def test_the_longest_training_is_begun_first(trained):
    assert trained.jobs() == [("one+two", 1), ("one+two", 2), ("one", 1), ("one", 2)]


def test_scores(trained):
    lines = cross_scoring.score(trained, evaluation.predictor(trained), "./run.sh")
    cells = {"one_to_two": "s5", "one_to_three": "s6", "one+two_to_three": "s6"}
    assert sorted(lines) == sorted(line for line in lines if line.startswith("%UAR")) and len(lines) == 3
    for cell, speaker in cells.items():
        directory = trained.directory / f"score_cross_{cell}"
        results = read_json(directory / "results.json")
        train, test = cell.split("_to_")
        assert results["condition"] == f"cross_{cell}" and results["pair"] == {"train": train, "test": test}
        assert (results["set"], results["speakers"], results["folds"]) == (test, [speaker], [train])
        assert results["seeds"] == [1, 2] and results["n"] == 5
    # The cell's posteriors are those of the fold's own model.
    table = read_predictions(trained.directory / "score_cross_one+two_to_three/predictions.tsv")
    model = inference.trained_model(trained, "one+two", 2)
    labels = trained.protocol.utterances("one+two", "test")
    wanted = inference.predict(model, trained.store("one+two"), labels, trained.classes)
    rows = table.take(table.seeds == 2)
    for utterance, posteriors in zip(rows.utts, rows.posteriors, strict=True):
        assert posteriors.tolist() == pytest.approx(wanted[utterance].tolist(), abs=1e-5)


def test_scores_with_shots_are_of_another_test_set(corpus, tmp_path):
    run = train(corpus, tmp_path, {"s5": "two", "s6": "two"}, "1", pairs="one:two", few_shot=1)
    assert len(cross_scoring.score(run, evaluation.predictor(run), "")) == 1
    results = read_json(run.directory / "score_cross_one_to_two_1shot/results.json")
    assert results["pair"] == {"train": "one", "test": "two (1-shot)"} and results["n"] == 5
    assert set(results["speakers"]) == {"s5", "s6"} - {utt.split("-")[0] for utt in run.protocol.folds[0].shots}
    assert results["folds"] == ["one_to_two_1shot"]


def test_only_for_the_scheme(corpus, tmp_path):
    within = corpus.prepare(tmp_path / "exp")
    with pytest.raises(UserError, match="its protocol is of scheme speakers, not cross"):
        cross_scoring.score(within, evaluation.predictor(within), "")


def test_nothing_of_it_is_scored_as_within_a_corpus(trained):
    """Its folds test other corpora, and maybe the same ones: pooled they would be no figure of anything."""
    with pytest.raises(UserError, match="its protocol is of scheme cross"):
        evaluation.score_within(trained, evaluation.predictor(trained), "")
    with pytest.raises(UserError, match="its protocol is of scheme cross"):
        robustness.Attack(trained, None, attack.plan("fgsm"), "")


@pytest.mark.parametrize("corpus", ["emodb", "ravdess", "iemocap", "msp_improv"])
def test_a_label_is_of_the_same_class_within_and_across_corpora(corpus):
    own, shared = (read_label_map(recipes.ROOT / f"egs/{name}/conf/labels_4.yaml") for name in (corpus, "cross_corpus"))
    assert own[0] == shared[0]
    assert own[1].items() <= shared[1].items()


def test_recipe(tmp_path):
    """Two corpora through all stages; the other pairs are skipped."""
    folders = {name: recipes.copy(name, tmp_path) for name in ("emodb", "urdu", "cross_corpus")}
    recipe = folders["cross_corpus"]
    assert recipes.failed(
        recipes.run(recipe), "skipped pair ravdess:emodb: there is no recipe ../ravdess", "no pair is left"
    )
    emodb = make_emodb(tmp_path / "my emodb", speakers=WOMEN, letters="WFNT", versions="a")
    urdu = make_urdu(tmp_path / "my urdu")
    assert recipes.succeeded(recipes.run(folders["emodb"], "--corpus-dir", emodb, "--stop-stage", 1))
    said = recipes.run(recipe, "--pairs", "emodb:urdu")
    assert recipes.failed(said, "../urdu/data/urdu is not prepared; (cd ../urdu && ./run.sh --stop-stage 1) makes it")
    assert recipes.failed(recipes.run(recipe, "--pairs", "emodb,urdu"), "--pairs: emodb,urdu is no pair, such as")
    assert recipes.failed(recipes.run(recipe, "--normalisations", ""), "--normalisations is empty")
    assert recipes.succeeded(recipes.run(folders["urdu"], "--corpus-dir", urdu))
    tiny = "optim_args.epochs=1 model_args.channels=4 model_args.hidden=8"
    arguments = ["--normalisations", "speaker", "--train-args", tiny, "--nj", 1]
    result = recipes.run(recipe, *arguments)
    assert recipes.succeeded(result, "skipped pair emodb:ravdess", "left out text: not in data/urdu")
    results = [read_json(path) for path in sorted(recipe.glob("exp/*/score_*/results.json"))]
    told = [(r["model"], r["normalisation"], r["condition"], r["n"]) for r in results]
    assert told == [("mtlaug_speaker", "speaker", "cross_emodb_to_urdu", 10)]
    assert "--normalisations" in results[0]["command"] and "--stage" not in results[0]["command"]
    # No copies of what is only tested.
    assert {name.split("-")[0] for name in read_table(recipe / "data/train_aug/utt2uniq").values()} == {"emodb"}
    text = (recipe / "RESULTS.md").read_text()
    assert "emodb" in text and "urdu" in text
