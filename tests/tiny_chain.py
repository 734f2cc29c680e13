"""Stages 2 to 5 of a prepared recipe in as little time as they allow."""

import subprocess
from pathlib import Path

import recipes
import yaml

TREE = {
    "feature_args": {"num_mel_bins": 20},
    "augment_args": {"types": {"clean": True, "noise": True}},
    "dataset_args": {"train_on_dev": False},
    "model_args": {"channels": 8, "projection": 8, "hidden": 8, "head": 8, "num_convolutions": 2},
    "optim_args": {"epochs": 1},
}


def run(recipe: Path, *arguments: object) -> subprocess.CompletedProcess:
    """Describe the copies, then resume at feature extraction as a user does; one epoch, noisy copies alone."""
    config = recipe / "conf" / "mtlaug.yaml"
    config.unlink()  # a link to the project's own
    config.write_text(yaml.safe_dump(TREE))
    assert recipes.succeeded(recipes.run(recipe, "--stage", 2, "--stop-stage", 2, *arguments))
    return recipes.run(recipe, "--stage", 3, "--stop-stage", 5, "--nj", 1, *arguments)
