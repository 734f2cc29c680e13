"""The tables of the report, as markdown: scores of one condition, their paired differences, the training logs."""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from mtlaug import markdown
from mtlaug.comparison import compare_predictions, p_value
from mtlaug.curves import BASELINES
from mtlaug.predictions import Predictions
from mtlaug.scoring import interval, percent
from mtlaug.training_summary import summarise

MOST_MODELS_FOR_ALL_PAIRS = 4
DESCRIPTION = ("condition", "set", "protocol_name", "protocol", "normalisation")


@dataclass(frozen=True)
class Scored:
    """One score directory ``exp/<model>/score_*``, checked."""

    model: str
    directory: Path
    results: dict
    predictions: Predictions


def heading(table: list[Scored]) -> str:
    """Condition, test set and normalisation of a table."""
    results = table[0].results
    return f"{results['condition']}: {results['set']}, normalisation {results['normalisation']}"


def caption(table: list[Scored]) -> str:
    """What all rows of a table have in common."""
    results = table[0].results
    classes = ", ".join(f"{name} {figures['n']}" for name, figures in results["per_class"].items())
    seeds = sorted({seed for score in table for seed in score.results["seeds"]})
    return (
        f"Protocol {results['protocol_name']} (`{results['protocol'][:12]}`): {len(results['classes'])} classes "
        f"({classes}; chance {percent(results['chance'])}), {len(results['folds'])} folds, {results['n']} utterances, "
        f"{len(results['speakers'])} speakers, seeds {' '.join(map(str, seeds))}, "
        f"normalisation {results['normalisation']}."
    )


def rows_of(table: list[Scored]) -> str:
    """The table itself: a row a model."""
    classes = table[0].results["classes"]
    head = ["model", "UAR", "95 %", "WA", "UAR over folds", "sd over seeds", "seeds", *(f"recall {c}" for c in classes)]
    rows = []
    for score in table:
        r = score.results
        folds = f"{percent(r['uar_folds']['mean'])} ± {percent(r['uar_folds']['sd'])}"
        recalls = [percent(r["per_class"][name]["recall"]) for name in classes]
        figures = [percent(r["uar"]), interval(r["ci95"]["uar"]), percent(r["wa"]), folds, percent(r["uar_seeds_sd"])]
        rows.append([score.model, *figures, str(len(r["seeds"])), *recalls])
    return markdown.table(head, rows)


def comparisons(table: list[Scored]) -> list[str]:
    """Paired comparisons: all pairs of few models, else each model with the baselines and with mtlaug."""
    pairs = list(combinations(table, 2))
    if len(table) > MOST_MODELS_FOR_ALL_PAIRS:
        known = (*BASELINES, "mtlaug")
        pairs = [(a, b) if b.model in known else (b, a) for a, b in pairs if {a.model, b.model} & {*known}]
        pairs = [(b, a) if b.model == "mtlaug" and a.model in BASELINES else (a, b) for a, b in pairs]
    if not pairs:
        return []
    rows = []
    for a, b in pairs:
        c = compare_predictions(a.predictions, b.predictions, (a.model, b.model))
        swaps = f"{c['swaps']} {'exact' if c['exact'] else 'random'}"
        difference = f"{100 * c['difference']:+.1f}"
        rows.append([f"{a.model} - {b.model}", difference, interval(c["ci95"]), p_value(c["p"]), swaps])
    note = (
        "Paired differences of UAR: bootstrap over speakers, two-sided swap test by speaker, p-values not corrected "
        "for the number of comparisons."
    )
    return [note, markdown.table(["pair", "difference", "95 %", "p", "swaps"], rows)]


def training(models: list[Path]) -> str:
    """What the logs say, a row a model; empty without logs."""
    rows = []
    for model in models:
        if summary := summarise(model):
            epoch, seconds = (_number(summary[key]) for key in ("best_epoch", "seconds"))
            dev, augmentation = (percent(summary[key]) for key in ("dev_uar", "aug_accuracy"))
            rows.append([model.name, str(summary["trainings"]), epoch, dev, augmentation, seconds])
    head = ["model", "trainings", "best epoch", "dev UAR there", "last augmentation accuracy", "seconds a training"]
    return markdown.table(head, rows) if rows else ""


def tsv(tables: list[list[Scored]]) -> str:
    """A line a score, for other programs."""
    lines = [("directory", "model", *DESCRIPTION, "n", "folds", "seeds", "uar", "uar_low", "uar_high", "wa", "command")]
    for score in (score for table in tables for score in table):
        r = score.results
        bounds = r["ci95"]["uar"] or (None, None)
        figures = ["" if value is None else f"{value:.4f}" for value in (r["uar"], *bounds, r["wa"])]
        counts = (r["n"], len(r["folds"]), len(r["seeds"]))
        lines.append((score.directory, score.model, *(r[key] for key in DESCRIPTION), *counts, *figures, r["command"]))
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
