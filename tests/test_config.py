"""The configuration: defaults, bases, overrides, and what is refused."""

from pathlib import Path

import pytest
import yaml

from mtlaug import augment, config
from mtlaug.files import UserError


@pytest.fixture
def write(tmp_path: Path):
    """A function that writes a YAML file in a directory with a space, and returns its path."""

    def write(text: str, name: str = "my config/model.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_an_empty_file_gives_the_defaults(write):
    loaded = config.load(write(""))
    assert loaded == config.Config()
    assert loaded.to_dict()["feature_args"]["num_mel_bins"] == 64


def test_the_resolved_copy_loads_to_the_same_configuration(write):
    loaded = config.load(write("loss_args: {alpha: 0.7}\naugment_args: {types: {clean: true, noise: {snr: [3, 9]}}}"))
    again = config.load(write(yaml.safe_dump(loaded.to_dict()), "resolved.yaml"))
    assert again == loaded


def test_a_base_gives_what_the_file_does_not_state(write):
    write("model_args: {hidden: 7, head: 8}\nloss_args: {beta: 0.9}", "conf/first.yaml")
    write("base: ../conf/first.yaml\nmodel_args: {hidden: 9}", "more/second.yaml")
    loaded = config.load(write("base: ../more/second.yaml\nloss_args: {alpha: 0}", "last/third.yaml"))
    assert (loaded.model_args.hidden, loaded.model_args.head) == (9, 8)
    assert (loaded.loss_args.alpha, loaded.loss_args.beta) == (0.0, 0.9)


def test_an_empty_block_says_nothing(write):
    write("dataset_args: {batch_size: 8}\naugment_args: {types: {clean: true, noise: {snr: [3, 9]}}}", "base.yaml")
    text = "base: base.yaml\ndataset_args:\n#  batch_size: 4\naugment_args: {types: {noise: }}"
    assert config.load(write(text, "top.yaml")) == config.load(write("base: base.yaml", "plain.yaml"))


def test_a_base_is_found_from_where_the_file_seems_to_be(write, tmp_path):
    """Recipes have conf/ablation as a link: its bases are the recipe's own files."""
    write("optim_args: {epochs: 30}", "shared/mtlaug.yaml")
    write("base: ../mtlaug.yaml", "shared/ablation/no_pitch.yaml")
    own = Path(write("optim_args: {epochs: 7}", "recipe/mtlaug.yaml")).parent
    (own / "ablation").symlink_to(tmp_path / "shared" / "ablation")
    assert config.load(own / "ablation" / "no_pitch.yaml").optim_args.epochs == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feature_args: {high_freq: 9000}", "up to half the sample_rate"),
        ("feature_args: {sample_rate: 8000, high_freq: 7600}", "up to half the sample_rate"),
        ("feature_args: {frame_length: 10, frame_shift: 20}", "frame_shift must not be longer"),
        ("feature_args: {frame_length: 0.025, frame_shift: 0.01}", "frame_shift 0.01 ms is less than a sample"),
    ],
)
def test_windows_and_filters_that_cannot_be_are_refused(write, text: str, message: str):
    with pytest.raises(UserError, match=message):
        config.load(write(text))


def test_a_directory_is_no_configuration(tmp_path):
    with pytest.raises(UserError, match="Is a directory"):
        config.load(tmp_path)


def test_a_type_of_the_base_can_be_switched_off(write):
    write("augment_args: {types: {clean: true, noise: true, pitch: {copies_each: 2}}}", "first.yaml")
    loaded = config.load(write("base: first.yaml\naugment_args: {types: {pitch: false}}", "second.yaml"))
    assert loaded.augment_args.types == {"clean": True, "noise": True, "pitch": False}


def test_a_circle_of_bases_is_refused(write):
    write("base: second.yaml", "first.yaml")
    with pytest.raises(UserError, match=r"own base.*second\.yaml"):
        config.load(write("base: first.yaml", "second.yaml"))


