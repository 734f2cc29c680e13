"""``mtlaug plan``: what the stages of a recipe would run; a recipe's ``--dry-run true``."""


def add_commands(commands) -> None:
    plan = commands.add_parser("plan", help="jobs, rough time and disk of a recipe's stages; runs nothing")
    plan.add_argument("sets", nargs="+", metavar="DATA_DIR", help="the labelled one first, then unlabelled speech")
    plan.add_argument("--copied", default="", metavar="DATA_DIR", help="the part of the labelled one that has copies")
    plan.add_argument("--stage", type=int, default=0, help="first stage")
    plan.add_argument("--stop-stage", type=int, default=8, help="last stage")
    plan.add_argument("--nj", type=int, default=1, help="jobs of the feature extraction and of the attacks")
    plan.add_argument("--configs", default="conf/mtlaug.yaml", metavar="LIST", help="of the models, by commas")
    plan.add_argument("--feature-config", default="conf/mtlaug.yaml", help="of the copies and features")
    plan.add_argument("--set", default="", metavar="LIST", help="overrides BLOCK.KEY=VALUE, by spaces")
    plan.add_argument("--seeds", default="1", metavar="LIST", help="of each model, by spaces")
    plan.add_argument("--snrs", metavar="LIST", help="dB; not given: the recipe has no stages 6 and 7")
    plan.add_argument("--noise-dir", default="", help="data directory of test noise")
    plan.add_argument("--attack-args", default="", metavar="TEXT", help="options of stage 7")
    plan.set_defaults(run=show)


def show(options) -> None:
    from mtlaug import plan
    from mtlaug.cli.options import numbers

    recipe = plan.Recipe(
        sets=options.sets,
        copied=options.copied,
        configs=[path for path in options.configs.split(",") if path],
        overrides=options.set.split(),
        feature_config=options.feature_config,
        nj=options.nj,
        seeds=len(options.seeds.split()),
        snrs=0 if options.snrs is None else len(numbers("--snrs", options.snrs)),
        noise_dir=options.noise_dir,
        **_attack(options.attack_args, options.nj),
    )
    print("Nothing is run. Time is of one core, the stage's jobs together; both are rough (mtlaug/plan.py).")
    print("stage   jobs        time        disk  what")
    for stage in range(options.stage, min(2, options.stop_stage + 1)):
        print(f"{stage:5}      1     unknown     unknown  {('the corpus', 'data preparation')[stage]}")
    for step in sorted(plan.steps(recipe), key=lambda step: step.stage):
        if options.stage <= step.stage <= options.stop_stage:
            jobs = "?" if step.jobs is None else step.jobs
            print(f"{step.stage:5} {jobs:>6} {_time(step.seconds):>11} {_size(step.disk):>11}  {step.what}")
    for stage, made in ((1, options.sets), (2, [options.copied] if options.copied else [])):
        if missing := [directory for directory in made if not plan.measure(directory)]:
            print(f"Unknown until stage {stage} has made {', '.join(missing)}.")


def _attack(text: str, nj: int) -> dict[str, int]:
    """Jobs, passes over the test speech and copies of it that options of `steps/eval_attack.sh` come to."""
    import argparse

    from mtlaug.cli import Parser
    from mtlaug.cli.attack import add_options, chosen
    from mtlaug.files import UserError

    options = Parser(add_help=False, exit_on_error=False)
    add_options(options)
    options.add_argument("--nj", type=int, default=nj)
    options.add_argument("--cmd")
    options.add_argument("--config")
    try:
        given, unknown = options.parse_known_args(["--methods=fgsm,bim,pgd", *_joined(text.split())])
    except argparse.ArgumentError as error:
        raise UserError(f"--attack-args {text!r}: {error}") from None
    if unknown:
        mend = "" if unknown[0].startswith("-") else "; lists are written with commas"
        raise UserError(f"--attack-args {text!r}: {unknown[0]} is no option of stage 7{mend}")
    plans, budgets = chosen(given)
    attacked = len(budgets) * len(plans) if given.domain == "waveform" else 0
    passes = len(budgets) * sum(plan.passes for plan in plans)
    return {"attack_jobs": given.nj, "passes": passes, "attacked": attacked}


def _joined(words: list[str]) -> list[str]:
    """``--name value`` as ``--name=value``: argparse takes a value such as -5,0 for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].startswith("--") and "=" not in joined[-1] and not word.startswith("--"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _size(size: float | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
