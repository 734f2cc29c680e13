"""The filterbank beside three others, and random reading of features beside a memory map."""

import tempfile
from pathlib import Path

import kaldi_native_fbank
import kaldiio
import numpy as np
import torch
import torchaudio.compliance.kaldi
from lhotse.features import kaldi as lhotse_kaldi

from mtlaug.config import FeatureArgs
from mtlaug.fbank import Fbank
from mtlaug.store import Archives

from .measure import Row, in_turn

RATE = 16000  # Hz
SECONDS = 3.0  # of an utterance
UTTERANCES = 60


def filterbank() -> list[Row]:
    """Computing only, on one core, utterance by utterance."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    waves = [0.1 * rng.standard_normal(int(SECONDS * RATE)).astype(np.float32) for _ in range(UTTERANCES)]
    tensors = [torch.from_numpy(wave) for wave in waves]
    ours = Fbank(FeatureArgs())
    lhotse = lhotse_kaldi.Wav2LogFilterBank(num_filters=64, dither=0.0)
    ways = {
        "ours": lambda: [ours(wave) for wave in tensors],
        "lhotse": lambda: [lhotse(wave[None]) for wave in tensors],
        "torchaudio": lambda: [_torchaudio(wave) for wave in tensors],
        "kaldi-native-fbank": lambda: [_native(wave) for wave in waves],
    }
    with torch.inference_mode():
        times = in_turn(ways)
    speeds = {name: UTTERANCES * SECONDS / seconds for name, seconds in times.items()}
    ours_speed = speeds.pop("ours")
    fastest = max(speeds, key=speeds.get)
    return [Row("filterbank", ours_speed, speeds[fastest], f"{fastest}, the fastest", "x real time", "at least 1.0")]


def _torchaudio(wave: torch.Tensor) -> torch.Tensor:
    return torchaudio.compliance.kaldi.fbank(wave[None] * 32768, num_mel_bins=64, dither=0.0, snip_edges=False)


def _native(wave: np.ndarray) -> np.ndarray:
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 64
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(RATE, (wave * 32768).tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(index) for index in range(bank.num_frames_ready)])


def reading() -> list[Row]:
    """2,000 utterances in random order from a compressed ark, beside the same bytes from a memory map."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        scp = Path(folder, "feats.scp")
        matrices = {f"u{number:04}": rng.standard_normal((300, 64)).astype(np.float32) for number in range(2000)}
        kaldiio.save_ark(str(Path(folder, "feats.ark")), matrices, scp=str(scp), compression_method=3)
        paths = [line.split()[1] for line in scp.read_text().splitlines()]
        raw = np.memmap(Path(folder, "feats.ark"), dtype=np.uint8, mode="r")
        starts = [int(path.rpartition(":")[2]) for path in paths]
        order = rng.permutation(len(paths))
        archives = Archives()
        size = raw.size // len(paths)
        ways = {
            "ours": lambda: [archives.load(paths[index]) for index in order],
            "memmap": lambda: [np.array(raw[starts[index] : starts[index] + size - 20]) for index in order],
        }
        times = in_turn(ways)
    return [Row("random reading", times["ours"], times["memmap"], "numpy memmap of the same bytes", "s", "at most 2")]
