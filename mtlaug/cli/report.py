"""``mtlaug report``: RESULTS.md and exp/report from the scores of a recipe."""

import shlex
from pathlib import Path


def add_commands(commands) -> None:
    """Add the command ``report``."""
    report = commands.add_parser("report", help="write RESULTS.md and exp/report from all scores")
    report.add_argument("--exp-dir", type=Path, default=Path("exp"), metavar="DIR", help="where the models are")
    report.add_argument(
        "--output",
        type=Path,
        default=Path("RESULTS.md"),
        metavar="FILE",
        help="the report; the figures of others in conf/anchors.yaml beside it stand below our own",
    )
    report.add_argument("--notes", type=Path, metavar="FILE", help="markdown for the report's end")
    report.add_argument("--title", default="Results", help="heading of the report")
    report.add_argument(
        "--quick", action="store_true", help="leave out of exp/report/index.html what needs trained models or audio"
    )
    report.set_defaults(run=_report)


def _report(options) -> None:
    from mtlaug import report
    from mtlaug.files import read_text

    arguments = ("--exp-dir", options.exp_dir, "--output", options.output, "--title", options.title)
    more = [*(["--notes", options.notes] if options.notes else []), *(["--quick"] if options.quick else [])]
    command = shlex.join(["mtlaug", "report", *map(str, (*arguments, *more))])
    notes = read_text(options.notes) if options.notes else ""
    written = report.write(
        options.exp_dir, options.output, title=options.title, notes=notes, command=command, quick=options.quick
    )
    page = options.exp_dir / "report" / "index.html"
    print(f"{options.output}\n{page} (and {len(written) - 2} files beside it: tables, plots)")
