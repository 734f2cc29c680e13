"""Noisy copies of the test speech: every utterance with every kind of noise at every SNR.

The copies are described by a manifest, as augmented ones are, and lie in a data directory
of their own. Of one utterance and kind all SNRs have the very same noise, so that a curve is
paired, and no noise comes from a source recording that the copies for training come from.
"""

import dataclasses
import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from lhotse import MonoCut
from lhotse.augmentation.transform import AudioTransform

from mtlaug import datadir, protocol
from mtlaug.audio.cuts import read_cuts, transformed
from mtlaug.audio.effects import AddBabble, AddColouredNoise, AddNoise
from mtlaug.augment import manifest
from mtlaug.augment.augtypes import draw_start, read_seconds
from mtlaug.augment.copies import (
    NOISE_SETTINGS,
    copies_digest,
    copies_settings,
    noisy_settings,
    refuse_shared,
    sources_of,
)
from mtlaug.config import Config
from mtlaug.datadir.speech import TALKERS
from mtlaug.files import UserError, atomic_path, read_table
from mtlaug.seeding import random_state

COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0, "blue": -1.0}  # exponents; training draws from [0, 2] by default


@dataclass(frozen=True)
class Noises:
    """The recordings that test noise is made from: of each kind, and of each speaker for babble. Colours need none."""

    recorded: dict[str, list[str]]
    babble: dict[str, list[str]]
    seconds: dict[str, float]  # of the recordings of noise, where that is known

    @classmethod
    def read(cls, noise_dirs: list[str], babble_dir: str | None) -> "Noises":
        """Read data directories of noise, with ``utt2kind``, and one of speech.

        Raises:
            UserError: a table is missing, a kind makes no name of a directory, or there are too few talkers.
        """
        recorded: dict[str, list[str]] = {}
        seconds: dict[str, float] = {}
        for directory in noise_dirs:
            kinds = read_table(Path(directory, "utt2kind"))
            datadir.validate(directory)
            seconds |= read_seconds(directory)
            for utterance, source in read_table(Path(directory, "wav.scp")).items():
                kind = kinds[utterance]
                datadir.check_kind(f"{directory}/utt2kind: utterance {utterance}", kind)
                recorded.setdefault(kind, []).append(source)
        babble = _speech_by_speaker(babble_dir) if babble_dir else {}
        if babble_dir and (number := len(set().union(*babble.values()))) < TALKERS:
            raise UserError(f"{babble_dir}/wav.scp: has {number} recordings; babble is made of {TALKERS}")
        return cls(recorded, babble, seconds)

    @property
    def speech(self) -> list[str]:
        """All recordings for babble."""
        return list(dict.fromkeys(itertools.chain.from_iterable(self.babble.values())))

    def sources(self) -> list[str]:
        """All recordings."""
        return [*self.speech, *itertools.chain.from_iterable(self.recorded.values())]

    def kinds(self) -> list[str]:
        """C-sorted; the colours where there are no recordings of noise."""
        return sorted([*(self.recorded or COLOURS), *([datadir.BABBLE] if self.babble else [])])

    def draw(self, kind: str, rng: np.random.Generator) -> AudioTransform:
        """Some noise of a kind, at 0 dB."""
        if kind == datadir.BABBLE:
            return self._draw_babble(rng)
        if kind in self.recorded:
            source = self.recorded[kind][rng.integers(len(self.recorded[kind]))]
            return AddNoise(source, start=draw_start(rng, self.seconds.get(source)), snr=0.0)
        return AddColouredNoise(COLOURS[kind], snr=0.0, seed=int(rng.integers(2**31)))

    def _draw_babble(self, rng: np.random.Generator) -> AddBabble:
        """`TALKERS` recordings of as many speakers; of fewer where there are not so many, in turn."""
        speakers = list(self.babble.values())
        chosen = rng.choice(len(speakers), min(TALKERS, len(speakers)), replace=False)
        starts = [round(start, 3) for start in rng.uniform(0, 60, TALKERS)]
        orders = [[speakers[index][place] for place in rng.permutation(len(speakers[index]))] for index in chosen]
        in_turn = itertools.chain.from_iterable(itertools.zip_longest(*orders))
        sources = list(dict.fromkeys(source for source in in_turn if source))
        if len(sources) < TALKERS:  # two of the speakers share a recording, as in a dialogue: others help out
            others = (source for index in rng.permutation(len(speakers)) for source in speakers[index])
            sources = list(dict.fromkeys([*sources, *others]))
        return AddBabble(sources[:TALKERS], starts, snr=0.0)

    def described(self, kind: str, aug_dir: str, trained: set[str]) -> dict[str, int | bool]:
        """The number of recordings of a kind, and ``held_out``: whether no copy for training has noise of it.

        Args:
            trained: what `sources_of` says of the copies in ``aug_dir``.
        """
        sources = self.speech if kind == datadir.BABBLE else self.recorded.get(kind, [])
        if not sources:
            return {"recordings": 0, "held_out": not _trained_on_colour(COLOURS[kind], aug_dir, bool(trained))}
        names, own = {datadir.kind_of(source) for source in trained}, {datadir.kind_of(source) for source in sources}
        # A kind of a corpus without folders, or one that its table has renamed, is known by its files' kinds.
        return {"recordings": len(sources), "held_out": not names & {kind, *(own if kind != datadir.BABBLE else ())}}


