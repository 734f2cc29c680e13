"""An experiment directory: the resolved configuration, the data it is bound to, and its jobs.

``exp/<model>/config.yaml`` is written by `prepare` and read by everything later;
a second configuration in the same directory is refused. A job is one fold and seed,
in ``exp/<model>/fold_<id>/seed_<n>/``.
"""

import contextlib
import fcntl
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from mtlaug import augment, config, protocol, provenance
from mtlaug.augment.copies import check_copies, check_lengths
from mtlaug.dataset import unlabelled
from mtlaug.experiment.binding import check_features, differences, digests
from mtlaug.features.archives import FEATURE_ARGS
from mtlaug.features.store import FeatureStore
from mtlaug.files import UserError, atomic_path, read_table, read_yaml

# What config.yaml has to say of the data that models were trained on.
BOUND = ("data_dir", "aug_dir", "protocol", "seeds", "copies", "unlabelled")


@dataclass(frozen=True)
class Experiment:
    """What `load` returns; ``seeds`` are integers, ``protocol`` is checked against the data.

    ``copies`` is the `mtlaug.augment.copies.copies_digest` of those that it was trained on, ``unlabelled`` the same by
    directory of unlabelled speech; ``command`` is the one that it was trained by, empty where that is not known.
    """

    directory: Path
    settings: config.Config
    data_dir: str
    aug_dir: str
    seeds: tuple[int, ...]
    protocol: protocol.Protocol
    copies: str
    unlabelled: dict[str, str]
    command: str = ""

    @property
    def classes(self) -> list[str]:
        return list(self.protocol.classes)

    @property
    def normalisation(self) -> str:
        return self.settings.dataset_args.normalisation

    @property
    def types(self) -> list[str]:
        """Classes of the augmentation task."""
        return list(augment.types(self.settings.augment_args))

    def meta_tasks(self) -> dict[str, int]:
        """Speaker and gender where the configuration weighs them: task to its number of classes."""
        sizes = {"speaker": len(set(self.protocol.corpus.utt2spk.values())), "gender": 2}
        return {task: size for task, size in sizes.items() if getattr(self.settings.loss_args, task)}

    def meta_targets(self, task: str) -> dict[str, int]:
        """Utterance to the index of its speaker, or of that speaker's gender."""
        utt2spk = self.protocol.corpus.utt2spk
        if task == "speaker":
            index = {speaker: number for number, speaker in enumerate(sorted(set(utt2spk.values())))}
        else:
            genders = read_table(Path(self.data_dir, "spk2gender"))
            index = {speaker: "fm".index(gender) for speaker, gender in genders.items()}
        return {utterance: index[speaker] for utterance, speaker in utt2spk.items()}

    def command_line(self, tested: str) -> str:
        """The command that trains it and tests it as the command ``tested`` does.

        Raises:
            UserError: ``tested`` names overrides that it was not trained with.
        """
        config.check_holds(self.settings, provenance.overrides(tested), str(self.directory))
        return provenance.command_line(self.command, self.seeds, tested)

    def jobs(self) -> list[tuple[str, int]]:
        """(fold id, seed) of each job, the longest first, so that no long one runs alone at the end."""
        corpus, folds = self.protocol.corpus, self.protocol.folds
        of_speaker = Counter(corpus.utt2spk[utterance] for utterance in corpus.labels)  # once, not for each fold
        parts = ("train", "dev") if self.settings.dataset_args.train_on_dev else ("train",)
        speakers = {fold.id: {speaker for part in parts for speaker in fold.speakers(part)} for fold in folds}
        size = {fold.id: sum(of_speaker[name] for name in speakers[fold.id]) + len(fold.shots) for fold in folds}
        jobs = [(fold.id, seed) for seed in self.seeds for fold in folds]
        return sorted(jobs, key=lambda job: size[job[0]], reverse=True)

    def job(self, number: int) -> tuple[str, int]:
        """The ``number``-th job, from 1."""
        jobs = self.jobs()
        if not 1 <= number <= len(jobs):
            raise UserError(f"{self.directory}: has jobs 1 to {len(jobs)}, not {number}")
        return jobs[number - 1]

    def run_dir(self, fold: str, seed: int) -> Path:
        return self.directory / f"fold_{fold}" / f"seed_{seed}"

    def is_trained(self, fold: str, seed: int) -> bool:
        """Whether a job has come to its end."""
        return all((self.run_dir(fold, seed) / name).exists() for name in ("best.pt", "done.json"))

    def training_labels(self, fold: str) -> dict[str, str]:
        """Utterance to class of the training part, to which the configuration may add the dev part."""
        labels = self.protocol.utterances(fold, "train")
        if self.settings.dataset_args.train_on_dev:
            labels |= self.protocol.utterances(fold, "dev")
        return labels

    def store(self, fold: str, *more: str) -> FeatureStore:
        """Features of the data and ``more`` directories, such as the copies, normalised as the training part says."""
        return FeatureStore([self.data_dir, *more], self.normalisation, list(self.training_labels(fold)))


