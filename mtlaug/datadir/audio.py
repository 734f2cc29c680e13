"""Is the audio of a data directory whole? Every recording is decoded once."""

import hashlib
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

from mtlaug.audio.commands import CommandError, output_of
from mtlaug.datadir.editing import fix
from mtlaug.datadir.tables import (
    BY_CHOICE,
    CUTS,
    FEATURES,
    REPEATED,
    check_speakers,
    has,
    path_of,
    read,
    read_dropped,
    retire,
    utterance_tables,
)
from mtlaug.datadir.untrimmed import read_untrimmed
from mtlaug.datadir.validation import check_values
from mtlaug.files import UserError, write_table

_BLOCK = 1 << 16  # samples decoded at a time
_SLACK = 0.01  # seconds that a segment may end after its recording: its times may be rounded to two decimals
_STREAMED = 0x7FFFF000  # a data size of this or more is a placeholder, written by programs that could not seek back
_DATA_SIZE = re.compile(r"^data *: *(\d+) \(should be (\d+)\)", re.MULTILINE)


class AudioCheck(NamedTuple):
    """What `check_audio` found.

    Attributes:
        good: utterances that stay.
        total: those and the dropped ones, also the ones dropped at data preparation, but for those dropped by choice
            and repetitions.
        dropped: of this run: utterance to reason.
        rate: the wanted sample rate, or that of most recordings, Hz.
        other_rate: recordings at another one.
        several_channels: recordings of more than one channel.
    """

    good: int
    total: int
    dropped: dict[str, str]
    rate: int
    other_rate: int
    several_channels: int


class _Span:
    """The part of a recording, in samples, that one utterance is; what was seen of it while decoding."""

    def __init__(self, start: int, end: float):
        self.start, self.end = start, end
        self.peak = 0.0
        self.finite = True
        self.sum = hashlib.sha256()  # of the samples on the 16-bit scale, so that .wav and .flac agree


class BadAudioError(Exception):
    """The reason why a recording cannot be used."""


def check_audio(
    data_dir: str | os.PathLike, *, max_loss: float = 5.0, min_duration: float = 0.025, sample_rate: int | None = None
) -> AudioCheck:
    """Decode all audio, remove the utterances without usable samples, write ``utt2dur`` and ``utt2checksum``.

    Removed, through `fix`: files that are missing, empty, truncated or no audio, commands that
    fail, recordings without samples, utterances that are too short, silent (all samples of the
    channels' mean equal zero), not finite, or that end after their recording. Tables of features
    go too where the sound is another than at an earlier check. The checksum of trimmed speech is that of all it was.

    Args:
        max_loss: largest share of lost utterances, in percent of all, that is tolerated.
        min_duration: shortest utterance, in seconds; the default is one frame of 25 ms.
        sample_rate: in Hz; recordings at other rates are counted (feature extraction converts
            them). None, the default, means the most frequent rate.
    Raises:
        UserError: a table is malformed, or more than ``max_loss`` percent is lost; nothing is changed then.
    """
    from tqdm import tqdm

    utt2spk = read(data_dir, "utt2spk")
    check_speakers(path_of(data_dir, "utt2spk"), utt2spk)
    if has(data_dir, CUTS) and not has(data_dir, "wav.scp"):
        raise UserError(f"{data_dir}: is augmented ({CUTS}, no wav.scp); check the audio of its source directory")
    recordings, untrimmed = read(data_dir, "wav.scp"), read_untrimmed(data_dir)
    jobs, dropped = utterances_of(data_dir, utt2spk, recordings)
    durations: dict[str, float] = {}
    checksums: dict[str, str] = {}
    formats: Counter = Counter()
    for recording, times in tqdm(jobs.items(), desc="check_audio", unit="file", disable=not sys.stderr.isatty()):
        whole = [(utterance, *untrimmed.get(utterance, span)) for utterance, *span in times]
        _check_recording(recordings[recording], times, whole, min_duration, dropped, durations, checksums, formats)
    for utterance, reason in sorted(dropped.items()):
        print(f"check_audio: dropped {utterance}: {reason}", file=sys.stderr)
    # Utterances that are back in the tables since they were dropped count as they are now.
    earlier = [
        utterance
        for utterance, reason in read_dropped(data_dir).items()
        if utterance not in utt2spk and not reason.startswith((BY_CHOICE, REPEATED))
    ]
    total = len(utt2spk) + len(earlier)
    lost = total - len(durations)
    if not durations or 100 * lost > max_loss * total:
        raise UserError(
            f"{data_dir}: {lost} of {total} utterances are lost ({100 * lost / total:.1f} %, more than the "
            f"{max_loss:g} % of --max-loss); mend the corpus or raise --max-loss; nothing was left out"
        )
    write_table(path_of(data_dir, "utt2dur"), {utterance: f"{value:.6f}" for utterance, value in durations.items()})
    before = read(data_dir, "utt2checksum") if has(data_dir, "utt2checksum") else checksums
    if any(before.get(utterance) != checksum for utterance, checksum in checksums.items()):
        retire(data_dir, lambda name: name in FEATURES)  # they are of other sound
    write_table(path_of(data_dir, "utt2checksum"), checksums)
    fix(data_dir, remove=dropped)
    return AudioCheck(len(durations), total, dropped, *_count_converted(formats, sample_rate))


