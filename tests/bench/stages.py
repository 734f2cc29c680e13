"""Stages as users run them: the parts of the feature extraction, folds side by side, and growth with the corpus."""

import itertools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import kaldiio
import soundfile
import torch
import yaml

from mtlaug import config, protocol
from mtlaug.args import FeatureArgs
from mtlaug.audio import reading
from mtlaug.audio.cuts import read_cuts
from mtlaug.augment import manifest
from mtlaug.features.extraction import extract
from mtlaug.features.fbank import Fbank

from .measure import Row, in_turn, run

sys.path.insert(0, str(Path(__file__).parent.parent))
import corpus

SECONDS = 3.0  # of an utterance
UTTERANCES = 500  # of an extraction; of 100, a tenth of the time is the start of the job
SPEAKERS = 20
REAL_FILES = 40
REACH = {"clean": 1000, "speed": 500, "noise": 500}  # times real time
SMALL = 200  # utterances of the smallest corpus of `growth`
ROUNDS = {"stage 2": 5, "stage 5": 9}  # of the stages that are mostly start there; stage 3 is made only once anyway
TREE = corpus.TREE | {"optim_args": {"epochs": 1}, "dataset_args": {"max_frames": 100}}


def make_corpus(root: Path, utterances: int, seconds: float) -> str:
    """A data directory of ``utterances`` that share a few files, two labels and a protocol of three folds."""
    files = [root / "wav" / f"{number}.wav" for number in range(min(utterances, REAL_FILES))]
    for number, path in enumerate(files):
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, corpus.speech(seconds, 300.0 + 50 * number, number), corpus.RATE)
    names = [f"s{number % SPEAKERS:02}-{number:07}" for number in range(utterances)]
    wavs = {name: files[number % len(files)] for number, name in enumerate(names)}
    labels = {name: ("angry", "sad")[number // SPEAKERS % 2] for number, name in enumerate(names)}
    genders = {f"s{number:02}": "fm"[number % 2] for number in range(SPEAKERS)}
    data_dir = corpus.write_data_dir(root / "data", wavs, utt2emo=labels, spk2gender=genders)
    protocol.make(data_dir, scheme="speakers", folds=3)
    return data_dir


def extraction() -> list[Row]:
    """Stage 3 of clean speech and of two types of copies on one core, beside its parts alone."""
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data_dir = make_corpus(Path(folder), UTTERANCES, SECONDS)
        for kind, reach in REACH.items():
            directory = data_dir if kind == "clean" else _copies(data_dir, kind)
            rows += _extraction(directory, kind, reach)
    return rows


def _copies(data_dir: str, kind: str) -> str:
    out = f"{data_dir}_{kind}"
    manifest.make(data_dir, out, config.from_dict({"augment_args": {"types": {"clean": True, kind: True}}}))
    return out


def _extraction(directory: str, kind: str, reach: int) -> list[Row]:
    args = FeatureArgs()
    fbank = Fbank(args)
    loaded = [reading.load(cut) for cut in read_cuts(directory, args.sample_rate)]
    matrices = {str(number): fbank(torch.from_numpy(samples)).numpy() for number, samples in enumerate(loaded)}

    ark_dir = Path(directory, "ark")
    ark_dir.mkdir()

    def whole() -> None:
        Path(ark_dir, "feats.1.json").unlink(missing_ok=True)  # else there would be nothing to do
        extract(directory, str(ark_dir), args)

    ways = {
        "whole": whole,
        "audio": lambda: [reading.load(cut) for cut in read_cuts(directory, args.sample_rate)],
        "filterbank": lambda: [fbank(torch.from_numpy(samples)).numpy() for samples in loaded],
        "archive": lambda: kaldiio.save_ark(f"{directory}/x.ark", matrices, compression_method=args.compression),
    }
    times = in_turn(ways)
    seconds = sum(map(len, loaded)) / args.sample_rate
    whole_speed, parts_speed = seconds / times.pop("whole"), seconds / sum(times.values())
    return [
        Row(
            f"stage 3, {kind}", whole_speed, parts_speed, "its parts alone", "x real time", f"at least 0.8, and {reach}"
        )
    ]


def folds() -> list[Row]:
    """Four trainings, two at a time with a thread each, beside one after another with two threads."""
    with tempfile.TemporaryDirectory() as folder:
        made = corpus.make(Path(folder))
        tree = corpus.TREE | {"model_args": {}, "optim_args": {"epochs": 4, "patience": 4}}
        tree["dataset_args"] = {"copies_per_epoch": 40}
        Path(folder, "conf.yaml").write_text(yaml.safe_dump(tree))
        numbers = itertools.count()

        def train(threads: int, together: int) -> Callable[[], None]:
            def way() -> None:
                exp = f"{folder}/exp{next(numbers)}"
                prepare = ("train", "prepare", made.data_dir, made.aug_dir, exp, "--seeds", "1 2")
                run((*prepare, "--config", f"{folder}/conf.yaml"))
                jobs = [("train", "run", exp, "--job", str(job)) for job in (1, 2, 3, 4)]
                for start in range(0, len(jobs), together):
                    run(*jobs[start : start + together], threads=threads)

            return way

        times = in_turn({"ours": train(1, 2), "other": train(2, 1)}, rounds=2)
    return [Row("trainings, two at a time", times["ours"], times["other"], "in turn, two threads", "s", "at most 0.67")]


def growth() -> list[Row]:
    """Stages 2 to 5 at 1, 10 and 100 times `SMALL` utterances: processor time, and largest process.

    Where time grows in step with the utterances, each further one takes as long from 10 to 100 times as many as from
    1 to 10 times. It is the processor's time and without the imports, which take most of the time of small corpora
    and vary by more than their utterances take.
    """
    sizes = (1, 10, 100)
    with tempfile.TemporaryDirectory() as folder:
        measured = {size: _stages(Path(folder, str(size)), SMALL * size) for size in sizes}
    rows = []
    for stage in measured[1]:
        (one, small), (ten, _), (hundred, large) = (measured[size][stage] for size in sizes)
        what = f"{stage}, {100 * SMALL:,} utterances"
        late, early = (1000 * (hundred - ten) / (90 * SMALL), 1000 * (ten - one) / (9 * SMALL))
        rows.append(Row(f"{what}, each further one", late, early, f"up to {10 * SMALL:,} utterances", "ms", "about 1"))
        rows.append(Row(f"{what}, memory", large, small, f"{SMALL} utterances", "MB", "tables alone grow"))
    return rows


def _stages(root: Path, utterances: int) -> dict[str, tuple[float, float]]:
    """Processor seconds and MB of each stage, one job at a time."""
    data_dir = make_corpus(root, utterances, 0.5)
    aug_dir, exp, conf = f"{data_dir}_aug", str(root / "exp"), str(root / "conf.yaml")
    Path(conf).write_text(yaml.safe_dump(TREE))
    extract = [("fbank", "extract", part, f"{part}/ark", "--config", conf) for part in (data_dir, aug_dir)]
    collect = [("fbank", "collect", *words[2:]) for words in extract]
    for part in (data_dir, aug_dir):
        Path(part, "ark").mkdir(parents=True)
    stages = {
        "stage 2": [("augment", "make", data_dir, aug_dir, "--config", conf)],
        "stage 3": [*extract, *collect],
        "stage 4": [
            ("train", "prepare", data_dir, aug_dir, exp, "--config", conf),
            *(("train", "run", exp, "--job", str(job)) for job in (1, 2, 3)),
        ],
        "stage 5": [("score", "within", exp)],
    }
    measured = {}
    for name, commands in stages.items():
        rounds = ROUNDS.get(name, 1) if utterances < 100 * SMALL else 1
        times = [[run(words) for words in commands] for _ in range(rounds)]
        seconds = min(sum(second for second, _ in time) for time in times)  # a busy machine only adds
        measured[name] = (seconds, max(size for _, size in times[0]))
    return measured
