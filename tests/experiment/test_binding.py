"""What binds an experiment to its features and to its own configuration."""

from pathlib import Path

import pytest

from mtlaug import config
from mtlaug.experiment import binding
from mtlaug.features.archives import FEATURE_ARGS
from mtlaug.files import UserError, write_json

SETTINGS = config.from_dict({"feature_args": {"num_mel_bins": 40}})


def write_features(folder: Path, **changes) -> str:
    """A data directory with features as configured, but for ``changes``; an option that is None is not there."""
    made = SETTINGS.to_dict()["feature_args"] | changes
    write_json(folder / FEATURE_ARGS, {key: value for key, value in made.items() if value is not None})
    (folder / "feats.scp").touch()
    return str(folder)


def test_features_as_configured_are_taken(tmp_path):
    binding.check_features(write_features(tmp_path), SETTINGS)


@pytest.mark.parametrize("value", [64, None])
def test_features_of_another_option_are_refused(tmp_path, value):
    with pytest.raises(UserError, match=r"made with another feature_args \(num_mel_bins\); extract them again"):
        binding.check_features(write_features(tmp_path, num_mel_bins=value), SETTINGS)


@pytest.mark.parametrize("name", [FEATURE_ARGS, "feats.scp"])
def test_features_that_are_not_all_there_are_refused(tmp_path, name: str):
    data_dir = write_features(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=rf"{name}: no such file; the features are not there"):
        binding.check_features(data_dir, SETTINGS)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"model_args": {"hidden": 32}}, {"model_args": {"hidden": 64}}, ["model_args.hidden"]),
        ({"model_args": {"hidden": 32}}, {}, ["model_args.hidden"]),
        ({}, {"model_args": {"hidden": 32}}, ["model_args.hidden"]),
        ({"model_args": {"hidden": 32}}, {"model_args": {}}, ["model_args.hidden"]),
        ({"model_args": {}}, {"model_args": {"hidden": 32}}, ["model_args.hidden"]),
        ({"run": {"seeds": [1], "command": "a"}}, {"run": {"seeds": [2], "command": "b"}}, []),
        ({"run": {"sound": "a"}}, {"run": {"sound": "b"}}, ["run.sound"]),
        ({"run": {"sound": "a"}}, {"run": {}}, []),  # an experiment of before the digest was kept
        ({"run": {"num_frames": None}}, {"run": {"num_frames": "b"}}, []),
    ],
)
def test_what_differs_between_two_configurations(old: dict, new: dict, expected: list[str]):
    assert binding.differences(old, new) == expected


def test_digests_are_of_the_tables_that_are_there(tmp_path):
    assert binding.digests(str(tmp_path)) == {}
    (tmp_path / "utt2num_frames").write_text("a 100\n")
    before = binding.digests(str(tmp_path))
    assert before.keys() == {"num_frames"}
    (tmp_path / "utt2num_frames").write_text("a 101\n")
    (tmp_path / "utt2checksum").write_text("a 0\n")
    after = binding.digests(str(tmp_path))
    assert after.keys() == {"num_frames", "sound"}
    assert after["num_frames"] != before["num_frames"]
