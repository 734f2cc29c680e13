"""``mtlaug augment``: describe the augmented or noisy copies of a data directory, and render one."""

from mtlaug.cli.options import add_config, numbers


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

    noisy = actions.add_parser("noisy", help="describe noisy copies of the tested utterances; writes no audio")
    noisy.add_argument("data_dir", help="data directory with protocol.json")
    noisy.add_argument("out_dir", help="directory of the copies; left as it is where nothing changed")
    noisy.add_argument("--aug-dir", required=True, help="the copies for training, whose noise must not be tested with")
    noisy.add_argument(
        "--noise-dir", action="append", default=[], help="data directory of test noise; coloured noise without any"
    )
    noisy.add_argument("--babble-dir", help="data directory of speech that babble is made of; none without it")
    noisy.add_argument("--snrs", default="20 15 10 5 0", metavar="LIST", help="dB, separated by spaces or commas")
    noisy.add_argument("--seed", type=int, default=0, help="of the noise, hashed with each utterance and kind")
    add_config(noisy)
    noisy.set_defaults(run=make_noisy)

    render = actions.add_parser("render", help="write one copy as a wav file (32-bit float)")
    render.add_argument("data_dir", help="the augmented directory, or the plain one for a clean utterance")
    render.add_argument("utterance")
    render.add_argument("out")
    add_config(render)
    render.set_defaults(run=render_copy)


def make_manifest(options) -> None:
    from mtlaug import config
    from mtlaug.augment import manifest

    settings = config.load(options.config, options.set)
    noise = options.noise_dir or None
    counts = manifest.make(options.data_dir, options.out_dir, settings, noise, options.rir_dir or None)
    copies = ", ".join(f"{name} {number}" for name, number in counts.items()) or "none"
    print(f"{options.out_dir}: {sum(counts.values())} copies ({copies})")


def make_noisy(options) -> None:
    from mtlaug import config
    from mtlaug.augment import copies, noisy

    number, anew = noisy.make(
        options.data_dir,
        options.out_dir,
        config.load(options.config, options.set),
        options.aug_dir,
        noise_dirs=[directory for directory in options.noise_dir if directory],
        babble_dir=options.babble_dir or None,
        snrs=numbers("--snrs", options.snrs),
        seed=options.seed,
    )
    kinds = ", ".join(
        kind + " (held out of training)" * about["held_out"]
        for kind, about in copies.noisy_settings(options.out_dir)["kinds"].items()
    )
    print(f"{options.out_dir}: {number} noisy copies {'described' if anew else 'are there already'}: {kinds}")


def render_copy(options) -> None:
    import torch

    from mtlaug import config
    from mtlaug.augment import manifest

    torch.set_num_threads(1)
    sample_rate = config.load(options.config, options.set).feature_args.sample_rate
    manifest.render(options.data_dir, options.utterance, options.out, sample_rate)