def _trained_on_colour(exponent: float, aug_dir: str, recorded: bool) -> bool:
    """Whether the copies for training, with ``recorded`` noise or without, have coloured noise of this exponent."""
    made = copies_settings(aug_dir)["types"].get("noise")
    return bool(made) and not recorded and made["exponent"][0] <= exponent <= made["exponent"][1]


def _speech_by_speaker(data_dir: str) -> dict[str, list[str]]:
    """Recordings by the speaker of the utterances in them, both in the order of ``utt2spk``."""
    datadir.validate(data_dir)
    recordings, found = read_table(Path(data_dir, "wav.scp")), {}
    segments = Path(data_dir, "segments")
    home = {utterance: row.split()[0] for utterance, row in read_table(segments).items()} if segments.exists() else {}
    for utterance, speaker in read_table(Path(data_dir, "utt2spk")).items():
        found.setdefault(speaker, {})[recordings[home.get(utterance, utterance)]] = None
    return {speaker: list(sources) for speaker, sources in found.items()}


def make(
    data_dir: str,
    out_dir: str,
    settings: Config,
    aug_dir: str,
    *,
    noise_dirs: list[str],
    babble_dir: str | None,
    snrs: list[float],
    seed: int = 0,
) -> tuple[int, bool]:
    """Describe the noisy copies of the utterances that a data directory's protocol keeps, in ``out_dir``.

    A copy is ``<utterance>-<kind>_snr<dB>``; what follows the dash is its ``utt2aug``. ``utt2kind``
    and ``utt2snr`` name both parts. Copies that were made from the same things are left as they are;
    others are made anew, without the features of the old ones.

    Args:
        settings: its ``feature_args`` are those of the features to come.
        aug_dir: the copies for training.
        noise_dirs: data directories of noise; without any the noise is coloured.
        babble_dir: data directory of speech; without one there is no babble.
        snrs: in dB, different ones.
    Returns:
        The number of copies, and whether they were made anew.
    Raises:
        UserError: test noise and training noise share a source recording, babble is made of the tested
            speech, ``out_dir`` holds something else, or a directory is malformed.
    """
    manifest.refuse_in_use(out_dir)
    if Path(out_dir).resolve() == Path(aug_dir).resolve():
        raise UserError(f"{out_dir}: holds the copies for training; give another directory for noisy copies")
    noises, bound = Noises.read(noise_dirs, babble_dir), protocol.load(data_dir)
    _refuse_own_speech(data_dir, babble_dir, noises)
    trained = sources_of(aug_dir)
    refuse_shared(set(noises.sources()), trained, aug_dir)
    made_from = {
        "protocol": bound.sha256,
        "copies": copies_digest(aug_dir),
        "seed": seed,
        "snrs": snrs,
        "kinds": {kind: noises.described(kind, aug_dir, trained) for kind in noises.kinds()},
        "babble_speakers": sorted(noises.babble),
        "feature_args": settings.to_dict()["feature_args"],
        "recordings": _digest(data_dir, noises),
    }
    out, number = Path(out_dir), len(bound.corpus.labels) * len(snrs) * len(noises.kinds())
    if (out / NOISE_SETTINGS).exists() and noisy_settings(out_dir) == made_from:
        return number, False
    out.mkdir(parents=True, exist_ok=True)
    (out / NOISE_SETTINGS).unlink(missing_ok=True)
    copies = _copies(data_dir, settings.feature_args.sample_rate, bound, noises, snrs, seed)
    manifest.write_copies(out, copies, "kind", "snr")
    with atomic_path(out / NOISE_SETTINGS) as temporary:
        temporary.write_text(yaml.safe_dump(made_from, sort_keys=False), encoding="utf-8")
    return number, True


def _copies(
    data_dir: str, sample_rate: int, bound: protocol.Protocol, noises: Noises, snrs: list[float], seed: int
) -> Iterator[MonoCut]:
    for cut in read_cuts(data_dir, sample_rate):
        if cut.id not in bound.corpus.labels:
            continue
        for kind in noises.kinds():
            noise = noises.draw(kind, random_state(seed, cut.id, kind))
            for snr in snrs:
                aug = f"{kind}_snr{snr:g}"
                copy = transformed(cut, f"{cut.id}-{aug}", dataclasses.replace(noise, snr=snr))
                speaker = bound.corpus.utt2spk[cut.id]
                copy.custom.update(aug=aug, source=cut.id, speaker=speaker, kind=kind, snr=f"{snr:g}")
                yield copy


def _refuse_own_speech(data_dir: str, babble_dir: str | None, noises: Noises) -> None:
    own = {os.path.realpath(source) for source in read_table(Path(data_dir, "wav.scp")).values()}
    if shared := sorted(source for source in noises.speech if os.path.realpath(source) in own):
        raise UserError(f"{babble_dir}/wav.scp: {shared[0]} is a recording of {data_dir} too; take other speech")


def _digest(data_dir: str, noises: Noises) -> str:
    """SHA-256 over the speech and where it lies, and over where the noise lies and its files' sizes."""
    paths = [path for name in ("wav.scp", "segments", "utt2checksum") if (path := Path(data_dir, name)).exists()]
    tables = [path.read_text(encoding="utf-8") for path in paths]
    sizes = [os.path.getsize(source) for source in noises.sources() if os.path.exists(source)]
    return hashlib.sha256(json.dumps([tables, noises.recorded, noises.speech, sizes]).encode()).hexdigest()
