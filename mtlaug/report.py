"""The report of a recipe: ``RESULTS.md`` and ``exp/report/``, from the scores and logs under ``exp``.

Every figure is computed again from its ``predictions.tsv`` before it is printed.
Models share a table, and are compared, only with the same condition, test set,
protocol hash, normalisation and utterances.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mtlaug import anchors, curves, matrix
from mtlaug.files import UserError, atomic_path
from mtlaug.plots import plot_bars
from mtlaug.report_tables import DESCRIPTION, Scored, caption, comparisons, heading, rows_of, training, tsv
from mtlaug.scoring import recompute


def write(
    exp_dir: str | Path = "exp",
    output: str | Path = "RESULTS.md",
    *,
    title: str = "Results",
    notes: str = "",
    command: str = "mtlaug report",
) -> list[Path]:
    """Write ``output`` and ``exp_dir/report/`` (``report.md``, ``results.tsv``, ``uar.svg``).

    Args:
        notes: markdown put below "Notes" as it stands.
        command: the command line that makes the report, for its header.
    Returns:
        The written files; ``uar.svg`` is left out where nothing is scored.
    Raises:
        UserError: no ``exp_dir``, or a ``results.json`` that does not follow from
            its ``predictions.tsv``.
    """
    exp_dir, output = Path(exp_dir), Path(output)
    models = find_models(exp_dir)
    scored = [score for model in models for score in read_scores(model)]
    gathered = [score for score in scored if score.results.keys() & {"curve", "pair"}]
    tables = group(score for score in scored if not score.results.keys() & {"curve", "pair"})
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
        scores.append(Scored(model_dir.name, path.parent, results, predictions))
    return scores


def group(scored: Iterable[Scored]) -> list[list[Scored]]:
    """Tables of scores that may be compared, each by falling UAR; the condition ``within`` comes first.

    Two score directories of one model never share a table, whatever they describe.
    """
    tables: dict[tuple, list[Scored]] = {}
    for score in scored:
        described = [str(score.results[key]) for key in DESCRIPTION]
        first = next(iter(score.predictions.by_seed().values()))
        utterances = tuple(tuple(column.tolist()) for column in (first.utts, first.speakers, first.reference))
        key = (described[0] != "within", *described, score.directory.name, score.predictions.classes, utterances)
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
    for title, name, found in _curves(scored):
        plots.append(report_dir / f"{name}.svg")
        parts += [f"## {title}", *curves.section(found, plots[-1])]
    for title, name, cells in _matrices(scored):
        plots.append(report_dir / f"{name}.svg")
        parts += [f"## {title}", *matrix.section(cells, plots[-1])]
        parts += anchors.section(known, *(results for results, _ in cells.values()))
    return parts, plots


def _curves(scored: list[Scored]) -> Iterator[tuple[str, str, curves.Curves]]:
    """Yield (heading, file name, curves) of each name of a curve, test set, protocol and normalisation."""
    groups: dict[tuple, list[Scored]] = {}
    for score in scored:
        if curve := score.results.get("curve"):
            where = [score.results[key] for key in ("set", "normalisation", "protocol_name", "protocol")]
            groups.setdefault((curve["name"], curve["unit"], *where), []).append(score)
    for number, ((name, unit, *where), points) in enumerate(sorted(groups.items()), 1):
        clean = {
            s.model: s.predictions
            for s in scored
            if s.results["condition"] == "within" and s.results["protocol"] == where[-1] and s.model in _models(points)
        }
        found = curves.Curves(
            name=name,
            unit=unit,
            points={
                (s.model, s.results["curve"]["series"], s.results["curve"]["level"]): s.predictions for s in points
            },
            clean=clean,
            commands={s.model: s.results["command"] for s in points},
        )
        title = f"{name}: {where[0]}, protocol {where[2]}, normalisation {where[1]}"
        yield title, f"curve_{number}_{name.replace(' ', '_')}", found


def _point(score: Scored) -> tuple[str, str, float]:
    curve = score.results["curve"]
    return score.model, curve["series"], float(curve["level"])


def _models(points: list[Scored]) -> set[str]:
    return {score.model for score in points}


def _matrices(scored: list[Scored]) -> Iterator[tuple[str, str, matrix.Cells]]:
    """Yield (heading, file name, cells) of each protocol, normalisation and number of shots."""
    groups: dict[tuple, dict] = {}
    for score in scored:
        if pair := score.results.get("pair"):
            key = tuple(score.results.get(name, 0) for name in ("protocol_name", "protocol", "normalisation", "shots"))
            groups.setdefault(key, {})[score.model, (pair["train"], pair["test"])] = (score.results, score.predictions)
    for number, ((name, _, normalisation, shots), cells) in enumerate(sorted(groups.items()), 1):
        few = f", {shots} labelled target utterances a class" if shots else ", zero-shot"
        title = f"across corpora: protocol {name}, normalisation {normalisation}{few}"
        yield title, f"matrix_{number}_{normalisation}", cells


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
