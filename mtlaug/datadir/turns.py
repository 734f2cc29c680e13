"""Data directories of corpora in sessions whose labels are in files of their own, such as IEMOCAP and MSP-IMPROV.

A recipe reads the label files into `Turn` s; joining them with the audio, saying what is left out, comparing
the counts with known ones and writing the tables are the same for all.
"""

import math
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mtlaug.datadir.counts import Known, check_counts
from mtlaug.datadir.tables import BY_CHOICE, REPEATED, write
from mtlaug.files import UserError

_SHOWN = 5  # names that are printed of what is left out for one reason; dropped.tsv has them all


@dataclass(frozen=True)
class Turn:
    """What one turn's line in a label file says.

    Attributes:
        name: of its audio file, without ending.
        where: ``file:line``.
        avd: mean ratings of activation, valence and dominance; NaN where one is missing.
        scripted: the words were given, and recur in other sessions.
        text: the words, or a name of the sentence; None where they are not known or not fixed.
    """

    name: str
    where: str
    speaker: str
    gender: str
    session: str
    emotion: str
    avd: tuple[float, float, float]
    scripted: bool
    text: str | None = None

    @property
    def utterance(self) -> str:
        """The utterance-id: the speaker, a dash, which sorts before letters and digits, and the name."""
        return f"{self.speaker}-{self.name}"


class LeftOut:
    """What a corpus has and its data directory has not: names, each with a place and a reason, in the order found."""

    def __init__(self) -> None:
        self._problems: dict[str, tuple[str, str]] = {}

    def add(self, name: str, where: object, problem: str) -> None:
        """Note one; a name that is noted already is kept apart by ``where``."""
        self._problems[str(where) if name in self._problems else name] = (str(where), problem)

    def __contains__(self, name: str) -> bool:
        return name in self._problems

    def reasons(self) -> dict[str, str]:
        """For dropped.tsv: name to reason; reasons of no loss keep their first words."""
        return {
            name: f"{problem}; {where}" if problem.startswith((BY_CHOICE, REPEATED)) else f"{where}: {problem}"
            for name, (where, problem) in self._problems.items()
        }

    def report(self) -> None:
        """Print on stderr each reason, how often there was it, and some of the names."""
        names: dict[str, list[str]] = {}
        for name, (_, problem) in self._problems.items():
            names.setdefault(problem, []).append(name)
        for problem, those in names.items():
            shown = ", ".join(those[:_SHOWN]) + (", ..." if len(those) > _SHOWN else "")
            print(f"prepare_data: left out {len(those)}: {problem} ({shown})", file=sys.stderr)


def from_turns(
    data_dir: str | os.PathLike,
    turns: Iterable[Turn],
    audio: Mapping[str, Path],
    known: Known,
    left_out: LeftOut,
    *,
    scripted: bool = True,
    allow_partial: bool = False,
) -> None:
    """Join turns and audio, check the counts, and write the data directory.

    Beside the usual tables there are ``utt2avd`` (activation, valence and dominance, ``nan`` where missing) and
    ``utt2session``. In ``text`` an utterance without words has its id, so that it shares its text with no other.

    Args:
        audio: name to path, as `mtlaug.datadir.find_audio` returns it, without files that are no turns.
        known: counts of the whole corpus, which are compared before scripted speech is left out.
        left_out: what the reading of the files left out so far; goes to ``dropped.tsv`` with what is left out here.
        scripted: False leaves out turns whose words were given.
        allow_partial: go on with a part of the corpus; what it lacks is then no loss but listed as a choice.
    Raises:
        UserError: the counts are far from the known ones, or nothing is left; nothing is written then.
    """
    labelled = _unique(turns, left_out)
    choice = f"{BY_CHOICE} (--allow-partial true): " if allow_partial else ""
    kept = []
    for turn in labelled.values():
        if turn.name in audio:
            kept.append(turn)
        else:
            left_out.add(turn.name, turn.where, f"{choice}labelled, but without an audio file")
    for name, path in audio.items():
        if name not in labelled and name not in left_out:
            left_out.add(name, path, f"{choice}audio without a label")
    spoken = [turn for turn in kept if scripted or not turn.scripted]
    for turn in kept if not scripted else ():
        if turn.scripted:
            left_out.add(turn.name, turn.where, f"{BY_CHOICE} (--scripted false): scripted speech")
    left_out.report()
    check_counts(((turn.emotion, turn.session) for turn in kept), known, allow_partial=allow_partial)
    if not spoken:
        raise UserError(f"{data_dir}: no utterance is left; nothing was written")
    write(data_dir, _tables(spoken, audio), dropped=left_out.reasons())
    _summarise(spoken, len(left_out.reasons()))


def _unique(turns: Iterable[Turn], left_out: LeftOut) -> dict[str, Turn]:
    """Name to turn. Of equal ones the first stays; a turn with two different labels is left out."""
    found: dict[str, Turn] = {}
    contradicted: dict[str, Turn] = {}
    for turn in turns:
        first = found.setdefault(turn.name, turn)
        if first is turn:
            continue
        if (turn.emotion, str(turn.avd)) == (first.emotion, str(first.avd)):
            left_out.add(Path(turn.where).name, turn.where, f"{REPEATED}a turn with the same label")
        else:
            contradicted.setdefault(turn.name, turn)
    for name, turn in contradicted.items():
        left_out.add(name, f"{found.pop(name).where} and {turn.where}", "has two different labels")
    return found


def _tables(turns: list[Turn], audio: Mapping[str, Path]) -> dict[str, dict[str, object]]:
    by_id = {turn.utterance: turn for turn in turns}
    return {
        "wav.scp": {utterance: audio[turn.name].resolve() for utterance, turn in by_id.items()},
        "utt2spk": {utterance: turn.speaker for utterance, turn in by_id.items()},
        "utt2emo": {utterance: turn.emotion for utterance, turn in by_id.items()},
        "utt2avd": {utterance: " ".join(f"{value:.7g}" for value in turn.avd) for utterance, turn in by_id.items()},
        "utt2session": {utterance: turn.session for utterance, turn in by_id.items()},
        "text": {utterance: turn.text or utterance for utterance, turn in by_id.items()},
        "utt2lang": dict.fromkeys(by_id, "en"),
        "spk2gender": {turn.speaker: turn.gender for turn in turns},
    }


def _summarise(turns: list[Turn], left_out: int) -> None:
    speakers = {turn.speaker for turn in turns}
    sessions = {turn.session for turn in turns}
    unrated = sum(any(map(math.isnan, turn.avd)) for turn in turns)
    wordless = sum(turn.text is None for turn in turns)
    print(
        f"prepare_data: {len(turns)} utterances of {len(speakers)} speakers in {len(sessions)} sessions, "
        f"{left_out} left out (dropped.tsv); {unrated} lack a rating, {wordless} have no text"
    )
