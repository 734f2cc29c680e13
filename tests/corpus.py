"""A small made-up corpus with a protocol, augmented copies and features, for the tests of the library."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
import yaml

from mtlaug import config, datadir, experiment, protocol
from mtlaug.args import FeatureArgs
from mtlaug.augment import manifest
from mtlaug.features import archives, extraction
from mtlaug.features.store import FeatureStore
from mtlaug.training import loop

RATE = 16000  # Hz
TONES = {"angry": 2500.0, "sad": 300.0}  # Hz; the class shows in the spectrum
GENDERS = {"s1": "f", "s2": "m", "s3": "f", "s4": "m", "s5": "f", "s6": "m"}
DROPPED = "s1-other"  # its label is not in the label map
TREE = {
    "feature_args": {"num_mel_bins": 20},
    "augment_args": {
        "types": {"clean": True, "speed": True, "noise": True, "reverb": True, "specaugment": True, "mixup": True}
    },
    "dataset_args": {"copies_per_epoch": 2, "batch_size": 8, "max_frames": 60},
    "model_args": {"channels": 8, "projection": 8, "hidden": 8, "head": 8, "num_convolutions": 2},
    "optim_args": {"epochs": 3, "patience": 3},
}

torch.set_num_threads(1)


@dataclass(frozen=True)
class Corpus:
    """Where the corpus lies; ``make`` fills it."""

    data_dir: str
    aug_dir: str
    config: str

    def settings(self, *overrides: str) -> config.Config:
        return config.load(self.config, list(overrides))

    def prepare(self, exp_dir: Path, *overrides: str, seeds: str = "1") -> experiment.Experiment:
        """An experiment directory for the corpus, with ``block.key=value`` changes to its configuration."""
        experiment.prepare(str(exp_dir), self.settings(*overrides), self.data_dir, self.aug_dir, seeds.split())
        return experiment.load(exp_dir)

    def train(self, exp_dir: Path, *overrides: str, seeds: str = "1") -> experiment.Experiment:
        """The same, with every fold and seed trained."""
        run = self.prepare(exp_dir, *overrides, seeds=seeds)
        for job in run.jobs():
            loop.train(run, *job)
        return run

    def store(self, kind: str = "global", fold: str = "1") -> FeatureStore:
        """The features of all copies, normalised as in a fold."""
        trained = protocol.load(self.data_dir).utterances(fold, "train")
        return FeatureStore([self.data_dir, self.aug_dir], kind, list(trained))


def speech(seconds: float, tone: float = 300.0, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """A tone (Hz) that swells and fades in noise, float32 (samples,), below 0.6."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(2, 5) * times)
    signal = 0.3 * swell * np.sin(2 * np.pi * tone * times) + 0.02 * rng.standard_normal(len(times))
    return signal.astype(np.float32)


def snr_of(speech: np.ndarray, noisy: np.ndarray) -> float:
    """dB."""
    return 10 * np.log10(np.square(speech).sum() / np.square(noisy - speech).sum())


def pitch_of(samples: np.ndarray, rate: int = RATE) -> float:
    """Frequency of the strongest bin, Hz."""
    return float(np.fft.rfftfreq(len(samples), 1 / rate)[np.abs(np.fft.rfft(samples)).argmax()])


def write_data_dir(path: Path, wavs: dict[str, Path | str], **tables: dict[str, str]) -> str:
    """A data directory of whole recordings; the speaker is the utterance-id's first part."""
    speakers = {utterance: utterance.split("-")[0] for utterance in wavs}
    datadir.write(str(path), {"wav.scp": wavs, "utt2spk": speakers, **tables})
    return str(path)


def five_utterances(root: Path) -> str:
    """A data directory of five speakers, whose path has a space."""
    wavs = {f"s{number}-one": root / "my wavs" / f"{number}.wav" for number in range(1, 6)}
    (root / "my wavs").mkdir()
    for seed, path in enumerate(wavs.values()):
        soundfile.write(path, speech(0.3 + 0.05 * seed, seed=seed), RATE)
    return write_data_dir(root / "my data", wavs)


def extract(data_dir: str, ark_dir: Path, args: FeatureArgs, nj: int = 1) -> str:
    """Stage 3: extract in ``nj`` jobs, and collect."""
    ark_dir.mkdir(parents=True, exist_ok=True)
    for job in range(1, nj + 1):
        extraction.extract(data_dir, str(ark_dir), args, job, nj)
    archives.collect(data_dir, str(ark_dir), args, nj)
    return data_dir


def make(root: Path, tree: dict = TREE, seconds: tuple[float, float] = (0.4, 0.8)) -> Corpus:
    """Six speakers with three angry and two sad utterances each, and one utterance of another label; three folds.

    Args:
        tree: the configuration.
        seconds: shortest and longest utterance.
    """
    rng = np.random.default_rng(1)
    wavs, emotions = {}, {}
    for speaker in GENDERS:
        for label, number in [("angry", 1), ("angry", 2), ("angry", 3), ("sad", 1), ("sad", 2)]:
            emotions[f"{speaker}-{label}{number}"] = label
    emotions[DROPPED] = "other"
    for seed, (utterance, emotion) in enumerate(emotions.items()):
        wavs[utterance] = root / "wav" / f"{utterance}.wav"
        wavs[utterance].parent.mkdir(parents=True, exist_ok=True)
        tone = TONES.get(emotion, 1000.0) * rng.uniform(0.9, 1.1)
        soundfile.write(wavs[utterance], speech(rng.uniform(*seconds), tone, seed), RATE)
    data_dir = write_data_dir(root / "data", wavs, utt2emo=emotions, spk2gender=GENDERS)
    (root / "labels.yaml").write_text("classes: [angry, sad]\nmap: {angry: angry, sad: sad}\n")
    protocol.make(data_dir, scheme="speakers", folds=3, label_map_file=root / "labels.yaml")
    settings = config.from_dict(tree)
    (root / "tiny.yaml").write_text(yaml.safe_dump(tree))
    manifest.make(data_dir, str(root / "data_aug"), settings)
    aug_dir = str(root / "data_aug")
    for directory in (data_dir, aug_dir):
        extract(directory, Path(directory, "data"), settings.feature_args)
    return Corpus(data_dir, aug_dir, str(root / "tiny.yaml"))