def test_overrides_come_last_and_are_typed(write):
    path = write("optim_args: {lr: 0.1, epochs: 5}")
    loaded = config.load(path, ["optim_args.lr=1e-4", "loss_args.class_weights=false", "optim_args.epochs=6"])
    assert (loaded.optim_args.lr, loaded.optim_args.epochs, loaded.loss_args.class_weights) == (1e-4, 6, False)


def test_an_override_reaches_the_parameters_of_a_type(write):
    path = write("augment_args: {types: {clean: true, noise: true}}")
    loaded = config.load(path, ["augment_args.types.noise.snr=[0, 3]", "augment_args.types.reverb=true"])
    assert loaded.augment_args.types == {"clean": True, "noise": {"snr": [0, 3]}, "reverb": True}


def test_a_number_in_exponent_notation_is_a_number(write):
    """YAML reads 1e-3, without a point, as a string."""
    assert config.load(write("optim_args: {lr: 1e-3}")).optim_args.lr == 1e-3


def test_a_whole_number_is_good_for_a_real_one(write):
    alpha = config.load(write("loss_args: {alpha: 1}")).loss_args.alpha
    assert alpha == 1.0
    assert isinstance(alpha, float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_arg: {hidden: 3}", r"model\.yaml: unknown key 'model_arg'; did you mean 'model_args'"),
        ("model_args: {hiden: 3}", r"model\.yaml: model_args: unknown key 'hiden'; did you mean 'hidden'"),
        ("model_args: {xyz: 3}", r"unknown key 'xyz'; known are channels, kernel_size"),
        ("model_args: 5", r"model_args: expected 'key: value' pairs, got 5"),
        ("base: 5", r"base"),
        ("- model_args", r"expected blocks such as model_args, got list"),
        ("model_args: {hidden: [", r"not YAML"),
        ("optim_args: {epochs: 5}\noptim_args: {lr: 0.01}", r"not YAML: 'optim_args' is there twice"),
        ("optim_args: {epochs: 5, epochs: 6}", r"'epochs' is there twice"),
        ("model_args: {hidden: 3.5}", r"model_args\.hidden: expected int, got 3\.5"),
        ("model_args: {hidden: true}", r"model_args\.hidden: expected int, got True"),
        ("model_args: {dropout: false}", r"model_args\.dropout: expected float, got False"),
        ("loss_args: {class_weights: 1}", r"loss_args\.class_weights: expected bool, got 1"),
        ("loss_args: {alpha: much}", r"loss_args\.alpha: expected float, got 'much'"),
        ("augment_args: {types: [clean]}", r"augment_args\.types: expected dict"),
        ("model_args: {hidden: 0}", r"model_args\.hidden must be above zero"),
        ("feature_args: {low_freq: 500, high_freq: 400}", r"high_freq"),
        ("feature_args: {compression: 9}", r"compression"),
        ("feature_args: {frame_shift: -10}", r"feature_args\.frame_shift must be above zero"),
        ("optim_args: {lr: 0}", r"optim_args\.lr must be above zero"),
        ("optim_args: {lr: .nan}", r"optim_args\.lr must be above zero"),
        ("loss_args: {beta: -0.1}", r"loss_args\.beta must be zero or more"),
        ("dataset_args: {normalisation: corpus}", r"normalisation must be global, utterance or speaker"),
    ],
)
def test_a_mistake_is_named(write, text, message):
    with pytest.raises(UserError, match=message):
        config.load(write(text))


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(UserError, match=r"latin\.yaml: not UTF-8"):
        config.load(tmp_path / "latin.yaml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.yaml: no such file"):
        config.load(tmp_path / "nowhere.yaml")


