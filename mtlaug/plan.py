"""What the stages of a recipe would take: jobs, disk and time, from the data directories that are there already.

The estimates are rough by nature. Disk follows from the sizes of what is written; times scale the figures below,
measured on one core of a server, with the seconds of speech: a GPU or another processor changes them by any factor.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mtlaug import augment, config
from mtlaug.augment.noisy import COLOURS
from mtlaug.files import UserError, read_json, read_table
from mtlaug.seeding import random_state

# Seconds of speech for a second of one core.
FBANK_CLEAN = 1000  # features of speech as it is
FBANK_COPIES = 700  # of augmented or noisy copies, over the types of conf/mtlaug.yaml
TRAINING = 1000  # forwards and backwards, with the making of batches
TESTING = 3000  # forwards
ATTACKING = 800  # a step of an attack: forwards, and backwards to the features
DESCRIBED = 10_000  # copies a second that stage 2 describes
# Bytes.
MANIFEST = 200  # of a copy: its lines in cuts.jsonl.gz and the tables
TABLES = 1500  # of an utterance with features: its CMVN statistics, and its lines in the tables
SAMPLE = 2  # of a recording that was attacked
MODEL = 4_000_000  # of a training: best.pt and last.pt with its optimiser


@dataclass(frozen=True)
class Step:
    """A line of the plan: ``seconds`` are of one core, ``disk`` is in bytes; None where they are unknown."""

    stage: int
    what: str
    jobs: int | None = 1
    seconds: float | None = 0.0
    disk: float | None = 0.0


@dataclass(frozen=True)
class Speech:
    """Size of a data directory; ``folds`` of its protocol, 0 where it has none."""

    utterances: int
    seconds: float
    folds: int


@dataclass(frozen=True)
class Recipe:
    """What a plan depends on; the options of steps/recipe_options.sh.

    Attributes:
        sets: data directories, the labelled one first; the others hold unlabelled speech.
        copied: what has copies where that is but a part of the labelled one; empty: all of it.
        configs: of the models, each with ``overrides``.
        feature_config: of the copies and the features.
        nj: jobs of the feature extraction and of the attacks.
        seeds: of each model.
        snrs: levels of noise in stage 6; 0 where the recipe has neither this stage nor stage 7.
        noise_dir: data directory of the noise in stage 6; empty: coloured noise.
        attack_jobs: of stage 7.
        passes: over the speech that they make together, for one seed.
        attacked: copies of the speech that they leave as recordings and features, for one seed.
    """

    sets: list[str]
    copied: str
    configs: list[str]
    overrides: list[str]
    feature_config: str
    nj: int
    seeds: int
    snrs: int
    noise_dir: str
    attack_jobs: int
    passes: int
    attacked: int


def measure(data_dir: str) -> Speech | None:
    """The size of a data directory, by its utt2dur; None where that is not there yet.

    Raises:
        UserError: a table is malformed.
    """
    durations, protocol = Path(data_dir, "utt2dur"), Path(data_dir, "protocol.json")
    if not durations.exists():
        return None
    table = read_table(durations)
    try:
        seconds = sum(map(float, table.values()))
    except ValueError as error:
        raise UserError(f"{durations}: {error}; run utils/check_audio.sh {data_dir}, which makes it") from None
    return Speech(len(table), seconds, len(read_json(protocol)["folds"]) if protocol.exists() else 0)


def steps(recipe: Recipe) -> Iterator[Step]:
    """The lines of the plan of stages 2 to 8, in their order; stages 0 and 1 are the recipe's own."""
    extraction = config.load(recipe.feature_config, [])
    number = copies_of_each(extraction)
    copied = [recipe.copied or recipe.sets[0], *recipe.sets[1:]]
    sizes = {directory: measure(directory) for directory in [*recipe.sets, *copied]}
    for directory in copied:
        what = f"{number} copies of each utterance of {directory}"
        yield Step(2, what, 1, *_cost(_describing, sizes[directory], number))
    for directory in recipe.sets:
        what = f"features of {directory}"
        yield Step(3, what, recipe.nj, *_cost(_extracting, sizes[directory], 1, FBANK_CLEAN, extraction))
    for directory in copied:
        what = f"features of {directory}_aug"
        yield Step(3, what, recipe.nj, *_cost(_extracting, sizes[directory], number, FBANK_COPIES, extraction))
    speech = sizes[recipe.sets[0]]
    for path in recipe.configs:
        yield from _model_steps(recipe, speech, config.load(path, recipe.overrides), Path(path).stem)
    copies = recipe.snrs * _kinds(recipe)
    if copies:
        what = f"noisy speech: features of {copies} copies of each utterance"
        yield Step(6, what, recipe.nj, *_cost(_extracting, speech, copies, FBANK_COPIES, extraction))
    yield Step(8, "report")


