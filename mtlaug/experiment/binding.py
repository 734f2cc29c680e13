"""What an experiment is bound to: the options and the sound of its features, and its own configuration."""

import hashlib
from pathlib import Path

from mtlaug.config import Config
from mtlaug.features.archives import FEATURE_ARGS
from mtlaug.files import UserError, read_json

# By key of ``config.yaml`` the tables whose digests it keeps: lengths of the features, and sound.
TABLES = {"num_frames": "utt2num_frames", "sound": "utt2checksum"}
FREE = ("seeds", "versions", "git_commit", "command")  # keys that may differ between the seeds of an experiment


def digests(data_dir: str) -> dict[str, str]:
    """SHA-256 of each table of `TABLES` that is there."""
    paths = {name: Path(data_dir, table) for name, table in TABLES.items()}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items() if path.exists()}


def check_features(directory: str, settings: Config) -> None:
    """Refuse a data directory whose features were made with another ``feature_args`` than the configuration's."""
    for name in (FEATURE_ARGS, "feats.scp"):
        if not Path(directory, name).exists():
            mend = "the features are not there, or not all of one kind: extract them (stage 3)"
            raise UserError(f"{directory}/{name}: no such file; {mend}")
    made = read_json(Path(directory, FEATURE_ARGS))
    wanted = settings.to_dict()["feature_args"]
    if differing := [key for key, value in wanted.items() if made.get(key) != value]:
        keys = ", ".join(differing)
        raise UserError(
            f"{directory}: features were made with another feature_args ({keys}); extract them again, or give the "
            "configuration that they were made with"
        )


def differences(old: dict, new: dict) -> list[str]:
    """``block.key`` of what differs between two ``config.yaml``; a digest that one has not is no difference."""
    differing = []
    for block in sorted(old.keys() | new.keys()):
        before, after = old.get(block) or {}, new.get(block) or {}
        differing += [
            f"{block}.{key}"
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
            and key not in FREE
            and (key not in TABLES or (before.get(key) and after.get(key)))
        ]
    return differing
