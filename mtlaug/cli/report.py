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
        help="the report; of the files beside it, conf/results_notes.md is appended as its notes, and the figures of "
        "others in conf/anchors.yaml stand below our own",
    )
    report.add_argument("--title", default="Results", help="heading of the report")
    report.add_argument(
        "--quick", action="store_true", help="leave out of exp/report/index.html what needs trained models or audio"
    )
    report.set_defaults(run=_report)


def _report(options) -> None:
    from mtlaug import report

    arguments = ("--exp-dir", options.exp_dir, "--output", options.output, "--title", options.title)
    command = shlex.join(["mtlaug", "report", *map(str, arguments), *(["--quick"] if options.quick else [])])
    notes_file = options.output.parent / "conf" / "results_notes.md"
    notes = notes_file.read_text(encoding="utf-8") if notes_file.exists() else ""
    written = report.write(
        options.exp_dir, options.output, title=options.title, notes=notes, command=command, quick=options.quick
    )
    page = options.exp_dir / "report" / "index.html"
    print(f"{options.output}\n{page} (and {len(written) - 2} files beside it: tables, plots)")
