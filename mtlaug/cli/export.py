"""``mtlaug export``: a trained model as a directory of its own."""


def add_commands(commands) -> None:
    """Add the command ``export``."""
    export = commands.add_parser("export", help="pack a trained model: weights, settings, labels and a model card")
    export.add_argument("model", metavar="MODEL", help="exp/<model> (an ensemble), or a fold or seed in it")
    export.add_argument("out", metavar="OUT_DIR", help="a new directory")
    export.add_argument("--licence", default="", help="terms of the training data, for the model card")
    export.add_argument(
        "--also", default="", metavar="LIST", help="of onnx and ts (TorchScript): the model as one file, waveform in"
    )
    export.set_defaults(run=_export)


def _export(options) -> None:
    from pathlib import Path

    from mtlaug.export import deployment, model_card, packing

    files = [Path(options.out, f"model.{ending}") for ending in options.also.replace(",", " ").split()]
    for path in files:
        deployment.check(path)
    recogniser = packing.load(options.model)
    for path in files:
        deployment.check(path, recogniser)
    card = model_card.write(options.model, len(recogniser.members), options.licence)
    packing.pack(recogniser, options.out, card)
    for path in files:
        deployment.write(recogniser, path)
    print(f"{options.out}: {len(recogniser.members)} models, {', '.join(recogniser.classes)}")
