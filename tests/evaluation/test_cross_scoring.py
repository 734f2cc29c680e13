"""Trainings across corpora, and their scores."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import recipes
from corpus import Corpus
from made_emodb import WOMEN
from made_emodb import make_corpus as make_emodb
from made_urdu import make_corpus as make_urdu

from mtlaug import attack, evaluation, protocol
from mtlaug.cli import main
from mtlaug.evaluation import cross_scoring, robustness
from mtlaug.experiment import inference
from mtlaug.files import UserError, read_json, read_table, write_table
from mtlaug.protocol.labels import read_label_map
from mtlaug.scoring.predictions import read_predictions
from mtlaug.training import loop
from mtlaug.training.loop import Trainer


def as_several(corpus, root: Path, owner: dict[str, str], **options) -> Corpus:
    """The library's corpus as several; ``owner`` is that of a speaker, ``one`` by default."""
    data_dir = root / "data"
    shutil.copytree(corpus.data_dir, data_dir)
    utt2spk = read_table(data_dir / "utt2spk")
    write_table(data_dir / "utt2corpus", {utt: owner.get(speaker, "one") for utt, speaker in utt2spk.items()})
    labels = Path(corpus.data_dir).parent / "labels.yaml"
    protocol.make(data_dir, scheme="cross", label_map_file=labels, **options)
    return Corpus(str(data_dir), corpus.aug_dir, corpus.config)


def train(corpus, root: Path, owner: dict[str, str], seeds: str, **options):
    """The same, trained for an epoch."""
    several = as_several(corpus, root, owner, **options)
    return several.train(root / "exp", "optim_args.epochs=1", seeds=seeds)


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


def test_folds_of_a_target_are_scored_as_one(corpus, tmp_path):
    run = train(corpus, tmp_path, {"s5": "two", "s6": "two"}, "1", pairs="one:two", target_folds=2)
    assert len(cross_scoring.score(run, evaluation.predictor(run), "")) == 1
    results = read_json(run.directory / "score_cross_one_to_two_2fold/results.json")
    assert results["pair"] == {"train": "one", "test": "two (2-fold)"} and results["set"] == "two"
    assert results["folds"] == ["one_to_two_2fold1", "one_to_two_2fold2"] and results["speakers"] == ["s5", "s6"]


TARGET = {"s4": "two", "s5": "two", "s6": "two"}
HEARING = ("unlabelled_args.ratio=1", "unlabelled_args.pseudo_labels_from=2", "optim_args.epochs=2")


def test_the_others_of_a_target_are_heard_without_labels(corpus, tmp_path):
    """Neither their labels nor anything of who is tested makes a difference."""
    several = as_several(corpus, tmp_path, TARGET, pairs="one:two", target_folds=2)
    run = several.prepare(tmp_path / "exp", *HEARING)
    fold = run.protocol.folds[0]
    assert len(fold.unlabelled) in (1, 2) and {*fold.unlabelled, *fold.test} == TARGET.keys()
    trainer = Trainer(run, fold.id, 1)
    assert {trainer.utt2spk[name] for name in trainer.data.unlabelled} == set(fold.unlabelled)
    assert {trainer.utt2spk[name] for name in trainer.data.labelled} == set(fold.train)
    posteriors = [list(evaluation.predictor(trained_of(several, tmp_path / "true"))(fold))]
    speakers = read_table(Path(several.data_dir, "utt2spk"))
    emotions = read_table(Path(several.data_dir, "utt2emo"))
    turned = {"angry": "sad", "sad": "angry"}
    others = {utt: turned[label] for utt, label in emotions.items() if speakers[utt] in fold.unlabelled}
    write_table(Path(several.data_dir, "utt2emo"), emotions | others)
    labels = Path(several.config).parent / "labels.yaml"
    protocol.make(several.data_dir, scheme="cross", label_map_file=labels, pairs="one:two", target_folds=2)
    posteriors.append(list(evaluation.predictor(trained_of(several, tmp_path / "turned"))(fold)))
    for one, other in zip(*posteriors, strict=True):
        assert one[:4] == other[:4]
        np.testing.assert_array_equal(one[4], other[4])


def trained_of(several: Corpus, exp_dir: Path):
    run = several.prepare(exp_dir, *HEARING)
    loop.train(run, run.protocol.folds[0].id, 1)
    return run


@pytest.mark.parametrize(("ratio", "said"), [(1, "; each heard other speakers of its test corpus too"), (0, ")")])
def test_the_card_of_a_model_says_whom_it_heard(corpus, tmp_path, ratio, said):
    several = as_several(corpus, tmp_path, TARGET, pairs="one:two", target_folds=2)
    run = several.prepare(tmp_path / "exp", f"unlabelled_args.ratio={ratio}", "optim_args.epochs=1")
    loop.train(run, "one_to_two_2fold1", 1)
    assert main(["export", str(run.run_dir("one_to_two_2fold1", 1)), str(tmp_path / "out")]) == 0
    card = (tmp_path / "out" / "model_card.md").read_text()
    assert f"these trained a model each: one_to_two_2fold1{said}" in card


def test_a_model_without_unlabelled_rows_hears_nobody_of_the_target(corpus, tmp_path):
    run = as_several(corpus, tmp_path, TARGET, pairs="one:two", target_folds=2).prepare(tmp_path / "exp")
    data = Trainer(run, run.protocol.folds[0].id, 1).data
    assert data.unlabelled_draws == 0
    heard = {draw.names[2] for draw in data._draws(data.unlabelled, data.unlabelled_draws, 1)}
    assert not heard


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
    # Speech of the test corpus itself, which has copies then.
    hearing = [*arguments, "--train-config", "conf/mtlaug_pseudo_labels.yaml"]
    assert recipes.failed(recipes.run(recipe, *hearing, "--stage", 4), "across corpora, --target-folds")
    result = recipes.run(recipe, *hearing, "--pairs", "emodb:urdu", "--target-folds", 2, "--stop-stage", 5)
    assert recipes.succeeded(result, "exp/mtlaug_pseudo_labels_2fold_speaker/score_cross_emodb_to_urdu_2fold")
    copied = {name.split("-")[0] for name in read_table(recipe / "data/train_2fold_aug/utt2uniq").values()}
    assert copied == {"emodb", "urdu"}
