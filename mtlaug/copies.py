"""A directory of copies as training finds it: what its manifest was made with, and whether that is what is asked."""

import dataclasses
import hashlib
import json
from pathlib import Path

import yaml

from mtlaug import augment, datadir
from mtlaug.config import Config
from mtlaug.files import UserError

SETTINGS = "augment.yaml"  # beside cuts.jsonl.gz: the types, their parameters and the seed it was made with


def copies_settings(aug_dir: str) -> dict:
    """The ``types`` with their parameters and the ``seed`` that a directory's copies were made with."""
    path = Path(aug_dir, SETTINGS)
    if not path.exists():
        raise UserError(f"{path}: no such file; run stages 2 and 3 first")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def copies_digest(aug_dir: str) -> str:
    """SHA-256 of the copies, their times and transforms; where the corpus lies does not change it."""
    copies = hashlib.sha256()
    for utterance, line in datadir.read_cuts(str(Path(aug_dir, "cuts.jsonl.gz"))):
        cut = json.loads(line)
        copies.update(json.dumps([utterance, cut["start"], cut["duration"], cut["recording"]["transforms"]]).encode())
    return copies.hexdigest()


def check_copies(aug_dir: str, settings: Config) -> str:
    """Refuse a manifest that was not made with the configuration's waveform types and their parameters.

    Returns:
        Their `copies_digest`.
    """
    made = copies_settings(aug_dir)
    for name, kind in augment.types(settings.augment_args).items():
        if name in augment.TRAINING_TIME:
            continue
        if made["types"].get(name) != dataclasses.asdict(kind) or made["seed"] != settings.augment_args.seed:
            path = Path(aug_dir, SETTINGS)
            raise UserError(f"{path}: was made without type {name!r} as configured; run stages 2 and 3 again")
    return copies_digest(aug_dir)
