"""The report of a recipe: ``RESULTS.md`` and ``exp/report/``, from the scores and logs under ``exp``.

Every figure is computed again from its ``predictions.tsv`` before it is printed.
Models share a table, and are compared, only with the same condition, test set,
protocol hash, normalisation and utterances. Scores that are points of a curve or
cells of a matrix are gathered into one section, see `mtlaug.curves` and `mtlaug.matrix`;
figures of others come from ``conf/anchors.yaml``, see `mtlaug.anchors`.
"""

from collections.abc import Iterable
from pathlib import Path

from mtlaug import anchors, curves, matrix
from mtlaug.files import UserError, atomic_path
from mtlaug.plots import plot_bars
from mtlaug.report_tables import DESCRIPTION, Scored, caption, comparisons, heading, rows_of, training, tsv
from mtlaug.scoring import recompute

PLACES = {"curve": ("name", "series", "level", "unit"), "pair": ("train", "test")}  # of a score in a gathered section


def write(
    exp_dir: str | Path = "exp",
    output: str | Path = "RESULTS.md",
    *,
    title: str = "Results",
    notes: str = "",
    command: str = "mtlaug report",
) -> list[Path]:
    """Write ``output`` and ``exp_dir/report/`` (``report.md``, ``results.tsv`` and the plots).

    Args:
        notes: markdown put below "Notes" as it stands.
        command: the command line that makes the report, for its header.
    Returns:
        The written files. ``uar.svg`` is left out where no score has a table of its own; each curve and
        matrix has a plot.
    Raises:
        UserError: no ``exp_dir``, a ``results.json`` that does not follow from its
            ``predictions.tsv`` or whose ``curve`` or ``pair`` lacks a key, two scores of one
            point or cell, or a broken ``anchors.yaml``.
    """
    exp_dir, output = Path(exp_dir), Path(output)
    models = find_models(exp_dir)
    scored = [score for model in models for score in read_scores(model)]
    gathered = [score for score in scored if score.results.keys() & PLACES.keys()]
    tables = group(score for score in scored if not score.results.keys() & PLACES.keys())
    unscored = [model.name for model in models if not any(score.model == model.name for score in scored)]
    report_dir = exp_dir / "report"
    report_dir.mkdir(exist_ok=True)
    known = anchors.read(output.parent / "conf" / "anchors.yaml")
    sections, plots = _sections(scored, tables, known, report_dir)
    text = _document(sections, unscored, training(models), title, notes, command)
    if tables:
        plots.insert(0, report_dir / "uar.svg")
        bars = [(heading(t), [(s.model, s.results["uar"], s.results["ci95"]["uar"]) for s in t]) for t in tables]
        plot_bars(plots[0], bars)
    shown = "".join(f"\n![{plot.stem}]({plot.name})\n" for plot in plots)
    for plot in [*report_dir.glob("curve_*.svg"), *report_dir.glob("matrix_*.svg")]:
        if plot not in plots:  # of an earlier report, with other scores
            plot.unlink()
    written = {
        output: text,
        report_dir / "report.md": text + shown,
        report_dir / "results.tsv": tsv([*tables, gathered]),
    }
    for path, content in written.items():
        with atomic_path(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return [*written, *plots]


def find_models(exp_dir: Path) -> list[Path]:
    """Directories of ``exp_dir`` that hold a model: folds, a configuration or scores."""
    if not exp_dir.is_dir():
        raise UserError(f"{exp_dir}: no such directory; run the training and scoring stages first")
    signs = ("fold_*", "config.yaml", "score_*/results.json")
    return [path for path in sorted(exp_dir.iterdir()) if any(next(path.glob(sign), None) for sign in signs)]


def read_scores(model_dir: Path) -> list[Scored]:
    """The scores of a model, each computed again; a difference is a `UserError`."""
    scores = []
    for path in sorted(model_dir.glob("score_*/results.json")):
        results, differing, predictions = recompute(path.parent)
        if differing:
            raise UserError(
                f"{path.parent}: results.json does not follow from predictions.tsv (it differs in "
                f"{', '.join(differing)}); run the scoring stage again, or mtlaug score recompute {path.parent}"
            )
        _check_places(path, results)
        scores.append(Scored(model_dir.name, path.parent, results, predictions))
    return scores


def _check_places(path: Path, results: dict) -> None:
    for name, keys in PLACES.items():
        place = results.get(name, dict.fromkeys(keys, 0.0))
        whole = isinstance(place, dict) and place.keys() >= set(keys)
        if not whole or not isinstance(place.get("level", 0.0), int | float):
            numeric = ", level a number" if "level" in keys else ""
            raise UserError(
                f"{path}: {name} is {place!r}, expected {', '.join(keys)}{numeric}; run the scoring stage again"
            )


def group(scored: Iterable[Scored]) -> list[list[Scored]]:
    """Tables of scores that may be compared, each by falling UAR; the condition ``within`` comes first.

    Two score directories of one model never share a table, whatever they describe.
    """
    tables: dict[tuple, list[Scored]] = {}
    for score in scored:
        described = [str(score.results[key]) for key in DESCRIPTION]
        key = (described[0] != "within", *described, score.directory.name, score.utterances())
        tables.setdefault(key, []).append(score)
    return [sorted(tables[key], key=lambda s: (-s.results["uar"], s.model)) for key in sorted(tables)]


def _sections(
    scored: list[Scored], tables: list[list[Scored]], known: list[anchors.Anchor], report_dir: Path
) -> tuple[list[str], list[Path]]:
    """The parts of the document that hold results, and the plots written for them."""
    parts, plots = [], []
    for table in tables:
        parts += [f"## {heading(table)}", caption(table), rows_of(table), *comparisons(table)]
        parts.append("Made by:\n\n" + "\n".join(f"- {s.directory}: `{s.results['command']}`" for s in table))
        parts += anchors.section(known, table[0].results)
    for number, found in enumerate(curves.gather(scored), 1):
        plots.append(report_dir / f"curve_{number}_{found.name.replace(' ', '_')}.svg")
        parts += [f"## {found.title}", *curves.section(found, plots[-1])]
    matrices = list(matrix.gather(scored))
    for number, found in enumerate(matrices, 1):
        plots.append(report_dir / f"matrix_{number}_{found.normalisation}.svg")
        parts += [f"## {found.title}", *matrix.section(found, plots[-1])]
        parts += anchors.section(known, *(score.results for score in found.cells.values()))
    for title, side_by_side in matrix.overview(matrices):
        parts += [f"## {title}", *side_by_side]
    shown = [score.results for score in scored if "curve" not in score.results]
    return parts + anchors.unused(known, shown), plots


def _document(sections: list[str], unscored: list[str], logs: str, title: str, notes: str, command: str) -> str:
    parts = [
        f"<!-- Generated by: {command}. Do not edit: run it again. -->",
        f"# {title}",
        "UAR: unweighted average recall, WA: weighted accuracy, in percent, pooled over the folds and averaged over "
        "the seeds; in brackets the 95 % interval over speakers (cluster bootstrap). Tables differ in protocol, "
        "condition or normalisation: their figures are not to be ranked against each other.",
        *(sections or ["Nothing is scored yet."]),
    ]
    if unscored:
        parts.append("Not scored: " + ", ".join(unscored) + ".")
    if logs:
        parts += ["## Training", "Means over the trainings (folds and seeds) of a model.", logs]
    if notes.strip():
        parts += ["## Notes", notes.strip("\n")]
    return "\n\n".join(parts) + "\n"
