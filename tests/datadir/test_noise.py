"""Noise directories: training and test noise share no source recording."""

import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import recipes
import soundfile

from mtlaug import datadir
from mtlaug.files import UserError

KINDS = {"001 - Dog bark": "dog_bark", "002 - Rain": "rain", "Sea waves": "sea_waves"}
PARTS = ("train", "test")
SOURCES = [f"{fold}-{10000 + number}" for number, fold in enumerate([1, 2, 3, 4, 5])]
TABLES = ("wav.scp", "utt2spk", "spk2utt", "utt2uniq", "utt2kind", "utt2dur", "dropped.tsv")


def write(path, peak=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(str(path).encode()))  # sound of its own
    soundfile.write(path, peak * rng.standard_normal(800), 16000)
    return path


@pytest.fixture(scope="module")
def esc(tmp_path_factory):
    """A tree as ESC-10's: three kinds of five sources with two takes each, of other endings; paths with spaces."""
    folder = tmp_path_factory.mktemp("my noise")
    for number, kind in enumerate(KINDS):
        for source in SOURCES:
            name = f"{source[:-1]}{number}{source[-1]}"  # another source in each kind
            write(folder / kind / f"{name}-A.flac")
            write(folder / kind / f"{name}-B.{'ogg' if number else 'WAV'}")
    (folder / "README.txt").write_text("no audio")
    return folder


def tables(prefix):
    return {(part, name): Path(f"{prefix}_{part}", name).read_text() for part in PARTS for name in TABLES}


def sources(prefix, part):
    return datadir.read(f"{prefix}_{part}", "utt2uniq")


def test_train_and_test_share_no_source_recording(esc, tmp_path):
    prefix = tmp_path / "my data" / "noise"
    made = datadir.from_noise(esc, str(prefix))
    assert (made.train, made.test, made.dropped) == (18, 12, {})
    train, test = (sources(prefix, part) for part in PARTS)
    assert not set(train.values()) & set(test.values())
    assert len(set(train.values())) == 9 and len(set(test.values())) == 6  # both takes of a source on one side
    for part, number in zip(PARTS, (6, 4), strict=True):
        directory = f"{prefix}_{part}"
        assert datadir.validate(directory) == 3 * number
        kinds = datadir.read(directory, "utt2kind")
        assert kinds == datadir.read(directory, "utt2spk")
        assert sorted(kinds.values()) == sorted([*KINDS.values()] * number)
        assert all(os.path.isfile(path) for path in datadir.read(directory, "wav.scp").values())
    assert train.keys() | test.keys() >= {"rain-1-100010-A", "rain-1-100010-B", "dog_bark-5-100004-B"}
    assert (train | test)["rain-1-100010-B"] == "100010"
    assert sorted(os.listdir(prefix.parent)) == ["noise_test", "noise_train"]


def test_esc50_has_one_folder_and_a_table_of_categories(tmp_path):
    corpus = tmp_path / "ESC-50"
    names = {f"1-{10000 + number}-A-{number % 2}.wav": ("rain", "crackling_fire")[number % 2] for number in range(8)}
    for name in names:
        write(corpus / "audio" / name)
    (corpus / "meta").mkdir()
    rows = [f"{name},1,{number % 2},{kind}" for number, (name, kind) in enumerate(names.items())]
    (corpus / "meta" / "esc50.csv").write_text("\n".join(["filename,fold,target,category", *rows]))
    for place in (corpus, corpus / "audio"):
        prefix = tmp_path / place.name
        datadir.from_noise(place, str(prefix), held_out="rain")
        kinds = {part: set(datadir.read(f"{prefix}_{part}", "utt2kind").values()) for part in PARTS}
        assert kinds == {"train": {"crackling_fire"}, "test": {"rain", "crackling_fire"}}
    assert datadir.kind_of(str(corpus / "audio" / min(names))) == "rain"


def test_a_list_of_categories_without_them_is_named(tmp_path):
    write(tmp_path / "ESC-50" / "audio" / "1-1-A-1.wav")
    (tmp_path / "ESC-50" / "meta").mkdir()
    (tmp_path / "ESC-50" / "meta" / "esc50.csv").write_text("name,label\n1-1-A-1.wav,rain\n")
    with pytest.raises(UserError, match=r"esc50\.csv: has no columns filename and category"):
        datadir.from_noise(tmp_path / "ESC-50", str(tmp_path / "noise"))


def test_the_split_depends_on_the_seed_alone(esc, tmp_path):
    for name, seed in [("one", 0), ("again", 0), ("other", 1)]:
        datadir.from_noise(esc, str(tmp_path / name), seed=seed)
    assert tables(tmp_path / "one") == tables(tmp_path / "again")
    assert sources(tmp_path / "one", "test") != sources(tmp_path / "other", "test")


