"""Features on disk: arks by kaldiio, their scp files and CMVN statistics, and what a data directory tells of them."""

import contextlib
import dataclasses
import os
from pathlib import Path

import kaldiio
import numpy as np

from mtlaug.args import FeatureArgs
from mtlaug.datadir.tables import FEATURE_ARGS
from mtlaug.files import UserError, atomic_path, read_table, write_json, write_table

TABLES = (FEATURE_ARGS, "feats.scp", "cmvn.scp", "utt2num_frames")  # what `collect` writes of the features


def retire(data_dir: str | Path) -> None:
    """Remove the tables of the features; their archives stay, and stage 3 takes up those that are still right."""
    for name in TABLES:
        Path(data_dir, name).unlink(missing_ok=True)


def cmvn_statistics(features: np.ndarray) -> np.ndarray:
    """Kaldi's CMVN statistics of one utterance: features (T, C) to float64 (2, C + 1), sums and counts."""
    features = features.astype(np.float64)
    statistics = np.zeros((2, features.shape[1] + 1))
    statistics[0, :-1], statistics[0, -1] = features.sum(axis=0), len(features)
    statistics[1, :-1] = np.square(features).sum(axis=0)
    return statistics


def mean_and_deviation(statistics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation, float32 (C,) each, of (summed) CMVN statistics (2, C + 1)."""
    count = statistics[0, -1]
    mean = statistics[0, :-1] / count
    variance = statistics[1, :-1] / count - np.square(mean)
    return mean.astype(np.float32), np.sqrt(np.maximum(variance, 1e-4)).astype(np.float32)


@contextlib.contextmanager
def writer(ark_dir: str, name: str, compression: int):
    """Yield ``write(utterance, matrix)`` into ``name.ark`` and ``name.scp``; both appear only when whole."""
    ark = os.path.join(ark_dir, f"{name}.ark")
    with atomic_path(os.path.join(ark_dir, f"{name}.scp")) as scp_path, atomic_path(ark) as ark_path:
        with open(ark_path, "wb") as out, open(scp_path, "w", encoding="utf-8") as scp:

            def write(utterance: str, matrix: np.ndarray) -> None:
                scp.write(f"{utterance} {ark}:{out.tell() + len(utterance.encode()) + 1}\n")
                kaldiio.save_ark(out, {utterance: matrix}, compression_method=compression or None)

            yield write


def collect(data_dir: str, ark_dir: str, args: FeatureArgs, nj: int) -> int:
    """Join the jobs' scp files to feats.scp and cmvn.scp, and write utt2num_frames, utt2dur and frame_shift.

    Returns:
        The number of utterances.
    Raises:
        UserError: a job's file is missing, or an utterance of utt2spk has no features.
    """
    utterances = read_table(Path(data_dir, "utt2spk"))
    for kind in ("feats", "cmvn"):
        table: dict[str, str] = {}
        for job in range(1, nj + 1):
            table.update(read_table(Path(ark_dir, f"{kind}.{job}.scp")) if _has_lines(ark_dir, kind, job) else {})
        if missing := utterances.keys() - table.keys():
            raise UserError(f"{data_dir}: {len(missing)} utterances have no features, the first is {min(missing)}")
        write_table(Path(data_dir, f"{kind}.scp"), table)
    counts = {name: int(matrix[0, -1]) for name, matrix in kaldiio.load_scp(str(Path(data_dir, "cmvn.scp"))).items()}
    write_table(Path(data_dir, "utt2num_frames"), counts)
    if not Path(data_dir, "utt2dur").exists():
        write_table(Path(data_dir, "utt2dur"), {name: n * args.frame_shift / 1000 for name, n in counts.items()})
    with atomic_path(Path(data_dir, "frame_shift")) as temporary:
        temporary.write_text(f"{args.frame_shift / 1000:g}\n")
    write_json(Path(data_dir, FEATURE_ARGS), dataclasses.asdict(args))
    _remove_stale(ark_dir, nj)
    return len(counts)


def _has_lines(ark_dir: str, kind: str, job: int) -> bool:
    path = Path(ark_dir, f"{kind}.{job}.scp")
    if not path.exists():
        raise UserError(f"{path}: no such file; job {job} of the feature extraction has not finished")
    return path.stat().st_size > 0


def _remove_stale(ark_dir: str, nj: int) -> None:
    """Remove the archives of an earlier extraction with more jobs, and what a killed job left."""
    for path in Path(ark_dir).glob(".tmp*"):
        path.unlink()
    for path in Path(ark_dir).glob("*.*.*"):
        kind, job, _ = path.name.split(".", 2)
        if kind in ("feats", "cmvn") and job.isdigit() and int(job) > nj:
            path.unlink()
