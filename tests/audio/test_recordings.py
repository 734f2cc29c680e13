"""Recordings of any format and length, cut into windows."""

import numpy as np
import pytest
import soundfile
from corpus import RATE, speech

from mtlaug.audio.recordings import windows
from mtlaug.files import UserError


@pytest.mark.parametrize(("rate", "channels", "ending"), [(44100, 2, "flac"), (8000, 1, "wav"), (48000, 1, "ogg")])
def test_any_rate_channels_and_format_are_read(tmp_path, rate, channels, ending):
    path = tmp_path / f"x.{ending}"
    soundfile.write(path, np.tile(speech(0.5, rate=rate)[:, None], channels), rate)
    ((_, _, samples),) = windows(path, RATE)
    assert samples.ndim == 1
    assert len(samples) == pytest.approx(0.5 * RATE, abs=RATE // 50)


def test_a_long_recording_is_cut_and_never_in_memory_as_a_whole(tmp_path, monkeypatch):
    path, read, most = tmp_path / "long.wav", soundfile.SoundFile.read, []

    def counted(file, frames, **options):
        most.append(frames)
        return read(file, frames, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    soundfile.write(path, np.tile(speech(1.0), 64), RATE)
    found = list(windows(path, RATE))
    assert [(window.start, window.end) for window in found] == [*((10 * n, 10 * n + 10) for n in range(5)), (50, 64)]
    assert max(most) == 14 * RATE


def test_silence_and_a_lower_rate_are_said_to_be_so(tmp_path, caplog):
    soundfile.write(tmp_path / "x.wav", np.concatenate([speech(1.0, rate=8000), np.zeros(8000)]), 8000)
    assert len(list(windows(tmp_path / "x.wav", RATE, 1.0))) == 2
    assert "of 8000 Hz; the model was trained on speech of 16000 Hz" in caplog.text
    assert "nothing but silence from 1.00 to 2.00 s" in caplog.text


@pytest.mark.parametrize("halves", [3, 5, 7])
def test_a_last_window_of_half_the_length_is_one_of_its_own(tmp_path, halves):
    soundfile.write(tmp_path / "x.wav", speech(halves / 2), RATE)
    assert len(list(windows(tmp_path / "x.wav", RATE, 1.0))) == (halves + 1) // 2


def test_a_recording_that_changes_meanwhile_is_refused(tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, speech(2.0), RATE)
    reading = windows(path, RATE, 1.0)
    next(reading)
    with open(path, "r+b") as file:
        file.truncate(40_000)
    with pytest.raises(UserError, match=r"x\.wav: is cut off, or changed while it was read, at 1\.00 s"):
        next(reading)
