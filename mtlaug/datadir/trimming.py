"""Silence before and after the speech of an utterance, left out by ``segments``."""

import os
from typing import NamedTuple

from mtlaug.datadir.audio import BadAudioError, open_audio
from mtlaug.datadir.tables import has, path_of, read
from mtlaug.files import UserError, write_table
from mtlaug.silence import BELOW, MARGIN, speech


class Trimmed(NamedTuple):
    """Seconds of all utterances ``before`` and ``after``."""

    before: float
    after: float


def trim(data_dir: str | os.PathLike, *, below: float = BELOW, margin: float = MARGIN) -> Trimmed:
    """Write ``segments`` that begin where an utterance's speech begins and end where it ends.

    Corpora differ in how much silence surrounds the speech; means and deviations of features over all frames differ
    with it, and a model may learn the silence. Pauses inside stay. utt2dur is made anew; utt2checksum stays that of the
    whole recordings, by which the same speech is known elsewhere, trimmed or not.

    Args:
        below: windows of 25 ms that are further below the utterance's loudest (dB, of their mean power) are silence.
        margin: seconds kept before the first louder window and after the last.
    Raises:
        UserError: there are segments already, the audio was not checked or cannot be read, ``below`` is not above
            zero, or ``margin`` is negative.
    """
    if not below > 0 or not margin >= 0:
        raise UserError(f"--below {below:g} --margin {margin:g}: expected dB above zero, and seconds of zero or more")
    if has(data_dir, "segments"):
        raise UserError(f"{path_of(data_dir, 'segments')}: utterances are cut already; make the directory anew first")
    if not has(data_dir, "utt2dur"):
        raise UserError(f"{data_dir}: has no utt2dur; run utils/check_audio.sh {data_dir} first")
    recordings, durations = read(data_dir, "wav.scp"), read(data_dir, "utt2dur")
    segments, lengths = {}, {}
    for utterance, source in recordings.items():
        start, end = _speech(source, below, margin)
        segments[utterance] = f"{utterance} {start:.3f} {end:.3f}"
        lengths[utterance] = round(end, 3) - round(start, 3)
    write_table(path_of(data_dir, "segments"), segments)
    write_table(path_of(data_dir, "utt2dur"), {utterance: f"{value:.6f}" for utterance, value in lengths.items()})
    return Trimmed(sum(map(float, durations.values())), sum(lengths.values()))


def _speech(source: str, below: float, margin: float) -> tuple[float, float]:
    """Where the speech of a recording begins and ends, in seconds."""
    import soundfile

    try:
        samples, rate = soundfile.read(open_audio(source), dtype="float32")
    except (BadAudioError, RuntimeError, OSError) as error:
        raise UserError(f"{source}: cannot be read: {error}; run utils/check_audio.sh") from None
    start, end = speech(samples, rate, below, margin)
    return start / rate, end / rate
