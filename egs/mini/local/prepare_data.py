#!/usr/bin/env python3
"""Stage 1 of the mini recipe: Kaldi data directories from what make_corpus.py made (SYNTHETIC speech).

Writes DATA/mini (labelled), DATA/mini_unlabelled (the same tables but for utt2emo) and, of some of the
unlabelled voices, DATA/mini_unlabelled_babble, whose speech becomes babble noise in the tests.
"""

import csv
import sys
from pathlib import Path

from mtlaug import datadir
from mtlaug.cli import Parser, run
from mtlaug.files import UserError

LANGUAGE = "en"


def read_manifest(corpus: Path) -> list[dict[str, str]]:
    """The rows of ``corpus/manifest.tsv``, one an utterance."""
    path = corpus / "manifest.tsv"
    try:
        with open(path, encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines, delimiter="\t"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; make the corpus first with local/make_corpus.py") from None


def tables(corpus: Path, rows: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    """The tables of a data directory by file name; ``utt2emo`` only where the rows have an emotion.

    Paths in wav.scp start with ``corpus`` as given: relative to the recipe where that is.
    """
    made = {
        "wav.scp": {row["utterance"]: str(corpus / row["path"]) for row in rows},
        "utt2spk": {row["utterance"]: row["speaker"] for row in rows},
        "utt2lang": {row["utterance"]: LANGUAGE for row in rows},
        "text": {row["utterance"]: row["text"] for row in rows},
        "spk2gender": {row["speaker"]: row["gender"] for row in rows},
    }
    if all(row["emotion"] for row in rows):
        made["utt2emo"] = {row["utterance"]: row["emotion"] for row in rows}
    return made


def prepare(corpus: Path, data: Path) -> None:
    """Write the data directories under ``data``."""
    rows = read_manifest(corpus)
    babble = set(sorted({row["speaker"] for row in rows if not row["emotion"]})[::3])
    for name, part in (
        ("mini", [row for row in rows if row["emotion"]]),
        ("mini_unlabelled", [row for row in rows if not row["emotion"] and row["speaker"] not in babble]),
        ("mini_unlabelled_babble", [row for row in rows if row["speaker"] in babble]),
    ):
        datadir.write(data / name, tables(corpus, part), dropped={})
        speakers = {row["speaker"] for row in part}
        print(f"{data / name}: {len(part)} utterances of {len(speakers)} synthetic speakers")


def main() -> int:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus-dir", type=Path, default=Path("corpus"), help="what make_corpus.py made")
    parser.add_argument("--data-dir", type=Path, default=Path("data"), help="where the data directories go")
    options = parser.parse_args()
    return run("prepare_data", prepare, options.corpus_dir, options.data_dir)


if __name__ == "__main__":
    sys.exit(main())
