"""The labels of a made-up corpus, without audio, for the tests of `mtlaug.protocol`."""

from pathlib import Path

from mtlaug.files import read_table, write_table

GENDERS = {"a1": "f", "a2": "m", "b1": "f", "b2": "m", "c1": "f", "c2": "m"}
LABEL_MAP = "classes: [angry, sad]\nmap:\n  anger: angry\n  sadness: sad\n"


def make(root: Path) -> Path:
    """Six speakers with two utterances of each of three raw labels, and one utterance without a label.

    The directory has a space in its name; beside it is ``map.yaml``, which leaves a label out.
    """
    path = root / "my data"
    path.mkdir()
    emotions = {f"{s}-{label}-{n}": label for s in GENDERS for label in ("anger", "boredom", "sadness") for n in "12"}
    write_table(path / "utt2emo", emotions)
    write_table(path / "utt2spk", {utt: utt[:2] for utt in [*emotions, "a1-unlabelled"]})
    write_table(path / "spk2gender", GENDERS)
    (root / "map.yaml").write_text(LABEL_MAP)
    return path


def change(path: Path, **cells: str) -> None:
    """Set entries of a table."""
    write_table(path, {**(read_table(path) if path.exists() else {}), **cells})
