"""Silence before and after the speech of an utterance, left out by ``segments``."""

import math
import os
from collections.abc import Iterator
from typing import NamedTuple

from mtlaug.audio.silence import BELOW, MARGIN, speech
from mtlaug.datadir.audio import BadAudioError, open_audio, utterances_of
from mtlaug.datadir.tables import FEATURES, has, path_of, read, retire
from mtlaug.datadir.untrimmed import keep_untrimmed
from mtlaug.files import UserError, write_table


class Trimmed(NamedTuple):
    """Seconds of all utterances ``before`` and ``after``."""

    before: float
    after: float


def trim(data_dir: str | os.PathLike, *, below: float = BELOW, margin: float = MARGIN) -> Trimmed:
    """Write ``segments`` that begin where an utterance's speech begins and end where it ends.

    Corpora differ in how much silence surrounds the speech; means and deviations of features over all frames differ
    with it, and a model may learn the silence. Pauses inside stay. Segments that are there already become narrower.
    utt2dur is made anew, and features move to ``.backup/``; utt2checksum stays that of the untrimmed speech, by which
    it is known elsewhere, trimmed or not, and which `mtlaug.datadir.untrimmed` keeps.

    Args:
        below: windows of 25 ms that are further below the utterance's loudest (dB, of their mean power) are silence.
        margin: seconds kept before the first louder window and after the last.
    Raises:
        UserError: the audio was not checked or cannot be read, ``below`` is not above zero, or ``margin`` is negative.
    """
    if not below > 0 or not 0 <= margin < math.inf:
        raise UserError(f"--below {below:g} --margin {margin:g}: expected dB above zero, and seconds of zero or more")
    if not has(data_dir, "utt2dur"):
        raise UserError(f"{data_dir}: has no utt2dur; run utils/check_audio.sh {data_dir} first")
    recordings = read(data_dir, "wav.scp")
    parts, lost = utterances_of(data_dir, read(data_dir, "utt2spk"), recordings)
    if lost:
        raise UserError(f"{data_dir}: utterance {min(lost)}: {lost[min(lost)]}; run utils/fix_data_dir.sh {data_dir}")
    try:
        before = sum(map(float, read(data_dir, "utt2dur").values()))
    except ValueError as error:
        raise UserError(f"{data_dir}/utt2dur: {error}; run utils/check_audio.sh {data_dir}") from None
    segments, lengths = {}, {}
    for recording, times in parts.items():
        for utterance, start, end in _speech(recordings[recording], times, below, margin):
            segments[utterance] = f"{recording} {start:.3f} {end:.3f}"
            lengths[utterance] = round(end, 3) - round(start, 3)
    keep_untrimmed(data_dir, {utterance: span for times in parts.values() for utterance, *span in times})
    write_table(path_of(data_dir, "segments"), segments)
    write_table(path_of(data_dir, "utt2dur"), {utterance: f"{value:.6f}" for utterance, value in lengths.items()})
    retire(data_dir, lambda name: name in FEATURES)
    return Trimmed(before, sum(lengths.values()))


def _speech(
    source: str, times: list[tuple[str, float, float]], below: float, margin: float
) -> Iterator[tuple[str, float, float]]:
    """Where the speech of each utterance of a recording begins and ends, in seconds; ``times`` is what it has now."""
    import soundfile

    try:
        with soundfile.SoundFile(open_audio(source)) as file:
            rate = file.samplerate
            for utterance, start, end in times:
                file.seek(round(start * rate))
                frames = -1 if end == math.inf else round((end - start) * rate)
                first, last = speech(file.read(frames, dtype="float32"), rate, below, margin)
                yield utterance, start + first / rate, min(end, start + last / rate)
    except (BadAudioError, RuntimeError, OSError, ValueError) as error:
        raise UserError(f"{source}: cannot be read: {error}; run utils/check_audio.sh") from None
