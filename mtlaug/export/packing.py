"""Packed models: a directory that needs neither the experiment nor its data, and holds no code.

``model.safetensors`` has the weights and statistics of all members, ``config.yaml`` the
settings, ``labels.txt`` the classes, one a line, and ``model_card.md`` what is known about it.
``frontend.pth`` is there where the features are those of a self-supervised model: its weights.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
import yaml

from mtlaug import config
from mtlaug.export.recogniser import Member, Recogniser
from mtlaug.files import UserError, atomic_path, first_line
from mtlaug.model import MultitaskModel

WEIGHTS, SETTINGS, LABELS, CARD = "model.safetensors", "config.yaml", "labels.txt", "model_card.md"
FRONTEND = "frontend.pth"  # weights of a self-supervised model


def load(path: str | Path) -> Recogniser:
    """The recogniser of a packed model, an experiment (all folds and seeds), or one fold or seed of it.

    Raises:
        UserError: there is no model, or it is broken or not trained.
    """
    path = Path(path)
    if not path.is_dir():
        raise UserError(f"{path}: no such directory; give an experiment such as exp/mtlaug, or a packed model")
    if (path / WEIGHTS).exists():
        return unpack(path)
    for root in (path, *path.parents[:2]):
        if (root / SETTINGS).exists():
            return from_experiment(root, path)
    raise UserError(f"{path}: neither an experiment ({SETTINGS}, fold_*) nor a packed model ({WEIGHTS})")


def from_experiment(exp_dir: Path, part: Path) -> Recogniser:
    """The trained models below ``part``, which is ``exp_dir`` or a folder ``fold_*`` or ``fold_*/seed_*`` in it."""
    from mtlaug import experiment
    from mtlaug.experiment import inference

    run = experiment.load(exp_dir)
    members = []
    for fold, seed in run.jobs():
        if run.run_dir(fold, seed).resolve().is_relative_to(part.resolve()):
            model = inference.trained_model(run, fold, seed).cpu()
            members.append(Member(model, *_statistics(run, fold)))
    if not members:
        raise UserError(f"{part}: no fold and seed of {exp_dir}")
    return Recogniser(run.classes, run.settings, members)


def _statistics(run, fold: str) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    if run.normalisation != "global":
        return None, None
    store = run.store(fold)
    return tuple(torch.from_numpy(values) for values in store.statistics(next(iter(store.num_frames))))


def pack(recogniser: Recogniser, out_dir: str | Path, card: str) -> None:
    """Write a packed model with its model card (markdown) into ``out_dir``, which must be new or empty."""
    from safetensors.torch import save

    out = Path(out_dir)
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: is not empty; give another directory, or remove it")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: cannot be made: {error.strerror}") from None
    model = recogniser.members[0].model
    outputs = {
        "emotion": model.emotion.layers[-1].out_features,
        "augmentation": model.augmentation.layers[-1].out_features,
        "meta": {name: head.layers[-1].out_features for name, head in model.meta.items()},
    }
    tree = recogniser.settings.to_dict() | {"outputs": outputs, "members": len(recogniser.members)}
    texts = {
        SETTINGS: yaml.safe_dump(tree, sort_keys=False, allow_unicode=True),
        LABELS: "".join(f"{name}\n" for name in recogniser.classes),
        CARD: card,
    }
    for name, text in texts.items():
        with atomic_path(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if recogniser.settings.feature_args.frontend != "fbank":
        with atomic_path(out / FRONTEND) as temporary:
            shutil.copyfile(recogniser.settings.feature_args.weights, temporary)
    members = enumerate(recogniser.members)
    tensors = {name: tensor for index, member in members for name, tensor in _named(index, member)}
    with atomic_path(out / WEIGHTS) as temporary:
        temporary.write_bytes(save(tensors))


def unpack(path: Path) -> Recogniser:
    """Read a packed model; see `pack`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tree = yaml.safe_load((path / SETTINGS).read_text(encoding="utf-8"))
        classes = (path / LABELS).read_text(encoding="utf-8").split()
        outputs, number = tree.pop("outputs"), tree.pop("members")
        tensors = load_file(path / WEIGHTS)
        settings = config.of_model(tree, str(path / SETTINGS))
        settings.feature_args.weights = str(path / FRONTEND)
        members = []
        for index in range(number):
            bins, args = settings.feature_args.width, settings.model_args
            model = MultitaskModel(bins, outputs["emotion"], outputs["augmentation"], args, outputs["meta"])
            own = {name.split(".", 1)[1]: tensor for name, tensor in tensors.items() if name.startswith(f"{index}.")}
            mean, deviation = own.pop("mean", None), own.pop("deviation", None)
            model.load_state_dict(own)
            members.append(Member(model, mean, deviation))
    except (OSError, KeyError, AttributeError, TypeError, RuntimeError, SafetensorError, yaml.YAMLError) as error:
        raise UserError(f"{path}: not a whole packed model ({first_line(error)}); export it again") from None
    return Recogniser(classes, settings, members)


def _named(index: int, member: Member) -> Iterator[tuple[str, torch.Tensor]]:
    for name, tensor in member.model.state_dict().items():
        yield f"{index}.{name}", tensor.contiguous()
    if member.mean is not None:
        yield f"{index}.mean", member.mean
        yield f"{index}.deviation", member.deviation
