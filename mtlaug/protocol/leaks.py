"""What the parts of a fold must not share: speakers, source recordings, equal sound, stretches of a recording."""

from collections.abc import Iterable, Mapping
from itertools import combinations

from mtlaug.files import UserError
from mtlaug.protocol.folds import HEARD, PARTS, Fold
from mtlaug.protocol.labels import Corpus


def check_fold(name: str, classes: Iterable[str], corpus: Corpus, fold: Fold) -> None:
    """Raise a `UserError` unless the parts of a fold are complete and share no speaker, source recording or sound.

    Args:
        name: of the protocol.
        classes: each of which the training part must have.
    """
    where = f"protocol {name}, fold {fold.id}"
    speakers = {part: set(fold.speakers(part)) for part in HEARD}
    if strange := sorted(set(fold.shots) - corpus.labels.keys()):
        raise UserError(f"{where}: shot(s) not among the kept utterances: {', '.join(strange)}")
    speakers["train"] |= {corpus.utt2spk[utterance] for utterance in fold.shots}
    if unknown := sorted(set().union(*speakers.values()) - set(corpus.utt2spk.values())):
        raise UserError(f"{where}: speaker(s) not in the data: {', '.join(unknown)}")
    for part in PARTS:
        if not corpus.utterances(fold, part):
            raise UserError(f"{where}: the {part} part has no utterance")
    # Utterances without a class count too, as they may train the other tasks.
    utterances = {part: [u for u, s in corpus.utt2spk.items() if s in speakers[part]] for part in HEARD}
    sources = {part: {corpus.utt2uniq.get(u, u): u for u in utterances[part]} for part in HEARD}
    sums = corpus.utt2checksum
    sounds = {part: {sums[u]: u for u in utterances[part] if u in sums} for part in HEARD}
    for one, other in combinations(HEARD, 2):
        if both := sorted(speakers[one] & speakers[other]):
            raise UserError(f"{where}: leak: speaker(s) {', '.join(both)} in both {one} and {other}")
        if both := sorted(sources[one].keys() & sources[other].keys()):
            raise UserError(
                f"{where}: leak: {len(both)} recording(s) of utt2uniq in both {one} and {other}, "
                f"such as {both[0]} ({sources[one][both[0]]} and {sources[other][both[0]]})"
            )
        if both := sorted(sounds[one].keys() & sounds[other].keys()):
            raise UserError(
                f"{where}: leak: {len(both)} utterance(s) of {one} have the very samples of one in {other}, such as "
                f"{sounds[one][both[0]]} and {sounds[other][both[0]]}; remove one of each (mtlaug datadir subset)"
            )
        if corpus.segments and (both := _overlap(corpus.segments, utterances[one], utterances[other])):
            mend = "keep speakers who talk at once in one part (--fold-list or --scheme sessions)"
            raise UserError(
                f"{where}: leak: {both[0]} of {one} and {both[1]} of {other} overlap in a recording; {mend}"
            )
    absent = sorted(set(classes) - set(corpus.utterances(fold, "train").values()))
    if absent:
        dropped = (
            f"; {len(corpus.dropped)} utterances have no class, see protocol_dropped.tsv" if corpus.dropped else ""
        )
        raise UserError(f"{where}: no training utterance of class(es) {', '.join(absent)}{dropped}")


def shared_text(corpus: Corpus, fold: Fold) -> set[str]:
    """The sentences that the training part shares with the dev or the test part."""
    text = corpus.text
    said = {part: {text[utt] for utt in corpus.utterances(fold, part) if utt in text} for part in PARTS}
    return said["train"] & (said["dev"] | said["test"])


def shared_recordings(corpus: Corpus, fold: Fold) -> set[str]:
    """The recordings of ``segments`` of which the training part has a stretch, and the dev or the test part another."""
    segments = corpus.segments
    if not segments:  # as in most corpora; this is asked for each fold whenever a job begins
        return set()
    cut = {part: {segments[u][0] for u in corpus.utterances(fold, part) if u in segments} for part in PARTS}
    return cut["train"] & (cut["dev"] | cut["test"])


def _overlap(
    segments: Mapping[str, tuple[str, float, float]], some: Iterable[str], others: Iterable[str]
) -> tuple[str, str] | None:
    """The first utterance of each side that have samples of a recording in common."""
    spans = [(*segments[u], side, u) for side, part in enumerate((some, others)) for u in part if u in segments]
    latest = [("", 0.0, "")] * 2  # of each side: recording, end and utterance of the span that ends last
    for recording, start, end, side, utterance in sorted(spans):
        known, ended, other = latest[1 - side]
        if known == recording and ended > start:
            return (utterance, other) if side == 0 else (other, utterance)
        latest[side] = max(latest[side], (recording, end, utterance))
    return None