def test_a_missing_base_is_named(write):
    with pytest.raises(UserError, match=r"nowhere\.yaml: no such file"):
        config.load(write("base: nowhere.yaml"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loss_args.alpha", "expected block.key=value"),
        ("loss_args.alfa=1", "unknown key 'alfa'; did you mean 'alpha'"),
        ("loss_args.alpha=", r"loss_args\.alpha: expected float, got None"),
        ("loss_args=1", "loss_args: expected 'key: value' pairs"),
        ("loss_args.alpha.more=1", r"loss_args\.alpha: expected float"),
        ("loss_args.alpha=[1", r"not YAML"),
    ],
)
def test_a_mistake_in_an_override_is_named(write, override, message):
    with pytest.raises(UserError, match=message):
        config.load(write(""), [override])


@pytest.mark.parametrize(
    "override",
    ["optim_args.ema=1.5", "optim_args.ema=-0.1", "model_args.dropout=1.5", "loss_args.label_smoothing=2"],
)
def test_a_share_above_one_or_below_zero_is_refused(write, override):
    with pytest.raises(UserError, match=override.partition("=")[0].partition(".")[2]):
        config.load(write(""), [override])


def test_every_option_says_what_it_means():
    blocks = [getattr(config.Config(), name) for name in config.Config().to_dict()]
    without = [
        f"{type(block).__name__}.{name}"
        for block in blocks
        for name, field in type(block).__dataclass_fields__.items()
        if not field.metadata.get("meaning")
    ]
    assert without == []


# The configurations of the project

ROOT = Path(__file__).resolve().parent.parent
SHARED = sorted((ROOT / "tools/conf").rglob("*.yaml"))


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.stem)
def test_a_model_differs_from_mtlaug_by_what_it_is_named_for(path):
    """Ablations and competitors change one thing: the same network, the same number of updates."""
    loaded, reference = config.load(path), config.load(ROOT / "tools/conf/mtlaug.yaml")
    if path.stem == "mtlaug_wavlm":  # which is named for its features, and has an encoder for them
        reference.feature_args, reference.model_args = loaded.feature_args, loaded.model_args
        assert loaded.feature_args.frontend == "wavlm_base"
    if path.stem == "mtlaug_pcen":
        assert loaded.feature_args.scale == "pcen"
        reference.feature_args.scale = "pcen"
    if path.stem == "mtlaug_long":
        assert loaded.optim_args.epochs == 2 * reference.optim_args.epochs
        reference.optim_args.epochs = loaded.optim_args.epochs
    if path.stem == "mtlaug_deep":
        assert loaded.model_args.residual_blocks == 1
        reference.model_args.residual_blocks = 1
    for block in ("feature_args", "model_args", "optim_args"):
        assert getattr(loaded, block) == getattr(reference, block), block
    assert loaded.dataset_args.copies_per_epoch == reference.dataset_args.copies_per_epoch
    assert (loaded == reference) == (path.stem in ("mtlaug", "mtlaug_deep", "mtlaug_long", "mtlaug_pcen"))
    augment.types(loaded.augment_args)


@pytest.mark.parametrize(
    ("stem", "block", "key", "value"),
    [
        ("stl_aug", "loss_args", "alpha", 0),
        ("mtl_meta", "loss_args", "speaker", 0.1),
        ("mtlaug_unlabelled", "unlabelled_args", "ratio", 0.5),
        ("ablation/beta_0.3", "loss_args", "beta", 0.3),
        ("ablation/reconstruct_clean", "loss_args", "reconstruct", "clean"),
        ("ablation/stl_aug_labels_25", "dataset_args", "labelled_share", 0.25),
        ("ablation/mtlaug_rest_labels_50", "unlabelled_args", "ratio", 1),
    ],
)
def test_what_some_models_are_named_for(stem, block, key, value):
    loaded = config.load(ROOT / f"tools/conf/{stem}.yaml")
    assert getattr(getattr(loaded, block), key) == value


def test_an_ablation_without_a_type_has_one_class_less():
    everything = augment.types(config.load(ROOT / "tools/conf/mtlaug.yaml").augment_args)
    for name in everything.keys() - {"clean"}:
        left = augment.types(config.load(ROOT / f"tools/conf/ablation/no_{name}.yaml").augment_args)
        assert everything.keys() - left.keys() == {name}
