"""``mtlaug train``: set an experiment up, and train its jobs, one fold and seed each."""

import gc

from mtlaug.cli.options import add_config
from mtlaug.files import UserError


def add_commands(commands) -> None:
    group = commands.add_parser("train", help="multitask training")
    actions = group.add_subparsers(dest="command", metavar="COMMAND", required=True)

    prepare = actions.add_parser("prepare", help="check and resolve the config into EXP_DIR; prints the number of jobs")
    prepare.add_argument("data_dir", help="labelled data directory with features and protocol.json")
    prepare.add_argument("aug_dir", help="its augmented copies, with features")
    prepare.add_argument("exp_dir")
    prepare.add_argument("--seeds", default="1", help="seeds, separated by spaces")
    add_config(prepare)
    prepare.add_argument("--command-line", default="", metavar="TEXT", help="the command that reports give for this")
    prepare.add_argument("--tensorboard", action="store_true", help="check that tensorboard is installed")
    prepare.set_defaults(run=prepare_experiment)

    run = actions.add_parser("run", help="train one job, or go on where it was killed")
    run.add_argument("exp_dir")
    run.add_argument("--job", type=int, required=True, help="number of the job, from 1")
    help_of_ngpu = "processes of torchrun that share the job, one a GPU; 0: this process alone"
    run.add_argument("--ngpu", type=int, default=0, help=help_of_ngpu)
    run.add_argument("--tensorboard", action="store_true", help="write TensorBoard event files beside log.jsonl")
    run.set_defaults(run=run_job)


def prepare_experiment(options) -> None:
    from mtlaug import config, experiment
    from mtlaug.training import board

    if options.tensorboard:
        board.check()
    settings = config.load(options.config, options.set)
    places = options.data_dir, options.aug_dir
    jobs = experiment.prepare(options.exp_dir, settings, *places, options.seeds.split(), options.command_line)
    print(len(jobs))


def run_job(options) -> int | None:
    from mtlaug import experiment
    from mtlaug.training import distributed, loop

    if options.ngpu < 0:
        raise UserError(f"--ngpu {options.ngpu}: expected a whole number from 0")
    if options.ngpu:
        words = ["mtlaug", "train", "run", options.exp_dir, "--job", str(options.job)]
        words += ["--tensorboard"] if options.tensorboard else []
        return None if distributed.run_module(options.ngpu, words) else loop.REQUEUE
    run = experiment.load(options.exp_dir)
    fold, seed = run.job(options.job)
    gc.freeze()  # else the garbage collector goes through all that was imported, again and again
    loop.train(run, fold, seed, tensorboard=options.tensorboard)
    return None
