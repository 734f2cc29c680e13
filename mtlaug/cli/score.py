"""``mtlaug score within | noise | cross | ensemble | align | compare | recompute``: ``score_*`` directories."""

import shlex
from pathlib import Path


def add_commands(commands) -> None:
    """Add the group ``score``."""
    group = commands.add_parser("score", help="UAR, WA and intervals from predictions; comparison of two systems")
    verbs = group.add_subparsers(dest="command", metavar="COMMAND", required=True)

    within = verbs.add_parser("within", help="test every fold's selected model on its own test speakers")
    within.add_argument("exp_dir", metavar="EXP_DIR")
    within.set_defaults(run=_within)

    noise = verbs.add_parser("noise", help="test the same models on noisy copies of that speech, for each kind and SNR")
    noise.add_argument("exp_dir", metavar="EXP_DIR")
    noise.add_argument("noisy_dir", metavar="NOISY_DIR", help="made by mtlaug augment noisy, with features")
    noise.set_defaults(run=_noise)

    cross = verbs.add_parser("cross", help="test each training set's models on every corpus that it is paired with")
    cross.add_argument("exp_dir", metavar="EXP_DIR")
    cross.set_defaults(run=_cross)

    ensemble = verbs.add_parser("ensemble", help="average posteriors over seeds or models, and score that as a model")
    ensemble.add_argument("directories", nargs="+", metavar="DIR", help="exp/<model>, or one score directory of it")
    ensemble.add_argument("model_dir", metavar="MODEL_DIR", help="such as exp/mtlaug_ensemble")
    ensemble.set_defaults(run=_ensemble)

    align = verbs.add_parser("align", help="align a model's posteriors by speaker, and score them as MODEL_DIR_aligned")
    align.add_argument("model_dir", metavar="MODEL_DIR", help="exp/<model> or an ensemble; attacks on it are left out")
    align.set_defaults(run=_align)

    for verb in (within, noise, cross):
        verb.add_argument(
            "--command-line", default="", metavar="TEXT", help="the command that the report gives for this"
        )

    compare = verbs.add_parser("compare", help="difference of UAR of two score directories, A - B, with a paired test")
    compare.add_argument("score_dirs", type=Path, nargs=2, metavar="SCORE_DIR")
    compare.add_argument("--output", type=Path, metavar="FILE", help="also write the comparison as JSON")
    compare.set_defaults(run=_compare)

    recompute = verbs.add_parser("recompute", help="bring results.json up to predictions.tsv and say what differed")
    recompute.add_argument("score_dir", type=Path, metavar="SCORE_DIR")
    recompute.set_defaults(run=_recompute)


def _within(options) -> None:
    from mtlaug import evaluation, experiment

    models = experiment.load(options.exp_dir)
    command = models.command_line(options.command_line)
    print(evaluation.score_within(models, evaluation.predictor(models), command))


def _noise(options) -> None:
    from mtlaug import experiment
    from mtlaug.evaluation import noise_scoring

    models = experiment.load(options.exp_dir)
    print("\n".join(noise_scoring.score(models, options.noisy_dir, models.command_line(options.command_line))))


def _cross(options) -> None:
    from mtlaug import evaluation, experiment
    from mtlaug.evaluation import cross_scoring

    models = experiment.load(options.exp_dir)
    command = models.command_line(options.command_line)
    print("\n".join(cross_scoring.score(models, evaluation.predictor(models), command)))


def _ensemble(options) -> None:
    from mtlaug.scoring import derived

    command = shlex.join(["mtlaug", "score", "ensemble", *options.directories, options.model_dir])
    print("\n".join(derived.score_ensemble(options.directories, options.model_dir, command)))


def _align(options) -> None:
    from mtlaug.scoring import derived

    command = shlex.join(["mtlaug", "score", "align", options.model_dir])
    print("\n".join(derived.score_aligned(options.model_dir, command)))


def _compare(options) -> None:
    from mtlaug.files import write_json
    from mtlaug.scoring.comparison import compare, comparison_line

    comparison = compare(*options.score_dirs)
    print(comparison_line(comparison))
    if options.output:
        write_json(options.output, comparison)


def _recompute(options) -> None:
    from mtlaug.scoring import scores

    differing = scores.rewrite(options.score_dir)
    print(scores.result_line(scores.read_results(options.score_dir), options.score_dir))
    print(f"results.json differed in {', '.join(differing)}: rewritten" if differing else "results.json is unchanged")
