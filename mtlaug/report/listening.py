"""Recordings in the report, to listen to and to look at: copies of two utterances, and the worst errors."""

import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from lhotse import MonoCut
from matplotlib.figure import Figure

from mtlaug.audio import reading
from mtlaug.audio.cuts import read_cuts
from mtlaug.dataset.batching import evaluation_batches
from mtlaug.experiment import inference
from mtlaug.features.fbank import Fbank
from mtlaug.features.store import FeatureStore
from mtlaug.files import UserError, read_table
from mtlaug.protocol.folds import Fold
from mtlaug.report.blocks import Block, Clip, Text
from mtlaug.report.plots import Plots
from mtlaug.report.shown import Shown
from mtlaug.scoring.scores import percent

MOST_ERRORS = 6
MOST_SECONDS = 8.0  # of a clip
UTTERANCES = 2  # whose copies are shown, of different emotions


def copies(shown: Shown, plots: Plots) -> list[Block]:
    """One copy of each waveform type, and the utterance itself, of the first test utterances of different emotions.

    Raises:
        UserError: a recording or its features cannot be read.
    """
    experiment, fold = shown.experiment, shown.folds[0]
    store = shown.store(fold)
    labels = experiment.protocol.utterances(fold, "test")
    first = {label: utterance for utterance, label in reversed(labels.items())}
    sources = [first[label] for label in list(dict.fromkeys(labels.values()))[:UTTERANCES]]
    chosen = {(source, "clean"): source for source in sources}
    for copy, source in store.source_of.items():
        if source in sources:
            chosen.setdefault((source, store.type_of[copy]), copy)
    answers = _answers(shown, fold, store, list(chosen.values()))
    clips: list[Block] = []
    for source in sources:
        for (of, kind), copy in chosen.items():
            if of == source:
                directory = experiment.data_dir if copy == source else experiment.aug_dir
                cut = find_cut(directory, copy, experiment.settings.feature_args.sample_rate)
                lines = [*_transforms(cut), f"Emotion: {labels[source]}.", answers[copy]]
                clips.append(_clip(shown, cut, f"{kind}: {copy}", lines))
    text = (
        f"Test utterances of fold {fold.id} and a copy of each type that is made of the waveform, rendered again from "
        f"the manifest; what `{shown.name}` (seed {shown.seed}) makes of them is of models that have not heard the "
        f"speaker. The spectrograms are log-mel energies, before mean and variance normalisation."
    )
    return [Text(text), *clips]


def errors(shown: Shown, plots: Plots) -> list[Block]:
    """The utterances whose right emotion has the lowest posterior, the mean over the seeds.

    Raises:
        UserError: no score of undisturbed speech, or a recording cannot be read.
    """
    if shown.score is None:
        raise UserError(f"{shown.name} is not scored on undisturbed speech")
    parts = list(shown.score.predictions.by_seed().values())
    first, classes = parts[0], shown.experiment.classes
    posteriors = np.mean([part.posteriors for part in parts], axis=0)  # (N, K)
    right = posteriors[np.arange(len(first.utts)), first.reference]
    taken_for = posteriors.argmax(axis=1)
    wrong = [row for row in np.argsort(right, kind="stable") if taken_for[row] != first.reference[row]]
    clips: list[Block] = []
    said = shown.experiment.protocol.corpus.text
    for row in wrong[:MOST_ERRORS]:
        utterance, reference, answer = str(first.utts[row]), classes[first.reference[row]], classes[taken_for[row]]
        shares = f"{percent(float(right[row]))} %", f"{percent(float(posteriors[row, taken_for[row]]))} %"
        lines = [f"{reference} {shares[0]}, {answer} {shares[1]}; speaker {first.speakers[row]}."]
        lines += [f"“{said[utterance]}”"] if utterance in said else []
        cut = find_cut(shown.experiment.data_dir, utterance, shown.experiment.settings.feature_args.sample_rate)
        clips.append(_clip(shown, cut, f"{utterance}: {reference}, taken for {answer}", lines))
    text = (
        f"Of the {len(first.utts)} utterances of {shown.score.directory.name} of `{shown.name}`, those whose right "
        f"emotion has the lowest posterior, the mean over the seeds {' '.join(str(part.seeds[0]) for part in parts)}. "
        f"{len(wrong)} are taken for another emotion."
    )
    return [Text(text), *clips]


