"""A picture of what the tasks share: the encoder's outputs of held-out utterances and their copies, by t-SNE."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from mtlaug.dataset import unlabelled
from mtlaug.dataset.batching import evaluation_batches
from mtlaug.experiment.inference import device
from mtlaug.features.store import FeatureStore
from mtlaug.files import UserError
from mtlaug.model import MultitaskModel
from mtlaug.report.blocks import Block, Text
from mtlaug.report.plots import Plots
from mtlaug.report.shown import Shown, spread

MOST_UTTERANCES, MOST_COPIES, MOST_UNLABELLED = 60, 300, 60
FEWEST_POINTS = 10
NO_EMOTION = "no label"


def blocks(shown: Shown, plots: Plots) -> list[Block]:
    """The picture, coloured in several ways, and what it is and is not.

    Raises:
        UserError: there are too few points.
    """
    experiment, fold = shown.experiment, shown.folds[0]
    more = unlabelled.directories(experiment.settings.unlabelled_args)
    store = shown.store(fold, *more)
    labels = experiment.protocol.utterances(fold, "test")
    clean = spread(list(labels), MOST_UTTERANCES)
    copies = spread([copy for copy, source in store.source_of.items() if source in set(clean)], MOST_COPIES)
    others = spread(list(unlabelled.utt2spk(experiment.settings.unlabelled_args)), MOST_UNLABELLED) if more else []
    points = [*clean, *copies, *others]
    if len(points) < FEWEST_POINTS:
        raise UserError(f"fold {fold.id} of {shown.name} has {len(points)} utterances and copies to test, too few")
    pooled = encoded(shown.model(fold), store, points, experiment.classes)
    perplexity = min(30, (len(points) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(pooled)
    source = [store.source_of.get(point, point) for point in points]
    corpora = experiment.protocol.corpus.utt2corpus
    own = Path(experiment.data_dir).name
    colours = {
        "emotion": [labels.get(utterance, NO_EMOTION) for utterance in source],
        "augmentation": [store.type_of.get(point, "clean") for point in points],
        "corpus": [corpora.get(utterance, own) if utterance in labels else "unlabelled" for utterance in source],
    }
    colours = {title: values for title, values in colours.items() if len(set(values)) > 1}
    text = (
        f"{len(clean)} test utterances of fold {fold.id} and {len(copies)} copies of them"
        + (f", and {len(others)} unlabelled utterances that were trained on" if others else "")
        + f": the encoder's outputs of `{shown.name}` (seed {shown.seed}), averaged over the frames, laid out in a "
        "plane by t-SNE. This is a picture and no evidence: t-SNE keeps near neighbours together, but the sizes of "
        "groups and the distances between them mean nothing, and another seed gives another picture."
    )
    alt = f"Points of the shared representation in a plane, coloured by {', '.join(colours)}"
    return [Text(text), plots.add("representation", draw(places, colours), alt)]


@torch.no_grad()
def encoded(model: MultitaskModel, store: FeatureStore, points: Sequence[str], classes: list[str]) -> np.ndarray:
    """Means over the frames, (N, D), of the encoder's outputs."""
    rows = {}
    for utterances, batch in evaluation_batches(store, dict.fromkeys(points, classes[0]), classes):
        batch = batch.to(device)
        frames, lengths = model.encoder(batch.features, batch.lengths)  # padded frames are zero
        means = frames.sum(dim=1) / lengths[:, None]
        rows.update(zip(utterances, means.cpu().numpy(), strict=True))
    return np.stack([rows[point] for point in points])


def draw(places: np.ndarray, colours: Mapping[str, Sequence[str]]) -> Figure:
    """Points (N, 2), a panel for each way to colour them."""
    figure = Figure(figsize=(0.4 + 3.6 * len(colours), 4.2), layout="constrained")
    panels = figure.subplots(1, len(colours), squeeze=False)[0]
    for axes, (title, values) in zip(panels, colours.items(), strict=True):
        names = sorted(set(values), key=lambda name: (name in (NO_EMOTION, "clean"), name))
        palette = matplotlib.colormaps["tab10" if len(names) <= 10 else "tab20"].colors
        for number, name in enumerate(names):
            chosen = places[[value == name for value in values]]
            colour = "#9a9a9a" if name in (NO_EMOTION, "clean") else palette[number % len(palette)]
            axes.scatter(*chosen.T, s=9, color=colour, label=name, linewidths=0, alpha=0.8)
        axes.set_title(f"by {title}", fontsize=9, loc="left")
        axes.set(xticks=[], yticks=[])
        axes.set_aspect("equal", adjustable="datalim")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=7, frameon=False, markerscale=2)
    return figure
