"""Stage 3: the features of a data directory and their CMVN statistics, in arks through kaldiio."""

import contextlib
import dataclasses
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import kaldiio
import numpy as np
import torch
from tqdm import tqdm

import mtlaug.effects  # noqa: F401  a manifest names its transforms, and they are known once imported
from mtlaug import audio, frontend
from mtlaug.config import FeatureArgs
from mtlaug.files import UserError, atomic_path, read_table, write_json, write_table

FEATURE_ARGS = "feature_args.json"  # in a data directory: what its feats.scp was made with


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


def extract(data_dir: str, ark_dir: str, args: FeatureArgs, job: int = 1, nj: int = 1) -> dict[str, float]:
    """Extract the features of every ``nj``-th utterance from the ``job``-th on.

    Writes ``feats.JOB.ark``, ``cmvn.JOB.ark`` and their scp files to ``ark_dir``. Each
    utterance is computed alone, so ``nj`` changes no bit of the result.

    A job whose features are there already, of the same recordings and options, has nothing to do.

    Returns:
        ``utterances``, ``audio`` and ``elapsed`` (seconds of audio, and of the job's time).
    Raises:
        UserError: an utterance cannot be read; nothing is written then.
    """
    if not 1 <= job <= nj:
        raise UserError(f"--job {job} is not from 1 to --nj {nj}")
    torch.set_num_threads(1)
    started, total, count = time.monotonic(), 0.0, 0
    key_file, key = Path(ark_dir, f"feats.{job}.key"), _content_key(data_dir, args, job, nj)
    if key and key_file.exists() and key_file.read_text() == key:
        return {"utterances": 0, "audio": 0.0, "elapsed": time.monotonic() - started}
    key_file.unlink(missing_ok=True)
    model = frontend.build(args)
    with _ark(ark_dir, f"feats.{job}", args.compression) as feats, _ark(ark_dir, f"cmvn.{job}", 0) as cmvn:
        for cut in _progress(audio.read_cuts(data_dir, args.sample_rate, job, nj), data_dir):
            samples = audio.load(cut)
            try:
                features = model(torch.from_numpy(samples)).numpy()
            except UserError as error:
                raise UserError(f"{cut.recording.sources[0].source}: utterance {cut.id}: {error}") from None
            feats(cut.id, features)
            cmvn(cut.id, cmvn_statistics(features))
            total, count = total + len(samples) / args.sample_rate, count + 1
    if key:
        with atomic_path(key_file) as temporary:
            temporary.write_text(key)
    return {"utterances": count, "audio": total, "elapsed": time.monotonic() - started}


def _content_key(data_dir: str, args: FeatureArgs, job: int, nj: int) -> str | None:
    """A hash of all that a job's features depend on, or None where commands or missing files are part of it."""
    digest = hashlib.sha256(json.dumps([dataclasses.asdict(args), job, nj]).encode())
    sources = set() if args.frontend == "fbank" else {args.weights}
    for text, source in audio.inputs(data_dir, job, nj):
        digest.update(json.dumps([text, source]).encode())
        sources.add(source)
    for source in sorted(sources):
        if source.endswith("|") or not os.path.exists(source):
            return None
        status = os.stat(source)
        digest.update(f"{status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()


def _progress(items: Iterator, label: str) -> Iterator:
    return tqdm(items, desc=label, unit="utt", disable=not sys.stderr.isatty())


@contextlib.contextmanager
def _ark(ark_dir: str, name: str, compression: int):
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