def find_cut(data_dir: str, utterance: str, sample_rate: int) -> MonoCut:
    """The cut of an utterance, without a look at the others' audio.

    Raises:
        UserError: it is not there, or its recording cannot be read.
    """
    utterances = list(read_table(Path(data_dir, "utt2spk")))  # in the order of the cuts
    job = utterances.index(utterance) + 1 if utterance in utterances else 0
    cut = next(read_cuts(data_dir, sample_rate, job, len(utterances)), None) if job else None
    if cut is None or cut.id != utterance:
        raise UserError(f"{data_dir}: no recording of utterance {utterance}; run utils/fix_data_dir.sh {data_dir}")
    return cut


@torch.no_grad()
def _answers(shown: Shown, fold: Fold, store: FeatureStore, utterances: Sequence[str]) -> dict[str, str]:
    """What the model says of utterances and copies: their emotion and, where it has learnt that, their type."""
    experiment, model = shown.experiment, shown.model(fold)
    learnt = experiment.settings.loss_args.alpha > 0
    answers = {}
    labels = dict.fromkeys(utterances, experiment.classes[0])
    for names, batch in evaluation_batches(store, labels, experiment.classes):
        batch = batch.to(inference.device)
        outputs = model(batch.features, batch.lengths)
        emotions, types = (_best(logits) for logits in (outputs.emotion, outputs.augmentation))
        for name, (emotion, share), (kind, certainty) in zip(names, emotions, types, strict=True):
            text = f"Recognised: {experiment.classes[emotion]} ({percent(share)} %)"
            answers[name] = text + (f", {experiment.types[kind]} ({percent(certainty)} %)." if learnt else ".")
    return answers


def _best(logits: torch.Tensor) -> list[tuple[int, float]]:
    shares, places = logits.softmax(dim=1).max(dim=1)
    return list(zip(places.tolist(), shares.tolist(), strict=True))


def _transforms(cut: MonoCut) -> list[str]:
    """The last transform of a copy in words; of files only the name."""
    if not cut.custom or not cut.recording.transforms:
        return []
    last = cut.recording.transforms[-1]
    name, values = (last["name"], last["kwargs"]) if isinstance(last, dict) else (type(last).__name__, vars(last))
    return [f"{name}: {_in_words(values)}."]


def _in_words(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {Path(v).name if isinstance(v, str) else v}" for key, v in values.items())


def _clip(shown: Shown, cut: MonoCut, title: str, lines: Sequence[str]) -> Clip:
    args = shown.experiment.settings.feature_args
    samples = reading.load(cut)
    if len(samples) > MOST_SECONDS * args.sample_rate:
        lines = [*lines, f"The first {MOST_SECONDS:g} of {len(samples) / args.sample_rate:.1f} s."]
        samples = samples[: round(MOST_SECONDS * args.sample_rate)]
    features = Fbank(dataclasses.replace(args, scale="log"))(torch.from_numpy(samples)).numpy()
    sound = io.BytesIO()
    # A copy may be louder than full scale, which a file of whole numbers cannot hold.
    soundfile.write(sound, samples / max(1.0, np.abs(samples).max()), args.sample_rate, format="FLAC", subtype="PCM_16")
    return Clip(title, list(lines), sound.getvalue(), _spectrogram(features, len(samples) / args.sample_rate))


def _spectrogram(features: np.ndarray, seconds: float) -> bytes:
    """PNG of log-mel features (T, C)."""
    figure = Figure(figsize=(4.2, 1.8))
    axes = figure.add_axes((0.1, 0.19, 0.865, 0.77))  # placed by hand: a layout engine would draw everything twice
    axes.imshow(features.T, origin="lower", aspect="auto", extent=(0, seconds, 0, features.shape[1]), cmap="magma")
    axes.set_xlabel("s", fontsize=7, labelpad=1)
    axes.set_ylabel("mel bin", fontsize=7)
    axes.tick_params(labelsize=7)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=100, metadata={"Software": None})
    return image.getvalue()
