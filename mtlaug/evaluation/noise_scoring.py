"""Test an experiment's models on noisy copies of their own test speech: a score for each kind of noise and SNR."""

import logging
import time

from mtlaug import datadir
from mtlaug.augment import copies
from mtlaug.dataset import unlabelled
from mtlaug.evaluation.testing import Row, as_predictions, refuse_cross, write_score
from mtlaug.experiment import Experiment, inference
from mtlaug.experiment.binding import check_features
from mtlaug.files import UserError

log = logging.getLogger(__name__)


def score(experiment: Experiment, noisy_dir: str, command: str) -> list[str]:
    """Write ``exp/<model>/score_noise_<kind>_snr<dB>`` for each condition; returns their result lines.

    Raises:
        UserError: the noisy copies are of another protocol or feature_args, lack a tested utterance, were
            compared with other copies for training, or share noise or speakers of babble with the unlabelled speech;
            or the copies of that are others than models were trained on, or the noisy ones were made anew meanwhile.
    """
    made = copies.noisy_settings(noisy_dir)
    _check(experiment, noisy_dir, made)
    conditions = read_conditions(noisy_dir)
    rows = predict(experiment, noisy_dir, conditions)
    if copies.noisy_settings(noisy_dir) != made:
        raise UserError(f"{noisy_dir}: another run made other copies meanwhile; run stage 6 again, one after the other")
    lines = []
    for kind, snr in conditions:
        curve = {"name": "noise", "series": kind, "level": snr, "unit": "dB SNR"}
        noise = {"held_out": made["kinds"][kind]["held_out"], "seed": made["seed"], "recordings": made["recordings"]}
        condition, predictions = f"noise_{kind}_snr{snr:g}", as_predictions(experiment, rows[kind, snr])
        lines.append(write_score(experiment, condition, predictions, command, curve=curve, noise=noise))
    return lines


def _check(experiment: Experiment, noisy_dir: str, made: dict) -> None:
    refuse_cross(experiment)
    if made["protocol"] != experiment.protocol.sha256:
        raise UserError(f"{noisy_dir}: is of another protocol than {experiment.directory}; run stage 6 again")
    check_features(noisy_dir, experiment.settings)
    if made["copies"] != experiment.copies:
        raise UserError(
            f"{noisy_dir}: was checked against other training copies than those of {experiment.directory}; run stage 6 "
            f"with {experiment.aug_dir}, and where that was made anew since, train anew"
        )
    for directory, digest in experiment.unlabelled.items():
        aug_dir = unlabelled.copies_of(directory)
        if copies.copies_digest(aug_dir) != digest:
            raise UserError(f"{aug_dir}: holds other copies now than {experiment.directory} was trained on; train anew")
    if directories := unlabelled.directories(experiment.settings.unlabelled_args):
        _refuse_unlabelled(directories, noisy_dir, made)


def _refuse_unlabelled(directories: list[str], noisy_dir: str, made: dict) -> None:
    """Raise a `UserError` where unlabelled speech or its copies share recordings or babble's speakers with the test."""
    if "babble_speakers" not in made:
        raise UserError(f"{noisy_dir}: does not say whose speech its babble is; run stage 6 again")
    tested, talkers = copies.sources_of(noisy_dir), set(made["babble_speakers"])
    for directory in directories:
        # Babble may be made of the speech, and the copies are what says which speech it was in training.
        if datadir.has(directory, "cuts.jsonl.gz"):
            trained = copies.sources_of(directory, speech=True)
        else:
            trained = set(datadir.read(directory, "wav.scp").values())
        copies.refuse_shared(tested, trained, directory)
    for directory in directories:
        if both := sorted(talkers & set(datadir.read(directory, "utt2spk").values())):
            mend = "take the two directories of one steps/prepare_unlabelled.sh, and run stages 2 to 6 again"
            mend += "; where they are others, utils/copy_data_dir.sh --prefix tells them apart"
            raise UserError(f"{directory}: training has speaker {both[0]}, of whom {noisy_dir} has babble; {mend}")


def read_conditions(noisy_dir: str) -> dict[tuple[str, float], dict[str, str]]:
    """(kind, SNR in dB), from the highest SNR down, to source utterance to its copy."""
    kinds, snrs, sources = (datadir.read(noisy_dir, name) for name in ("utt2kind", "utt2snr", "utt2uniq"))
    conditions: dict[tuple[str, float], dict[str, str]] = {}
    for utterance, source in sources.items():
        conditions.setdefault((kinds[utterance], float(snrs[utterance])), {})[source] = utterance
    return dict(sorted(conditions.items(), key=lambda item: (item[0][0], -item[0][1])))


def predict(
    experiment: Experiment, noisy_dir: str, conditions: dict[tuple[str, float], dict[str, str]]
) -> dict[tuple[str, float], list[Row]]:
    """Each fold's best models on the copies of that fold's own test speakers; utterances are the copies' sources."""
    rows: dict[tuple[str, float], list[Row]] = {condition: [] for condition in conditions}
    for fold in (fold.id for fold in experiment.protocol.folds):
        started, labels = time.monotonic(), experiment.protocol.utterances(fold, "test")
        store = experiment.store(fold, noisy_dir)
        models = list(inference.trained_models(experiment, fold))
        for condition, copy_of in conditions.items():
            if lost := labels.keys() - copy_of.keys():
                raise UserError(f"{noisy_dir}: utterance {min(lost)} has no copy for {condition}; run stage 6 again")
            noisy_labels = {copy_of[utterance]: label for utterance, label in labels.items()}
            for seed, model in models:
                posteriors = inference.predict(model, store, noisy_labels, experiment.classes)
                rows[condition] += [(u, fold, seed, label, posteriors[copy_of[u]]) for u, label in labels.items()]
            store.forget()  # all conditions of a fold may be more than fit into memory
        log.info("fold %s: %d conditions in %.1f s", fold, len(conditions), time.monotonic() - started)
    return rows
