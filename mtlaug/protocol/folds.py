"""Fold schemes: who trains, who selects the model, who is tested.

A scheme is a function from the speakers of a corpus to a list of `Fold`; a new
one is a function here and a line in ``protocol.SCHEMES``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mtlaug.files import UserError, read_table

PARTS = ("train", "dev", "test")
HEARD = (*PARTS, "unlabelled")  # speakers that no two of these may share


@dataclass(frozen=True)
class Fold:
    """One split of the speakers; ``id`` names the directory ``exp/<model>/fold_<id>``.

    ``shots`` are single utterances of other speakers, which are trained on too; those
    speakers are in no part. ``unlabelled`` are speakers who are in no part either: their
    utterances are trained on without labels, where ``unlabelled_args.ratio`` is above 0.
    """

    id: str
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]
    shots: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()

    def speakers(self, part: str) -> tuple[str, ...]:
        """The speakers of ``train``, ``dev`` or ``test``, or those of ``unlabelled``."""
        if part not in HEARD:
            raise ValueError(f"part {part!r} is not one of {', '.join(HEARD)}")
        return getattr(self, part)


def leave_one_speaker_out(genders: Mapping[str, str], dev_speakers_per_gender: int = 1) -> list[Fold]:
    """One fold a speaker, named by that test speaker.

    The dev part is the next ``dev_speakers_per_gender`` speakers of each gender
    that follow the test speaker in sorted order, going round at the end.

    Args:
        genders: speaker to ``m`` or ``f``; a gender that no speaker has is not asked for.
    Raises:
        UserError: too few speakers of a gender are left for the dev part.
    """
    if dev_speakers_per_gender < 1:
        raise UserError("--dev-speakers-per-gender must be 1 or more: the best epoch is chosen on the dev part")
    speakers = _sorted(genders)
    if len(speakers) < 3:
        raise UserError(f"leaving one speaker out needs three, to train, choose and test on; there are {len(speakers)}")
    folds = []
    for index, test in enumerate(speakers):
        following = speakers[index + 1 :] + speakers[:index]
        dev: list[str] = []
        for gender in sorted(set(genders.values())):
            chosen = [speaker for speaker in following if genders[speaker] == gender][:dev_speakers_per_gender]
            if len(chosen) < dev_speakers_per_gender:
                raise UserError(
                    f"fold {test}: {dev_speakers_per_gender} dev speaker(s) of gender {gender} asked for, but only "
                    f"{len(chosen)} beside the test speaker; lower --dev-speakers-per-gender or use --scheme speakers"
                )
            dev += chosen
        folds.append(_fold(test, speakers, dev, [test]))
    return folds


def speaker_groups(genders: Mapping[str, str], folds: int) -> list[list[str]]:
    """The groups of ``--scheme speakers``, as `deal` makes them; fewer than three are a `UserError`."""
    if not 3 <= folds <= len(genders):
        raise UserError(
            f"--folds {folds}: choose from 3 (train, dev and test need one group each) to the {len(genders)} speakers"
        )
    return deal(genders, folds)


def deal(genders: Mapping[str, str], number: int) -> list[list[str]]:
    """Deal the speakers into ``number`` groups; sizes, and each gender's, differ by one at most."""
    dealt = sorted(genders, key=lambda speaker: (genders[speaker], speaker.encode()))
    return [dealt[index::number] for index in range(number)]


def groups_from_list(path: str | Path, speakers: Iterable[str], others: Iterable[str] = ()) -> dict[str, list[str]]:
    """Read ``fold-id speaker...`` lines (a Kaldi table); every one of ``speakers`` must be listed once.

    Args:
        others: speakers who may be listed too, as the data have them, if not in any class.
    Raises:
        UserError: a speaker is listed twice, is missing from the list, or is in it but not in the data.
    """
    groups = {fold: listed.split() for fold, listed in read_table(path).items()}
    owner: dict[str, str] = {}
    for fold, listed in groups.items():
        for speaker in listed:
            if speaker in owner:
                raise UserError(f"{path}: speaker {speaker} is in fold {owner[speaker]} and again in fold {fold}")
            owner[speaker] = fold
    missing = sorted(set(speakers) - set(owner))
    if missing:
        raise UserError(f"{path}: in no fold: speaker(s) {', '.join(missing)}; add them to a line of this file")
    if absent := _sorted(owner.keys() - {*speakers, *others}):
        raise UserError(
            f"{path}: speaker(s) not in the data: {', '.join(absent)}; complete the copy of the corpus, or take them "
            "out of this file"
        )
    return groups


def sessions(utt2session: Mapping[str, str], utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """Session to its speakers, both C-sorted: the groups of ``--scheme sessions`` (leave one session out).

    Args:
        utt2session: utterance to session, of at least the utterances of ``utt2spk``.
        utt2spk: utterance to speaker, of the kept utterances.
    Raises:
        UserError: an utterance has no session, or a speaker is in two sessions, which would leak.
    """
    owner: dict[str, str] = {}
    for utterance, speaker in utt2spk.items():
        session = utt2session.get(utterance)
        if session is None:
            raise UserError(f"utt2session: utterance {utterance} is missing; prepare the data again (stage 1)")
        if owner.setdefault(speaker, session) != session:
            raise UserError(
                f"utt2session: speaker {speaker} is in {owner[speaker]} and, by utterance {utterance}, in {session}; "
                f"sessions with a speaker in common cannot be apart"
            )
    return {
        session: _sorted(speaker for speaker in owner if owner[speaker] == session)
        for session in _sorted(set(owner.values()))
    }


def rotate(groups: Mapping[str, list[str]]) -> list[Fold]:
    """Test on group i, select on group i + 1 (going round), train on the rest."""
    ids = list(groups)
    if len(ids) < 3:
        raise UserError(f"{len(ids)} group(s) of speakers: 3 are the fewest (train, dev and test)")
    everyone = [speaker for group in groups.values() for speaker in group]
    return [_fold(fold, everyone, groups[ids[(index + 1) % len(ids)]], groups[fold]) for index, fold in enumerate(ids)]


def _fold(fold: str, speakers: Iterable[str], dev: Iterable[str], test: Iterable[str]) -> Fold:
    held_out = {*dev, *test}
    train = [speaker for speaker in speakers if speaker not in held_out]
    return Fold(fold, tuple(_sorted(train)), tuple(_sorted(dev)), tuple(_sorted(test)))


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=str.encode)
