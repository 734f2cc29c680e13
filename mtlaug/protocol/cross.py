"""Folds across corpora: train on some corpora, test on another, the target.

Nothing of it is heard in training (zero-shot), or a few labelled utterances are, or the speech of speakers who are
not tested, without labels. A corpus is what ``utt2corpus`` names; an utterance belongs to one, and so does a speaker.
Nothing of a test corpus selects a model: the dev speakers are of the training corpora.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from mtlaug.files import UserError
from mtlaug.protocol.folds import Fold, deal
from mtlaug.protocol.labels import Corpus
from mtlaug.seeding import rank

DEV_SHARE = 0.2  # of the speakers of each training corpus and gender


class Pair(NamedTuple):
    """Training corpora, in the order given, and the test corpus."""

    train: tuple[str, ...]
    test: str

    @property
    def train_name(self) -> str:
        """Such as ``ravdess+emodb``."""
        return "+".join(self.train)


def parse_pairs(text: str) -> list[Pair]:
    """Read ``train[+train...]:test`` words, such as ``ravdess:emodb ravdess+emodb:urdu``.

    Raises:
        UserError: no pair, one that is written otherwise or given twice, or one whose test corpus is trained on.
    """
    pairs: list[Pair] = []
    for word in text.split():
        if not re.fullmatch(r"[A-Za-z0-9._-]+(\+[A-Za-z0-9._-]+)*:[A-Za-z0-9._-]+", word):
            raise UserError(f"--pairs: {word!r}: expected train:test or train+train:test, such as ravdess+emodb:urdu")
        train, _, test = word.partition(":")
        pair = Pair(tuple(train.split("+")), test)
        if len(set(pair.train)) < len(pair.train) or test in pair.train:
            raise UserError(f"--pairs: {word!r}: names a corpus twice; training and test corpora must differ")
        if any(set(pair.train) == set(other.train) and test == other.test for other in pairs):
            raise UserError(f"--pairs: {word!r} is given twice")
        pairs.append(pair)
    if not pairs:
        raise UserError("--scheme cross needs --pairs, such as 'ravdess:emodb ravdess+emodb:urdu'")
    return pairs


def make_folds(
    corpus: Corpus,
    genders: Mapping[str, str],
    pairs: list[Pair],
    few_shot: int = 0,
    target_folds: int = 0,
    seed: int = 0,
) -> list[Fold]:
    """One fold a training set, tested on every corpus that it is paired with; or folds for each pair.

    A fold is named by its training corpora, as ``ravdess+emodb``, and those of pairs ``ravdess_to_emodb_5shot``,
    ``ravdess_to_emodb_2fold1`` and ``ravdess_to_emodb_2fold2``. The shots are the same for every training set.

    Args:
        corpus: with ``utt2corpus``.
        genders: speaker to ``m`` or ``f``, of those with a kept utterance.
        few_shot: labelled utterances of each class of the test corpus that are trained on; see `choose_shots`.
        target_folds: groups that the speakers of a test corpus are dealt into. Each is tested by a fold in which
            the others' kept utterances may be heard in training, without labels; 0: none is heard.
        seed: of the dev speakers and the shots, hashed with each speaker and utterance.
    Raises:
        UserError: no ``utt2corpus``, an unknown corpus, a pair without a common class, or too few utterances or
            speakers.
    """
    if few_shot < 0:
        raise UserError("--few-shot must be 0 or more utterances a class")
    if few_shot and target_folds:
        raise UserError("--few-shot and --target-folds are for protocols of their own; give one of them")
    speakers: dict[str, list[str]] = {}
    for speaker, name in owners(corpus).items():
        if speaker in genders:  # has an utterance of some class
            speakers.setdefault(name, []).append(speaker)
    for pair in pairs:
        _check_pair(corpus, pair)
    dev = {name: _dev_speakers(speakers[name], genders, seed) for pair in pairs for name in pair.train}
    # Two spellings of one training set are one fold, named as the first.
    groups: dict[object, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair if few_shot or target_folds else frozenset(pair.train), []).append(pair)
    made: list[Fold] = []
    for pair, *more in groups.values():
        selecting = {speaker for name in pair.train for speaker in dev[name]}
        training = _sorted(s for name in pair.train for s in speakers[name] if s not in selecting)
        target = [s for one in (pair, *more) for s in speakers[one.test]]
        fold = Fold(pair.train_name, training, _sorted(selecting), _sorted(target))
        if few_shot:
            made.append(_with_shots(fold, pair, corpus, few_shot, seed))
        elif target_folds:
            made += _dealt(fold, pair, {speaker: genders[speaker] for speaker in target}, target_folds)
        else:
            made.append(fold)
    return made


def choose_shots(corpus: Corpus, test: str, few_shot: int, seed: int = 0) -> tuple[str, ...]:
    """Choose ``few_shot`` utterances of each class that a corpus has, from few speakers.

    Speakers are taken one by one, each time the one with the most utterances that are still wanted, and among
    equals the one with the fewest in all, so that more is left to test. A hash of ``seed`` and the speaker
    decides further ties, and one of ``seed`` and the utterance among a speaker's own.

    Raises:
        UserError: a class has fewer utterances, or would have none left to test.
    """
    labels = {utterance: label for utterance, label in corpus.labels.items() if corpus.utt2corpus[utterance] == test}
    available = Counter(labels.values())
    if short := sorted(label for label, count in available.items() if count < few_shot):
        label = short[0]
        raise UserError(f"--few-shot {few_shot}: corpus {test} has {available[label]} utterances of class {label}")
    own: dict[str, list[str]] = {}
    for utterance in sorted(labels, key=lambda name: rank(seed, name)):
        own.setdefault(corpus.utt2spk[utterance], []).append(utterance)
    wanted = dict.fromkeys(available, few_shot)
    shots: list[str] = []
    donors: list[str] = []
    while any(wanted.values()):
        taken = {speaker: _take(own[speaker], labels, wanted) for speaker in own if speaker not in donors}
        donor = min(taken, key=lambda name: (-len(taken[name]), len(own[name]), rank(seed, name)))
        donors.append(donor)
        shots += taken[donor]
        for utterance in taken[donor]:
            wanted[labels[utterance]] -= 1
    left = {label for utterance, label in labels.items() if corpus.utt2spk[utterance] not in donors}
    if gone := sorted(available.keys() - left):
        raise UserError(
            f"--few-shot {few_shot}: takes {len(donors)} speakers of {test}, and no utterance of class "
            f"{gone[0]} is left to test; choose a smaller number"
        )
    return _sorted(shots)


def owners(corpus: Corpus) -> dict[str, str]:
    """Speaker to corpus; an utterance that ``utt2corpus`` lacks, or a speaker of two corpora, is a `UserError`."""
    owner: dict[str, str] = {}
    for utterance, speaker in corpus.utt2spk.items():
        if utterance not in corpus.utt2corpus:
            mend = "copy the corpora by utils/copy_data_dir.sh --prefix, and combine the copies"
            raise UserError(f"--scheme cross needs the table utt2corpus, which lacks utterance {utterance}; {mend}")
        here = corpus.utt2corpus[utterance]
        if (before := owner.setdefault(speaker, here)) != here:
            both = " and ".join(sorted((before, here)))
            raise UserError(f"utt2corpus: speaker {speaker} is of both {both}; copy each with a --prefix of its own")
    return owner


def cell(fold: Fold, test: str) -> tuple[str, str]:
    """The training set of a fold that tests the corpus ``test``, and ``5-shot``, ``2-fold`` or nothing, by its name."""
    if not fold.shots and not fold.unlabelled:
        return fold.id, ""
    train, _, variant = fold.id.rpartition(f"_to_{test}_")
    return train, re.sub(r"^(\d+)([a-z]+)\d*$", r"\1-\2", variant)


def check_fold(corpus: Corpus, fold: Fold) -> None:
    """Raise a `UserError` where a corpus is both tested and trained or selected on, but for the shots."""
    owner = owners(corpus)
    used = {owner[speaker] for speaker in (*fold.train, *fold.dev)}
    if common := sorted(used & {owner[speaker] for speaker in fold.test}):
        raise UserError(f"fold {fold.id}: leak: corpus {common[0]} is tested, but also trained or selected on")


def _with_shots(fold: Fold, pair: Pair, corpus: Corpus, few_shot: int, seed: int) -> Fold:
    """The fold with shots, whose donors are not tested."""
    shots = choose_shots(corpus, pair.test, few_shot, seed)
    donors = {corpus.utt2spk[utterance] for utterance in shots}
    tested = tuple(speaker for speaker in fold.test if speaker not in donors)
    return replace(fold, id=f"{pair.train_name}_to_{pair.test}_{few_shot}shot", test=tested, shots=shots)


def _dealt(fold: Fold, pair: Pair, genders: Mapping[str, str], number: int) -> Iterator[Fold]:
    """A fold for each group of the test corpus's speakers, in which the others' speech has no labels."""
    if not 2 <= number <= len(genders):
        raise UserError(f"--target-folds {number}: choose from 2 to the {len(genders)} speakers of {pair.test}, or 0")
    for index, tested in enumerate(deal(genders, number), 1):
        name = f"{pair.train_name}_to_{pair.test}_{number}fold{index}"
        yield replace(fold, id=name, test=_sorted(tested), unlabelled=_sorted(genders.keys() - set(tested)))


def _check_pair(corpus: Corpus, pair: Pair) -> None:
    """Both sides of a pair must be there and have a class in common."""
    classes: dict[str, set[str]] = {name: set() for name in corpus.utt2corpus.values()}
    for utterance, label in corpus.labels.items():
        classes[corpus.utt2corpus[utterance]].add(label)
    for name in (*pair.train, pair.test):
        if name not in classes:
            raise UserError(f"--pairs: no corpus {name!r} in utt2corpus; known are {' '.join(sorted(classes))}")
        if not classes[name]:
            raise UserError(f"--pairs: corpus {name} has no utterance of any class; extend the label map")
    trained = set().union(*(classes[name] for name in pair.train))
    if not trained & classes[pair.test]:
        sides = {pair.train_name: trained, pair.test: classes[pair.test]}
        listed = "; ".join(f"{name} has {', '.join(sorted(side))}" for name, side in sides.items())
        raise UserError(f"--pairs: no class in common: {listed}; mend the label map")


def _dev_speakers(speakers: Iterable[str], genders: Mapping[str, str], seed: int) -> list[str]:
    """A share of each gender, one at least; the only speaker of a gender stays in training."""
    by_gender: dict[str, list[str]] = {}
    for speaker in sorted(speakers, key=lambda name: rank(seed, name)):
        by_gender.setdefault(genders[speaker], []).append(speaker)
    return [s for same in by_gender.values() if len(same) > 1 for s in same[: max(1, round(DEV_SHARE * len(same)))]]


def _take(utterances: Iterable[str], labels: Mapping[str, str], wanted: Mapping[str, int]) -> list[str]:
    """The first of ``utterances`` that fill up ``wanted``, a number for each class."""
    counts: Counter = Counter()
    taken = []
    for utterance in utterances:
        if counts[labels[utterance]] < wanted[labels[utterance]]:
            counts[labels[utterance]] += 1
            taken.append(utterance)
    return taken


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=str.encode))