def test_a_source_in_two_kinds_is_on_one_side(tmp_path):
    for number in range(1, 9):
        write(tmp_path / "esc" / ("rain" if number % 2 else "wind") / f"1-{number}-A.wav")
        write(tmp_path / "esc" / "both" / f"2-{number}-A-14.wav")
    datadir.from_noise(tmp_path / "esc", str(tmp_path / "noise"), test_share=0.5)
    train, test = (sources(tmp_path / "noise", part) for part in PARTS)
    assert len(set(test.values())) == 4 and not set(train.values()) & set(test.values())


def test_a_source_in_two_kinds_counts_for_the_first(tmp_path):
    for name in ("rain/1-1-A", "rain/1-2-A", "wind/2-1-B"):
        write(tmp_path / "esc" / f"{name}.wav")
    datadir.from_noise(tmp_path / "esc", str(tmp_path / "noise"), test_share=0.5)
    train, test = (sources(tmp_path / "noise", part) for part in PARTS)
    assert {len(set(part.values())) for part in (train, test)} == {1}


def test_flat_folder_and_no_test_share(tmp_path):
    for name in ("rir1.wav", "rir2.wav", "my rir.wav"):
        write(tmp_path / "rirs" / name)
    made = datadir.from_noise(tmp_path / "rirs", str(tmp_path / "rir"), test_share=0)
    assert (made.train, made.test) == (3, 0) and not (tmp_path / "rir_test").exists()
    assert datadir.read(tmp_path / "rir_train", "utt2kind")["noise-my_rir"] == "noise"
    datadir.from_noise(tmp_path / "rirs", str(tmp_path / "rir"), test_share=0.1)
    assert len(sources(tmp_path / "rir", "test")) == 1  # at least one
    with pytest.raises(UserError, match="rir_test: is of an earlier split"):
        datadir.from_noise(tmp_path / "rirs", str(tmp_path / "rir"), test_share=0)


def test_a_kind_is_held_out(esc, tmp_path):
    made = datadir.from_noise(esc, str(tmp_path / "noise"), held_out="002 - Rain")
    assert (made.train, made.test) == (12, 18)
    kinds = {part: Counter(datadir.read(tmp_path / f"noise_{part}", "utt2kind").values()) for part in PARTS}
    assert kinds == {"train": {"dog_bark": 6, "sea_waves": 6}, "test": {"dog_bark": 4, "sea_waves": 4, "rain": 10}}
    with pytest.raises(UserError, match="--held-out snow: no such kind of noise; there are dog_bark, rain, sea_waves"):
        datadir.from_noise(esc, str(tmp_path / "noise"), held_out="snow")
    with pytest.raises(UserError, match="--held-out rain: needs a test directory"):
        datadir.from_noise(esc, str(tmp_path / "other"), held_out="rain", test_share=0)


def test_the_recordings_of_a_held_out_kind_are_in_no_other_kind(tmp_path):
    """A source that is also in another kind goes to the test with the held-out one."""
    for number in range(4):
        write(tmp_path / "esc" / "wind" / f"1-{number}-A.wav")
    write(tmp_path / "esc" / "rain" / "2-0-B.wav")
    datadir.from_noise(tmp_path / "esc", str(tmp_path / "noise"), held_out="rain", test_share=0.25)
    train, test = (sources(tmp_path / "noise", part) for part in PARTS)
    assert {"rain-2-0-B", "wind-1-0-A"} <= test.keys() and "0" not in train.values()


def test_a_held_out_kind_that_is_all_there_is(tmp_path):
    for number in range(2):
        write(tmp_path / "noises" / "rain" / f"{number}.wav")
    with pytest.raises(UserError, match="without the kind rain there is no noise left for training"):
        datadir.from_noise(tmp_path / "noises", str(tmp_path / "noise"), held_out="rain")
    assert not (tmp_path / "noise_train").exists()


def test_the_same_sound_under_two_names_is_on_one_side(tmp_path):
    for number in range(4):
        heard = write(tmp_path / "n/rain" / f"rain{number}-A.wav")
        write(tmp_path / "n/rain" / f"rain{number}-B.wav")
        (tmp_path / "n/storm").mkdir(exist_ok=True)
        shutil.copy(heard, tmp_path / "n/storm" / f"storm{number}.wav")
    datadir.from_noise(tmp_path / "n", str(tmp_path / "noise"))
    for part in PARTS:
        found = Counter(sources(tmp_path / "noise", part).values())
        assert found and set(found.values()) == {3}  # both takes and the copy


@pytest.mark.parametrize("name", ["babble", "Straßenlärm"])
def test_a_kind_that_cannot_be_tested_is_named_at_once(tmp_path, name):
    for number in range(2):
        write(tmp_path / "n" / name / f"{number}.wav")
    with pytest.raises(UserError, match=rf"{name}/0\.wav: rename its folder: kind .*: use letters"):
        datadir.from_noise(tmp_path / "n", str(tmp_path / "noise"))
    assert not (tmp_path / "noise_train").exists()
    datadir.from_noise(tmp_path / "n", str(tmp_path / "rooms"), test_share=0)  # nothing is tested


