"""The configuration: one YAML, ``*_args`` blocks, every default in this file or in `augment`.

A file may name another as its ``base`` and then states only what differs, so
that ``conf/stl.yaml`` is ``conf/mtlaug.yaml`` with two losses switched off.
"""

import contextlib
import dataclasses
import difflib
import typing
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mtlaug.files import UserError


def option(default, meaning: str, unit: str = ""):
    """A dataclass field that carries its meaning and unit for the documentation."""
    return field(default=default, metadata={"meaning": meaning, "unit": unit})


@dataclass
class FeatureArgs:
    sample_rate: int = option(16000, "rate that every recording is converted to", "Hz")
    num_mel_bins: int = option(64, "mel filters")
    frame_length: float = option(25.0, "analysis window", "ms")
    frame_shift: float = option(10.0, "step between windows", "ms")
    low_freq: float = option(20.0, "lower edge of the filterbank", "Hz")
    high_freq: float = option(0.0, "upper edge; zero or less counts from half the rate", "Hz")
    preemphasis: float = option(0.97, "coefficient of the pre-emphasis filter")
    compression: int = option(3, "kaldiio method: 2 one byte (error <= 0.1), 3 two bytes (2e-4), 0 none")


@dataclass
class AugmentArgs:
    seed: int = option(0, "seed of every random choice in the manifest, together with the utterance id")
    types: dict = field(
        default_factory=lambda: {"clean": True},
        metadata={"meaning": "augmentation types, each true, false or its own parameters", "unit": ""},
    )


@dataclass
class DatasetArgs:
    normalisation: str = option("global", "mean and variance of: global (training part), utterance or speaker")
    copies_per_epoch: int = option(3, "times an utterance is drawn an epoch, each time as one of the types")
    batch_size: int = option(16, "copies a batch")
    max_frames: int = option(800, "longer copies are cropped at random in training", "frames")


@dataclass
class ModelArgs:
    channels: int = option(96, "channels of the convolutions")
    kernel_size: int = option(5, "width of the convolutions", "frames")
    num_convolutions: int = option(3, "strided convolutions; each halves the frame rate")
    hidden: int = option(64, "units of the recurrent layer in each direction")
    head: int = option(128, "hidden units of the heads")
    dropout: float = option(0.2, "dropout probability")


@dataclass
class LossArgs:
    alpha: float = option(0.3, "weight of the augmentation-type classification")
    beta: float = option(0.3, "weight of the reconstruction")
    label_smoothing: float = option(0.1, "label smoothing of the emotion targets")
    class_weights: bool = option(True, "weigh classes by their inverse frequency in the training part")


@dataclass
class OptimArgs:
    epochs: int = option(20, "most epochs")
    patience: int = option(10, "epochs without a better dev UAR before an early stop")
    lr: float = option(1e-3, "peak learning rate of AdamW (one linear warm-up epoch, then cosine decay)")
    weight_decay: float = option(1e-2, "weight decay of AdamW")
    grad_clip: float = option(1.0, "largest norm of the gradient")
    ema: float = option(0.99, "decay an update of the averaged weights that are selected and tested; 0: none")


@dataclass
class Config:
    feature_args: FeatureArgs = field(default_factory=FeatureArgs)
    augment_args: AugmentArgs = field(default_factory=AugmentArgs)
    dataset_args: DatasetArgs = field(default_factory=DatasetArgs)
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
    tree = _read(Path(path), seen=[])
    for override in overrides or []:
        name, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"--set {override!r}: expected block.key=value, for example loss_args.alpha=0.1")
        _put(tree, name.split("."), yaml.safe_load(value))
    return from_dict(tree, str(path))


def from_dict(tree: dict, source: str = "config") -> Config:
    """Build and check a `Config` from nested dictionaries; ``source`` names them in errors."""
    config = Config()
    blocks = {block.name: getattr(config, block.name) for block in dataclasses.fields(config)}
    for name, values in tree.items():
        _known(name, blocks, source)
        block = build(type(blocks[name]), values, f"{source}: {name}")
        setattr(config, name, block)
    _check(config, source)
    return config


def build(kind: type, values: dict | None, source: str):
    """Build dataclass ``kind`` from a mapping; unknown keys and wrong types are a `UserError`."""
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise UserError(f"{source}: expected 'key: value' pairs, got {values!r}")
    hints = typing.get_type_hints(kind)
    for key in values:
        _known(key, hints, source)
    return kind(**{key: _typed(value, hints[key], f"{source}.{key}") for key, value in values.items()})


def _read(path: Path, seen: list[Path]) -> dict:
    if path in seen:
        raise UserError(f"{path}: is its own base, by way of {', '.join(map(str, seen))}")
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {error}") from None
    if not isinstance(tree, dict):
        raise UserError(f"{path}: expected blocks such as model_args, got {type(tree).__name__}")
    base = tree.pop("base", None)
    return _merged(_read(path.parent / base, [*seen, path]), tree) if base else tree


def _merged(base: dict, top: dict) -> dict:
    merged = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _put(tree: dict, names: list[str], value: object) -> None:
    for name in names[:-1]:
        if not isinstance(tree.get(name), dict):
            tree[name] = {}
        tree = tree[name]
    tree[names[-1]] = value


def _known(key: str, known: typing.Iterable[str], source: str) -> None:
    if key not in known:
        near = difflib.get_close_matches(str(key), list(known), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
        raise UserError(f"{source}: unknown key {key!r}{hint}")


def _typed(value: object, hint: type, source: str) -> object:
    if hint is float and isinstance(value, (int, str)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):  # YAML reads 1e-3 as a string
            value = float(value)
    if typing.get_origin(hint) is list and isinstance(value, list):
        (inner,) = typing.get_args(hint)
        return [_typed(item, inner, source) for item in value]
    plain = typing.get_origin(hint) or hint
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise UserError(f"{source}: expected {plain.__name__}, got {value!r}")
    return value


def _check(config: Config, source: str) -> None:
    kinds = ("global", "utterance", "speaker")
    if config.dataset_args.normalisation not in kinds:
        raise UserError(f"{source}: dataset_args.normalisation is one of {', '.join(kinds)}")
    positive = {
        "feature_args": ("sample_rate", "num_mel_bins", "frame_length", "frame_shift"),
        "dataset_args": ("copies_per_epoch", "batch_size", "max_frames"),
        "model_args": ("channels", "kernel_size", "num_convolutions", "hidden", "head"),
        "optim_args": ("epochs", "patience", "lr", "grad_clip"),
    }
    for block, keys in positive.items():
        for key in keys:
            if not getattr(getattr(config, block), key) > 0:
                raise UserError(f"{source}: {block}.{key} must be above zero")
    for key in ("alpha", "beta"):
        if getattr(config.loss_args, key) < 0:
            raise UserError(f"{source}: loss_args.{key} must not be negative")