def utterances_of(
    data_dir: str | os.PathLike, utt2spk: Mapping[str, str], recordings: Mapping[str, str]
) -> tuple[dict[str, list[tuple[str, float, float]]], dict[str, str]]:
    """Recording to its utterances, each ``(utterance, start, end)`` in seconds; and the utterances that lack a line."""
    segments = None
    dropped: dict[str, str] = {}
    for name in utterance_tables(data_dir):
        if name not in ("utt2dur", "utt2checksum"):  # written anew
            table = read(data_dir, name)
            dropped.update({utterance: f"not in {name}" for utterance in utt2spk if utterance not in table})
        if name == "segments":
            check_values(path_of(data_dir, name), table)
            segments = table
    jobs: dict[str, list[tuple[str, float, float]]] = {}
    for utterance in utt2spk:
        if utterance in dropped:
            continue
        recording, *times = segments[utterance].split() if segments is not None else (utterance, 0, math.inf)
        if recording in recordings:
            jobs.setdefault(recording, []).append((utterance, *map(float, times)))
        else:
            dropped[utterance] = f"recording {recording} is not in wav.scp" if segments else "not in wav.scp"
    return jobs, dropped


def _check_recording(
    source: str,
    times: list[tuple[str, float, float]],
    whole: list[tuple[str, float, float]],
    min_duration: float,
    dropped: dict[str, str],
    durations: dict[str, float],
    checksums: dict[str, str],
    formats: Counter,
) -> None:
    """Sort the utterances of one recording into ``durations`` (seconds), ``checksums`` and ``dropped``.

    ``times`` are what they are now, ``whole`` what they were untrimmed, of which the checksums are.
    """
    try:
        rate, channels, frames, spans = _decode(source, whole)
    except BadAudioError as error:
        dropped.update({utterance: f"{source}: {error}" for utterance, _, _ in times})
        return
    formats[rate, channels] += 1
    for (utterance, start, end), span in zip(times, spans, strict=True):
        duration = min(end, frames / rate) - start
        if end < math.inf and end > frames / rate + _SLACK:
            problem = f"segment ends at {end:g} s, the recording at {frames / rate:g} s"
        elif duration < min_duration:
            problem = f"lasts {max(duration, 0):.4f} s, less than {min_duration:g} s"
        elif not span.finite:
            problem = "has samples that are not finite"
        elif span.peak == 0:
            problem = "is silent, all samples are zero"
        else:
            durations[utterance], checksums[utterance] = duration, span.sum.hexdigest()[:32]
            continue
        dropped[utterance] = f"{source}: {problem}"


def _decode(source: str, times: list[tuple[str, float, float]]) -> tuple[int, int, int, list[_Span]]:
    """Rate (Hz), channels, samples a channel, and what each utterance's samples are like."""
    import soundfile

    audio = open_audio(source)
    is_command = not isinstance(audio, str)
    try:
        with soundfile.SoundFile(audio) as file:
            rate = file.samplerate
            spans = [_Span(_sample(start, rate), _sample(end, rate)) for _, start, end in times]
            position = 0
            for block in file.blocks(_BLOCK, dtype="float32", always_2d=True):  # (samples, channels)
                _look(block, position, spans)
                position += len(block)
            cut_off = None if is_command else _DATA_SIZE.search(file.extra_info)
            if position == 0:
                raise BadAudioError("holds no samples")
            if cut_off and int(cut_off[2]) < int(cut_off[1]) < _STREAMED:
                raise BadAudioError(f"is truncated: {cut_off[2]} of {cut_off[1]} bytes of samples are there")
            if not is_command and position < file.frames < 1 << 62:
                raise BadAudioError(f"is truncated: {position} of {file.frames} samples can be decoded")
            return rate, file.channels, position, spans
    except (RuntimeError, TypeError, ValueError, OSError) as error:
        # soundfile's message repeats the file name before the last colon
        raise BadAudioError(f"cannot be decoded: {str(error).splitlines()[0].rpartition(': ')[2]}") from None


def _sample(seconds: float, rate: int) -> float:
    """The nearest sample, as in reading: a product such as 2.01 x 16000 may come out a little too small."""
    return round(seconds * rate) if seconds < math.inf else math.inf


def open_audio(source: str) -> str | BinaryIO:
    """The path of a file that is not empty, or the output of a command in memory."""
    if not source.endswith("|"):
        if not os.path.exists(source):
            raise BadAudioError("no such file")
        if os.path.isdir(source):
            raise BadAudioError("is a directory")
        if os.path.getsize(source) == 0:
            raise BadAudioError("is empty")
        return source
    try:
        return output_of(source[:-1])
    except CommandError as error:
        raise BadAudioError(str(error)) from None


def _look(block, position: int, spans: list[_Span]) -> None:
    """Note peak and finiteness of each span's part of ``block`` (samples, channels), which starts at ``position``."""
    import numpy as np

    for span in spans:
        if span.start < position + len(block) and span.end > position:
            part = block[max(span.start - position, 0) : min(span.end - position, len(block))]
            if part.size:
                span.peak = max(span.peak, float(np.nan_to_num(np.abs(part.mean(axis=1))).max()))
                span.finite = span.finite and bool(np.isfinite(part).all())
                span.sum.update((np.clip(np.nan_to_num(part), -1, 1) * 32768).round().astype("<i4").tobytes())


def _count_converted(formats: Counter, sample_rate: int | None) -> tuple[int, int, int]:
    """``sample_rate`` or the most frequent one, the recordings at another, and those of several channels."""
    rates: Counter = Counter()
    for (rate, _), count in formats.items():
        rates[rate] += count
    usual = sample_rate or rates.most_common(1)[0][0]
    several = sum(count for (_, channels), count in formats.items() if channels > 1)
    return usual, sum(rates.values()) - rates[usual], several
