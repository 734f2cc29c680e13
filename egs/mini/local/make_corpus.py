#!/usr/bin/env python3
"""Make the mini corpus: SYNTHETIC speech of 12 voices, spoken by espeak-ng, as 16 kHz mono 16-bit wav files.

Results on it show that the chain works. They say nothing about real emotion, nor about one method against another.
Two runs with one seed give the same bytes, whatever --nj. See voices.py for what is drawn at random.
"""

import csv
import hashlib
import importlib.metadata
import itertools
import json
import multiprocessing
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import soundfile
from espeak import Synthesiser
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.signal import resample_poly
from voices import Utterance, utterances

from mtlaug.cli import Parser, run
from mtlaug.files import UserError, write_json

RATE = 16000  # Hz
LEVEL = -26.0  # dB relative to full scale, of an utterance that is neither loud nor soft
PEAK = 0.95  # louder utterances are turned down to it rather than clipped
MARGIN = 0.03  # seconds of silence kept at both ends
SILENCE = -45.0  # dB below the loudest 10 ms
DRAWN = ("pitch", "range", "rate", "level", "snr")
COLUMNS = ("utterance", "speaker", "gender", "emotion", "text", *DRAWN, "seconds", "path")

_synthesiser: Synthesiser | None = None  # started once, then inherited fresh by each forked worker


