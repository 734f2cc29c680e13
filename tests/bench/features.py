"""The filterbank beside three others, and random reading of features beside a memory map."""

import tempfile
from pathlib import Path

import kaldi_native_fbank
import kaldiio
import numpy as np
import torch
import torchaudio.compliance.kaldi
from lhotse.features import kaldi as lhotse_kaldi

from mtlaug.args import DatasetArgs, FeatureArgs
from mtlaug.features.archives import cmvn_statistics
from mtlaug.features.fbank import Fbank
from mtlaug.features.store import Archives, FeatureStore
from mtlaug.files import read_table, write_table

from .measure import Row, in_turn

RATE = 16000  # Hz
SECONDS = 3.0  # of an utterance
UTTERANCES = 60
SOURCES, COPIES = 200, 10  # of `reading`


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
    """Features in training order, normalised, and once each in random order as they are, beside the archive's bytes.

    The training is of 200 utterances with ten copies each, 30 epochs that draw some of each utterance's. Its store
    keeps in memory what it has read, as long as that is below `mtlaug.features.store.MOST_CACHED`.
    """
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        paths = _data_dir(folder, rng)
        raw = np.memmap(Path(folder, "feats.ark"), dtype=np.uint8, mode="r")
        starts = {name: int(path.rpartition(":")[2]) for name, path in paths.items()}
        size, archives = raw.size // len(paths), Archives()
        once = list(rng.permutation(list(paths)))
        store = FeatureStore([folder], "global", once)
        drawn = [f"u{number:03}-{copy}" for _ in range(30) for number, copy in _epoch(rng)]

        def bytes_of(order: list[str]) -> None:
            for name in order:
                np.array(raw[starts[name] : starts[name] + size - 20])

        def train() -> None:
            store.forget()
            for name in drawn:
                store.get(name)

        def load() -> None:
            for name in once:
                archives.load(paths[name])

        ways = {"train": train, "bytes": lambda: bytes_of(drawn), "load": load, "bytes once": lambda: bytes_of(once)}
        times = in_turn(ways)
    beside = "numpy memmap of the same bytes"
    return [
        Row("reading in training order", times["train"], times["bytes"], beside, "s", "at most 2"),
        Row("the same, once each, nothing kept", times["load"], times["bytes once"], beside, "s", "at most 2"),
    ]


def _data_dir(folder: str, rng: np.random.Generator) -> dict[str, str]:
    """Write feats.scp and the tables beside it; returns utterance to place in the archive."""
    names = [f"u{number:03}-{copy}" for number in range(SOURCES) for copy in range(COPIES)]
    matrices = {name: rng.standard_normal((300, 64)).astype(np.float32) for name in names}
    statistics = {name: cmvn_statistics(matrix) for name, matrix in matrices.items()}
    kaldiio.save_ark(f"{folder}/feats.ark", matrices, scp=f"{folder}/feats.scp", compression_method=3)
    kaldiio.save_ark(f"{folder}/cmvn.ark", statistics, scp=f"{folder}/cmvn.scp")
    write_table(Path(folder, "utt2num_frames"), dict.fromkeys(names, 300))
    write_table(Path(folder, "utt2spk"), dict.fromkeys(names, "s"))
    return read_table(Path(folder, "feats.scp"))


def _epoch(rng: np.random.Generator) -> list[tuple[int, int]]:
    """What an epoch draws, source and copy, at the default ``dataset_args.copies_per_epoch``."""
    sources = rng.permutation(np.repeat(np.arange(SOURCES), DatasetArgs().copies_per_epoch))
    return list(zip(sources, rng.integers(COPIES, size=len(sources)), strict=True))
