"""Recordings and cuts: from a Kaldi data directory to mono samples at one rate.

Recordings are lhotse manifests. A stereo file is averaged and another rate is
converted when the audio is loaded, so wav.scp may hold anything soundfile reads.
"""

import gzip
import io
import json
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from lhotse import MonoCut, Recording
from lhotse.audio import AudioSource
from lhotse.augmentation.transform import AudioTransform
from lhotse.serialization import deserialize_item
from lhotse.utils import fastcopy, perturb_num_samples

from mtlaug.files import UserError, atomic_path, read_table


@dataclass
class Downmix(AudioTransform):
    """Average the channels: (channels, samples) to (1, samples)."""

    def __call__(self, samples: np.ndarray, sampling_rate: int) -> np.ndarray:
        return samples.mean(axis=0, keepdims=True)

    def reverse_timestamps(self, offset, duration, sampling_rate):
        return offset, duration


def open_recording(recording_id: str, source: str, sample_rate: int) -> Recording:
    """Describe one wav.scp entry as a mono recording at ``sample_rate`` (Hz).

    Args:
        source: a path, or a command that ends in ``|`` and writes audio to stdout.
    Raises:
        UserError: the file or the command's output is not audio.
    """
    kind, source = ("command", source[:-1].strip()) if source.endswith("|") else ("file", source)
    try:
        info = soundfile.info(output_of(source) if kind == "command" else source)
    except (OSError, RuntimeError, UserError) as error:
        raise UserError(f"{source}: recording {recording_id}: cannot be read: {error}") from None
    recording = Recording(
        id=recording_id,
        sources=[AudioSource(type=kind, channels=list(range(info.channels)), source=source)],
        sampling_rate=info.samplerate,
        num_samples=info.frames,
        duration=info.frames / info.samplerate,
        channel_ids=list(range(info.channels)),
        transforms=[Downmix()] if info.channels > 1 else None,
    )
    return recording if info.samplerate == sample_rate else recording.resample(sample_rate)


def output_of(command: str) -> io.BytesIO:
    """What a command of wav.scp writes to stdout.

    Raises:
        UserError: the command fails.
    """
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise UserError(f"{command.strip()}: failed with code {done.returncode}")
    return io.BytesIO(done.stdout)


def read_cuts(data_dir: str | Path, sample_rate: int, job: int = 1, nj: int = 1) -> Iterator[MonoCut]:
    """Yield the cuts of a data directory in utterance order, every ``nj``-th of them from the ``job``-th (1-based).

    The cut's id is the utterance. An augmented directory has them in
    ``cuts.jsonl.gz``; otherwise they follow from wav.scp and segments.
    """
    manifest = Path(data_dir, "cuts.jsonl.gz")
    if manifest.exists():
        yield from _manifest_cuts(manifest, job, nj)
        return
    recordings = read_table(Path(data_dir, "wav.scp"))
    segments_file = Path(data_dir, "segments")
    segments = read_table(segments_file) if segments_file.exists() else {}
    for utterance in list(segments or recordings)[job - 1 :: nj]:
        if not segments:
            recording = open_recording(utterance, recordings[utterance], sample_rate)
            yield MonoCut(utterance, start=0.0, duration=recording.duration, channel=0, recording=recording)
            continue
        name, start, end = _segment(segments_file, utterance, segments[utterance])
        if name not in recordings:
            raise UserError(f"{segments_file}: utterance {utterance}: no recording {name!r} in wav.scp")
        recording = open_recording(name, recordings[name], sample_rate)
        end = min(end, recording.duration) if end >= 0 else recording.duration
        if end <= start:
            raise UserError(f"{segments_file}: utterance {utterance}: ends at {end} s, before its start at {start} s")
        yield MonoCut(utterance, start=start, duration=end - start, channel=0, recording=recording)


def _manifest_cuts(manifest: Path, job: int, nj: int) -> Iterator[MonoCut]:
    number = 0
    try:
        with gzip.open(manifest, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if (number - job) % nj == 0:
                    yield deserialize_item(json.loads(line))
    except (EOFError, OSError, ValueError, KeyError, zlib.error) as error:
        raise UserError(f"{manifest}: is broken after line {number} ({error}); run stage 2 again") from None


def sources_of(manifest: Path) -> list[str]:
    """The recordings that the cuts of a manifest are made from, sorted; commands end in ``|``, as in wav.scp."""
    found = set()
    for cut in _manifest_cuts(manifest, job=1, nj=1):
        found.update(f"{s.source} |" if s.type == "command" else s.source for s in cut.recording.sources)
    return sorted(found)


def _segment(path: Path, utterance: str, line: str) -> tuple[str, float, float]:
    try:
        name, start, end = line.split()
        return name, float(start), float(end)
    except ValueError:
        raise UserError(f"{path}: utterance {utterance}: expected 'recording start end', got {line!r}") from None


def write_cuts(path: str | Path, cuts: Iterator[MonoCut]) -> None:
    """Write a gzipped CutSet, atomically; equal cuts give equal bytes."""
    with atomic_path(path) as temporary:
        with open(temporary, "wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as out:
            for cut in cuts:
                out.write(json.dumps(cut.to_dict(), ensure_ascii=False).encode() + b"\n")


def transformed(cut: MonoCut, cut_id: str, transform: AudioTransform | None, factor: float = 1.0) -> MonoCut:
    """A copy of ``cut`` whose recording also passes ``transform``.

    Args:
        factor: by how much the transform shortens the time axis (speed, tempo).
    """
    recording = cut.recording
    num_samples = perturb_num_samples(recording.num_samples, factor)
    recording = fastcopy(
        recording,
        transforms=[*(recording.transforms or []), *([transform] if transform else [])],
        num_samples=num_samples,
        duration=num_samples / recording.sampling_rate,
    )
    # The custom dictionary is shared between lhotse's copies: each copy gets its own.
    return fastcopy(
        cut,
        id=cut_id,
        recording=recording,
        start=cut.start / factor,
        duration=min(cut.duration / factor, recording.duration - cut.start / factor),
        custom=dict(cut.custom or {}),
    )


def load(cut: MonoCut) -> np.ndarray:
    """The cut's samples, float32 (samples,), in [-1, 1] before augmentation.

    Raises:
        UserError: the audio cannot be read, is empty, or is not finite.
    """
    source = cut.recording.sources[0].source
    try:
        samples = cut.recording.load_audio(offset=cut.start, duration=cut.duration)[0]
    except Exception as error:  # lhotse, its backends and the effects raise many kinds
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UserError(f"{source}: utterance {cut.id}: cannot be read: {reason}") from None
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if not samples.size or not np.isfinite(samples).all():
        raise UserError(f"{source}: utterance {cut.id}: is empty or not finite")
    return samples
