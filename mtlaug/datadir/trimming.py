"""Silence before and after the speech of an utterance, left out by ``segments``."""

import os
from typing import NamedTuple

from mtlaug.datadir.audio import BadAudioError, open_audio
from mtlaug.datadir.tables import has, path_of, read, retire
from mtlaug.files import UserError, write_table
from mtlaug.silence import BELOW, MARGIN, speech


class Trimmed(NamedTuple):
    """Seconds of all utterances ``before`` and ``after``."""

    before: float
    after: float


def trim(data_dir: str | os.PathLike, *, below: float = BELOW, margin: float = MARGIN) -> Trimmed:
    """Write ``segments`` that begin where an utterance's speech begins and end where it ends.

    Corpora differ in how much silence surrounds the speech; means and deviations of features over all frames differ
    with it, and a model may learn the silence. Pauses inside stay. Segments that are there already become narrower.
    utt2dur is made anew, and features move to ``.backup/``; utt2checksum stays that of the untrimmed speech, by which
    it is known elsewhere, trimmed or not.

    Args:
        below: windows of 25 ms that are further below the utterance's loudest (dB, of their mean power) are silence.
        margin: seconds kept before the first louder window and after the last.
    Raises:
        UserError: the audio was not checked or cannot be read, ``below`` is not above zero, or ``margin`` is negative.
    """
    if not below > 0 or not margin >= 0:
        raise UserError(f"--below {below:g} --margin {margin:g}: expected dB above zero, and seconds of zero or more")
    if not has(data_dir, "utt2dur"):
        raise UserError(f"{data_dir}: has no utt2dur; run utils/check_audio.sh {data_dir} first")
    recordings, durations = read(data_dir, "wav.scp"), read(data_dir, "utt2dur")
    whole = {name: f"{name} 0 {durations[name]}" for name in durations}
    segments, lengths = {}, {}
    for utterance, line in (read(data_dir, "segments") if has(data_dir, "segments") else whole).items():
        recording, *times = line.split()
        start, end = _speech(recordings[recording], *map(float, times), below, margin)
        segments[utterance] = f"{recording} {start:.3f} {end:.3f}"
        lengths[utterance] = round(end, 3) - round(start, 3)
    write_table(path_of(data_dir, "segments"), segments)
    write_table(path_of(data_dir, "utt2dur"), {utterance: f"{value:.6f}" for utterance, value in lengths.items()})
    retire(data_dir, lambda name: name in ("feats.scp", "cmvn.scp", "utt2num_frames"))
    return Trimmed(sum(map(float, durations.values())), sum(lengths.values()))


def _speech(source: str, start: float, end: float, below: float, margin: float) -> tuple[float, float]:
    """Where the speech between two times of a recording begins and ends, in seconds."""
    import soundfile

    try:
        with soundfile.SoundFile(open_audio(source)) as file:
            rate = file.samplerate
            file.seek(round(start * rate))
            samples = file.read(round((end - start) * rate), dtype="float32")
    except (BadAudioError, RuntimeError, OSError) as error:
        raise UserError(f"{source}: cannot be read: {error}; run utils/check_audio.sh") from None
    first, last = speech(samples, rate, below, margin)
    return start + first / rate, min(end, start + last / rate)