def trim(signal: np.ndarray) -> np.ndarray:
    """Cut the silence at both ends of ``signal`` ``(T,)``, leaving `MARGIN` seconds."""
    frame = RATE // 100
    frames = signal[: len(signal) // frame * frame].reshape(-1, frame)
    power = (frames**2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (SILENCE / 10))
    margin = int(MARGIN * RATE)
    return signal[max(0, loud[0] * frame - margin) : (loud[-1] + 1) * frame + margin]


def record(signal: np.ndarray, utterance: Utterance) -> np.ndarray:
    """Pass clean speech ``(T,)`` through its speaker's channel: colour, level and low pink noise."""
    samples = next_fast_len(len(signal), real=True)
    octaves = np.log2(np.maximum(rfftfreq(samples, 1 / RATE), 60.0) / 1000)  # re 1 kHz
    speaker = utterance.speaker
    peak = speaker.peak_gain * np.exp(-0.5 * ((octaves - np.log2(speaker.peak / 1000)) / 0.5) ** 2)
    colour = 10 ** ((speaker.tilt * octaves + peak) / 20)
    speech = irfft(rfft(signal, samples) * colour, samples)[: len(signal)]
    white = np.random.default_rng(utterance.noise_seed).standard_normal(samples)
    noise = irfft(rfft(white) * 2 ** (-octaves / 2), samples)[: len(signal)]
    speech *= 10 ** ((LEVEL + utterance.level) / 20) / np.sqrt(np.mean(speech**2))
    # The noise belongs to the room: it does not follow how loud the utterance is spoken.
    noise *= 10 ** ((LEVEL + speaker.level - utterance.snr) / 20) / np.sqrt(np.mean(noise**2))
    mixed = speech + noise
    return mixed * min(1.0, PEAK / np.abs(mixed).max())


def relative_path(utterance: Utterance) -> str:
    part = "labelled" if utterance.speaker.labelled else "unlabelled"
    return f"{part}/{utterance.speaker.name}/{utterance.name}.wav"


def render(job: tuple[list[Utterance], Path]) -> list[float]:
    """Write a speaker's utterances under the corpus directory, in their order; returns the seconds of each."""
    utterances, corpus = job
    return [render_one(utterance, corpus) for utterance in utterances]


def render_one(utterance: Utterance, corpus: Path) -> float:
    """Write one utterance; returns its seconds."""
    spoken = _synthesiser.speak(
        utterance.text,
        utterance.speaker.voice,
        pitch=utterance.pitch,
        range=utterance.range,
        rate=utterance.rate,
        volume=100,
    )
    divisor = np.gcd(RATE, _synthesiser.rate)
    resampled = resample_poly(spoken / 32768.0, RATE // divisor, _synthesiser.rate // divisor)
    signal = record(trim(resampled), utterance)
    soundfile.write(corpus / relative_path(utterance), signal, RATE, subtype="PCM_16")
    return len(signal) / RATE


def render_all(corpus: Path, seed: int, nj: int) -> int:
    """Make every wav and ``manifest.tsv`` in the empty directory ``corpus``; returns the number of utterances."""
    global _synthesiser
    _synthesiser = Synthesiser()
    todo = utterances(seed)
    for folder in {(corpus / relative_path(utterance)).parent for utterance in todo}:
        folder.mkdir(parents=True)
    jobs = [(list(own), corpus) for _, own in itertools.groupby(todo, key=lambda utterance: utterance.speaker)]
    # A worker speaks for one speaker and ends, so that none inherits the state that another speaker's utterances
    # left in the library.
    with multiprocessing.get_context("fork").Pool(nj, maxtasksperchild=1) as pool:
        lengths = list(itertools.chain.from_iterable(pool.map(render, jobs, chunksize=1)))
    with open(corpus / "manifest.tsv", "w", encoding="utf-8", newline="") as out:
        manifest = csv.writer(out, delimiter="\t", lineterminator="\n")
        manifest.writerow(COLUMNS)
        for utterance, seconds in zip(todo, lengths, strict=True):
            speaker = utterance.speaker
            drawn = (round(getattr(utterance, name), 2) for name in DRAWN)
            row = (utterance.name, speaker.name, speaker.gender, utterance.emotion or "", utterance.text, *drawn)
            manifest.writerow((*row, f"{seconds:.3f}", relative_path(utterance)))
    return len(todo)


def fingerprint(seed: int) -> str:
    """SHA-256 over all that the corpus depends on: these scripts, the seed and the synthesiser's version."""
    digest = hashlib.sha256(f"{seed} {importlib.metadata.version('espeakng-loader')}".encode())
    for script in ("make_corpus.py", "voices.py", "espeak.py"):
        digest.update(Path(__file__).with_name(script).read_bytes())
    return digest.hexdigest()


def is_complete(corpus: Path, wanted: str) -> bool:
    """Whether ``corpus`` was made with the same fingerprint and still has all its files."""
    try:
        stamp = json.loads((corpus / "corpus.json").read_text(encoding="utf-8"))
        with open(corpus / "manifest.tsv", encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
    except (OSError, ValueError):
        return False
    files = all((corpus / row["path"]).is_file() for row in rows)
    return stamp.get("fingerprint") == wanted and stamp.get("utterances") == len(rows) and files


def make(corpus: Path, seed: int, nj: int) -> None:
    """Make ``corpus``, or leave it as it is when it is complete; an older one is replaced as a whole."""
    wanted = fingerprint(seed)
    if is_complete(corpus, wanted):
        print(f"{corpus}: complete (synthetic speech), nothing to do")
        return
    if corpus.exists() and not (corpus / "corpus.json").is_file():
        raise UserError(f"{corpus} exists and was not made by this script; move it away or give another --corpus-dir")
    aside = corpus.with_name(f".tmp{os.getpid()}.{corpus.name}")
    old = corpus.with_name(f".old{os.getpid()}.{corpus.name}")
    aside.mkdir(parents=True)
    try:
        count = render_all(aside, seed, nj)
        write_json(aside / "corpus.json", {"fingerprint": wanted, "seed": seed, "utterances": count})
        if corpus.exists():
            corpus.rename(old)
        aside.rename(corpus)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    print(f"{corpus}: {count} utterances of SYNTHETIC speech; results on it say nothing about real emotion")


def main() -> int:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus-dir", type=Path, default=Path("corpus"), help="the directory to make")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn at random")
    parser.add_argument("--nj", type=int, default=os.cpu_count() or 1, help="utterances made at a time")
    options = parser.parse_args()
    return run("make_corpus", make, options.corpus_dir, options.seed, options.nj)


if __name__ == "__main__":
    sys.exit(main())
