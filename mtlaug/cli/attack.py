"""``mtlaug attack``: adversarial attacks on trained models, and their scores."""

# What an attack is allowed where --budgets is not given: ε in standard deviations, and dB SNR.
BUDGETS = {"features": "0.05 0.1 0.2 0.5", "waveform": "50 40 30 20"}


def add_commands(commands) -> None:
    """Add the group ``attack``."""
    group = commands.add_parser("attack", help="adversarial attacks on the test speech of every fold and seed")
    group.add_argument("exp_dir", metavar="EXP_DIR")
    group.add_argument("--methods", required=True, metavar="LIST", help="of fgsm, bim and pgd, by spaces or commas")
    group.add_argument("--job", type=int, default=1, help="one job: the job-th of nj parts of methods and budgets")
    group.add_argument("--nj", type=int, default=1)
    group.add_argument("--domain", default="features", help="features or waveform")
    group.add_argument(
        "--budgets",
        metavar="LIST",
        help=f"features: ε in standard deviations, if not given {BUDGETS['features']}; "
        f"waveform: SNR in dB, if not given {BUDGETS['waveform']}",
    )
    group.add_argument("--steps", type=int, default=10, help="steps of bim, and of each start of pgd")
    group.add_argument("--restarts", type=int, default=2, help="random starts of pgd")
    group.add_argument("--step-size", type=float, default=0.25, help="of bim and pgd, as a share of the budget")
    group.add_argument("--seed", type=int, default=0, help="of the random starts")
    group.add_argument("--source", metavar="EXP_DIR", help="make the attacks on these models instead (transfer)")
    group.add_argument("--command-line", default="", metavar="TEXT", help="the command that the report gives for this")
    group.set_defaults(run=attack_models)


def attack_models(options) -> None:
    """Run the methods and budgets of one job."""
    from mtlaug import attack, experiment, robustness
    from mtlaug.files import UserError

    methods = options.methods.replace(",", " ").split()
    if not methods or len(set(methods)) < len(methods):
        raise UserError(f"--methods {options.methods!r}: expected different ones of {', '.join(attack.METHODS)}")
    if not 1 <= options.job <= options.nj:
        raise UserError(f"--job {options.job} is not from 1 to --nj {options.nj}")
    plans = [
        attack.plan(method, options.steps, options.restarts, options.step_size, options.seed) for method in methods
    ]
    given = BUDGETS.get(options.domain, "") if options.budgets is None else options.budgets
    budgets = robustness.parse_budgets(given, options.domain)
    parts = attack.share(plans, budgets, options.job, options.nj)
    target = experiment.load(options.exp_dir)
    source = experiment.load(options.source) if options.source else None
    for plan, part in parts:
        run = robustness.Attack(target, source, plan, target.command_line(options.command_line))
        print("\n".join(robustness.run(run, options.domain, part)), flush=True)
