"""``predictions.tsv``: one line an utterance and seed, all that scores are computed from.

Columns, TAB separated: ``utt fold seed speaker reference hypothesis``, then one
posterior a class (6 decimals) under the name of the class. Sorted by seed, fold
and utterance.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtlaug.files import UserError, atomic_path

COLUMNS = ("utt", "fold", "seed", "speaker", "reference", "hypothesis")


@dataclass(frozen=True)
class Predictions:
    """N predictions of K classes.

    ``utts``, ``folds``, ``speakers`` are strings (N,); ``seeds``, ``reference`` and
    ``hypothesis`` integers (N,), the last two indices into ``classes``;
    ``posteriors`` (N, K).
    """

    utts: np.ndarray
    folds: np.ndarray
    seeds: np.ndarray
    speakers: np.ndarray
    reference: np.ndarray
    hypothesis: np.ndarray
    posteriors: np.ndarray
    classes: tuple[str, ...]

    def take(self, rows: np.ndarray) -> "Predictions":
        """The predictions at ``rows`` (indices or a mask)."""
        arrays = (self.utts, self.folds, self.seeds, self.speakers, self.reference, self.hypothesis, self.posteriors)
        return Predictions(*(array[rows] for array in arrays), classes=self.classes)

    def by_seed(self) -> dict[int, "Predictions"]:
        """The predictions of each seed, in C order of the utterance.

        Raises:
            UserError: the seeds do not hold the same utterances with the same
                fold, speaker and reference, or one holds an utterance twice.
        """
        parts = {int(seed): self.take(np.flatnonzero(self.seeds == seed)) for seed in np.unique(self.seeds)}
        parts = {seed: part.take(np.argsort(part.utts, kind="stable")) for seed, part in parts.items()}
        first_seed, first = next(iter(parts.items()))
        twice = first.utts[1:][first.utts[1:] == first.utts[:-1]]
        if len(twice):
            raise UserError(f"predictions of seed {first_seed}: utterance {twice[0]} is predicted twice")
        for seed, part in parts.items():
            unequal = sorted(set(part.utts.tolist()) ^ set(first.utts.tolist()))
            if unequal or len(part.utts) != len(first.utts):
                example = f", such as {unequal[0]}" if unequal else ""
                raise UserError(
                    f"predictions of seeds {first_seed} and {seed} are of different utterances{example}; "
                    f"train and score the missing folds"
                )
            same = (part.reference == first.reference) & (part.speakers == first.speakers) & (part.folds == first.folds)
            if not same.all():
                raise UserError(
                    f"predictions of seeds {first_seed} and {seed}: utterance {part.utts[~same][0]} differs in "
                    f"fold, speaker or reference; score them again with one protocol"
                )
        return parts


def write_predictions(path: str | Path, predictions: Predictions) -> None:
    """Write ``predictions.tsv`` atomically, sorted by seed, fold and utterance."""
    order = np.lexsort((predictions.utts, predictions.folds, predictions.seeds))
    ordered, classes = predictions.take(order), predictions.classes
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as out:
        out.write("\t".join((*COLUMNS, *classes)) + "\n")
        for i, posteriors in enumerate(ordered.posteriors):
            names = (classes[ordered.reference[i]], classes[ordered.hypothesis[i]])
            cells = (ordered.utts[i], ordered.folds[i], str(ordered.seeds[i]), ordered.speakers[i], *names)
            out.write("\t".join((*cells, *(f"{value:.6f}" for value in posteriors))) + "\n")


def read_predictions(path: str | Path) -> Predictions:
    """Read and check a ``predictions.tsv``.

    Raises:
        UserError: with the line, for a wrong header or number of columns, an unknown
            class, a seed that is no integer, an utterance predicted twice in a seed,
            or posteriors that are no probabilities or do not add up to one.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the scoring stage") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    header = tuple(lines[0].split("\t")) if lines else ()
    classes = header[len(COLUMNS) :]
    if header[: len(COLUMNS)] != COLUMNS or len(set(classes)) < max(len(classes), 2):
        raise UserError(f"{path}:1: expected the columns {' '.join(COLUMNS)}, then a column for each class")
    if len(lines) == 1:
        raise UserError(f"{path}: no predictions below the header; run the scoring stage again")
    index = {name: i for i, name in enumerate(classes)}
    first_line: dict[tuple[int, str], int] = {}
    rows = []
    for number, line in enumerate(lines[1:], 2):
        try:
            rows.append(row := _parse(line.split("\t"), index))
        except ValueError as error:
            raise UserError(f"{path}:{number}: {error}; run the scoring stage again") from None
        earlier = first_line.setdefault((row[2], row[0]), number)
        if earlier != number:
            raise UserError(f"{path}:{number}: utterance {row[0]} of seed {row[2]} is already on line {earlier}")
    return Predictions(*(np.array(column) for column in zip(*rows, strict=True)), classes=classes)


def _parse(cells: list[str], classes: dict[str, int]) -> tuple:
    if len(cells) != len(COLUMNS) + len(classes):
        raise ValueError(f"{len(cells)} columns, expected {len(COLUMNS) + len(classes)}")
    utt, fold, seed, speaker, *names = cells[: len(COLUMNS)]
    for name in names:
        if name not in classes:
            raise ValueError(f"utterance {utt}: class {name!r} is none of {', '.join(classes)}")
    posteriors = [float(cell) for cell in cells[len(COLUMNS) :]]
    if not all(0 <= value <= 1 for value in posteriors) or not math.isclose(sum(posteriors), 1, abs_tol=1e-3):
        raise ValueError(f"utterance {utt}: the posteriors are not probabilities that add up to 1")
    return utt, fold, int(seed), speaker, *(classes[name] for name in names), posteriors
