"""The manifest of augmented copies: a lhotse CutSet from which any copy can be rendered again bit for bit."""

import dataclasses
import hashlib
import json
from pathlib import Path

import scipy.io.wavfile
import yaml
from lhotse import MonoCut

from mtlaug import audio, augment, datadir
from mtlaug.config import Config
from mtlaug.files import UserError, atomic_path, read_table

SETTINGS = "augment.yaml"  # beside cuts.jsonl.gz: the types, their parameters and the seed it was made with


def make(
    data_dir: str, out_dir: str, settings: Config, noise_dir: str | None = None, rir_dir: str | None = None
) -> dict[str, int]:
    """Describe every copy of a data directory in ``out_dir``, a data directory with cuts.jsonl.gz and no audio.

    Returns:
        The number of copies of each type.
    Raises:
        UserError: a source file is missing or malformed, or a type is unknown.
    """
    args, sources = settings.augment_args, augment.Sources.read(noise_dir, rir_dir)
    speakers = read_table(Path(data_dir, "utt2spk"))
    copies = []
    for cut in audio.read_cuts(data_dir, settings.feature_args.sample_rate):
        if cut.id not in speakers:
            mend = f"run utils/fix_data_dir.sh {data_dir}"
            raise UserError(f"{data_dir}/utt2spk: utterance {cut.id} has no speaker; {mend}")
        copies += augment.describe_copies(cut, speakers[cut.id], args, sources)
    if not copies:
        raise UserError("augment_args.types: no waveform type is switched on: there is nothing to copy")
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    write_copies(out, copies)
    described = {name: dataclasses.asdict(kind) for name, kind in augment.types(args).items()}
    with atomic_path(out / SETTINGS) as temporary:
        temporary.write_text(yaml.safe_dump({"seed": args.seed, "types": described}, sort_keys=False))
    names = [copy.custom["aug"] for copy in copies]
    return {name: names.count(name) for name in described if name in names}


def write_copies(out_dir: Path, copies: list[MonoCut], **tables: dict[str, object]) -> None:
    """Write copies as a data directory without audio: cuts.jsonl.gz, and the tables that their ``custom`` holds.

    Args:
        copies: as `mtlaug.augment.describe_copies` makes them, in any order.
        tables: further ones, such as ``utt2snr``.
    """
    copies = sorted(copies, key=lambda copy: copy.id.encode())
    tables |= {
        "utt2spk": {copy.id: copy.custom["speaker"] for copy in copies},
        "utt2uniq": {copy.id: copy.custom["source"] for copy in copies},
        "utt2aug": {copy.id: copy.custom["aug"] for copy in copies},
        "utt2dur": {copy.id: f"{copy.duration:.6f}" for copy in copies},
    }
    audio.write_cuts(out_dir / "cuts.jsonl.gz", iter(copies))
    datadir.write(out_dir, tables)


def render(data_dir: str, utterance: str, out: str, sample_rate: int) -> None:
    """Write one copy (or clean utterance) as a 32-bit float wav, the very samples that its features come from."""
    cut = next((cut for cut in audio.read_cuts(data_dir, sample_rate) if cut.id == utterance), None)
    if cut is None:
        raise UserError(f"{data_dir}: no utterance {utterance!r}")
    with atomic_path(out) as temporary:
        # Not by soundfile, which puts the time into a wav of floats: the same copy is the same file.
        scipy.io.wavfile.write(temporary, sample_rate, audio.load(cut))


def read_settings(aug_dir: str) -> dict:
    """The ``types`` with their parameters and the ``seed`` that a directory's copies were made with."""
    path = Path(aug_dir, SETTINGS)
    if not path.exists():
        raise UserError(f"{path}: no such file; run stages 2 and 3 first")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def digest(aug_dir: str) -> str:
    """SHA-256 of the copies and their transforms; where the corpus lies does not change it."""
    copies = hashlib.sha256()
    for utterance, line in datadir.read_cuts(str(Path(aug_dir, "cuts.jsonl.gz"))):
        copies.update(json.dumps([utterance, json.loads(line)["recording"]["transforms"]]).encode())
    return copies.hexdigest()


def check(aug_dir: str, settings: Config) -> str:
    """Refuse a manifest that was not made with the configuration's waveform types and their parameters.

    Returns:
        The copies' `digest`.
    """
    made = read_settings(aug_dir)
    for name, kind in augment.types(settings.augment_args).items():
        if name in augment.TRAINING_TIME:
            continue
        if made["types"].get(name) != dataclasses.asdict(kind) or made["seed"] != settings.augment_args.seed:
            path = Path(aug_dir, SETTINGS)
            raise UserError(f"{path}: was made without type {name!r} as configured; run stages 2 and 3 again")
    return digest(aug_dir)
