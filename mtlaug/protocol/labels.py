"""Which utterances a protocol keeps, and as which class: label maps and the labels of a data directory."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mtlaug.files import UserError, read_table, read_yaml
from mtlaug.protocol.folds import Fold

NO_LABEL = "(no label)"


@dataclass(frozen=True)
class Corpus:
    """What a protocol needs of a data directory; all keyed by utterance.

    ``labels`` holds the kept utterances' classes, ``dropped`` the raw label of the
    others; the tables below them are empty where the data directory has none. ``segments`` holds
    recording, start and end (seconds) of those that are parts of a recording with others.
    """

    utt2spk: dict[str, str]
    labels: dict[str, str]
    dropped: dict[str, str]
    utt2uniq: dict[str, str]
    text: dict[str, str]
    utt2checksum: dict[str, str]
    utt2corpus: dict[str, str]
    segments: dict[str, tuple[str, float, float]]

    def utterances(self, fold: Fold, part: str) -> dict[str, str]:
        """Kept utterance to class, C-sorted, of a part of a fold: of its speakers and, for ``train``, the shots.

        Args:
            part: ``train``, ``dev``, ``test``, or ``unlabelled``, whose classes no training may look at.
        """
        speakers, shots = set(fold.speakers(part)), set(fold.shots) if part == "train" else set()
        return {u: label for u, label in self.labels.items() if self.utt2spk[u] in speakers or u in shots}


def read_label_map(path: str | Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Read ``classes: [...]`` and ``map: {raw label: class}`` from YAML."""
    tree = read_yaml(path)
    if not isinstance(tree, dict) or set(tree) != {"classes", "map"} or not isinstance(tree["map"], dict):
        raise UserError(f"{path}: expected exactly 'classes: [name, ...]' and 'map: {{raw label: class, ...}}'")
    classes, label_map = tree["classes"], tree["map"]
    if not isinstance(classes, list) or len(classes) != len(set(map(str, classes))):
        raise UserError(f"{path}: 'classes' must be a list of different names")
    for name in (*classes, *label_map, *label_map.values()):
        if not isinstance(name, str) or not re.fullmatch(r"\S+", name):
            raise UserError(f"{path}: {name!r} must be one word; put quotes round numbers and words such as 'no'")
    unknown = sorted(set(label_map.values()) - set(classes))
    if unknown:
        raise UserError(f"{path}: 'map' leads to {', '.join(unknown)}, not listed under 'classes'")
    return tuple(classes), dict(label_map)


def read_corpus(data_dir: str | Path, classes: tuple[str, ...], label_map: dict[str, str] | None) -> Corpus:
    """Read the labels of a data directory and sort its utterances into kept and dropped.

    Raises:
        UserError: without a label map, a label is none of ``classes``; or an
            utterance has a label but no speaker.
    """
    data_dir = Path(data_dir)
    utt2spk = read_table(data_dir / "utt2spk")
    raw = read_table(data_dir / "utt2emo")
    strangers = [utt for utt in raw if utt not in utt2spk]
    if strangers:
        raise UserError(f"{data_dir}/utt2emo: utterance {strangers[0]} is not in utt2spk; run utils/fix_data_dir.sh")
    labels, dropped = {}, {}
    for utt in utt2spk:
        label = raw.get(utt)
        emotion = label if label_map is None else label_map.get(label)
        if emotion is None:
            dropped[utt] = NO_LABEL if label is None else label
        elif emotion not in classes:
            raise UserError(f"{data_dir}/utt2emo: utterance {utt}: class {emotion!r} is none of {', '.join(classes)}")
        else:
            labels[utt] = emotion
    optional = {name: data_dir / name for name in ("utt2uniq", "text", "utt2checksum", "utt2corpus")}
    tables = {name: read_table(path) if path.exists() else {} for name, path in optional.items()}
    return Corpus(utt2spk, labels, dropped, **tables, segments=_shared_recordings(data_dir / "segments"))


def _shared_recordings(path: Path) -> dict[str, tuple[str, float, float]]:
    """The lines of ``segments`` whose recording other lines are of too."""
    lines = {utt: line.split() for utt, line in read_table(path).items()} if path.exists() else {}
    try:
        number = Counter(recording for recording, _, _ in lines.values())
        return {utt: (name, float(start), float(end)) for utt, (name, start, end) in lines.items() if number[name] > 1}
    except ValueError:
        raise UserError(f"{path}: malformed; utils/validate_data_dir.sh {path.parent} says where") from None
