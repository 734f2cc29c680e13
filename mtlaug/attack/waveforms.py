"""Attacks on the waveform: the batches that `methods` are given, and what they find as 16-bit recordings.

The budget is a signal-to-noise ratio: the perturbation's energy is at most that
of the utterance, SNR decibels down, before the result is clipped and rounded to
16 bit. The utterance itself is rounded first, and every input that the model
sees in a search; the recordings written are the very ones that were found. In
faint speech rounding can take a perturbation away, or add up to a decibel to it:
each utterance's SNR is in ``utt2snr``.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mtlaug import datadir
from mtlaug.args import FeatureArgs
from mtlaug.attack.methods import L2Ball, Problem
from mtlaug.audio import reading
from mtlaug.audio.cuts import read_cuts
from mtlaug.dataset import batching
from mtlaug.experiment import Experiment
from mtlaug.features import archives, extraction, frontend
from mtlaug.features.store import FeatureStore
from mtlaug.model import MultitaskModel

LEVELS = 32768  # of the positive half of 16 bit


def round_to_16_bit(samples: Tensor) -> Tensor:
    """Samples clipped to [-1, 1) and rounded to whole multiples of 1 / 32768."""
    return (samples * LEVELS).round().clamp(-LEVELS, LEVELS - 1) / LEVELS


def snr_ball(samples: Tensor, snr: float) -> L2Ball:
    """The perturbations of padded samples (N, S) at ``snr`` dB or above, each utterance by its own energy."""
    return L2Ball(samples.norm(dim=1) * 10 ** (-snr / 20))


class Waveforms:
    """The recordings of an experiment's data, and the differentiable way from samples to logits.

    The model sees features normalised as in `FeatureStore`. For ``utterance`` the statistics
    are those of the attacked features, and the gradient passes through them; for ``speaker``
    they are of the speaker's clean speech during the search, while the result is scored,
    as any condition is, by the speaker's speech in that condition.
    """

    def __init__(self, experiment: Experiment, device: torch.device):
        args = experiment.settings.feature_args
        self.frontend = frontend.build(args).to(device)
        self.device = device
        self.cuts = {cut.id: cut for cut in read_cuts(experiment.data_dir, args.sample_rate)}

    def problems(
        self, store: FeatureStore, labels: dict[str, str], classes: list[str]
    ) -> Iterator[Callable[[MultitaskModel], Problem]]:
        """Yield batches of similar length; each makes the `Problem` of a model."""
        for utterances in batching.like_lengths(store, labels):
            # The level of the rounding is no part of the budget: another rate's samples lie between the 16-bit ones.
            samples = [
                round_to_16_bit(torch.from_numpy(reading.load(self.cuts[utterance]))) for utterance in utterances
            ]
            targets = torch.tensor([classes.index(labels[utterance]) for utterance in utterances])
            yield self._problem(store, utterances, samples, targets)

    def _problem(
        self, store: FeatureStore, utterances: list[str], samples: list[Tensor], targets: Tensor
    ) -> Callable[[MultitaskModel], Problem]:
        lengths = [len(row) for row in samples]
        frames = torch.tensor([self.frontend.num_frames(length) for length in lengths], device=self.device)
        clean = pad_sequence(samples, batch_first=True).to(self.device)
        statistics = [self._statistics(store, utterance) for utterance in utterances]

        def normalised(waveform: Tensor, row: int) -> Tensor:
            made = self.frontend(waveform)  # (T, C)
            mean, deviation = statistics[row] or _mean_and_deviation(made)
            return (made - mean) / deviation

        def problem(model: MultitaskModel) -> Problem:
            def classify(waveforms: Tensor) -> Tensor:
                # One by one, as a filterbank mirrors an utterance at its own end.
                rows = [normalised(waveforms[row, :length], row) for row, length in enumerate(lengths)]
                return model.classify(pad_sequence(rows, batch_first=True), frames)

            sizes = torch.tensor(lengths, device=self.device)
            return Problem(classify, clean, sizes, targets.to(self.device), utterances, round_to_16_bit)

        return problem

    def _statistics(self, store: FeatureStore, utterance: str) -> tuple[Tensor, Tensor] | None:
        """Constant mean and deviation (C,) each, or None where they are the utterance's own."""
        if store.kind == "utterance":
            return None
        mean, deviation = store.statistics(utterance)
        return torch.from_numpy(mean).to(self.device), torch.from_numpy(deviation).to(self.device)


def _mean_and_deviation(made: Tensor) -> tuple[Tensor, Tensor]:
    """As `archives.mean_and_deviation`, of one utterance's features (T, C), with a gradient."""
    variance = made.var(dim=0, unbiased=False)
    return made.mean(dim=0), variance.clamp(min=1e-4).sqrt()


class AttackedSet:
    """A data directory of attacked recordings; what an earlier run left there is removed.

    Utterances are named ``<utterance>-<condition>``; ``utt2uniq`` leads back to the utterance,
    ``utt2aug`` is the condition and ``utt2snr`` the signal-to-noise ratio reached, in dB.
    """

    def __init__(self, directory: Path, condition: str, sample_rate: int):
        self.directory, self.condition, self.sample_rate = directory, condition, sample_rate
        self.snr: dict[str, float] = {}  # of changed utterances
        shutil.rmtree(directory, ignore_errors=True)
        (directory / "wav").mkdir(parents=True)

    def name(self, utterance: str) -> str:
        """The attacked utterance's name."""
        return f"{utterance}-{self.condition}"

    def add(self, utterance: str, clean: np.ndarray, attacked: np.ndarray) -> None:
        """Write the attacked samples (S,), which are multiples of 1 / 32768, as they are."""
        soundfile.write(self._wav(utterance), (attacked * LEVELS).astype(np.int16), self.sample_rate, subtype="PCM_16")
        noise, signal = (float(np.square(x.astype(np.float64)).sum()) for x in (attacked - clean, clean))
        self.snr[utterance] = 10 * np.log10(signal / noise) if noise and signal else np.inf

    def finish(self, speakers: dict[str, str], args: FeatureArgs) -> None:
        """Write the tables, and extract the features as stage 3 does."""
        ids = {self.name(utterance): utterance for utterance in self.snr}
        tables = {
            "wav.scp": {name: self._wav(utterance) for name, utterance in ids.items()},
            "utt2spk": {name: speakers[utterance] for name, utterance in ids.items()},
            "utt2uniq": ids,
            "utt2aug": dict.fromkeys(ids, self.condition),
            "utt2snr": {name: f"{self.snr[utterance]:.2f}" for name, utterance in ids.items()},
        }
        datadir.write(self.directory, tables)
        ark_dir = self.directory / "data"
        ark_dir.mkdir()
        extraction.extract(str(self.directory), str(ark_dir), args)
        archives.collect(str(self.directory), str(ark_dir), args, 1)

    def _wav(self, utterance: str) -> Path:
        return self.directory / "wav" / f"{self.name(utterance)}.wav"
