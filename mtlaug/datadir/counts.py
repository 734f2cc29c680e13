"""Utterances by class and session, beside the counts that are known of a corpus: is the copy whole?"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mtlaug.files import UserError

TOLERANCE = 0.05  # share of a known count that may be missing, or too much, in a copy that is taken for whole


@dataclass(frozen=True)
class Known:
    """What the literature says of a corpus; a class or session without a known count has None.

    ``by_class`` and ``by_session`` are in the order of the printed table; ``total`` is of these classes alone.
    """

    total: int
    by_class: Mapping[str, int | None] = field(default_factory=dict)
    by_session: Mapping[str, int | None] = field(default_factory=dict)


def check_counts(labels: Iterable[tuple[str, str]], known: Known, *, allow_partial: bool = False) -> None:
    """Print the counts beside the known ones, and stop where one is more than `TOLERANCE` away from its own.

    Args:
        labels: ``(emotion, session)`` of each utterance.
        allow_partial: far-off counts are a warning, not an error.
    Raises:
        UserError: a count is far off.
    """
    counts = Counter(labels)
    print("\n".join(_table(counts, known)))
    others = Counter(emotion for emotion, session in counts.elements() if emotion not in known.by_class)
    if others:
        print("other labels: " + ", ".join(f"{emotion} {others[emotion]}" for emotion in sorted(others)))
    strange = sorted({session for _, session in counts} - known.by_session.keys())
    far = [f"{name} {found} instead of {expected}" for name, found, expected in _far_off(counts, known)]
    far += [f"unknown session {session}" for session in strange]
    if far and not allow_partial:
        raise UserError(
            f"the counts are far from the known ones: {'; '.join(far)}. The copy is not whole, or its files are "
            "not as expected (see above what was left out); nothing was written. Mend the copy, or go on with what "
            "there is: --allow-partial true"
        )
    if far:
        print(f"warning: a part of the corpus (--allow-partial true): {'; '.join(far)}", file=sys.stderr)


def warn_of_part(emotions: Iterable[str], known: Mapping[str, int]) -> None:
    """Say on stderr where the classes of a corpus that anyone can fetch whole have not their known counts.

    No error: a part may be what is wanted, but its figures do not compare with those of the whole.

    Args:
        emotions: of each utterance.
        known: each class's count in the whole corpus.
    """
    counts = Counter(emotions)
    other = [f"{name} {counts[name]} of {count}" for name, count in known.items() if counts[name] != count]
    if other:
        print(f"warning: not the corpus as it was published: {', '.join(other)} utterances", file=sys.stderr)


def _margins(counts: Mapping[tuple[str, str], int], known: Known) -> tuple[Counter, Counter]:
    """Utterances of the known classes, by class and by session."""
    by_class, by_session = Counter(), Counter()
    for (emotion, session), count in counts.items():
        if emotion in known.by_class:
            by_class[emotion] += count
            by_session[session] += count
    return by_class, by_session


def _far_off(counts: Mapping[tuple[str, str], int], known: Known) -> list[tuple[str, int, int]]:
    by_class, by_session = _margins(counts, known)
    compared = [(name, by_class[name], expected) for name, expected in known.by_class.items()]
    compared += [(name, by_session[name], expected) for name, expected in known.by_session.items()]
    compared.append(("in all", by_class.total(), known.total))
    return [row for row in compared if row[2] is not None and abs(row[1] - row[2]) > TOLERANCE * row[2]]


def _table(counts: Mapping[tuple[str, str], int], known: Known) -> list[str]:
    """Lines: a class each and all of them, the sessions side by side, the known counts last in both directions."""
    by_class, by_session = _margins(counts, known)
    sessions = list(known.by_session)
    rows = [("", *sessions, "in all", "known")]
    for emotion, expected in known.by_class.items():
        rows.append((emotion, *(counts[emotion, session] for session in sessions), by_class[emotion], expected))
    rows.append(("in all", *(by_session[session] for session in sessions), by_class.total(), known.total))
    rows.append(("known", *known.by_session.values(), known.total, ""))
    cells = [["-" if value is None else str(value) for value in row] for row in rows]
    return [f"{row[0]:9}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in cells]
