"""What the training logs of a model say: ``exp/<model>/fold_<id>/seed_<n>/log.jsonl``, one JSON object an epoch."""

import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from mtlaug.files import UserError, read_yaml

# Keys of the log that are drawn, and the loss weight without which they are of a head that does not learn.
DRAWN = {
    "loss_emotion": ("loss: emotion", None),
    "loss_augtype": ("loss: augmentation type", "alpha"),
    "loss_reconstruction": ("loss: reconstruction", "beta"),
    "aug_accuracy": ("accuracy: augmentation type", "alpha"),
    "dev_uar": ("UAR on dev", None),
    "dev_loss": ("loss on dev: emotion", None),
}


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


def summarise(model_dir: Path) -> dict | None:
    """Means over the trainings (folds and seeds) of a model, or None without a log.

    Returns:
        trainings (their number), best_epoch, dev_uar (at the best epoch),
        aug_accuracy (at the last epoch, of a head that learns) and seconds (of one training); each
        but the first is None where no log states it. The best epoch is the last one
        flagged ``"best": true``, as chosen on the dev part in training.
    """
    logs = _logs(model_dir)
    if not logs:
        return None
    best = [flagged[-1] for log in logs if (flagged := [row for row in log if row.get("best") is True])]
    learns = loss_weights(model_dir).get("alpha") != 0
    times = [sum(row["seconds"] for row in log) for log in logs if all("seconds" in row for row in log)]
    return {
        "trainings": len(logs),
        "best_epoch": _mean(row["epoch"] for row in best),
        "dev_uar": _mean(row.get("dev_uar") for row in best),
        "aug_accuracy": _mean(log[-1].get("aug_accuracy") for log in logs) if learns else None,
        "seconds": _mean(times),
    }


def curves(models: list[Path]) -> dict[str, dict[str, dict[int, float]]]:
    """What is drawn of the logs: title, model, epoch, and the mean over those trainings that reached the epoch."""
    panels: dict[str, dict[str, dict[int, float]]] = {}
    for model in models:
        weights = loss_weights(model)
        logs = _logs(model)
        for key, (title, weight) in DRAWN.items():
            values = defaultdict(list)
            for row in (row for log in logs for row in log if weights.get(weight) != 0):
                if row.get(key) is not None:
                    values[row["epoch"]].append(row[key])
            if values:
                means = {epoch: fmean(values[epoch]) for epoch in sorted(values)}
                panels.setdefault(title, {})[model.name] = means
    return {title: panels[title] for title, _ in DRAWN.values() if title in panels}


def _logs(model_dir: str | Path) -> list[list[dict]]:
    """The logs of all trainings that have ended an epoch."""
    return [log for path in sorted(Path(model_dir).glob("fold_*/seed_*/log.jsonl")) if (log := read_log(path))]


def loss_weights(model_dir: Path) -> dict:
    """The block ``loss_args`` of a model's configuration; empty without one."""
    path = model_dir / "config.yaml"
    return (read_yaml(path) or {}).get("loss_args", {}) if path.exists() else {}


def _mean(values) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
