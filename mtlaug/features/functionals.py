"""Functionals of openSMILE, one vector an utterance, in arks; the features of the classic baseline."""

from pathlib import Path

import kaldiio
import numpy as np

from mtlaug.audio import reading
from mtlaug.audio.cuts import read_cuts
from mtlaug.files import UserError, atomic_path, read_table

SETS = ("ComParE_2016", "eGeMAPSv02")
RATE = 16000  # Hz


def extract(data_dir: str, ark_dir: str | Path, name: str, job: int = 1, nj: int = 1) -> int:
    """Write ``functionals.JOB.ark`` of the ``job``-th of ``nj`` parts of the utterances; returns their number.

    Args:
        name: the feature set, one of `SETS`: 6373 functionals (Schuller et al. 2016) or 88 (Eyben et al. 2016).
    Raises:
        UserError: openSMILE is not installed, or an utterance cannot be read; nothing is written then.
    """
    smile = _opensmile(name)
    count = 0
    with atomic_path(_ark(ark_dir, job)) as path, open(path, "wb") as out:
        for cut in read_cuts(data_dir, RATE, job, nj):
            values = smile.process_signal(reading.load(cut), RATE).to_numpy(np.float32)[0]
            # A functional of what does not occur, such as of voiced frames in a whisper, has no value.
            kaldiio.save_ark(out, {cut.id: np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)})
            count += 1
    return count


def check_set(name: str) -> None:
    """Raise a `UserError` unless ``name`` is one of `SETS`."""
    if name not in SETS:
        raise UserError(f"--features {name}: expected {' or '.join(SETS)}")


def read(data_dir: str, ark_dir: str | Path, nj: int) -> dict[str, np.ndarray]:
    """Utterance to its functionals (C,), of all utterances of ``data_dir``.

    Raises:
        UserError: a job's file is missing, or an utterance has no functionals.
    """
    vectors: dict[str, np.ndarray] = {}
    for job in range(1, nj + 1):
        path = _ark(ark_dir, job)
        if not path.exists():
            raise UserError(f"{path}: no such file; extract the functionals first")
        vectors.update(kaldiio.load_ark(str(path)))
    if missing := read_table(Path(data_dir, "utt2spk")).keys() - vectors.keys():
        raise UserError(f"{ark_dir}: utterance {min(missing)} of {data_dir} has no functionals; extract them again")
    return vectors


def _ark(ark_dir: str | Path, job: int) -> Path:
    return Path(ark_dir, f"functionals.{job}.ark")


def _opensmile(name: str):
    check_set(name)
    try:
        import opensmile
    except ImportError:
        raise UserError(
            'opensmile is not installed; pip install -r "$MTLAUG_ROOT/tools/requirements-baseline.txt"'
        ) from None
    return opensmile.Smile(opensmile.FeatureSet[name], opensmile.FeatureLevel.Functionals)
