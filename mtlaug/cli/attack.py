"""``mtlaug attack``: adversarial attacks on trained models, and their scores."""

from collections.abc import Callable

from mtlaug.cli.options import add_job, job, numbers
from mtlaug.files import UserError

# What an attack is allowed where --budgets is not given: ε in standard deviations, and dB SNR.
BUDGETS = {"features": "0.05 0.1 0.2 0.5", "waveform": "50 40 30 20"}


def add_commands(commands) -> None:
    """Add the group ``attack``."""
    group = commands.add_parser("attack", help="adversarial attacks on the test speech of every fold and seed")
    group.add_argument("exp_dir", metavar="EXP_DIR")
    add_job(group)
    add_options(group)
    group.set_defaults(run=attack_models)


def add_options(parser) -> None:
    """Add what chooses the attacks."""
    parser.add_argument("--methods", required=True, metavar="LIST", help="fgsm, bim and pgd, or some of them")
    parser.add_argument("--domain", default="features", help="features or waveform")
    parser.add_argument(
        "--budgets",
        metavar="LIST",
        help=f"features: ε in standard deviations, if not given {BUDGETS['features']}; "
        f"waveform: SNR in dB, if not given {BUDGETS['waveform']}",
    )
    parser.add_argument("--steps", type=int, default=10, help="steps of bim, and of each start of pgd")
    parser.add_argument("--restarts", type=int, default=2, help="random starts of pgd")
    parser.add_argument("--step-size", type=float, default=0.25, help="of bim and pgd, as a share of the budget")
    parser.add_argument("--seed", type=int, default=0, help="of the random starts")
    parser.add_argument("--source", metavar="EXP_DIR", help="make the attacks on these models instead (transfer)")
    parser.add_argument("--command-line", default="", metavar="TEXT", help="the command that the report gives for this")


def attack_models(options) -> None:
    """Run the methods and budgets of one job."""
    from mtlaug import attack, experiment
    from mtlaug.evaluation import robustness

    parts = attack.share(*chosen(options), *job(options))
    if not parts:
        print(f"{options.exp_dir}: job {options.job}: nothing to do, there are fewer attacks than jobs")
        return
    target = experiment.load(options.exp_dir)
    source = experiment.load(options.source) if options.source else None
    for plan, budgets in parts:
        run = robustness.Attack(target, source, plan, target.command_line(options.command_line))
        print("\n".join(_attacker(options.domain)(run, budgets)), flush=True)


def chosen(options) -> tuple[list, list[float]]:
    """The plans and the budgets of the options of `add_options`.

    Raises:
        UserError: a method, a domain or a number that there is not, or one that is given twice.
    """
    from mtlaug import attack

    methods = options.methods.replace(",", " ").split()
    if not methods or len(set(methods)) < len(methods):
        raise UserError(f"--methods {options.methods!r}: expected different ones of {', '.join(attack.METHODS)}")
    how = options.steps, options.restarts, options.step_size, options.seed
    return [attack.plan(method, *how) for method in methods], _budgets(options.domain, options.budgets)


def _budgets(domain: str, given: str | None) -> list[float]:
    """ε of 0 or more for ``features``, dB for ``waveform``."""
    if domain not in BUDGETS:
        raise UserError(f"--domain {domain}: known are {', '.join(BUDGETS)}")
    budgets = numbers("--budgets", BUDGETS[domain] if given is None else given)
    if domain == "features" and min(budgets) < 0:
        raise UserError(f"--budgets {given!r}: ε must be 0 or more, not {min(budgets):g}")
    return budgets


def _attacker(domain: str) -> Callable[..., list[str]]:
    if domain == "features":
        from mtlaug.evaluation.robustness import attack_features

        return attack_features
    # Brings all that reads audio, which takes a second.
    from mtlaug.evaluation.waveform_robustness import attack_waveforms

    return attack_waveforms
