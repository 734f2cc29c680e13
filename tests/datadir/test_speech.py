"""Data directories of speech without labels."""

from pathlib import Path

import pytest

from mtlaug import datadir
from mtlaug.cli import main
from mtlaug.datadir import from_speech
from mtlaug.files import UserError, read_table


@pytest.fixture
def folder(tmp_path: Path, make_wav) -> Path:
    """Two utterances of each of ten speakers laid out as LibriSpeech is, and of one in a folder named otherwise."""
    root = tmp_path / "some speech"
    for number in range(10):
        for utterance in range(2):
            path = root / "clean" / f"10{number}" / "77" / f"10{number}-77-000{utterance}.wav"
            make_wav(path, 0.3, seed=2 * number + utterance)
    make_wav(root / "Anna B" / "a story.wav", 0.3, seed=21)
    make_wav(root / "Anna B" / "b story.wav", 0.3, seed=22)
    return root


def test_speakers_are_found_and_split(folder: Path, tmp_path: Path):
    made = from_speech(folder, str(tmp_path / "x"), babble_share=0.3)
    assert made == (16, 6)
    speech, babble = (read_table(tmp_path / name / "utt2spk") for name in ("x", "x_babble"))
    assert len(set(speech.values()) | set(babble.values())) == 11
    assert not set(speech.values()) & set(babble.values())
    everything = speech | babble
    assert everything["101-77-0000"] == "101"
    assert everything["Anna_B-a_story"] == "Anna_B"
    for name in ("x", "x_babble"):
        datadir.check_audio(tmp_path / name)
        datadir.validate(tmp_path / name, need_feats=False, need_text=False)


def test_files_of_one_name_in_several_folders_are_utterances_of_their_own(tmp_path: Path, make_wav):
    for number in range(2):
        make_wav(tmp_path / "vox" / f"id{number}" / f"video{number}" / "00001.wav", 0.3, seed=number)
    assert from_speech(tmp_path / "vox", str(tmp_path / "x"), babble_share=0) == (2, 0)
    assert read_table(tmp_path / "x" / "utt2spk") == {f"video{n}-00001": f"video{n}" for n in range(2)}


def test_the_choice_follows_the_seed_alone(folder: Path, tmp_path: Path):
    chosen = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        from_speech(folder, str(tmp_path / name), babble_share=0.3, seed=seed)
        chosen.append((tmp_path / f"{name}_babble" / "utt2spk").read_text())
    assert chosen[0] == chosen[1] != chosen[2]


def test_no_babble_makes_no_directory(folder: Path, tmp_path: Path):
    assert from_speech(folder, str(tmp_path / "x"), babble_share=0) == (22, 0)
    assert not (tmp_path / "x_babble").exists()


@pytest.mark.parametrize("share", [0.01, 0.2, 0.97])  # no speaker, four utterances, all speakers
def test_too_little_for_babble_is_all_speech(folder: Path, tmp_path: Path, capsys, share: float):
    arguments = ["datadir", "from-speech", "--babble-share", str(share), str(folder), str(tmp_path / "x")]
    assert main(arguments) == 0
    assert capsys.readouterr().out.endswith("22 utterances are in " + str(tmp_path / "x") + ", too few for babble\n")
    assert not (tmp_path / "x_babble").exists()


def test_an_earlier_babble_directory_is_not_left_beside_its_speakers(folder: Path, tmp_path: Path):
    from_speech(folder, str(tmp_path / "x"), babble_share=0.3)
    with pytest.raises(UserError, match=r"x_babble: is of an earlier split, .*; remove it"):
        from_speech(folder, str(tmp_path / "x"), babble_share=0)


@pytest.mark.parametrize(("share", "message"), [(1, "to less than 1"), (-0.1, "choose from 0")])
def test_a_share_that_cannot_be_is_refused(folder: Path, tmp_path: Path, share: float, message: str):
    with pytest.raises(UserError, match=message):
        from_speech(folder, str(tmp_path / "x"), babble_share=share)


def test_files_that_would_be_one_utterance_are_refused(tmp_path: Path, make_wav):
    for name in ("x y", "x_y"):
        make_wav(tmp_path / "in" / "a" / f"{name}.wav", 0.3)
    with pytest.raises(UserError, match="would both be utterance a-x_y; rename one of them"):
        from_speech(tmp_path / "in", str(tmp_path / "x"), babble_share=0)


def test_a_slash_at_the_end_changes_no_name(folder: Path, tmp_path: Path):
    from_speech(folder, f"{tmp_path}/x/", babble_share=0.3)
    assert (tmp_path / "x_babble" / "utt2spk").exists()


def test_a_folder_without_audio_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="no such directory"):
        from_speech(tmp_path / "nowhere", str(tmp_path / "x"))
