"""Experiment directories: what they are bound to, and what is refused later."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from corpus import Corpus

from mtlaug import experiment, protocol
from mtlaug.augment import manifest
from mtlaug.cli import main
from mtlaug.files import UserError, read_table, write_table


def test_prepare_says_how_many_jobs_there_are(corpus, tmp_path, capsys):
    exp_dir = str(tmp_path / "an exp")
    arguments = ["train", "prepare", corpus.data_dir, corpus.aug_dir, exp_dir, "--config", corpus.config]
    assert main([*arguments, "--seeds", "3 4"]) == 0
    assert capsys.readouterr().out == "6\n"
    run = experiment.load(exp_dir)
    assert run.jobs() == [(fold, seed) for seed in (3, 4) for fold in "123"]
    assert run.job(5) == ("2", 4)
    assert run.types == ["clean", "speed", "noise", "reverb", "specaugment", "mixup"]
    assert run.settings == corpus.settings()
    bound = yaml.safe_load(Path(exp_dir, "config.yaml").read_text())["experiment"]
    assert bound["protocol"] == protocol.load(corpus.data_dir).sha256
    assert {"versions", "git_commit", "classes", "data_dir", "aug_dir"} <= bound.keys()


@pytest.mark.parametrize("number", [0, 4, -1])
def test_a_job_that_is_not_there_is_refused(corpus, tmp_path, number, capsys):
    run = corpus.prepare(tmp_path / "exp")
    assert main(["train", "run", str(run.directory), f"--job={number}"]) == 1
    assert f"has jobs 1 to 3, not {number}" in capsys.readouterr().err


@pytest.mark.parametrize("seeds", ["", "one", "1 1", "1 01", "-1", "1.5"])
def test_seeds_are_different_whole_numbers(corpus, tmp_path, seeds):
    with pytest.raises(UserError, match="expected different whole numbers"):
        corpus.prepare(tmp_path / "exp", seeds=seeds)


def test_another_configuration_in_the_same_directory_is_refused(corpus, tmp_path):
    corpus.prepare(tmp_path / "exp")
    before = (tmp_path / "exp" / "config.yaml").read_bytes()
    with pytest.raises(UserError, match=r"another configuration \(loss_args\.alpha, optim_args\.lr differ\)"):
        corpus.prepare(tmp_path / "exp", "loss_args.alpha=0.9", "optim_args.lr=0.5")
    with pytest.raises(UserError, match=r"augment_args\.types differ"):
        corpus.prepare(tmp_path / "exp", "augment_args.types.mixup=false")
    assert (tmp_path / "exp" / "config.yaml").read_bytes() == before


def test_an_experiment_that_does_not_say_what_it_was_trained_on_is_refused(corpus, tmp_path):
    path = corpus.prepare(tmp_path / "exp").directory / "config.yaml"
    tree = yaml.safe_load(path.read_text())
    del tree["experiment"]["copies"]
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(UserError, match=r"config\.yaml: its part experiment has no copies; train anew"):
        experiment.load(tmp_path / "exp")


def test_a_test_of_overrides_that_were_not_trained_with_is_refused(corpus, tmp_path):
    run = corpus.prepare(tmp_path / "exp", "loss_args.alpha=0.9")
    assert run.command_line(
        f'./run.sh --train-args "loss_args.alpha=0.90 loss_args.beta={run.settings.loss_args.beta}"'
    )
    for more in ("loss_args.alpha=0.3", "augment_args.types.mixup=false"):
        with pytest.raises(UserError, match=f"exp: was not trained with {more}; leave it out"):
            run.command_line(f'./run.sh --train-args "loss_args.alpha=0.9 {more}"')


def test_seeds_are_added_to_those_that_are_trained(corpus, tmp_path):
    corpus.prepare(tmp_path / "exp", seeds="1 2")
    trained = corpus.prepare(tmp_path / "exp", seeds="4")  # of those before none was trained
    assert trained.seeds == (4,)
    path = tmp_path / "exp" / "config.yaml"
    path.write_text(path.read_text().replace("git_commit: ", "git_commit: earlier-"))
    run_dir = trained.run_dir("1", 4)
    run_dir.mkdir(parents=True)
    (run_dir / "best.pt").touch()
    assert corpus.prepare(tmp_path / "exp", seeds="3").seeds == (3, 4)
    assert experiment.load(tmp_path / "exp").seeds == (3, 4)
    assert "git_commit: earlier-" in path.read_text()


def test_what_is_of_no_experiment_is_named(tmp_path):
    for text in ("", "model_args: {}\n", "[1", "experiment: 3"):
        (tmp_path / "config.yaml").write_text(text)
        with pytest.raises(UserError, match=r"config\.yaml: (is not that of an experiment|not YAML)"):
            experiment.load(tmp_path)


def test_copies_without_features_of_their_own_are_refused(corpus, tmp_path):
    """Stage 2 with other noise, and then stage 4: the features are still those of the earlier copies."""
    aug_dir = str(shutil.copytree(corpus.aug_dir, tmp_path / "aug"))
    settings = corpus.settings("augment_args.seed=5")
    manifest.make(corpus.data_dir, aug_dir, settings)
    with pytest.raises(UserError, match=r"aug/feature_args\.json: no such file; .* extract them"):
        experiment.prepare(str(tmp_path / "exp"), settings, corpus.data_dir, aug_dir, ["1"])


def test_a_changed_protocol_is_refused(corpus, tmp_path):
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "data")
    changed = Corpus(str(data_dir), corpus.aug_dir, corpus.config)
    run = changed.prepare(tmp_path / "exp")
    labels = Path(corpus.data_dir).parent / "labels.yaml"
    protocol.make(data_dir, scheme="speakers", folds=6, label_map_file=labels)
    with pytest.raises(UserError, match="was trained under another protocol"):
        experiment.load(run.directory)
    with pytest.raises(UserError, match=r"experiment\.protocol differ"):
        changed.prepare(tmp_path / "exp")


def test_features_of_another_configuration_are_refused(corpus, tmp_path):
    with pytest.raises(UserError, match=r"another feature_args \(num_mel_bins\); extract them again"):
        corpus.prepare(tmp_path / "exp", "feature_args.num_mel_bins=30")
    assert not (tmp_path / "exp").exists()


def test_features_that_changed_since_are_refused(corpus, tmp_path):
    corpus.prepare(tmp_path / "exp")
    path = tmp_path / "exp/config.yaml"
    path.write_text(path.read_text().replace("remove_level: true", "remove_level: false"))
    with pytest.raises(UserError, match=r"another feature_args \(remove_level\); extract them again, or give"):
        experiment.load(tmp_path / "exp")


def test_other_features_of_the_same_utterances_are_refused(corpus, tmp_path):
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "data")
    moved = Corpus(str(data_dir), corpus.aug_dir, corpus.config)
    moved.prepare(tmp_path / "exp")
    lengths = read_table(data_dir / "utt2num_frames")
    write_table(data_dir / "utt2num_frames", {name: str(int(frames) - 9) for name, frames in lengths.items()})
    with pytest.raises(UserError, match=r"exp: was trained on other features than .*data has now; train anew"):
        experiment.load(tmp_path / "exp")


def test_other_sound_of_the_same_length_is_refused(corpus, tmp_path):
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "data")
    write_table(data_dir / "utt2checksum", {name: f"a{name}" for name in read_table(data_dir / "utt2spk")})
    moved = Corpus(str(data_dir), corpus.aug_dir, corpus.config)
    moved.prepare(tmp_path / "exp")
    write_table(data_dir / "utt2checksum", {name: f"b{name}" for name in read_table(data_dir / "utt2spk")})
    with pytest.raises(UserError, match=r"exp: was trained on other features than .*data has now; train anew"):
        experiment.load(tmp_path / "exp")
    with pytest.raises(UserError, match=r"another configuration \(experiment.sound differ\)"):
        moved.prepare(tmp_path / "exp")


def test_models_of_before_lengths_were_kept_are_read_and_get_more_seeds(corpus, tmp_path):
    corpus.prepare(tmp_path / "exp")
    path = tmp_path / "exp/config.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "num_frames" not in line))
    experiment.load(tmp_path / "exp")
    assert corpus.prepare(tmp_path / "exp", seeds="2").seeds == (2,)


def test_tests_need_no_copies(corpus, tmp_path):
    """Of clean speech and attacks: the tables of all copies would be most of the memory of a test."""
    aug_dir = shutil.copytree(corpus.aug_dir, tmp_path / "aug")
    moved = Corpus(corpus.data_dir, str(aug_dir), corpus.config)
    run = moved.prepare(tmp_path / "exp")
    shutil.rmtree(aug_dir)
    store = experiment.load(run.directory).store("1")
    assert store.num_frames.keys() == read_table(Path(corpus.data_dir, "utt2spk")).keys()


def test_an_unprepared_directory_is_named(tmp_path):
    with pytest.raises(UserError, match=r"config\.yaml: no such file; run stage 4"):
        experiment.load(tmp_path)


def test_a_class_that_is_missing_in_training_is_refused(corpus, tmp_path):
    """Only speakers s1 and s2 are sad: the fold that tests one and selects on the other cannot train."""
    data_dir = shutil.copytree(corpus.data_dir, tmp_path / "data")
    emotions = read_table(data_dir / "utt2emo")
    write_table(
        data_dir / "utt2emo",
        {utt: "other" if label == "sad" and utt[:2] not in ("s1", "s2") else label for utt, label in emotions.items()},
    )
    (tmp_path / "folds").write_text("".join(f"f{number} s{number}\n" for number in range(1, 7)))
    labels = Path(corpus.data_dir).parent / "labels.yaml"
    with pytest.raises(UserError, match=r"fold f1: no training utterance of class\(es\) sad"):
        protocol.make(data_dir, scheme="speakers", fold_list=tmp_path / "folds", label_map_file=labels)


@pytest.mark.parametrize(
    ("module", "not_needed"),
    [
        ("experiment", "torch"),
        ("training.loop", "lhotse"),
        ("evaluation", "lhotse"),
        ("evaluation.noise_scoring", "lhotse"),
        ("evaluation.robustness", "lhotse"),
    ],
)
def test_a_job_imports_nothing_slow_that_it_does_not_need(module, not_needed):
    code = f"import sys, mtlaug.{module}\nsys.exit({not_needed!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_command_line_alone_imports_no_numpy():
    code = "import sys; from mtlaug.cli import build_parser; build_parser(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_copies_of_speech_that_was_trimmed_since_are_refused(corpus, tmp_path):
    """Where its own silence is gone, that of the copies would give them away."""
    data_dir = str(shutil.copytree(corpus.data_dir, tmp_path / "data"))
    frames = read_table(Path(data_dir, "utt2num_frames"))
    write_table(Path(data_dir, "utt2num_frames"), frames | {"s1-sad1": int(frames["s1-sad1"]) - 9})
    with pytest.raises(
        UserError, match=r"has \d+ frames, and s1-sad1 in .*data has \d+: the copies are of other speech"
    ):
        experiment.prepare(str(tmp_path / "exp"), corpus.settings(), data_dir, corpus.aug_dir, ["1"])


def test_seeds_are_decimal_digits(corpus, tmp_path):
    with pytest.raises(UserError, match=r"--seeds .*expected different whole numbers"):
        experiment.prepare(str(tmp_path / "exp"), corpus.settings(), corpus.data_dir, corpus.aug_dir, ["1", "²"])