def test_takes_of_a_recording_have_one_source_by_path():
    assert datadir.source_of("/n/x/rain-A.wav") == datadir.source_of("/n/x/rain-B.flac")
    assert datadir.source_of("/n/x/rain-A.wav") != datadir.source_of("/n/y/rain-A.wav")
    assert datadir.source_of("/n/001 - Dog bark/1-77-A.wav") == datadir.source_of("/m/3-77-B-14.ogg") == "77"


def test_each_kind_is_trained_on(tmp_path):
    for name in ("a/1.wav", "a/2.wav", "b/1.wav"):
        write(tmp_path / "noises" / name)
    datadir.from_noise(tmp_path / "noises", str(tmp_path / "noise"), test_share=0.99)
    assert set(datadir.read(tmp_path / "noise_train", "utt2kind").values()) == {"a", "b"}
    (tmp_path / "noises" / "a" / "1.wav").unlink()
    with pytest.raises(UserError, match="no kind has two source recordings"):
        datadir.from_noise(tmp_path / "noises", str(tmp_path / "other"))
    assert not (tmp_path / "other_train").exists()


def test_unusable_files_are_named_and_listed(tmp_path, capfd):
    folder = tmp_path / "noises" / "wind"
    for number in range(4):
        write(folder / f"good{number}.wav")
    write(folder / "silent.wav", peak=0)
    (folder / "empty.wav").touch()
    (folder / "text.flac").write_text("this is no audio")
    with pytest.raises(UserError, match=r"3 of 7 files are unusable .*such as wind-empty: .*raise --max-loss"):
        datadir.from_noise(tmp_path / "noises", str(tmp_path / "noise"))
    assert not (tmp_path / "noise_train").exists()
    assert capfd.readouterr().err.count("dropped wind-") == 3
    made = datadir.from_noise(tmp_path / "noises", str(tmp_path / "noise"), max_loss=50)
    assert (made.train, made.test) == (2, 2)
    listed = datadir.read_dropped(tmp_path / "noise_train")
    assert listed == made.dropped and listed.keys() == {"wind-silent", "wind-empty", "wind-text"}
    assert "silent.wav: is silent" in listed["wind-silent"] and "empty.wav: is empty" in listed["wind-empty"]
    assert capfd.readouterr().err.count("dropped wind-") == 3


@pytest.mark.parametrize(
    ("files", "share", "message"),
    [
        ([], 0.4, "holds no file"),
        (None, 0.4, "no such directory"),
        (["a/x.wav", "a/x.flac"], 0.4, "both be utterance a-x"),
        (["1 - a/x.wav", "2 - A/x.wav"], 0.4, "both be utterance a-x"),
        (["a/x.wav", "a/y.wav"], 1, "--test-share 1"),
        (["a/x.wav", "a/y.wav"], -0.1, "--test-share -0.1"),
    ],
)
def test_errors(tmp_path, files, share, message):
    for name in files or ():
        write(tmp_path / "noises" / name)
    if files == []:
        (tmp_path / "noises").mkdir()
    with pytest.raises(UserError, match=message):
        datadir.from_noise(tmp_path / "noises", str(tmp_path / "noise"), test_share=share)
    assert not (tmp_path / "noise_train").exists()


def test_nothing_usable(tmp_path):
    write(tmp_path / "noises" / "silent.wav", peak=0)
    with pytest.raises(UserError, match="noises: none of its 1 audio files is usable"):
        datadir.from_noise(tmp_path / "noises", str(tmp_path / "noise"))
    assert [path.name for path in tmp_path.iterdir()] == ["noises"]


def test_step(esc, tmp_path):
    recipe = recipes.copy("emodb", tmp_path)
    script = "steps/prepare_noise.sh"
    options = ["--test-share", "0.2", "--held-out", "Sea waves", "--seed", "3"]
    result = recipes.call(recipe, script, *options, esc, "data/noise")
    assert result.returncode == 0, result.stderr
    assert "from_noise: 16 recordings are in data/noise_train, 14 in data/noise_test" in result.stdout
    assert result.stdout.count("Successfully validated data-directory data/noise_") == 2
    assert recipes.failed(recipes.call(recipe, script, tmp_path / "none", "data/none"), "none: no such directory")
    assert recipes.failed(recipes.call(recipe, script, "--test-share", "much", esc, "data/none"), "test-share", "much")
    assert recipes.failed(recipes.call(recipe, script, esc), "Usage: steps/prepare_noise.sh")


def test_esc10(shared_data, tmp_path):
    made = datadir.from_noise(shared_data / "noise_esc10", str(tmp_path / "noise"))
    assert made.train + made.test == 40 and made.dropped == {}
    train, test = (sources(tmp_path / "noise", part) for part in PARTS)
    assert not set(train.values()) & set(test.values())
    assert set(datadir.read(tmp_path / "noise_train", "utt2kind").values()) >= {"rain", "dog_bark", "fire_crackling"}
