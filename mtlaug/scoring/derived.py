"""Scores made of other scores: several systems as one (ensembles), and posteriors aligned by speaker."""

import hashlib
import logging
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

log = logging.getLogger(__name__)

ALIKE = ("condition", "set", "protocol", "noise", "curve", "pair")
NORMALISATIONS = ("global", "utterance", "speaker")  # by what of the test speech they need, the least first


def score_ensemble(directories: Sequence[str | Path], model_dir: str | Path, command: str) -> list[str]:
    """Score the mean posteriors of several systems, of all their seeds, as ``model_dir/score_<condition>``.

    Args:
        directories: the models' (``exp/mtlaug``), for every condition that all were scored in, but attacks; or score
            directories of one condition. A single one is an ensemble of its seeds.
        model_dir: such as ``exp/mtlaug_ensemble``, for a row of its own in the report.
        command: what a user types to make this result again.
    Returns:
        The one-line result of each condition. ``results.json`` names the ``members``, each with its number of seeds,
        and the SHA-256 of their predictions; its ``normalisation`` is the member's that needs most of the test speech.
    Raises:
        UserError: the members differ in condition, test set, protocol, noise, classes or utterances, are of an attack,
            aligned or ensembles themselves, or there is only one; or ``model_dir`` holds something else.
    """
    if _is_taken(Path(model_dir)):
        raise UserError(f"{model_dir}: holds other results; name a directory for the ensemble last")
    names = list({Path(directory).resolve(): os.path.normpath(directory) for directory in directories}.values())
    if any((Path(name) / "results.json").exists() for name in names):
        return [_score_ensemble(names, model_dir, command)]
    scored = {name: {path.name for path in _scored(Path(name))} for name in names}
    common = set.intersection(*scored.values())
    if left_out := sorted(set.union(*scored.values()) - common):
        log.warning("left out, as not every model was scored in it: %s", ", ".join(left_out))
    if not common:
        raise UserError(f"{' and '.join(names)}: were scored in no condition together, but for attacks")
    return [_score_ensemble([f"{name}/{score}" for name in names], model_dir, command) for score in sorted(common)]


def _score_ensemble(names: Sequence[str], model_dir: str | Path, command: str) -> str:
    results = [read_results(name) for name in names]
    _check_members(names, results)
    systems = [read_predictions(Path(name) / "predictions.tsv") for name in names]
    members = {name: len(np.unique(system.seeds)) for name, system in zip(names, systems, strict=True)}
    if sum(members.values()) < 2:
        raise UserError(f'{names[0]}: one seed is no ensemble; name more directories, or train with --seeds "1 2 3"')
    described = {key: results[0][key] for key in dict.fromkeys((*META, *ALIKE)) if key in results[0]}
    described["normalisation"] = max((one["normalisation"] for one in results), key=NORMALISATIONS.index)
    score_dir = Path(model_dir, f"score_{described['condition']}")
    return _write(score_dir, average(systems, names), {**described, "members": members}, names, command)


def score_aligned(model_dir: str | Path, command: str) -> list[str]:
    """Score the posteriors of a model or an ensemble again, aligned by speaker, as ``<model_dir>_aligned/score_*``.

    Attacks are left out: they were made without knowledge of the alignment.

    Returns:
        The one-line result of each score directory, in order of their names. ``results.json`` says ``aligned``, and
        has the SHA-256 of the predictions that were aligned.
    Raises:
        UserError: ``model_dir`` was scored in nothing but attacks, or is aligned itself; or ``<model_dir>_aligned``
            holds something else.
    """
    source = Path(os.path.normpath(model_dir))
    if source.name in ("", ".."):
        source = source.resolve()  # it has no name for another to be beside it
    target = source.with_name(f"{source.name}_aligned")
    if _is_taken(target):
        raise UserError(f"{target}: holds other results; give it another name")
    lines = []
    for score_dir, results in _scored(source).items():
        if "aligned" in results:
            raise UserError(f"{source}: is aligned itself")
        check_sources(score_dir, results)
        described = {key: results[key] for key in dict.fromkeys((*META, *ALIKE, "members")) if key in results}
        predictions = alignment.by_speaker(read_predictions(score_dir / "predictions.tsv"))
        described["aligned"] = "by speaker"
        lines.append(_write(target / score_dir.name, predictions, described, [str(score_dir)], command))
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


def _scored(model_dir: Path) -> dict[Path, dict]:
    """The score directories of a model in order of their names, but those of attacks, with their ``results.json``."""
    results = {path.parent: read_results(path.parent) for path in sorted(model_dir.glob("score_*/results.json"))}
    found = {score_dir: result for score_dir, result in results.items() if "steps" not in result}
    if not found:
        raise UserError(f"{model_dir}: no score_*/results.json, but of attacks; run the scoring stages")
    return found


def _digest(score_dir: Path) -> str:
    return hashlib.sha256((score_dir / "predictions.tsv").read_bytes()).hexdigest()


def _is_taken(model_dir: Path) -> bool:
    """Whether another kind of result would be written over, or put beside."""
    if (model_dir / "config.yaml").exists() or (model_dir / "results.json").exists():
        return True
    return any("member_digests" not in read_results(path.parent) for path in model_dir.glob("score_*/results.json"))


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
