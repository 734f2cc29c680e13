"""Speech without labels, labels that are hidden, and the tasks beside the two label-free ones."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from corpus import DROPPED, RATE, Corpus, extract, speech, write_data_dir

from mtlaug import datadir, experiment, protocol
from mtlaug.augment import manifest
from mtlaug.dataset import batching, unlabelled
from mtlaug.dataset.batching import UNKNOWN, TrainingSet
from mtlaug.features.store import FeatureStore
from mtlaug.files import UserError, read_table, write_table
from mtlaug.seeding import random_state
from mtlaug.training.loop import Trainer, train

CLASSES = ["angry", "sad"]


@pytest.fixture(scope="module")
def checked(corpus, tmp_path_factory) -> Corpus:
    """The corpus with checksums of its audio."""
    data_dir = shutil.copytree(corpus.data_dir, tmp_path_factory.mktemp("checked") / "data")
    datadir.check_audio(data_dir)
    return Corpus(str(data_dir), corpus.aug_dir, corpus.config)


@pytest.fixture(scope="module")
def extra(corpus, tmp_path_factory) -> str:
    """Ten utterances of two unknown speakers, longer than the labelled ones, with copies and features."""
    return make_extra(tmp_path_factory.mktemp("some speech"), corpus, [f"x{n % 2}-u{n}" for n in range(10)])


def make_extra(root: Path, corpus: Corpus, names: list[str]) -> str:
    wavs = {}
    for seed, name in enumerate(names):
        wavs[name] = root / f"{name}.wav"
        soundfile.write(wavs[name], speech(1.2, seed=100 + seed), RATE)
    data_dir = write_data_dir(root / "unlabelled", wavs)
    datadir.check_audio(data_dir)
    settings = corpus.settings()
    manifest.make(data_dir, f"{data_dir}_aug", settings)
    for directory in (data_dir, f"{data_dir}_aug"):
        extract(directory, Path(directory, "data"), settings.feature_args)
    return data_dir


def with_extra(extra: str, ratio: float = 0.5) -> list[str]:
    return [f"unlabelled_args.ratio={ratio}", f"unlabelled_args.data_dirs=['{extra}']"]


def test_each_batch_has_the_set_share_of_unlabelled_rows(checked, extra, tmp_path):
    run = checked.prepare(tmp_path / "exp", *with_extra(extra), "dataset_args.max_frames=800")
    data = Trainer(run, "1", 1).data
    batches = list(data.batches(1))
    assert len(batches) == data.num_batches() == 3
    without = [int((batch.emotion.sum(1) == 0).sum()) for batch in batches]
    assert sum(without) == 10  # half of the 20 labelled rows
    assert all(3 <= number <= 4 for number in without)
    for batch in batches:
        labelled = batch.emotion.sum(1) > 0
        assert batch.lengths.max() == batch.lengths[labelled].max()  # unlabelled rows pad nothing
        assert (batch.augmentation >= 0).all()


def test_unlabelled_speech_changes_no_labelled_row(checked, extra, tmp_path):
    plain = Trainer(checked.prepare(tmp_path / "plain"), "1", 1).data
    more = Trainer(checked.prepare(tmp_path / "more", *with_extra(extra)), "1", 1).data
    for one, other in zip(plain.batches(2), more.batches(2), strict=True):
        rows = len(one.lengths)
        assert torch.equal(one.features, other.features[:rows])
        assert torch.equal(one.emotion, other.emotion[:rows])


def test_an_utterance_that_is_not_drawn_costs_nothing(checked, extra, tmp_path, monkeypatch):
    data = Trainer(checked.prepare(tmp_path / "exp", *with_extra(extra)), "1", 1).data
    states = []
    monkeypatch.setattr(batching, "random_state", lambda *names: states.append(names) or random_state(*names))
    drawn = list(data._draws(data.unlabelled, 3, 1))
    assert len(drawn) == 3 < len(data.unlabelled)
    assert len(states) == 4  # and one for the order


def test_a_model_trains_with_unlabelled_speech_and_is_bound_to_it(checked, extra, tmp_path):
    run = checked.prepare(tmp_path / "exp", *with_extra(extra), "optim_args.epochs=1")
    train(run, "1", 1)
    assert (run.run_dir("1", 1) / "best.pt").exists()
    with pytest.raises(UserError, match="another configuration"):
        checked.prepare(tmp_path / "exp", *with_extra(extra, 0.25), "optim_args.epochs=1")


def test_a_larger_share_holds_all_of_a_smaller_one(corpus, extra):
    shares = [
        set(unlabelled.utt2spk(corpus.settings(*with_extra(extra), f"unlabelled_args.share={x}").unlabelled_args))
        for x in (0.3, 0.5, 1.0)
    ]
    assert [len(share) for share in shares] == [3, 5, 10]
    assert shares[0] < shares[1] < shares[2]


# What is refused


def test_a_ratio_without_speech_is_refused(checked, tmp_path):
    with pytest.raises(UserError, match="there is no speech without labels"):
        checked.prepare(tmp_path / "exp", "unlabelled_args.ratio=1")


def test_the_test_set_itself_is_refused(checked, tmp_path):
    with pytest.raises(UserError, match=r"utterance s1-angry1 is of .*data: 31 are of speakers in a dev or test part"):
        checked.prepare(tmp_path / "exp", *with_extra(checked.data_dir))


@pytest.mark.parametrize("part", ["dev", "test"])
def test_a_speaker_of_a_dev_or_test_part_is_refused(checked, tmp_path, part):
    bound = protocol.load(checked.data_dir)
    fold = bound.fold("1")  # alone, as in all folds together every speaker is tested
    speaker = fold.speakers(part)[0]
    same_id = write_data_dir(tmp_path / "unlabelled", {f"{speaker}-unknown": "a.wav", "x1-u1": "b.wav"})
    with pytest.raises(UserError, match=f"speaker {speaker} is in a dev or test part"):
        alone = dataclasses.replace(bound, folds=(fold,))
        unlabelled.check(checked.settings(*with_extra(same_id)), alone, checked.data_dir)


def test_the_same_audio_under_another_name_is_refused(checked, extra, tmp_path):
    copied = tmp_path / "renamed.flac"
    samples, rate = soundfile.read(read_table(Path(checked.data_dir, "wav.scp"))["s5-sad1"], dtype="int16")
    soundfile.write(copied, samples, rate)
    renamed = write_data_dir(tmp_path / "unlabelled", {"z1-other": copied})
    datadir.check_audio(renamed)
    with pytest.raises(UserError, match="such as z1-other and s5-sad1"):
        checked.prepare(tmp_path / "exp", *with_extra(renamed))


def test_other_emotions_of_tested_speakers_are_refused(checked, tmp_path):
    """They have no class, and would teach the label-free tasks the speakers all the same."""
    copied = write_data_dir(tmp_path / "unlabelled", {"z1-x": read_table(Path(checked.data_dir, "wav.scp"))[DROPPED]})
    datadir.check_audio(copied)
    with pytest.raises(UserError, match=f"such as z1-x and {DROPPED}; remove"):
        checked.prepare(tmp_path / "exp", *with_extra(copied))


def test_checksums_of_a_part_are_named_with_the_mend(checked, extra, tmp_path):
    part = Path(shutil.copytree(checked.data_dir, tmp_path / "data"))
    sums = read_table(part / "utt2checksum")
    write_table(part / "utt2checksum", {name: value for name, value in sums.items() if name != "s2-sad1"})
    found = dataclasses.replace(checked, data_dir=str(part))
    with pytest.raises(UserError, match=r"utt2checksum: lacks 1 utterances, such as s2-sad1; run utils/check_audio"):
        found.prepare(tmp_path / "exp", *with_extra(extra))


def test_unlabelled_speech_whose_sum_is_not_known_is_refused(checked, extra, tmp_path):
    """It could be any speech."""
    part = Path(shutil.copytree(extra, tmp_path / "unlabelled"))
    sums = read_table(part / "utt2checksum")
    left_out = max(sums)
    write_table(part / "utt2checksum", {name: value for name, value in sums.items() if name != left_out})
    with pytest.raises(UserError, match=f"unlabelled/utt2checksum: lacks 1 utterances, such as {left_out}; run utils"):
        checked.prepare(tmp_path / "exp", *with_extra(str(part)))


def test_missing_speech_and_genders_are_named_with_the_mend(checked, tmp_path):
    with pytest.raises(UserError, match=r"nowhere: no such data directory; run stages 1 to 3 with --unlabelled-dir"):
        checked.prepare(tmp_path / "exp", *with_extra(str(tmp_path / "nowhere")))
    data_dir = Path(shutil.copytree(checked.data_dir, tmp_path / "data"))
    (data_dir / "spk2gender").unlink()
    with pytest.raises(UserError, match=r"spk2gender: no such file, .*local/prepare_data\.py.* loss_args\.gender=0"):
        dataclasses.replace(checked, data_dir=str(data_dir)).prepare(tmp_path / "exp", "loss_args.gender=1")


def test_missing_checksums_are_named_with_the_mend(corpus, extra, tmp_path):
    with pytest.raises(UserError, match=r"utt2checksum: no such file; run utils/check_audio\.sh"):
        corpus.prepare(tmp_path / "exp", *with_extra(extra))


def test_other_features_are_refused(checked, extra, tmp_path):
    moved = tmp_path / "unlabelled"
    for part in ("", "_aug"):
        shutil.copytree(f"{extra}{part}", f"{moved}{part}")
    made = moved / "feature_args.json"
    made.write_text(made.read_text().replace('"num_mel_bins": 20', '"num_mel_bins": 40'))
    with pytest.raises(UserError, match="another feature_args"):
        checked.prepare(tmp_path / "exp", *with_extra(str(moved)))


# Tasks of the ablations and of the competitor


def trainer(corpus: Corpus, tmp_path: Path, *overrides: str) -> Trainer:
    return Trainer(corpus.prepare(tmp_path / "exp", *overrides), "1", 1)


def test_speaker_and_gender_are_classified(corpus, tmp_path):
    made = trainer(corpus, tmp_path, "loss_args.speaker=0.5", "loss_args.gender=0.5")
    assert {name: head.layers[-1].out_features for name, head in made.model.meta.items()} == {"speaker": 6, "gender": 2}
    mixup = made.data.type_index["mixup"]
    for batch in made.data.batches(1):
        mixed = batch.augmentation == mixup
        assert (batch.meta["speaker"][mixed] == UNKNOWN).all()
        assert ((batch.meta["gender"] == batch.meta["speaker"] % 2) | mixed).all()  # s1 is f, s2 is m, and so on
    line = made.train_epoch()
    assert line["loss_speaker"] > 0
    assert line["loss_gender"] > 0


def test_more_heads_leave_the_other_weights_as_they_are(corpus, tmp_path):
    plain = trainer(corpus, tmp_path / "plain")
    more = trainer(corpus, tmp_path / "more", "loss_args.speaker=0.5")
    others = more.model.state_dict()
    assert all(torch.equal(weights, others[name]) for name, weights in plain.model.state_dict().items())


def test_only_waveform_types_may_be_classified(corpus, tmp_path):
    data = trainer(corpus, tmp_path, "loss_args.augtype_rows=waveform").data
    seen = {index for batch in data.batches(1) for index in batch.augmentation.tolist()}
    assert seen == {UNKNOWN, 0, 1, 2, 3}  # specaugment and mixup would be 4 and 5


def test_the_clean_source_is_reconstructed(corpus):
    bound = protocol.load(corpus.data_dir)
    labels = bound.utterances("1", "train")
    store = FeatureStore([corpus.data_dir, corpus.aug_dir], "global", list(labels))
    settings = corpus.settings("loss_args.reconstruct=clean", "dataset_args.max_frames=800")
    data = TrainingSet(store, labels, CLASSES, settings, 1)
    sources = {(len(store.get(name)), store.get(name).tobytes()) for name in labels}
    kinds = list(data.types)
    seen = set()
    for batch in data.batches(1):
        for features, target, length, index in zip(
            batch.features, batch.target, batch.lengths, batch.augmentation, strict=True
        ):
            kind, target = kinds[index], target[:length].numpy()
            if kind != "speed":  # whose sources have other lengths
                assert (len(target), target.tobytes()) in sources
            assert np.array_equal(target, features[:length].numpy()) == (kind == "clean")
            seen.add(kind)
    assert seen == set(kinds)


def test_an_experiment_with_the_share_out_of_range_is_refused(corpus):
    with pytest.raises(UserError, match=r"labelled_share must be above 0 and up to 1, not 0"):
        corpus.settings("dataset_args.labelled_share=0")


def test_the_unlabelled_dirs_are_in_the_config(checked, extra, tmp_path):
    run = checked.prepare(tmp_path / "exp", *with_extra(extra))
    assert experiment.load(run.directory).settings.unlabelled_args.data_dirs == [extra]