def copies_of_each(settings: config.Config) -> int:
    """How many augmented copies stage 2 describes of an utterance."""
    kinds = augment.waveform_types(settings.augment_args).values()
    return sum(len(list(kind.copies("plan", random_state(), augment.Sources()))) for kind in kinds)


def _cost(estimate: Callable[..., tuple[float, float]], speech: Speech | None, *arguments: object) -> tuple:
    """Seconds and bytes by an estimate; two times None where the speech is not there yet."""
    return estimate(speech, *arguments) if speech else (None, None)


def _describing(speech: Speech, copies: int) -> tuple[float, float]:
    number = speech.utterances * copies
    return number / DESCRIBED, number * MANIFEST


def _extracting(speech: Speech, copies: int, speed: float, settings: config.Config) -> tuple[float, float]:
    args = settings.feature_args
    frame = args.width * {0: 4, 2: 1, 3: 2}[args.compression]  # bytes
    seconds, number = speech.seconds * copies, speech.utterances * copies
    return seconds / speed, seconds * 1000 / args.frame_shift * frame + number * TABLES


def _model_steps(recipe: Recipe, speech: Speech | None, settings: config.Config, name: str) -> Iterator[Step]:
    trainings = speech.folds * recipe.seeds if speech and speech.folds else None
    whole = speech if trainings else None
    yield Step(4, f"training of {name}: folds x seeds", trainings, *_cost(_training, whole, recipe.seeds, settings))
    yield Step(5, f"scoring of {name}", 1, *_cost(_testing, whole, recipe.seeds))
    if not recipe.snrs:
        return
    copies = recipe.snrs * _kinds(recipe)
    yield Step(6, f"noisy speech: scoring of {name}", 1, *_cost(_testing, whole, recipe.seeds * copies))
    passes, attacked = recipe.seeds * recipe.passes, recipe.seeds * recipe.attacked
    yield Step(7, f"attacks on {name}", recipe.attack_jobs, *_cost(_attacking, whole, passes, attacked, settings))


def _training(speech: Speech, seeds: int, settings: config.Config) -> tuple[float, float]:
    # All that is not tested is trained on, unlabelled rows come on top; what leaves for dev is left out of the account.
    share = (speech.folds - 1) / speech.folds if speech.folds > 1 else 1.0
    rows = settings.dataset_args.copies_per_epoch * (1 + settings.unlabelled_args.ratio)
    passes = 2 if settings.loss_args.adversarial_epsilon else 1
    epoch = speech.seconds * share * rows * passes / TRAINING
    trainings = speech.folds * seeds
    return trainings * settings.optim_args.epochs * epoch, trainings * MODEL


def _testing(speech: Speech, times: int) -> tuple[float, float]:
    return times * speech.seconds / TESTING, 0.0


def _attacking(speech: Speech, passes: int, attacked: int, settings: config.Config) -> tuple[float, float]:
    _, features = _extracting(speech, attacked, FBANK_COPIES, settings)
    recordings = attacked * speech.seconds * settings.feature_args.sample_rate * SAMPLE
    return passes * speech.seconds / ATTACKING, features + recordings


def _kinds(recipe: Recipe) -> int:
    """Kinds of noise in stage 6; those of recordings once stage 1 has listed them, before that as many as colours."""
    path = Path(recipe.noise_dir, "utt2kind")
    kinds = len(set(read_table(path).values())) if recipe.noise_dir and path.exists() else len(COLOURS)
    return kinds + any(Path(f"{directory}_babble").is_dir() for directory in recipe.sets[1:])
