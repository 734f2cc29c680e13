"""An experiment's models: built, with the weights they were trained to, and their posteriors."""

from collections.abc import Iterator

import numpy as np
import torch

from mtlaug.dataset import batching
from mtlaug.experiment import checkpoints
from mtlaug.experiment.experiment import Experiment
from mtlaug.features.store import FeatureStore
from mtlaug.files import UserError
from mtlaug.model import MultitaskModel

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def build_model(experiment: Experiment) -> MultitaskModel:
    """A new model of the experiment's sizes."""
    settings = experiment.settings
    bins = settings.feature_args.width
    meta = experiment.meta_tasks()
    return MultitaskModel(bins, len(experiment.classes), len(experiment.types), settings.model_args, meta)


def trained_model(experiment: Experiment, fold: str, seed: int) -> MultitaskModel:
    """The model of a fold and seed with the weights of its selected epoch (``best.pt``), in evaluation mode.

    Raises:
        UserError: the fold is not trained to the end with that seed, or its weights are of another network.
    """
    directory, model = experiment.run_dir(fold, seed), build_model(experiment)
    if (directory / "best.pt").exists() and not experiment.is_trained(fold, seed):
        raise UserError(f"{directory}: its training has not come to its end; run stage 4 again, which goes on with it")
    try:
        model.load_state_dict(checkpoints.load(directory / "best.pt"))
    except RuntimeError:
        mend = "remove the file and run stage 4 again"
        raise UserError(f"{directory}/best.pt: is of another network; {mend}") from None
    return model.to(device).eval()


def trained_models(experiment: Experiment, fold: str) -> Iterator[tuple[int, MultitaskModel]]:
    """Yield (seed, model) of a fold, see `trained_model`."""
    for seed in experiment.seeds:
        yield seed, trained_model(experiment, fold, seed)


@torch.no_grad()
def predict(
    model: MultitaskModel, store: FeatureStore, labels: dict[str, str], classes: list[str]
) -> dict[str, np.ndarray]:
    """Posteriors (K,) of each utterance of ``labels``."""
    model.eval()
    posteriors = {}
    for utterances, batch in batching.evaluation_batches(store, labels, classes):
        batch = batch.to(device)
        rows = model.classify(batch.features, batch.lengths).softmax(dim=1).cpu().numpy()
        posteriors.update(zip(utterances, rows, strict=True))
    return posteriors
