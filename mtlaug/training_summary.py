"""What the training logs of a model say: ``exp/<model>/fold_<id>/seed_<n>/log.jsonl``, one JSON object an epoch."""

import json
from pathlib import Path
from statistics import fmean

from mtlaug.files import UserError


def read_log(path: str | Path) -> list[dict]:
    """The epochs of one training, by number; of an epoch that was repeated after a resume, the last.

    Raises:
        UserError: a line is not a JSON object with an ``epoch``.
    """
    epochs = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            epochs[int(row["epoch"])] = row
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{path}:{number}: not a JSON object with an epoch; train this fold again") from None
    return [epochs[epoch] for epoch in sorted(epochs)]


def summarise(model_dir: str | Path) -> dict | None:
    """Means over the trainings (folds and seeds) of a model, or None without a log.

    Returns:
        trainings (their number), best_epoch, dev_uar (at the best epoch),
        aug_accuracy (at the last epoch) and seconds (of one training); each but
        the first is None where no log states it. The best epoch is the last one
        flagged ``"best": true``, as chosen on the dev part in training.
    """
    logs = [log for path in sorted(Path(model_dir).glob("fold_*/seed_*/log.jsonl")) if (log := read_log(path))]
    if not logs:
        return None
    best = [flagged[-1] for log in logs if (flagged := [row for row in log if row.get("best") is True])]
    times = [sum(row["seconds"] for row in log) for log in logs if all("seconds" in row for row in log)]
    return {
        "trainings": len(logs),
        "best_epoch": _mean(row["epoch"] for row in best),
        "dev_uar": _mean(row.get("dev_uar") for row in best),
        "aug_accuracy": _mean(log[-1].get("aug_accuracy") for log in logs),
        "seconds": _mean(times),
    }


def _mean(values) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
