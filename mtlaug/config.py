"""The configuration: one YAML of ``*_args`` blocks, whose keys and defaults are those of `mtlaug.args`.

A file may name another as its ``base`` and then states only what differs, so
that ``conf/stl.yaml`` is ``conf/mtlaug.yaml`` with two losses switched off.
"""

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mtlaug.args import AugmentArgs, DatasetArgs, FeatureArgs, LossArgs, ModelArgs, OptimArgs, UnlabelledArgs
from mtlaug.files import UserError, read_yaml
from mtlaug.schema import build, known


@dataclass
class Config:
    """All blocks; see `load`, and tools/conf/README.md."""

    feature_args: FeatureArgs = field(default_factory=FeatureArgs)
    augment_args: AugmentArgs = field(default_factory=AugmentArgs)
    dataset_args: DatasetArgs = field(default_factory=DatasetArgs)
    unlabelled_args: UnlabelledArgs = field(default_factory=UnlabelledArgs)
    model_args: ModelArgs = field(default_factory=ModelArgs)
    loss_args: LossArgs = field(default_factory=LossArgs)
    optim_args: OptimArgs = field(default_factory=OptimArgs)

    def to_dict(self) -> dict:
        """Nested plain dictionaries, as in the YAML file."""
        return dataclasses.asdict(self)


def load(path: str | Path, overrides: list[str] | None = None) -> Config:
    """Read a YAML file, its bases, and ``block.key=value`` overrides.

    Raises:
        UserError: the file is missing or not YAML, a key is unknown (the nearest
            known one is named), or a value has the wrong type or range.
    """
    return _changed(_read(Path(path), seen=[]), overrides or [], str(path))


def check_holds(config: Config, overrides: list[str], source: str) -> None:
    """Raise `UserError` at the first of ``overrides``, see `load`, that changes ``config``, which ``source`` holds."""
    for override in overrides:
        if _changed(config.to_dict(), [override], source) != config:
            mend = "leave it out, or train such a model by stage 4, with an --exp-name of its own"
            raise UserError(f"{source}: was not trained with {override}; {mend}")


def _changed(tree: dict, overrides: list[str], source: str) -> Config:
    for override in overrides:
        name, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"--set {override!r}: expected block.key=value, for example loss_args.alpha=0.1")
        try:
            _put(tree, name.split("."), yaml.safe_load(value))
        except yaml.YAMLError as error:
            raise UserError(f"--set {override}: not YAML: {error}") from None
    return from_dict(tree, f"{source} with {' '.join(overrides)}" if overrides else source)


def from_dict(tree: dict, source: str = "config") -> Config:
    """Build and check a `Config` from nested dictionaries; ``source`` names them in errors."""
    config = Config()
    blocks = {block.name: getattr(config, block.name) for block in dataclasses.fields(config)}
    for name, values in tree.items():
        known(name, blocks, source)
        block = build(type(blocks[name]), values, f"{source}: {name}")
        setattr(config, name, block)
    args = config.feature_args
    highest = args.high_freq if args.high_freq > 0 else args.sample_rate / 2 + args.high_freq
    if not args.low_freq < highest <= args.sample_rate / 2:
        raise UserError(f"{source}: feature_args.high_freq must lie above low_freq, and up to half the sample_rate")
    if args.frame_shift * args.sample_rate < 1000:
        raise UserError(f"{source}: feature_args.frame_shift {args.frame_shift:g} ms is less than a sample")
    if args.frame_shift > args.frame_length:
        raise UserError(f"{source}: feature_args.frame_shift must not be longer than frame_length")
    if args.scale == "pcen" and not args.remove_level:
        raise UserError(f"{source}: feature_args.scale: pcen presumes a level; set feature_args.remove_level: true")
    if config.dataset_args.train_on_dev and config.optim_args.select != "last":
        raise UserError(f"{source}: dataset_args.train_on_dev leaves nothing to select on: set optim_args.select: last")
    if config.unlabelled_args.pseudo_labels_from and not config.unlabelled_args.ratio:
        mend = "set unlabelled_args.ratio"
        raise UserError(f"{source}: unlabelled_args.pseudo_labels_from needs unlabelled rows: {mend}")
    return config


def of_model(tree: dict, source: str) -> Config:
    """As `from_dict`, of the settings that were saved with a model: without defaults, which may have been others then.

    Raises:
        UserError: as in `from_dict`, or a key is missing.
    """
    config = from_dict(tree, source)
    known = [(block, key) for block, values in config.to_dict().items() for key in values]
    if missing := [f"{block}.{key}" for block, key in known if key not in (tree.get(block) or {})]:
        mend = "train it again, or add what it was trained with (defaults are in tools/conf/README.md)"
        raise UserError(f"{source}: lacks {', '.join(missing)}: the model is of another version of mtlaug; {mend}")
    return config


def _read(path: Path, seen: list[Path]) -> dict:
    if path in seen:
        raise UserError(f"{path}: is its own base, by way of {', '.join(map(str, seen))}")
    tree = read_yaml(path) or {}
    if not isinstance(tree, dict):
        raise UserError(f"{path}: expected blocks such as model_args, got {type(tree).__name__}")
    base = tree.pop("base", None)
    if not isinstance(base, str | None):
        raise UserError(f"{path}: base: expected the name of a file, got {base!r}")
    # As it is written: in a recipe, whose conf/ablation is a link, ../mtlaug.yaml is the recipe's own.
    return _merged(_read(Path(os.path.normpath(path.parent / base)), [*seen, path]), tree) if base else tree


def _merged(base: dict, top: dict) -> dict:
    merged = dict(base)
    for key, value in top.items():
        block = isinstance(merged.get(key), dict)
        if block and value is None:  # all its keys are comments: nothing is said
            continue
        merged[key] = _merged(merged[key], value) if block and isinstance(value, dict) else value
    return merged


def _put(tree: dict, names: list[str], value: object) -> None:
    for name in names[:-1]:
        if not isinstance(tree.get(name), dict):
            tree[name] = {}
        tree = tree[name]
    tree[names[-1]] = value
