"""Normalised features of utterances and their copies, read from feats.scp when needed."""

import struct
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

import kaldiio
import numpy as np

from mtlaug.features.archives import mean_and_deviation
from mtlaug.files import UserError, read_table

MOST_CACHED = 20_000 * 64  # matrices times their width: some 2 GB of utterances of four seconds
MOST_OPEN = 200  # archives; far below what a process may have open


class Archives:
    """Matrices of Kaldi archives, which stay open: to open one takes longer than to read a matrix of it."""

    def __init__(self):
        self._open: dict[str, BinaryIO] = {}

    def load(self, place: str) -> np.ndarray:
        """The matrix at ``feats.1.ark:1234``.

        Raises:
            UserError: there is none, as in an archive that was cut off.
        """
        if len(self._open) > MOST_OPEN:
            for archive in self._open.values():
                archive.close()
            self._open.clear()
        try:
            return kaldiio.load_mat(place, fd_dict=self._open)
        except (AssertionError, EOFError, RuntimeError, ValueError, struct.error) as error:
            raise UserError(f"{place}: holds no whole matrix ({error}); run stage 3 again") from None


class FeatureStore:
    """The features of any number of data directories, normalised alike.

    Args:
        directories: data directories with feats.scp and cmvn.scp. One with utt2aug holds
            copies, whose sources (utt2uniq) are utterances of another of them.
        kind: ``global``, ``utterance`` or ``speaker``. A speaker's statistics are of one condition (clean, or one
            value of utt2aug) and of every utterance there is in it: clean ones include emotions that are not
            tested, noisy ones have the tested utterances alone.
        reference: utterances that the global statistics are of: the clean training part.
    Raises:
        UserError: an utterance is in two directories or not in all tables of one, or the source of a copy is in none.
    """

    def __init__(self, directories: list[str], kind: str, reference: list[str]):
        self.kind = kind
        self.speaker_of: dict[str, str] = {}
        self.source_of: dict[str, str] = {}
        self.type_of: dict[str, str] = {}
        self.num_frames: dict[str, int] = {}
        self._archives = Archives()
        self._feats: dict[str, str] = {}
        self._cmvn: dict[str, str] = {}
        for directory in directories:
            self._add(Path(directory))
        if lost := [copy for copy, source in self.source_of.items() if source not in self._feats]:
            named = f"{lost[0]} ({self.source_of[lost[0]]})"
            raise UserError(f"{', '.join(directories)}: {len(lost)} copies have no source there, such as {named}")
        self._global = mean_and_deviation(self._summed(reference)) if kind == "global" else None
        self._groups = self._speaker_groups() if kind == "speaker" else {}
        width = self._archives.load(next(iter(self._cmvn.values()))).shape[1] - 1 if self._cmvn else 1
        self._of_group: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
        # Not functools.lru_cache: it would refer to the store, and keep its matrices and open archives after its fold.
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._most_kept = MOST_CACHED // width

    def _add(self, directory: Path) -> None:
        feats, cmvn, frames = (read_table(directory / name) for name in ("feats.scp", "cmvn.scp", "utt2num_frames"))
        if lacking := {*(feats.keys() ^ cmvn.keys()), *(feats.keys() ^ frames.keys())}:
            named = f"feats.scp, cmvn.scp and utt2num_frames are not of the same utterances, such as {min(lacking)}"
            raise UserError(f"{directory}: {named}; run stage 3 again")
        if twice := feats.keys() & self._feats.keys():
            raise UserError(f"{directory}/feats.scp: utterance {min(twice)} is in another data directory too")
        self._feats.update(feats)
        self._cmvn.update(cmvn)
        self.num_frames.update({utterance: int(number) for utterance, number in frames.items()})
        if (directory / "utt2aug").exists():
            self.source_of.update(read_table(directory / "utt2uniq"))
            self.type_of.update(read_table(directory / "utt2aug"))
        else:
            self.speaker_of.update(read_table(directory / "utt2spk"))

    def get(self, utterance: str) -> np.ndarray:
        """Normalised features, float32 (T, C); those that were used last stay in memory."""
        if utterance in self._kept:
            self._kept.move_to_end(utterance)
        else:
            self._kept[utterance] = self._read(utterance)
            if len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
        return self._kept[utterance]

    def forget(self) -> None:
        """Keep no features in memory."""
        self._kept.clear()

    def statistics(self, utterance: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation, float32 (C,) each, that the utterance is normalised by."""
        if self.kind == "global":
            return self._global
        if self.kind == "utterance":
            return mean_and_deviation(self._summed([utterance]))
        group = self._group(utterance)
        if group not in self._of_group:
            self._of_group[group] = mean_and_deviation(self._summed(self._groups[group]))
        return self._of_group[group]

    def _read(self, utterance: str) -> np.ndarray:
        mean, deviation = self.statistics(utterance)
        return (self._archives.load(self._feats[utterance]).astype(np.float32, copy=False) - mean) / deviation

    def _group(self, utterance: str) -> tuple[str, str]:
        source = self.source_of.get(utterance, utterance)
        return self.speaker_of[source], self.type_of.get(utterance, "clean")

    def _speaker_groups(self) -> dict[tuple[str, str], list[str]]:
        groups: dict[tuple[str, str], list[str]] = {}
        for utterance in self._feats:
            groups.setdefault(self._group(utterance), []).append(utterance)
        return groups

    def _summed(self, utterances: list[str]) -> np.ndarray:
        return sum(self._archives.load(self._cmvn[utterance]) for utterance in utterances)
