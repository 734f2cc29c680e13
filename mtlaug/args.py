"""The ``*_args`` blocks of a configuration: every option with its default, but for those of the augmentation types.

The keys of each type are fields of its class in `mtlaug.augment`.
"""

from dataclasses import dataclass

from mtlaug.schema import option

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
