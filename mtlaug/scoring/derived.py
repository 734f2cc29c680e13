"""Scores made of other scores: several systems as one (ensembles), and posteriors aligned by speaker."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mtlaug.files import UserError
from mtlaug.scoring import alignment
from mtlaug.scoring.comparison import seeds_of_both
from mtlaug.scoring.predictions import Predictions, read_predictions
from mtlaug.scoring.scores import META, read_results, result_line, write_score

ALIKE = ("condition", "set", "protocol", "normalisation", "noise", "curve", "pair")


def score_ensemble(score_dirs: Sequence[str | Path], model_dir: str | Path, command: str) -> str:
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
            utterances, are of an attack, aligned or ensembles themselves, or there is only one; or ``model_dir``
            holds something else.
    """
    names = list({Path(directory).resolve(): str(directory) for directory in score_dirs}.values())
    results = [read_results(name) for name in names]
    _check_members(names, results)
    systems = [read_predictions(Path(name) / "predictions.tsv") for name in names]
    members = {name: len(np.unique(system.seeds)) for name, system in zip(names, systems, strict=True)}
    if sum(members.values()) < 2:
        raise UserError(f'{names[0]}: one seed is no ensemble; name more directories, or train with --seeds "1 2 3"')
    described = {key: results[0][key] for key in dict.fromkeys((*META, *ALIKE)) if key in results[0]}
    score_dir = Path(model_dir, f"score_{described['condition']}")
    if _is_taken(score_dir):
        raise UserError(f"{model_dir}: holds other results; name a directory for the ensemble last")
    return _write(score_dir, average(systems, names), {**described, "members": members}, names, command)


def score_aligned(model_dir: str | Path, command: str) -> list[str]:
    """Score the posteriors of a model or an ensemble again, aligned by speaker, as ``<model_dir>_aligned/score_*``.

    Attacks are left out: they were made without knowledge of the alignment.

    Returns:
        The one-line result of each score directory, in order of their names. ``results.json`` says ``aligned``, and
        has the SHA-256 of the predictions that were aligned.
    Raises:
        UserError: nothing is scored in ``model_dir``, but for attacks; it is aligned itself; or
            ``<model_dir>_aligned`` holds something else.
    """
    source = Path(os.path.normpath(model_dir))
    found = {path.parent: read_results(path.parent) for path in sorted(source.glob("score_*/results.json"))}
    found = {score_dir: results for score_dir, results in found.items() if "steps" not in results}
    if not found:
        raise UserError(f"{source}: no score_*/results.json to align, but of attacks; run the scoring stages")
    lines = []
    for score_dir, results in found.items():
        if "aligned" in results:
            raise UserError(f"{source}: is aligned itself")
        check_sources(score_dir, results)
        described = {key: results[key] for key in dict.fromkeys((*META, *ALIKE, "members")) if key in results}
        target = source.with_name(f"{source.name}_aligned") / score_dir.name
        if _is_taken(target):
            raise UserError(f"{target.parent}: holds other results; give it another name")
        predictions = alignment.by_speaker(read_predictions(score_dir / "predictions.tsv"))
        lines.append(_write(target, predictions, {**described, "aligned": "by speaker"}, [str(score_dir)], command))
    return lines


def check_sources(score_dir: str | Path, results: dict) -> None:
    """Refuse a score of others that, where they are still there, were scored anew since."""
    for name, digest in results.get("member_digests", {}).items():
        member = Path(os.path.normpath(Path(score_dir, name)))
        if (member / "predictions.tsv").exists() and _digest(member) != digest:
            raise UserError(f"{score_dir}: {member} was scored anew since; run again: {results['command']}")


def average(systems: Sequence[Predictions], names: Sequence[str]) -> Predictions:
    """A prediction for each utterance by the mean posteriors of all systems and seeds, as of seed 0."""
    parts = []
    for system, name in zip(systems, names, strict=True):
        parts += seeds_of_both(systems[0], system, (names[0], name))[1].values()
    posteriors = np.mean([part.posteriors for part in parts], axis=0)
    seeds = np.zeros(len(posteriors), dtype=int)
    return replace(parts[0], seeds=seeds, posteriors=posteriors, hypothesis=posteriors.argmax(axis=1))


def _write(score_dir: Path, predictions: Predictions, described: dict, sources: Sequence[str], command: str) -> str:
    digests = {os.path.relpath(name, score_dir): _digest(Path(name)) for name in sources}
    meta = {**described, "model": score_dir.parent.resolve().name, "command": command, "member_digests": digests}
    return result_line(write_score(score_dir, predictions, meta), score_dir)


def _digest(score_dir: Path) -> str:
    return hashlib.sha256((score_dir / "predictions.tsv").read_bytes()).hexdigest()


def _is_taken(score_dir: Path) -> bool:
    """Whether another kind of result would be written over, or put beside."""
    taken = (score_dir.parent / "config.yaml").exists() or (score_dir.parent / "results.json").exists()
    return taken or ((score_dir / "results.json").exists() and "member_digests" not in read_results(score_dir))


def _check_members(names: Sequence[str], results: Sequence[dict]) -> None:
    for name, other in zip(names, results, strict=True):
        if differing := [key for key in ALIKE if other.get(key) != results[0].get(key)]:
            raise UserError(f"{names[0]} and {name} are no ensemble: they differ in {', '.join(differing)}")
        if "aligned" in other:
            raise UserError(f"{name}: is aligned by speaker; name what it was made of, and align the ensemble")
        if "members" in other:
            raise UserError(f"{name}: is an ensemble itself; name what it is of instead: {' '.join(other['members'])}")
        if "steps" in other:
            raise UserError(f"{name}: an attack has speech of its own for each model, so no ensemble has heard it")
