"""The tables of the report: scores of one condition, their paired differences, the training logs."""

from collections.abc import Iterable
from pathlib import Path

from mtlaug.report.blocks import Block, Table, Text, slug
from mtlaug.report.logs import summarise
from mtlaug.report.scores import DESCRIPTION, Scored
from mtlaug.scoring.comparison import compare_predictions, p_value, pairs
from mtlaug.scoring.scores import interval, percent, points


def heading(table: list[Scored]) -> str:
    """Condition, test set, classes and normalisation of a table."""
    return f"{table[0].results['condition']}: {setting(table[0])}"


def setting(score: Scored) -> str:
    """``emodb, 4 classes, normalisation global``: what scores that stand side by side have in common."""
    results = score.results
    return f"{results['set']}, {len(results['classes'])} classes, normalisation {results['normalisation']}"


def caption(table: list[Scored]) -> str:
    """What all rows of a table have in common."""
    results = table[0].results
    classes = ", ".join(f"{name} {figures['n']}" for name, figures in results["per_class"].items())
    return (
        f"Protocol {results['protocol_name']} (`{results['protocol'][:12]}`): {len(results['classes'])} classes "
        f"({classes}; chance {percent(results['chance'])}), {len(results['folds'])} folds, {results['n']} utterances, "
        f"{len(results['speakers'])} speakers, {seeds_of(table)}, "
        f"normalisation {results['normalisation']}."
    )


def seeds_of(scores: Iterable[Scored]) -> str:
    """``seeds 1 2 3``, with the models of each where they differ, and a word on ensembles and on what is aligned."""
    scores = list(scores)
    models: dict[tuple[int, ...], set[str]] = {}
    for score in scores:
        if not score.members:
            models.setdefault(tuple(score.results["seeds"]), set()).add(score.model)
    ensembles = sorted({score.model for score in scores if score.members and "aligned" not in score.results})
    aligned = sorted({score.model for score in scores if "aligned" in score.results})
    named = [(" ".join(map(str, seeds)), ", ".join(sorted(models[seeds]))) for seeds in sorted(models)]
    alike = len(named) == 1
    words = [f"seeds {', '.join(seeds if alike else f'{seeds} ({names})' for seeds, names in named)}"] if named else []
    words += [f"{', '.join(ensembles)}: mean posteriors of several models"] if ensembles else []
    words += [f"{', '.join(aligned)}: posteriors aligned over each test speaker's utterances"] if aligned else []
    return "; ".join(words)


def number_of_seeds(score: Scored) -> str:
    """As it stands in a cell; of an ensemble, that it is one."""
    return f"ensemble of {score.members}" if score.members else str(len(score.results["seeds"]))


def rows_of(table: list[Scored]) -> Table:
    """The table itself: a row a model."""
    classes = table[0].results["classes"]
    head = ["model", "UAR", "95 %", "WA", "UAR over folds", "sd over seeds", "seeds", *(f"recall {c}" for c in classes)]
    rows = []
    for score in table:
        r = score.results
        folds = f"{percent(r['uar_folds']['mean'])} ± {percent(r['uar_folds']['sd'])}"
        recalls = [percent(r["per_class"][name]["recall"]) for name in classes]
        figures = [percent(r["uar"]), interval(r["ci95"]["uar"]), percent(r["wa"]), folds, percent(r["uar_seeds_sd"])]
        rows.append([score.model, *figures, number_of_seeds(score), *recalls])
    return Table(slug(heading(table)), head, rows)


def comparisons(table: list[Scored]) -> list[Block]:
    """Paired comparisons of the models of a table, see `mtlaug.scoring.comparison.pairs`."""
    predictions = {score.model: score.predictions for score in table}
    rows = []
    for a, b in pairs(list(predictions)):
        c = compare_predictions(predictions[a], predictions[b], (a, b))
        swaps = f"{c['swaps']} {'exact' if c['exact'] else 'random'}"
        rows.append([f"{a} - {b}", points(c["difference"]), interval(c["ci95"]), p_value(c["p"]), swaps])
    if not rows:
        return []
    note = (
        "Paired differences of UAR: bootstrap over speakers, two-sided swap test by speaker, p-values not corrected "
        "for the number of comparisons."
    )
    name = f"{slug(heading(table))}_differences"
    return [Text(note), Table(name, ["pair", "difference", "95 %", "p", "swaps"], rows)]


def training(models: list[Path]) -> list[Table]:
    """What the logs say, a row a model; no table without logs."""
    rows = []
    for model in models:
        if summary := summarise(model):
            epoch, seconds = (_number(summary[key]) for key in ("best_epoch", "seconds"))
            dev, augmentation = (percent(summary[key]) for key in ("dev_uar", "aug_accuracy"))
            rows.append([model.name, str(summary["trainings"]), epoch, dev, augmentation, seconds])
    head = [
        "model",
        "trainings",
        "best epoch",
        "dev UAR at best epoch",
        "final augmentation accuracy",
        "seconds a training",
    ]
    return [Table("training", head, rows)] if rows else []


COLUMNS = ("directory", "model", *DESCRIPTION, "n", "folds", "seeds", "uar", "uar_low", "uar_high", "wa")
COLUMNS += ("curve", "series", "level", "unit", "train", "test", "command")


def tsv(tables: list[list[Scored]]) -> str:
    """A line a score, for other programs; the point of a curve and the cell of a matrix are empty for others."""
    records = [_record(score) for table in tables for score in table]
    lines = [COLUMNS, *([record[name] for name in COLUMNS] for record in records)]
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def _record(score: Scored) -> dict[str, object]:
    """Column to value."""
    results = score.results
    low, high = results["ci95"]["uar"] or (None, None)
    figures = {"uar": results["uar"], "uar_low": low, "uar_high": high, "wa": results["wa"]}
    curve, pair = results.get("curve", {}), results.get("pair", {})
    return {
        "directory": score.directory,
        "model": score.model,
        "n": results["n"],
        "folds": len(results["folds"]),
        "seeds": len(results["seeds"]),
        "curve": curve.get("name", ""),
        "command": results["command"],
        **{key: results[key] for key in DESCRIPTION},
        **{key: "" if value is None else f"{value:.4f}" for key, value in figures.items()},
        **{key: curve.get(key, "") for key in ("series", "level", "unit")},
        **{key: pair.get(key, "") for key in ("train", "test")},
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
