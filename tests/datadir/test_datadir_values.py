"""Single values in the tables of a data directory."""

import pytest

from mtlaug.datadir.validation import check_values
from mtlaug.files import UserError

GOOD = {
    "utt2dur": ["0.01", "1e3"],
    "utt2num_frames": ["1", "300"],
    "segments": ["r 0 0.5", "r 1.25 1e2"],
    "spk2gender": ["m", "f"],
    "utt2avd": ["1 2.5 -3", "nan nan nan"],
    "utt2emo": ["angry"],
    "text": ["some words", "one"],
}
BAD = {
    "utt2dur": ["0", "-1", "inf", "nan", "long"],
    "utt2num_frames": ["0", "-3", "1.5", ""],
    "segments": ["r 1 1", "r 2 1", "r -1 1", "r 0 inf", "r nan 1", "r 0 nan", "r 0", "r 0 1 2", "r a b"],
    "spk2gender": ["male", "F", ""],
    "utt2avd": ["1 2", "1 2 3 4", "1 2 inf", "-inf 2 3", "a b c"],
    "utt2emo": ["very angry", ""],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_good_values(name: str, value: str):
    check_values(f"data/{name}", {"a": value})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_bad_values_are_named_with_their_key(tmp_path, name: str, value: str):
    path = tmp_path / name
    path.write_text(f"a {value}\n")
    with pytest.raises(UserError) as error:
        check_values(str(path), {"a": value})
    assert f"{path}:1: 'a' has {value!r}: " in str(error.value)


def test_the_end_of_a_recording_has_to_be_given(tmp_path):
    (tmp_path / "segments").write_text("a r 0 -1\n")
    with pytest.raises(UserError, match="give the recording's end in seconds in the place of -1"):
        check_values(str(tmp_path / "segments"), {"a": "r 0 -1"})
