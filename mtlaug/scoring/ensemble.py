"""Several systems as one: their posteriors averaged, and scored as a model of its own."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtlaug.files import UserError
from mtlaug.scoring.comparison import seeds_of_both
from mtlaug.scoring.predictions import Predictions, read_predictions
from mtlaug.scoring.scores import META, read_results, result_line, write_score

ALIKE = ("condition", "set", "protocol", "normalisation", "noise", "curve", "pair")


def score(score_dirs: Sequence[str | Path], model_dir: str | Path, command: str) -> str:
    """Score the mean posteriors of score directories, of all their seeds, as ``model_dir/score_<condition>``.

    Args:
        score_dirs: of one condition; a single one is an ensemble of its seeds.
        model_dir: such as ``exp/mtlaug_ensemble``, for a row of its own in the report.
        command: what a user types to make this result again.
    Returns:
        The one-line result. ``results.json`` names the ``members``, each with its number of seeds, and the SHA-256
        of their predictions.
    Raises:
        UserError: the members differ in condition, test set, protocol, normalisation, noise, classes or
            utterances, are of an attack or ensembles themselves, or there is only one; or ``model_dir`` holds
            something else.
    """
    names = list({Path(directory).resolve(): str(directory) for directory in score_dirs}.values())
    results = [read_results(name) for name in names]
    _check_members(names, results)
    systems = [read_predictions(Path(name) / "predictions.tsv") for name in names]
    members = {name: len(np.unique(system.seeds)) for name, system in zip(names, systems, strict=True)}
    if sum(members.values()) < 2:
        raise UserError(f'{names[0]}: one seed is no ensemble; name more directories, or train with --seeds "1 2 3"')
    meta = {key: results[0][key] for key in dict.fromkeys((*META, *ALIKE)) if key in results[0]}
    score_dir = Path(model_dir, f"score_{meta['condition']}")
    digests = {os.path.relpath(name, score_dir): _digest(Path(name)) for name in names}
    meta |= {"model": Path(model_dir).resolve().name, "command": command, "members": members, "member_digests": digests}
    _check_target(Path(model_dir), score_dir)
    return result_line(write_score(score_dir, average(systems, names), meta), score_dir)


def check_members(score_dir: str | Path, results: dict) -> None:
    """Refuse the score of an ensemble whose members, where they are still there, were scored anew since."""
    for name, digest in results.get("member_digests", {}).items():
        member = Path(os.path.normpath(Path(score_dir, name)))
        if (member / "predictions.tsv").exists() and _digest(member) != digest:
            raise UserError(f"{score_dir}: {member} was scored anew since; run again: {results['command']}")


def _digest(score_dir: Path) -> str:
    return hashlib.sha256((score_dir / "predictions.tsv").read_bytes()).hexdigest()


def average(systems: Sequence[Predictions], names: Sequence[str]) -> Predictions:
    """A prediction for each utterance by the mean posteriors of all systems and seeds, as of seed 0."""
    parts = []
    for system, name in zip(systems, names, strict=True):
        parts += seeds_of_both(systems[0], system, (names[0], name))[1].values()
    posteriors = np.mean([part.posteriors for part in parts], axis=0)
    seeds = np.zeros(len(posteriors), dtype=int)
    return replace(parts[0], seeds=seeds, posteriors=posteriors, hypothesis=posteriors.argmax(axis=1))


def _check_members(names: Sequence[str], results: Sequence[dict]) -> None:
    for name, other in zip(names, results, strict=True):
        if differing := [key for key in ALIKE if other.get(key) != results[0].get(key)]:
            raise UserError(f"{names[0]} and {name} are no ensemble: they differ in {', '.join(differing)}")
        if "members" in other:
            raise UserError(f"{name}: is an ensemble itself; name what it is of instead: {' '.join(other['members'])}")
        if "steps" in other:
            raise UserError(f"{name}: an attack has speech of its own for each model, so no ensemble has heard it")


def _check_target(model_dir: Path, score_dir: Path) -> None:
    """Only an earlier ensemble is written over."""
    taken = (model_dir / "config.yaml").exists() or (model_dir / "results.json").exists()
    if taken or ((score_dir / "results.json").exists() and "members" not in read_results(score_dir)):
        raise UserError(f"{model_dir}: holds other results; name a directory for the ensemble last")
