"""Recordings: from an entry of wav.scp to mono samples at one rate.

They are described by lhotse. A stereo file is averaged and another rate is
converted when the audio is loaded, so wav.scp may hold anything soundfile reads.
"""

import shlex
from dataclasses import dataclass

import numpy as np
import soundfile
from lhotse import MonoCut, Recording
from lhotse.audio import AudioSource
from lhotse.augmentation.transform import AudioTransform

from mtlaug.audio.commands import CommandError, in_bash, output_of
from mtlaug.files import UserError, first_line


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
    except (OSError, RuntimeError, CommandError) as error:
        raise UserError(f"{source}: recording {recording_id}: cannot be read: {error}") from None
    if kind == "command":  # lhotse would run it in another shell
        source = shlex.join(in_bash(source))
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


def load(cut: MonoCut) -> np.ndarray:
    """The cut's samples, float32 (samples,), in [-1, 1] before augmentation.

    Raises:
        UserError: the audio cannot be read, is empty, or is not finite.
    """
    source = cut.recording.sources[0].source
    try:
        samples = cut.recording.load_audio(offset=cut.start, duration=cut.duration)[0]
    except Exception as error:  # lhotse, its backends and the effects raise many kinds
        raise UserError(
            f"{source}: utterance {cut.id}: cannot be read: {first_line(error.__cause__ or error)}"
        ) from None
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if not samples.size or not np.isfinite(samples).all():
        raise UserError(f"{source}: utterance {cut.id}: is empty or not finite")
    return samples
