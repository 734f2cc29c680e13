"""``mtlaug fbank``: extract the features of a data directory, in parts."""

from mtlaug.cli.options import add_config, add_job, job


def add_commands(commands) -> None:
    group = commands.add_parser("fbank", help="features: mel filterbanks, or of a self-supervised model")
    actions = group.add_subparsers(dest="command", metavar="COMMAND", required=True)

    extract = actions.add_parser("extract", help="one job: the job-th of nj parts")
    add_job(extract)
    extract.set_defaults(run=extract_part)

    collect = actions.add_parser("collect", help="join the parts of all jobs to feats.scp and cmvn.scp")
    collect.add_argument("--nj", type=int, default=1, help="number of parts")
    collect.set_defaults(run=collect_parts)

    for action in (extract, collect):
        action.add_argument("data_dir")
        action.add_argument("ark_dir")
        add_config(action)


def extract_part(options) -> None:
    from mtlaug import config
    from mtlaug.features import extraction

    args = config.load(options.config, options.set).feature_args
    done = extraction.extract(options.data_dir, options.ark_dir, args, *job(options))
    if not done["utterances"]:
        print(f"{options.data_dir}: job {options.job}: nothing to do, the features are there or no utterance is")
        return
    speed = done["audio"] / max(done["elapsed"], 1e-9)
    print(
        f"{options.data_dir}: job {options.job}: {done['utterances']} utterances, {done['audio']:.1f} s of audio "
        f"in {done['elapsed']:.2f} s, {speed:.0f} times real time"
    )


def collect_parts(options) -> None:
    from mtlaug import config
    from mtlaug.features import archives

    args = config.load(options.config, options.set).feature_args
    count = archives.collect(options.data_dir, options.ark_dir, args, options.nj)
    print(f"{options.data_dir}/feats.scp: {count} utterances")
