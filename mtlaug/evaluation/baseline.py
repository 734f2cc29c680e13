"""The classic system beside ours: a linear SVM on functionals, with the same protocol and result files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import softmax
from sklearn.metrics import recall_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mtlaug import protocol
from mtlaug.evaluation import cross_scoring, testing
from mtlaug.evaluation.testing import Row
from mtlaug.features import functionals
from mtlaug.files import UserError, read_json, write_json
from mtlaug.protocol.folds import Fold

NORMALISATIONS = ("global", "speaker")
COMPLEXITIES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1, 1.0)  # C of the SVM


@dataclass(frozen=True)
class Baseline:
    """A system for `mtlaug.evaluation`: an SVM a fold, C chosen by that fold's dev UAR, then trained on train and dev.

    Attributes:
        vectors: utterance to its functionals (C,), standardised as ``normalisation`` says.
    """

    directory: Path
    data_dir: str
    protocol: protocol.Protocol
    normalisation: str
    vectors: Mapping[str, np.ndarray]

    def predict(self, fold: Fold) -> Iterator[Row]:
        """The fold's test utterances; posteriors are a softmax of the margins, not calibrated."""
        train, dev, test = (self.protocol.utterances(fold, part) for part in ("train", "dev", "test"))
        chosen = self.complexity(train, dev)
        print(f"{self.directory}: fold {fold.id}: C = {chosen:g}")
        posteriors = self._posteriors(self._fit(train | dev, chosen), test)
        yield from ((name, fold.id, 0, label, row) for (name, label), row in zip(test.items(), posteriors, strict=True))

    def complexity(self, train: Mapping[str, str], dev: Mapping[str, str]) -> float:
        """The C of the best dev UAR, the smallest of equal ones; training labels and dev labels by utterance."""
        reference = list(dev.values())
        uars = []
        for complexity in COMPLEXITIES:
            best = self._posteriors(self._fit(train, complexity), dev).argmax(axis=1)
            answers = [self.protocol.classes[index] for index in best]
            uars.append(recall_score(reference, answers, labels=sorted(set(reference)), average="macro"))
        return COMPLEXITIES[int(np.argmax(uars))]

    def _fit(self, labels: Mapping[str, str], complexity: float) -> Pipeline:
        machine = SVC(kernel="linear", C=complexity, class_weight="balanced", decision_function_shape="ovr")
        return make_pipeline(StandardScaler(), machine).fit(self._matrix(labels), list(labels.values()))

    def _posteriors(self, machine: Pipeline, utterances: Mapping[str, str]) -> np.ndarray:
        """Posteriors (N, K) in the order of the protocol's classes."""
        margins = machine.decision_function(self._matrix(utterances))
        if margins.ndim == 1:  # of two classes, for the second
            margins = np.stack([-margins, margins], axis=1)
        order = [list(machine.classes_).index(name) for name in self.protocol.classes]
        return softmax(margins, axis=1)[:, order]

    def _matrix(self, utterances: Mapping[str, str]) -> np.ndarray:
        return np.stack([self.vectors[name] for name in utterances])


def bind(exp_dir: str, data_dir: str, features: str, normalisation: str) -> None:
    """Note in ``exp/<model>/baseline.json`` what the directory is of; another baseline in it would replace its scores.

    Raises:
        UserError: it holds a model or another baseline, or there is no such feature set or normalisation.
    """
    functionals.check_set(features)
    _check_normalisation(normalisation)
    path = Path(exp_dir, "baseline.json")
    asked = {"features": features, "normalisation": normalisation, "protocol": protocol.load(data_dir).name}
    made = read_json(path) if path.exists() else asked
    if made != asked or Path(exp_dir, "config.yaml").exists():
        what = "a model" if made == asked else ", ".join(map(str, made.values()))
        raise UserError(f"{exp_dir}: this directory holds {what}; give another EXP_DIR, or remove the directory")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, asked)


def score(
    exp_dir: str, data_dir: str, normalisation: str, vectors: Mapping[str, np.ndarray], command: str
) -> list[str]:
    """Train and test on every fold of ``data_dir``'s protocol; returns the result lines.

    Writes ``exp/<model>/score_within``, or for a protocol across corpora a score for each pair.

    Args:
        normalisation: ``global`` standardises by the training part, ``speaker`` before that each
            speaker by that speaker's own utterances, without labels, the test speaker too.
        vectors: utterance to its functionals (C,).
    """
    _check_normalisation(normalisation)
    bound = protocol.load(data_dir)
    if normalisation == "speaker":
        vectors = by_speaker(vectors, bound.corpus.utt2spk)
    system = Baseline(Path(exp_dir), data_dir, bound, normalisation, vectors)
    if bound.scheme == "cross":
        return cross_scoring.score(system, system.predict, command)
    return [testing.score_within(system, system.predict, command)]


def _check_normalisation(name: str) -> None:
    if name not in NORMALISATIONS:
        raise UserError(f"--normalisation {name}: expected {' or '.join(NORMALISATIONS)}")


def by_speaker(vectors: Mapping[str, np.ndarray], utt2spk: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Each speaker's vectors with mean 0 and deviation 1; what a speaker has constant is 0."""
    groups: dict[str, list[str]] = {}
    for utterance in vectors.keys() & utt2spk.keys():
        groups.setdefault(utt2spk[utterance], []).append(utterance)
    return {name: row for names in groups.values() for name, row in zip(names, _standard(vectors, names), strict=True)}


def _standard(vectors: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    return StandardScaler().fit_transform(np.stack([vectors[name] for name in names]))
