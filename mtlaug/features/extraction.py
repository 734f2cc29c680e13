"""Stage 3: the features of a data directory and their CMVN statistics, a part a job."""

import dataclasses
import hashlib
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from lhotse import MonoCut
from tqdm import tqdm

from mtlaug.args import FeatureArgs
from mtlaug.audio import reading
from mtlaug.audio.cuts import inputs, read_cuts
from mtlaug.features import archives, frontend
from mtlaug.files import UserError, read_json, read_table, write_json

TOGETHER = 16  # utterances: one by one, each step would find its code and tables out of the processor's caches


def extract(data_dir: str, ark_dir: str, args: FeatureArgs, job: int = 1, nj: int = 1) -> dict[str, float]:
    """Extract the features of the ``job``-th of ``nj`` parts of the utterances, counted from 1.

    Writes ``feats.JOB.ark``, ``cmvn.JOB.ark`` and their scp files to ``ark_dir``. Each
    utterance is computed alone, so ``nj`` changes no bit of the result.

    A job whose features are there already, of the same recordings and options, has nothing to do.

    Returns:
        ``utterances``, ``audio`` and ``elapsed`` (seconds of audio, and of the job's time).
    Raises:
        UserError: an utterance cannot be read, or ``ark_dir`` has another data directory's features; nothing is
            written then.
    """
    torch.set_num_threads(1)
    started, total, count = time.monotonic(), 0.0, 0
    note, key = Path(ark_dir, f"feats.{job}.json"), _content_key(data_dir, ark_dir, args, job, nj)
    made = [Path(ark_dir, f"{kind}.{job}.{ending}") for kind in ("feats", "cmvn") for ending in ("ark", "scp")]
    done = read_json(note) if note.exists() else {}
    _refuse_others(ark_dir, data_dir, done.get("data_dir", data_dir))
    if key and (done.get("key"), done.get("sizes")) == (key, _sizes(made)):
        return {"utterances": 0, "audio": 0.0, "elapsed": time.monotonic() - started}
    note.unlink(missing_ok=True)
    model = frontend.build(args)
    feats_writer = archives.writer(ark_dir, f"feats.{job}", args.compression)
    with feats_writer as feats, archives.writer(ark_dir, f"cmvn.{job}", 0) as cmvn:
        cuts = _progress(read_cuts(data_dir, args.sample_rate, job, nj), data_dir)
        while group := list(itertools.islice(cuts, TOGETHER)):
            loaded = [reading.load(cut) for cut in group]
            matrices = [_features(model, cut, samples) for cut, samples in zip(group, loaded, strict=True)]
            for cut, features in zip(group, matrices, strict=True):
                feats(cut.id, features)
                cmvn(cut.id, archives.cmvn_statistics(features))
            total, count = total + sum(map(len, loaded)) / args.sample_rate, count + len(group)
        archives.retire(data_dir)  # until all jobs are done, the archives may be of two kinds
    if key:
        write_json(note, {"data_dir": data_dir, "key": key, "sizes": _sizes(made)})
    return {"utterances": count, "audio": total, "elapsed": time.monotonic() - started}


def _features(model: torch.nn.Module, cut: MonoCut, samples: np.ndarray) -> np.ndarray:
    try:
        return model(torch.from_numpy(samples)).numpy()
    except UserError as error:
        raise UserError(f"{cut.recording.sources[0].source}: utterance {cut.id}: {error}") from None


def _sizes(paths: list[Path]) -> list[int | None]:
    """Of files in bytes: one that was cut off, or is missing, is to be made again."""
    return [path.stat().st_size if path.exists() else None for path in paths]


def _refuse_others(ark_dir: str, data_dir: str, owner: str) -> None:
    table = Path(owner, "feats.scp")
    if Path(owner).resolve() == Path(data_dir).resolve() or not table.exists():
        return
    archive = next(iter(read_table(table).values()), "")
    if Path(archive).parent.resolve() == Path(ark_dir).resolve():  # and not in a copy of it
        raise UserError(f"{ark_dir}: holds the features of {owner}; give {data_dir} a directory of its own")


def _content_key(data_dir: str, ark_dir: str, args: FeatureArgs, job: int, nj: int) -> str | None:
    """A hash of all that a job's files depend on, or None where commands or missing files are part of it."""
    digest = hashlib.sha256(json.dumps([dataclasses.asdict(args), ark_dir, job, nj]).encode())
    sources = set() if args.frontend == "fbank" else {args.weights}
    for text, files in inputs(data_dir, job, nj):
        digest.update(json.dumps([text, files]).encode())
        sources.update(files)
    for source in sorted(sources):
        if source.endswith("|") or not os.path.exists(source):
            return None
        status = os.stat(source)
        digest.update(f"{status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()


def _progress(items: Iterator, label: str) -> Iterator:
    return iter(tqdm(items, desc=label, unit="utt", disable=not sys.stderr.isatty()))
