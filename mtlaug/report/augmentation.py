"""The augmentation task on speakers who were not trained on: which type is taken for which."""

import numpy as np
import torch

from mtlaug.dataset.batching import UNKNOWN, TrainingSet
from mtlaug.experiment.inference import device
from mtlaug.files import UserError
from mtlaug.protocol.folds import Fold
from mtlaug.report.blocks import Block, Table, Text
from mtlaug.report.plots import Plots
from mtlaug.report.shown import Shown
from mtlaug.scoring.plots import draw_confusion
from mtlaug.scoring.scores import percent

MOST_FOLDS, MOST_COPIES = 6, 1200


def blocks(shown: Shown, plots: Plots) -> list[Block]:
    """The confusion matrix of the augmentation types, and their recalls.

    Raises:
        UserError: the model was not trained to tell the types.
    """
    types = shown.experiment.types
    if not shown.experiment.settings.loss_args.alpha or len(types) < 2:
        raise UserError(f"{shown.name} was not trained to tell the types of augmentation")
    folds = shown.spread_folds(MOST_FOLDS)
    counts = sum(confusion(shown, fold, MOST_COPIES // len(folds)) for fold in folds)
    accuracy = percent(float(np.trace(counts) / counts.sum()))
    told = int((counts.sum(axis=1) > 0).sum())  # some types may be left out of the task
    text = (
        f"{counts.sum()} copies of test speakers, drawn as in training, by `{shown.name}` (seed {shown.seed}, folds "
        f"{' '.join(fold.id for fold in folds)}), whose models have not heard these speakers. Of them {accuracy} % are "
        f"recognised; chance is {percent(1 / told)}."
    )
    rows = [_row(types, number, row) for number, row in enumerate(counts)]
    drawing = draw_confusion(counts, types, f"{shown.name}: type of augmentation", ("recognised as", "made as"))
    recalls = ", ".join(f"{name} {recall}" for name, _, recall, _ in rows)
    figure = plots.add("augmentation_types", drawing, f"Confusion matrix of augmentation types; recalls: {recalls}")
    head = ["made as", "copies", "recognised", "most often taken for"]
    return [Text(text), figure, Table("augmentation_types", head, rows)]


@torch.no_grad()
def confusion(shown: Shown, fold: Fold, draws: int) -> np.ndarray:
    """Counts (A, A) of made and recognised types, of about ``draws`` copies of a fold's test utterances."""
    experiment = shown.experiment
    labels = experiment.protocol.utterances(fold, "test")
    store, model = shown.store(fold), shown.model(fold)
    counts = np.zeros((len(experiment.types), len(experiment.types)), int)
    data = TrainingSet(store, labels, experiment.classes, experiment.settings, shown.seed, draws=draws)
    for batch in data.batches(epoch=1):
        batch = batch.to(device)
        recognised = model(batch.features, batch.lengths).augmentation.argmax(dim=1)
        known = batch.augmentation != UNKNOWN
        np.add.at(counts, (batch.augmentation[known].cpu().numpy(), recognised[known].cpu().numpy()), 1)
    return counts


def _row(types: list[str], number: int, counts: np.ndarray) -> list[str]:
    """A type, its copies, and the shares of them that are recognised and taken for the type they are taken for most."""
    made = int(counts.sum())
    if not made:
        return [types[number], "0", "-", "-"]
    others = np.where(np.arange(len(types)) == number, -1, counts)
    taken_for = int(others.argmax())
    mistake = f"{types[taken_for]} ({percent(others[taken_for] / made)})" if others[taken_for] > 0 else "-"
    return [types[number], str(made), percent(counts[number] / made), mistake]
