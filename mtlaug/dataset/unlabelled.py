"""Speech without labels: which utterances, whose, and the guard that none of them is tested."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mtlaug.args import UnlabelledArgs
from mtlaug.augment.copies import check_copies
from mtlaug.config import Config
from mtlaug.files import UserError, read_table
from mtlaug.protocol import Protocol
from mtlaug.seeding import random_state, rank

CHECKSUMS = "utt2checksum"  # of the samples; written by utils/check_audio.sh


def directories(args: UnlabelledArgs) -> list[str]:
    """The unlabelled data directories in use, each followed by that of its copies."""
    return [directory for data_dir in args.used for directory in (data_dir, copies_of(data_dir))]


def copies_of(data_dir: str) -> str:
    """``data/x_aug``, the directory with the copies of ``data/x``."""
    return f"{data_dir.rstrip('/')}_aug"


def utt2spk(args: UnlabelledArgs) -> dict[str, str]:
    """Speakers of the share of each directory's utterances that is used; a larger share holds all of a smaller one."""
    used = {}
    for data_dir in args.used:
        speakers = read_table(Path(data_dir, "utt2spk"))
        names = sorted(speakers, key=rank)
        used |= {name: speakers[name] for name in names[: max(1, round(args.share * len(names)))]}
    return dict(sorted(used.items()))


def hide_labels(
    labels: Mapping[str, str], utt2spk: Mapping[str, str], share: float, seed: int
) -> tuple[dict[str, str], list[str]]:
    """Keep the labels of a share of the speakers.

    Args:
        labels: training utterance to class.
        share: of the speakers, rounded; as many more are kept as it takes to have every class.
        seed: of the speakers' order, so that trainings of several seeds keep different ones.
    Returns:
        The labels that are kept, and the other utterances.
    """
    speakers = sorted({utt2spk[utterance] for utterance in labels})
    number = max(1, round(share * len(speakers)))
    order = [speakers[index] for index in random_state(seed, "labelled speakers").permutation(len(speakers))]
    classes = set(labels.values())
    while True:
        chosen = set(order[:number])
        kept = {utterance: label for utterance, label in labels.items() if utt2spk[utterance] in chosen}
        if set(kept.values()) == classes:
            return kept, [utterance for utterance in labels if utterance not in kept]
        number += 1


def check(settings: Config, protocol: Protocol, data_dir: str) -> dict[str, str]:
    """Refuse unlabelled speech that cannot be used, or that the protocol selects or tests on.

    Returns:
        For each data directory the SHA-256 of its copies; see `mtlaug.augment.copies.check_copies`.
    Raises:
        UserError: no utterance at all, no such directory, no copies of the configured types, no checksums; or a
            speaker of a dev or test part, or an utterance, or the samples of one, of such a speaker.
    """
    args = settings.unlabelled_args
    dirs = args.used
    heard = any(fold.unlabelled for fold in protocol.folds)
    if args.ratio and not dirs and not heard and settings.dataset_args.labelled_share == 1:
        raise UserError(
            "unlabelled_args.ratio is above 0, but there is no speech without labels: give "
            "unlabelled_args.data_dirs, a dataset_args.labelled_share below 1 or, across corpora, --target-folds"
        )
    if not dirs:
        return {}
    spoken_by = protocol.corpus.utt2spk
    parts = (protocol.utterances(fold, part) for fold in protocol.folds for part in ("dev", "test"))
    speakers = {spoken_by[utterance] for part in parts for utterance in part}
    # Those without a class too: the label-free tasks would learn the speakers from them.
    held_out = {utterance for utterance, speaker in spoken_by.items() if speaker in speakers}
    sums = _checksums(data_dir, held_out)
    sounds = {sums[utterance]: utterance for utterance in held_out}
    for unlabelled in dirs:
        if not Path(unlabelled, "utt2spk").exists():
            raise UserError(f"{unlabelled}: no such data directory; run stages 1 to 3 with --unlabelled-dir")
        utt2spk = read_table(Path(unlabelled, "utt2spk"))
        if common := sorted(utt2spk.keys() & held_out):
            what = f"{len(common)} are of speakers in a dev or test part"
            raise UserError(f"{unlabelled}: utterance {common[0]} is of {data_dir}: {what}")
        if common := sorted(set(utt2spk.values()) & speakers):
            mend = "where they are others, utils/copy_data_dir.sh --prefix tells them apart"
            raise UserError(f"{unlabelled}: speaker {common[0]} is in a dev or test part of {data_dir}; {mend}")
        same = [(utterance, sounds[it]) for utterance, it in _checksums(unlabelled, utt2spk).items() if it in sounds]
        if same:
            raise UserError(
                f"{unlabelled}: {len(same)} utterances have the very samples of one of a speaker in a dev or test part "
                f"of {data_dir}, such as {same[0][0]} and {same[0][1]}; remove them from the unlabelled speech"
            )
    return {unlabelled: check_copies(copies_of(unlabelled), settings) for unlabelled in dirs}


def _checksums(data_dir: str, utterances: Iterable[str]) -> dict[str, str]:
    """The sums of a data directory, which has to have those of ``utterances``."""
    path = Path(data_dir, CHECKSUMS)
    if not path.exists():
        raise UserError(f"{path}: no such file; run utils/check_audio.sh {data_dir}, which writes it")
    sums = read_table(path)
    if lost := sorted({*utterances} - sums.keys()):
        mend = f"run utils/check_audio.sh {data_dir}"
        raise UserError(f"{path}: lacks {len(lost)} utterances, such as {lost[0]}; {mend}")
    return sums