def prepare(
    exp_dir: str, settings: config.Config, data_dir: str, aug_dir: str, seeds: list[str], command: str = ""
) -> list:
    """Check that the data fit the configuration, and bind both in ``config.yaml``.

    Seeds are added to those that a directory has; anything else that differs is refused, but for versions, commit and
    command, which stay those of the first seeds: ``done.json`` of each training has its own.

    Args:
        command: what a user types to train it; the reports of its scores show it.
    Returns:
        The jobs, (fold id, seed) each, of all seeds.
    Raises:
        UserError: seeds that are no whole numbers or given twice, data, copies or features that do not fit the
            configuration, or a directory of another one.
    """
    numbers = {int(seed) for seed in seeds if seed.isdecimal()}
    if not seeds or len(numbers) < len(seeds):
        raise UserError(f"--seeds {' '.join(seeds)!r}: expected different whole numbers, such as '1 2 3'")
    bound = protocol.load(data_dir)
    if settings.loss_args.gender and not Path(data_dir, "spk2gender").exists():
        mend = "write it in stage 1 (local/prepare_data.py), or set loss_args.gender=0"
        raise UserError(f"{data_dir}/spk2gender: no such file, which loss_args.gender needs; {mend}")
    copies = check_copies(aug_dir, settings)
    without_labels = unlabelled.check(settings, bound, data_dir)
    for directory in (data_dir, aug_dir, *unlabelled.directories(settings.unlabelled_args)):
        check_features(directory, settings)
    check_lengths(aug_dir, data_dir)
    for directory in without_labels:
        check_lengths(unlabelled.copies_of(directory), directory)
    tree = settings.to_dict() | {
        "experiment": {
            "data_dir": data_dir,
            "aug_dir": aug_dir,
            "protocol": bound.sha256,
            **digests(data_dir),
            "copies": copies,
            "unlabelled": without_labels,
            "classes": list(bound.classes),
            "seeds": sorted(numbers),
            "versions": provenance.versions(),
            "git_commit": provenance.git_commit(),
            "command": command,
        }
    }
    directory = Path(exp_dir)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "config.yaml"
    if path.exists():
        earlier = read(path)
        if differing := differences(earlier, tree):
            raise UserError(
                f"{path}: this directory holds models of another configuration ({', '.join(differing)} differ); "
                "give another --exp-name, or remove the directory"
            )
        if next(directory.glob("fold_*/seed_*/best.pt"), None):
            numbers.update(earlier["experiment"]["seeds"])
            tree["experiment"] |= earlier["experiment"] | {"seeds": sorted(numbers)}
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), encoding="utf-8")
    seeds = tuple(sorted(numbers))
    return Experiment(directory, settings, data_dir, aug_dir, seeds, bound, copies, without_labels).jobs()


def load(exp_dir: str | Path) -> Experiment:
    """Read a prepared experiment; a protocol or data that changed since is a `UserError`."""
    path = Path(exp_dir, "config.yaml")
    if not path.exists():
        raise UserError(f"{path}: no such file; run stage 4 first")
    tree = read(path)
    bound = tree.pop("experiment")
    if missing := [name for name in BOUND if name not in bound]:
        raise UserError(f"{path}: its part experiment has no {', '.join(missing)}; train anew, or bring it back whole")
    if not Path(bound["data_dir"]).is_dir():
        mend = "run this in its recipe's folder; a model for use elsewhere is made by mtlaug export"
        raise UserError(f"{path}: its data directory {bound['data_dir']} is not here; {mend}")
    current = protocol.load(bound["data_dir"])
    if current.sha256 != bound["protocol"]:
        raise UserError(f"{exp_dir}: was trained under another protocol than {bound['data_dir']} has now; train anew")
    settings = config.of_model(tree, str(path))
    for directory in (bound["data_dir"], bound["aug_dir"]):
        if Path(directory, FEATURE_ARGS).exists() and Path(directory, "feats.scp").exists():
            check_features(directory, settings)
    there = digests(bound["data_dir"]) if Path(bound["data_dir"], FEATURE_ARGS).exists() else {}
    if any(bound.get(name, digest) != digest for name, digest in there.items()):
        mend = "train anew, under another --exp-name or without this directory"
        raise UserError(f"{exp_dir}: was trained on other features than {bound['data_dir']} has now; {mend}")
    return Experiment(
        directory=Path(exp_dir),
        settings=settings,
        data_dir=bound["data_dir"],
        aug_dir=bound["aug_dir"],
        seeds=tuple(bound["seeds"]),
        protocol=current,
        copies=bound["copies"],
        unlabelled=bound["unlabelled"],
        command=bound.get("command", ""),
    )


def read(path: Path) -> dict:
    """The ``config.yaml`` of an experiment; one without its part ``experiment`` is a `UserError`."""
    tree = read_yaml(path)
    if not isinstance(tree, dict) or not isinstance(tree.get("experiment"), dict):
        raise UserError(f"{path}: is not that of an experiment; give exp/<model>, as stage 4 makes it")
    return tree


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a directory for this process; a second process that asks for it is refused."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{directory}: another process is training there; wait for it or stop it") from None
        yield
