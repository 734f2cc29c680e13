"""The train / test matrix in the report: UAR across corpora.

A score is a cell of it where its description has ``pair``: ``train`` (ravdess, or
ravdess+emodb) and ``test`` (emodb).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtlaug.files import UserError
from mtlaug.report import figures
from mtlaug.report.blocks import Block, Items, Table, Text, slug
from mtlaug.report.plots import Plots
from mtlaug.report.scores import Scored
from mtlaug.report.tables import number_of_seeds, seeds_of
from mtlaug.scoring.comparison import compare_predictions, p_value, pairs, references_last
from mtlaug.scoring.scores import interval, percent, points


@dataclass(frozen=True)
class Matrix:
    """The cells of one protocol and normalisation, by model and pair ``(train, test)``."""

    protocol_name: str
    protocol: str
    normalisation: str
    cells: dict[tuple[str, tuple[str, str]], Scored]

    @property
    def title(self) -> str:
        """Protocol and normalisation."""
        return f"across corpora: protocol {self.protocol_name}, normalisation {self.normalisation}"

    @property
    def models(self) -> list[str]:
        """In alphabetical order, but the references last."""
        return references_last(sorted({model for model, _ in self.cells}))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """In alphabetical order."""
        return sorted({pair for _, pair in self.cells})


def gather(scored: Sequence[Scored]) -> Iterator[Matrix]:
    """Matrices of the scores that are cells of one.

    Raises:
        UserError: two score directories of a model describe the same cell.
    """
    groups: dict[tuple, dict] = {}
    for score in scored:
        if pair := score.results.get("pair"):
            setting = tuple(score.results[key] for key in ("protocol_name", "protocol", "normalisation"))
            cells, cell = groups.setdefault(setting, {}), (score.model, (pair["train"], pair["test"]))
            if cell in cells:
                raise UserError(
                    f"{cells[cell].directory} and {score.directory} are both of {_name(cell[1])}; "
                    f"remove the one that is out of date"
                )
            cells[cell] = score
    for setting in sorted(groups):
        yield Matrix(*setting, groups[setting])


def section(matrix: Matrix, plots: Plots, name: str) -> list[Block]:
    """The blocks of a matrix; ``name`` is that of its heat map."""
    cells = matrix.cells
    rows = [[model, *(_cell(cells.get((model, pair))) for pair in matrix.pairs)] for model in matrix.models]
    drawn = {model: {} for model in matrix.models}
    for (model, pair), score in cells.items():
        drawn[model][pair] = score.results["uar"]
    alt = f"UAR of {', '.join(matrix.models)} by training sets (rows) and test corpora (columns)"
    commands = sorted({f"{model}: `{score.results['command']}`" for (model, _), score in cells.items()})
    return [
        Text(_caption(matrix)),
        Table(slug(matrix.title), ["model", *map(_name, matrix.pairs)], rows),
        plots.add(name, figures.heat_map(drawn), alt),
        *_comparisons(matrix),
        Items("Made by:", commands),
    ]


def overview(matrices: Sequence[Matrix]) -> Iterator[tuple[str, list[Block]]]:
    """Yield (heading, blocks) of each protocol with more than one normalisation, side by side."""
    for protocol in sorted({(m.protocol_name, m.protocol) for m in matrices}):
        alike = [m for m in matrices if (m.protocol_name, m.protocol) == protocol]
        if len(alike) == 1:
            continue
        columns = sorted({pair for m in alike for pair in m.pairs})
        rows = []
        for m in alike:
            for model in m.models:
                found = [m.cells.get((model, pair)) for pair in columns]
                # An ensemble's name, or that of aligned posteriors, goes on after it.
                plain = re.sub(rf"(.*)_{m.normalisation}(?=_|$)", r"\1", model)
                seeds = " or ".join(sorted({number_of_seeds(s) for s in found if s}))
                uars = (percent(s.results["uar"]) if s else "-" for s in found)
                rows.append([plain, m.normalisation, seeds, *uars])
        order = references_last(sorted({row[0] for row in rows}))
        rows.sort(key=lambda row: order.index(row[0]))
        note = "UAR of each model with each normalisation; intervals and comparisons stand above."
        if any(m.normalisation == "speaker" for m in alike):
            note += " `speaker` uses statistics of the test speakers' own speech: it is not ranked with the others."
        head = ["model", "normalisation", "seeds", *map(_name, columns)]
        title = f"normalisations across corpora: protocol {protocol[0]}"
        yield title, [Text(note), Table(slug(title), head, rows)]


def _caption(matrix: Matrix) -> str:
    """What the cells have in common, and the size of each test set."""
    results = next(iter(matrix.cells.values())).results
    sizes = {}
    for (_, (_, test)), score in matrix.cells.items():
        sizes.setdefault(test, set()).add((score.results["n"], len(score.results["speakers"])))
    tested = [
        f"{test} {' or '.join(f'{n} utterances, {speakers} speakers' for n, speakers in sorted(sizes[test]))}"
        for test in sorted(sizes)
    ]
    return (
        f"UAR with its 95 % interval over test speakers, training → test. Protocol {matrix.protocol_name} "
        f"(`{matrix.protocol[:12]}`): {len(results['classes'])} classes ({', '.join(results['classes'])}; chance "
        f"{percent(results['chance'])}), {seeds_of(matrix.cells.values())}, normalisation {matrix.normalisation}; "
        f"tested: {'; '.join(tested)}. The test corpus has no part in training or selection{_exceptions(matrix)}."
    )


def _exceptions(matrix: Matrix) -> str:
    """What models hear of the test corpora, as the names of the columns tell."""
    columns = " ".join(test for _, test in matrix.pairs)
    shots = ", but for the labelled shots" if "-shot)" in columns else ""
    folds = (
        ", but for the speech of its other folds' speakers, without labels, in models with an `unlabelled_args.ratio`"
    )
    return shots + (folds if "-fold)" in columns else "")


def _name(pair: tuple[str, str]) -> str:
    return f"{pair[0]} → {pair[1]}"


def _cell(score: Scored | None) -> str:
    return f"{percent(score.results['uar'])} {interval(score.results['ci95']['uar'])}" if score else "-"


def _comparisons(matrix: Matrix) -> list[Block]:
    rows = []
    for a, b in pairs(matrix.models):
        both = [(matrix.cells.get((a, pair)), matrix.cells.get((b, pair))) for pair in matrix.pairs]
        if any(all(cells) for cells in both):
            rows.append([f"{a} - {b}", *(_difference(*cells) if all(cells) else "-" for cells in both)])
    if not rows:
        return []
    note = (
        "Paired differences of UAR with the p-value: bootstrap over test speakers, two-sided swap test by test "
        "speaker, not corrected for the number of comparisons."
    )
    name = f"{slug(matrix.title)}_differences"
    return [Text(note), Table(name, ["difference", *map(_name, matrix.pairs)], rows)]


def _difference(a: Scored, b: Scored) -> str:
    c = compare_predictions(a.predictions, b.predictions, (str(a.directory), str(b.directory)))
    return f"{points(c['difference'])} {interval(c['ci95'])} p {p_value(c['p'])}"
