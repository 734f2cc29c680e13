"""The train / test matrix in the report: UAR across corpora.

A score is a cell of it where its description has ``pair``: ``train`` (ravdess, or
ravdess+emodb) and ``test`` (emodb).
"""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from mtlaug import markdown
from mtlaug.comparison import compare_predictions, p_value
from mtlaug.curves import BASELINES
from mtlaug.plots import plot_heat_map
from mtlaug.predictions import Predictions
from mtlaug.scoring import interval, percent

Cells = Mapping[tuple[str, tuple[str, str]], tuple[dict, Predictions]]  # (model, pair) to results and predictions


def section(cells: Cells, plot: Path) -> list[str]:
    """The markdown of a matrix, part by part, and its heat map."""
    models, pairs = (sorted({key[index] for key in cells}) for index in (0, 1))
    names = [f"{train} → {test}" for train, test in pairs]
    rows = [[model, *(_cell(cells.get((model, pair))) for pair in pairs)] for model in models]
    drawn = {m: {pair: cells[m, pair][0]["uar"] for pair in pairs if (m, pair) in cells} for m in models}
    plot_heat_map(plot, drawn)
    chance = next(iter(cells.values()))[0]["chance"]
    commands = sorted({f"- {model}: `{results['command']}`" for (model, _), (results, _) in cells.items()})
    return [
        f"UAR with its 95 % interval over test speakers, training → test; chance {percent(chance)}. The test corpus "
        "has no part in training or selection, but for labelled shots where they are named.",
        markdown.table(["model", *names], rows),
        *_comparisons(cells, models, pairs),
        "Made by:\n\n" + "\n".join(commands),
    ]


def _cell(found: tuple[dict, Predictions] | None) -> str:
    return f"{percent(found[0]['uar'])} {interval(found[0]['ci95']['uar'])}" if found else "-"


def _comparisons(cells: Cells, models: list[str], pairs: list[tuple[str, str]]) -> list[str]:
    rows = []
    for train, test in pairs:
        for b, a in combinations(models, 2):
            both = [cells.get((model, (train, test))) for model in (a, b)]
            base = [model for model in (a, b) if model.startswith(BASELINES)]
            if not base or not all(both):
                continue
            if not b.startswith(BASELINES):
                a, b, both = b, a, both[::-1]
            c = compare_predictions(both[0][1], both[1][1], (a, b))
            figures = [f"{100 * c['difference']:+.1f}", interval(c["ci95"]), p_value(c["p"])]
            rows.append([f"{train} → {test}", f"{a} - {b}", *figures])
    if not rows:
        return []
    head = ["training → test", "pair", "difference", "95 %", "p"]
    return ["Paired differences of UAR by test speaker:", markdown.table(head, rows)]
