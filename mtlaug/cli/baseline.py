"""``mtlaug baseline prepare | extract | score``: the classic system, openSMILE functionals and a linear SVM."""

from mtlaug.cli.options import add_job, job


def add_commands(commands) -> None:
    """Add the group ``baseline``."""
    group = commands.add_parser(
        "baseline", help="the classic system on the same protocol: functionals and a linear SVM"
    )
    verbs = group.add_subparsers(dest="command", metavar="COMMAND", required=True)

    prepare = verbs.add_parser("prepare", help="note what a directory is of; refuses that of another baseline")
    prepare.set_defaults(run=_prepare)

    extract = verbs.add_parser("extract", help="one job: the functionals of the job-th of nj parts")
    add_job(extract)
    extract.set_defaults(run=_extract)

    score = verbs.add_parser("score", help="train and test on every fold; C is chosen by dev UAR")
    score.add_argument("--command-line", default="", metavar="TEXT", help="the command that the report gives for this")
    score.add_argument("--nj", type=int, default=1, help="number of parts of the functionals")
    score.set_defaults(run=_score)
    for verb in (prepare, extract):
        verb.add_argument("--features", default="ComParE_2016", help="ComParE_2016 or eGeMAPSv02")
    for verb in (prepare, score):
        verb.add_argument("--normalisation", default="global", help="global or speaker")
    for verb in (prepare, extract, score):
        verb.add_argument("data_dir")
    for verb in (extract, score):
        verb.add_argument("ark_dir")
    for verb in (prepare, score):
        verb.add_argument("exp_dir")


def _prepare(options) -> None:
    from mtlaug.evaluation import baseline

    baseline.bind(options.exp_dir, options.data_dir, options.features, options.normalisation)


def _extract(options) -> None:
    from mtlaug.features import functionals

    count = functionals.extract(options.data_dir, options.ark_dir, options.features, *job(options))
    print(f"{options.data_dir}: job {options.job}: {options.features} of {count} utterances")


def _score(options) -> None:
    from mtlaug.evaluation import baseline
    from mtlaug.features import functionals

    vectors = functionals.read(options.data_dir, options.ark_dir, options.nj)
    arguments = (options.exp_dir, options.data_dir, options.normalisation, vectors, options.command_line)
    print("\n".join(baseline.score(*arguments)))
