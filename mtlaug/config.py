"""The configuration: one YAML, ``*_args`` blocks, every default in this file or in `augment`.

A file may name another as its ``base`` and then states only what differs, so
that ``conf/stl.yaml`` is ``conf/mtlaug.yaml`` with two losses switched off.
"""

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from mtlaug.files import UserError, read_yaml
from mtlaug.schema import build, known, option

# By name the width of their features; that of the filterbank is num_mel_bins. All but it are functions of
# torchaudio.models.
FRONTENDS = {
    "fbank": None,
    "wav2vec2_base": 768,
    "wav2vec2_large": 1024,
    "wav2vec2_large_lv60k": 1024,
    "wav2vec2_xlsr_300m": 1024,
    "hubert_base": 768,
    "hubert_large": 1024,
    "wavlm_base": 768,
    "wavlm_large": 1024,
}


@dataclass
class FeatureArgs:
    """How features are made."""

    frontend: str = option(
        "fbank",
        "mel filterbank, or a frozen self-supervised model, for which only remove_level and compression count",
        "",
        tuple(FRONTENDS),
    )
    weights: str = option("", "file with the weights of that model")
    layer: int = option(6, "its transformer layer whose outputs are the features, from 1", "", "above zero")
    sample_rate: int = option(16000, "rate that every recording is converted to", "Hz", "above zero")
    num_mel_bins: int = option(64, "mel filters", "", "above zero")
    frame_length: float = option(25.0, "analysis window", "ms", "above zero")
    frame_shift: float = option(10.0, "step between windows", "ms", "above zero")
    low_freq: float = option(20.0, "lower edge of the filterbank", "Hz", "zero or more")
    high_freq: float = option(0.0, "upper edge; zero or less: offset from half the rate, as in Kaldi", "Hz")
    preemphasis: float = option(0.97, "coefficient of the pre-emphasis filter", "", "from 0 to below 1")
    dynamic_range: float = option(
        60.0,
        "floor, below the loudest mel energy of the utterance; 0: none",
        "dB",
        "zero or more",
    )
    remove_level: bool = option(True, "normalise the mean power of each utterance, which removes the recording gain")
    scale: str = option("log", "of the energies: log or pcen, per-channel energy normalisation", "", ("log", "pcen"))
    compression: int = option(3, "kaldiio: 2 one byte (error up to 0.1), 3 two bytes (2e-4), 0 none", "", (0, 2, 3))

    @property
    def width(self) -> int:
        """C, values in a frame of features."""
        return FRONTENDS[self.frontend] or self.num_mel_bins


@dataclass
class AugmentArgs:
    """Which copies are made, and how."""

    seed: int = option(0, "seed of every random choice in the manifest, together with the utterance id")
    types: dict = option({"clean": True}, "each type true, false or its own parameters")


@dataclass
class DatasetArgs:
    """What a training draws, and how features are normalised."""

    normalisation: str = option(
        "global", "whose mean and variance; global: the training part's", "", ("global", "utterance", "speaker")
    )
    copies_per_epoch: int = option(
        3, "times an utterance is drawn an epoch, each time as one of the types", "", "above zero"
    )
    batch_size: int = option(16, "labelled rows a batch; unlabelled ones come on top", "", "above zero")
    max_frames: int = option(800, "longer rows are cropped at random in training", "frames", "above zero")
    train_on_dev: bool = option(
        False, "the dev speakers train too, once everything is chosen; needs optim_args.select last"
    )
    filter_gain: float = option(
        0.0,
        "size of random filters on half of the training rows; 0: none",
        "standard deviations",
        "zero or more",
    )
    labelled_share: float = option(
        1.0,
        "share of the training speakers whose labels are used; the others count as unlabelled",
        "",
        "above 0 and up to 1",
    )


@dataclass
class UnlabelledArgs:
    """Speech without labels, for the two label-free tasks, and with pseudo-labels for the emotion task too."""

    ratio: float = option(0.0, "unlabelled rows for each labelled row of a batch; 0 uses none", "", "zero or more")
    data_dirs: list[str] = option([], "data directories; labels are not used, x_aug holds the copies of x")
    share: float = option(1.0, "share of each directory's utterances that is used", "", "above 0 and up to 1")
    pseudo_labels_from: int = option(
        0,
        "epoch from which the model's own posteriors are its emotion, of each speaker in the labels' shares; 0: never",
        "",
        "zero or more",
    )

    @property
    def used(self) -> list[str]:
        """All data directories, where there is any use of them."""
        return self.data_dirs if self.ratio else []


@dataclass
class ModelArgs:
    """The network."""

    channels: int = option(
        16, "channels of the first convolution; each further one has twice those of the one before", "", "above zero"
    )
    kernel_size: int = option(5, "width of the first convolution; that of the others is 3", "frames and bins", "odd")
    num_convolutions: int = option(
        3, "strided convolutions; each halves the frame rate and the mel bins", "", "zero or more"
    )
    residual_blocks: int = option(
        0, "residual blocks of two 3 x 3 convolutions after each strided one but the first", "", "zero or more"
    )
    projection: int = option(96, "width of a frame between convolutions and recurrent layer", "", "above zero")
    hidden: int = option(64, "units of the recurrent layer in each direction", "", "above zero")
    head: int = option(128, "hidden units of the heads", "", "above zero")
    dropout: float = option(0.2, "dropout probability", "", "from 0 to below 1")


@dataclass
class LossArgs:
    """What is learnt, and with which weight."""

    alpha: float = option(0.1, "weight of the augmentation-type classification", "", "zero or more")
    beta: float = option(0.1, "weight of the reconstruction", "", "zero or more")
    label_smoothing: float = option(0.1, "label smoothing of the emotion targets", "", "from 0 to below 1")
    reconstruct: str = option(
        "input",
        "target of the decoder: the input (unperturbed, in adversarial training), or the copy's clean source",
        "",
        ("input", "clean"),
    )
    augtype_rows: str = option(
        "all", "whose type is classified: all copies', or those of waveform types", "", ("all", "waveform")
    )
    adversarial_epsilon: float = option(
        0.0,
        "largest change by which features are moved against the emotion task before each update; 0 moves none",
        "standard deviations",
        "zero or more",
    )
    speaker: float = option(0.0, "weight of the classification of the speaker", "", "zero or more")
    gender: float = option(0.0, "weight of the classification of the speaker's gender", "", "zero or more")
    class_weights: bool = option(True, "weigh classes by their inverse frequency in the training part")


@dataclass
class OptimArgs:
    """The training loop, and the epoch that is tested."""

    epochs: int = option(30, "maximum number of epochs", "", "above zero")
    select: str = option(
        "uar", "the epoch that is tested: highest UAR or lowest loss on dev, or the last", "", ("uar", "loss", "last")
    )
    patience: int = option(10, "epochs without a better one on dev before an early stop", "", "above zero")
    lr: float = option(1e-3, "peak learning rate of AdamW: a warm-up epoch, then cosine decay", "", "above zero")
    weight_decay: float = option(1e-2, "weight decay of AdamW", "", "zero or more")
    grad_clip: float = option(1.0, "largest norm of the gradient", "", "above zero")
    ema: float = option(
        0.99,
        "decay per update of the exponential moving average of the weights, which is selected and tested",
        "",
        "from 0 to below 1",
    )
    bf16: bool = option(False, "mixed precision (bfloat16) in training, where the GPU or CPU computes in it")


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
