"""``mtlaug augment``: describe the augmented copies of a data directory, and render one."""

from mtlaug.cli.options import add_config


def add_commands(commands) -> None:
    group = commands.add_parser("augment", help="augmented copies: manifest and audio")
    actions = group.add_subparsers(dest="command", metavar="COMMAND", required=True)

    make = actions.add_parser("make", help="describe every copy in OUT_DIR/cuts.jsonl.gz; writes no audio")
    make.add_argument("data_dir")
    make.add_argument("out_dir")
    make.add_argument("--noise-dir", help="data directory of noise for training; synthetic coloured noise without it")
    make.add_argument("--rir-dir", help="data directory of room impulse responses; synthetic ones without it")
    add_config(make)
    make.set_defaults(run=make_manifest)

    render = actions.add_parser("render", help="write one copy as a wav file (32-bit float)")
    render.add_argument("data_dir", help="the augmented directory, or the plain one for a clean utterance")
    render.add_argument("utterance")
    render.add_argument("out")
    add_config(render)
    render.set_defaults(run=render_copy)


def make_manifest(options) -> None:
    from mtlaug import config, manifest

    settings = config.load(options.config, options.set)
    noise = options.noise_dir or None
    counts = manifest.make(options.data_dir, options.out_dir, settings, noise, options.rir_dir or None)
    copies = ", ".join(f"{name} {number}" for name, number in counts.items()) or "none"
    print(f"{options.out_dir}: {sum(counts.values())} copies ({copies})")


def render_copy(options) -> None:
    import torch

    from mtlaug import config, manifest

    torch.set_num_threads(1)
    sample_rate = config.load(options.config, options.set).feature_args.sample_rate
    manifest.render(options.data_dir, options.utterance, options.out, sample_rate)
