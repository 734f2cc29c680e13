"""The manifest of augmented copies: a lhotse CutSet from which any copy can be rendered again bit for bit."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import scipy.io.wavfile
import yaml
from lhotse import MonoCut

from mtlaug import datadir, external_sort
from mtlaug.audio import reading
from mtlaug.audio.cuts import cuts_file, line_of, read_cuts, transformed
from mtlaug.augment import augtypes
from mtlaug.augment.copies import SETTINGS
from mtlaug.config import Config
from mtlaug.features import archives
from mtlaug.files import UserError, atomic_path, read_rows
from mtlaug.seeding import random_state


def make(
    data_dir: str, out_dir: str, settings: Config, noise_dir: str | None = None, rir_dir: str | None = None
) -> dict[str, int]:
    """Describe every copy of a data directory in ``out_dir``, a data directory with cuts.jsonl.gz and no audio.

    The memory that this takes does not grow with the number of utterances.

    Returns:
        The number of copies of each type.
    Raises:
        UserError: a source file is missing or malformed, a type is unknown, or ``out_dir`` is no directory of copies.
    """
    args, sources = settings.augment_args, augtypes.Sources.read(noise_dir, rir_dir)
    kinds = augtypes.waveform_types(args)
    if not kinds:
        raise UserError("augment_args.types: no waveform type is switched on: there is nothing to copy")
    refuse_in_use(out_dir)
    spoken = _with_speakers(data_dir, settings.feature_args.sample_rate)
    copies = (copy for cut, speaker in spoken for copy in describe_copies(cut, speaker, kinds, args.seed, sources))
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    counts = write_copies(out, copies)
    described = {name: dataclasses.asdict(kind) for name, kind in augtypes.types(args).items()}
    with atomic_path(out / SETTINGS) as temporary:
        temporary.write_text(yaml.safe_dump({"seed": args.seed, "types": described}, sort_keys=False))
    return {name: counts[name] for name in kinds if counts[name]}


def _with_speakers(data_dir: str, sample_rate: int) -> Iterator[tuple[MonoCut, str]]:
    """The cuts of a data directory with their speakers; both are C-sorted."""
    rows = read_rows(Path(data_dir, "utt2spk"))
    for cut in read_cuts(data_dir, sample_rate):
        utterance, speaker = next((row for row in rows if row[0].encode() >= cut.id.encode()), ("", ""))
        if utterance != cut.id:
            mend = f"run utils/fix_data_dir.sh {data_dir}"
            raise UserError(f"{data_dir}/utt2spk: utterance {cut.id} has no speaker; {mend}")
        yield cut, speaker


def describe_copies(
    cut: MonoCut, speaker: str, kinds: dict[str, object], seed: int, sources: augtypes.Sources
) -> Iterator[MonoCut]:
    """Yield the augmented waveform copies of one utterance, of each of `mtlaug.augment.waveform_types`.

    Each copy's ``custom`` has ``aug`` (its type), ``source`` (the utterance) and
    ``speaker``; its recording's last transform holds the parameters.
    """
    for name, kind in kinds.items():
        rng = random_state(seed, cut.id, name)
        for prefix, suffix, transform, factor in kind.copies(name, rng, sources):
            copy = transformed(cut, f"{prefix}{cut.id}{suffix}", transform, factor)
            copy.custom.update(aug=name, source=cut.id, speaker=prefix + speaker)
            yield copy


def refuse_in_use(out_dir: str) -> None:
    """Raise a `UserError` where copies would be written into a directory of recordings, or of a model."""
    if found := [name for name in ("wav.scp", "config.yaml") if Path(out_dir, name).exists()]:
        raise UserError(f"{out_dir}: has {found[0]}, so it is no directory of copies; give another")


def write_copies(out_dir: Path, copies: Iterable[MonoCut], *more: str) -> Counter:
    """Write copies as a data directory without audio: cuts.jsonl.gz, and the tables that their ``custom`` holds.

    Features of earlier copies are no longer those of the directory.

    Args:
        copies: as `describe_copies` makes them, in any order, and any number.
        more: keys of ``custom`` that have a table too, such as ``snr`` for ``utt2snr``.
    Returns:
        How many there are of each type.
    """
    keys = ("speaker", "source", "aug", *more)
    counts: Counter = Counter()

    def lines() -> Iterator[bytes]:
        for copy in copies:
            counts[copy.custom["aug"]] += 1
            fields = [copy.id, *(copy.custom[key] for key in keys), f"{copy.duration:.6f}", ""]
            yield "\t".join(fields).encode() + line_of(copy)

    def rows(cuts: BinaryIO) -> Iterator[list[str]]:
        for line in external_sort.sorted_lines(lines(), out_dir):
            *fields, cut = line.split(b"\t")  # within JSON there is no tab
            cuts.write(cut)
            yield b"\t".join(fields).decode().split("\t")

    archives.retire(out_dir)
    names = ["utt2spk", "utt2uniq", "utt2aug", *(f"utt2{key}" for key in more), "utt2dur"]
    with cuts_file(out_dir / "cuts.jsonl.gz") as cuts:
        datadir.write_rows(out_dir, names, rows(cuts))
    return counts


def render(data_dir: str, utterance: str, out: str, sample_rate: int) -> None:
    """Write one copy (or clean utterance) as a 32-bit float wav, the very samples that its features come from."""
    cut = next((cut for cut in read_cuts(data_dir, sample_rate) if cut.id == utterance), None)
    if cut is None:
        raise UserError(f"{data_dir}: no utterance {utterance!r}")
    with atomic_path(out) as temporary:
        # Not by soundfile, which puts the time into a wav of floats: the same copy is the same file.
        scipy.io.wavfile.write(temporary, sample_rate, reading.load(cut))
