"""What a directory of copies was made with, and of which recordings: what training and its tests rely on.

It says so without the effects themselves, which take a second to import.
"""

import dataclasses
import hashlib
import json
import os
from pathlib import Path

from mtlaug import datadir
from mtlaug.augment import augtypes
from mtlaug.config import Config
from mtlaug.files import UserError, read_table, read_yaml

SETTINGS = "augment.yaml"  # beside cuts.jsonl.gz: the types, their parameters and the seed it was made with
SAME_LENGTH = ("noise", "reverb", "pitch")  # types whose copies are as long as their source
NOISE_SETTINGS = "noise.yaml"  # the same of noisy copies for tests; written last


def copies_settings(aug_dir: str) -> dict:
    """The ``types`` with their parameters and the ``seed`` that a directory's copies were made with."""
    return _settings(Path(aug_dir, SETTINGS), ("types", "seed"), "run stages 2 and 3 first")


def copies_digest(aug_dir: str) -> str:
    """SHA-256 of the copies, their times and transforms; where the corpus lies does not change it."""
    copies, path = hashlib.sha256(), Path(aug_dir, "cuts.jsonl.gz")
    for utterance, line in datadir.read_cuts(str(path)):
        cut = json.loads(line)
        try:
            made = [utterance, cut["start"], cut["duration"], cut["recording"]["transforms"]]
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: utterance {utterance}: lacks {error}; run stages 2 and 3 again") from None
        copies.update(json.dumps(made).encode())
    return copies.hexdigest()


def check_copies(aug_dir: str, settings: Config) -> str:
    """Refuse a manifest that was not made with the configuration's waveform types and their parameters.

    Returns:
        Their `copies_digest`.
    """
    made = copies_settings(aug_dir)
    path, mend = Path(aug_dir, SETTINGS), "run stages 2 and 3 again, with this configuration as --feature-config"
    if made["seed"] != settings.augment_args.seed:
        raise UserError(f"{path}: was made with seed {made['seed']}, not {settings.augment_args.seed}; {mend}")
    for name, kind in augtypes.types(settings.augment_args).items():
        if name not in augtypes.TRAINING_TIME and made["types"].get(name) != dataclasses.asdict(kind):
            raise UserError(f"{path}: was made without type {name!r} as configured; {mend}")
    return copies_digest(aug_dir)


def check_lengths(aug_dir: str, data_dir: str) -> None:
    """Refuse copies of other stretches of speech than a data directory has now, by the frames of both.

    Where stage 1 has left silence out since, the silence would tell what is a copy.
    """
    numbers, sources, kinds = (read_table(Path(aug_dir, n)) for n in ("utt2num_frames", "utt2uniq", "utt2aug"))
    frames = read_table(Path(data_dir, "utt2num_frames"))
    if numbers.keys() != sources.keys() or numbers.keys() != kinds.keys():
        raise UserError(f"{aug_dir}: its tables are of different copies; run stages 2 and 3 again")
    for copy, number in numbers.items():
        source = sources[copy]
        if kinds[copy] in SAME_LENGTH and frames.get(source, number) != number:
            said = f"utterance {copy} has {number} frames, and {source} in {data_dir} has {frames[source]}"
            raise UserError(f"{aug_dir}: {said}: the copies are of other speech; run stages 2 and 3 again")


def noisy_settings(noisy_dir: str) -> dict:
    """What `augment.noisy.make` has made the copies from; a directory that is none of its own is a `UserError`."""
    return _settings(Path(noisy_dir, NOISE_SETTINGS), ("protocol", "copies", "kinds"), "make them by stage 6")


def _settings(path: Path, keys: tuple[str, ...], mend: str) -> dict:
    if not path.exists():
        raise UserError(f"{path}: no such file; the copies are not there: {mend}")
    settings = read_yaml(path)
    if not isinstance(settings, dict) or not set(keys) <= settings.keys():
        raise UserError(f"{path}: lacks {', '.join(keys)}; remove its directory, and {mend}")
    return settings


def sources_of(aug_dir: str, speech: bool = False) -> set[str]:
    """The recordings of noise and babble that the copies in a directory hold; with ``speech`` those they are of too."""
    found: set[str] = set()
    for _, line in datadir.read_cuts(str(Path(aug_dir, "cuts.jsonl.gz"))):
        recording = json.loads(line)["recording"]
        if speech:
            found.update(source["source"] for source in recording["sources"])
        for transform in recording.get("transforms") or ():
            if transform["name"] == "AddNoise":
                found.add(transform["kwargs"]["source"])
            elif transform["name"] == "AddBabble":
                found.update(transform["kwargs"]["sources"])
    return found


def refuse_shared(tested: set[str], trained: set[str], aug_dir: str) -> None:
    """Raise a `UserError` where recordings of test noise and of the copies in ``aug_dir`` share a source."""
    known = {_source_of(path): path for path in trained}
    if shared := sorted(path for path in tested if _source_of(path) in known):
        raise UserError(
            f"{aug_dir}: training has {len(shared)} of the recordings that are to be tested with, "
            f"such as {shared[0]} ({known[_source_of(shared[0])]}); take the two directories of one "
            "steps/prepare_noise.sh, and run stages 2 to 5 again"
        )


def _source_of(path: str) -> str:
    return datadir.source_of(os.path.realpath(path))
