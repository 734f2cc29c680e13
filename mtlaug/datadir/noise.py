"""Data directories of noise, or of room impulse responses, from any folder of audio files."""

import csv
import functools
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mtlaug.datadir.audio import check_audio
from mtlaug.datadir.corpus import ENDINGS, audio_files
from mtlaug.datadir.tables import read, write
from mtlaug.files import UserError
from mtlaug.seeding import rank

_ESC = re.compile(r"\d-(\d+)-[A-Z](?:-\d+)?")  # fold, source recording, take, and in ESC-50 the class
_TAKE = re.compile(r"-[A-Z]$")
BABBLE = "babble"  # a kind of its own, which is made of speech
_TABLES = ("wav.scp", "utt2spk", "utt2uniq", "utt2kind", "utt2dur")


class NoiseSets(NamedTuple):
    """What `from_noise` made: usable recordings of both directories, and the unusable ones with their reasons."""

    train: int
    test: int
    dropped: dict[str, str]


def from_noise(
    corpus_dir: str | Path,
    out_prefix: str,
    *,
    test_share: float = 0.4,
    held_out: str = "",
    max_loss: float = 5.0,
    seed: int = 0,
) -> NoiseSets:
    """Make ``<out_prefix>_train`` and ``<out_prefix>_test``, which share no source recording.

    The folder of a file is its kind and its speaker, and the utterance is ``<kind>-<file name>``;
    right below ``corpus_dir`` the kind is ``noise``, and in ESC-50 it is the category by ``meta/esc50.csv``.
    ``utt2uniq`` is the source recording: takes ``x-A`` and ``x-B`` are of one, and so are files of the same samples
    and, whatever their kinds, those of ESC-10 and ESC-50 (``fold-source-take``) with one source. Unusable files are in
    the ``dropped.tsv`` of the training directory.

    Args:
        test_share: of each kind's source recordings, chosen by a hash of ``seed`` and source; one at
            least is tested and one trained, but the only one of a kind is trained. 0 makes no test directory.
        held_out: a kind, or its folder, whose source recordings are all kept for the test.
        max_loss: largest share of unusable files, in percent, that is tolerated.
    Raises:
        UserError: the folder is missing, has no usable file or too many unusable ones, two files make the
            same utterance, ``test_share`` is not in [0, 1), ``held_out`` is no kind or leaves nothing to train on,
            or there is nothing to test, a kind that cannot be tested (see `check_kind`) or a test directory that was
            not asked for.
    """
    if not 0 <= test_share < 1:
        raise UserError(f"--test-share {test_share:g}: choose from 0 (no test directory) to less than 1")
    train_dir, test_dir = f"{out_prefix}_train", f"{out_prefix}_test"
    if test_share == 0 and held_out:
        raise UserError(f"--held-out {held_out}: needs a test directory; use a --test-share above 0")
    if test_share == 0 and os.path.exists(test_dir):
        raise UserError(f"{test_dir}: is of an earlier split, and {train_dir} would hold its recordings; remove it")
    tables, dropped = _usable(Path(corpus_dir), os.path.dirname(os.path.abspath(out_prefix)))
    if 100 * len(dropped) > max_loss * (total := len(dropped) + len(tables["utt2spk"])):
        raise UserError(
            f"{corpus_dir}: {len(dropped)} of {total} files are unusable (more than the {max_loss:g} % of --max-loss), "
            f"such as {min(dropped)}: {dropped[min(dropped)]}; mend them or raise --max-loss"
        )
    if test_share:
        for utterance, kind in tables["utt2kind"].items():
            check_kind(f"{tables['wav.scp'][utterance]}: rename its folder", kind)
    tested = _test_sources(tables["utt2uniq"], tables["utt2kind"], test_share, seed)
    if held_out:
        tested |= _sources_of_kind(_kind(held_out), tables)
    if test_share and not tested:
        raise UserError(
            f"{corpus_dir}: no kind has two source recordings, so none can be kept for the test; use --test-share 0"
        )
    test = {utterance for utterance, source in tables["utt2uniq"].items() if source in tested}
    if len(test) == len(tables["utt2uniq"]):
        raise UserError(f"{corpus_dir}: without the kind {held_out} there is no noise left for training")
    write(train_dir, _rows(tables, tables["utt2spk"].keys() - test), dropped=dropped)
    if test:
        write(test_dir, _rows(tables, test), dropped={})
    return NoiseSets(len(tables["utt2spk"]) - len(test), len(test), dropped)


def _usable(corpus: Path, beside: str) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """The tables of all files that can be decoded and are not silent, and the reasons for the others."""
    tables = _tables_of(corpus)
    os.makedirs(beside, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".tmp{os.getpid()}.", dir=beside) as aside:
        write(aside, tables)
        try:
            checked = check_audio(aside, max_loss=100)
        except UserError:  # its message names the temporary directory
            raise UserError(f"{corpus}: none of its {len(tables['wav.scp'])} audio files is usable") from None
        tables, sums = {name: read(aside, name) for name in _TABLES}, read(aside, "utt2checksum")
    tables["utt2uniq"] = _merged(tables["utt2uniq"], sums)
    return tables, checked.dropped


def _merged(utt2uniq: Mapping[str, str], sums: Mapping[str, str]) -> dict[str, str]:
    """The sources, where those of recordings with the very same samples are one."""
    merged, first = dict(utt2uniq), {}
    for utterance in utt2uniq:
        source = first.setdefault(sums[utterance], merged[utterance])
        if (other := merged[utterance]) != source:
            merged = {name: source if known == other else known for name, known in merged.items()}
    return merged


def _tables_of(corpus: Path) -> dict[str, dict[str, str]]:
    if not corpus.is_dir():
        raise UserError(f"{corpus}: no such directory; give a folder with recordings of noise or impulse responses")
    wav, kinds, sources = {}, {}, {}
    for path in audio_files(corpus):
        kind = kind_of(path) if path.parent != corpus or _categories(path) else "noise"
        name = "_".join(path.stem.split())
        utterance = f"{kind}-{name}"
        if utterance in wav:
            raise UserError(f"{path}: and {wav[utterance]} would both be utterance {utterance}; rename one of them")
        wav[utterance], kinds[utterance] = str(path.resolve()), kind
        sources[utterance] = _source(name, f"{kind}-")
    if not wav:
        raise UserError(f"{corpus}: holds no file that ends in {', '.join(ENDINGS)}")
    return {"wav.scp": wav, "utt2spk": dict(kinds), "utt2uniq": sources, "utt2kind": kinds}


def check_kind(where: str, kind: str) -> None:
    """Raise a `UserError` where a kind cannot be part of the name of a score; ``where`` it is from."""
    if not re.fullmatch(r"[A-Za-z0-9_]+", kind) or kind == BABBLE:
        raise UserError(f"{where}: kind {kind!r}: use letters, digits and '_', and not {BABBLE}")


def _source(name: str, home: str) -> str:
    """The source recording of a file; ``home`` tells equal names of other folders apart."""
    esc = _ESC.fullmatch(name)
    return esc[1] if esc else f"{home}{_TAKE.sub('', name)}"


def source_of(path: str) -> str:
    """A name for the source recording of a noise file, the same for all its takes; for comparisons by path alone."""
    file = Path(path)
    return _source(file.stem, f"{file.parent}/")


def kind_of(path: str | Path) -> str:
    """The kind of a noise file: its category in ESC-50, which has one folder for all, or the folder it is in.

    A command is a kind of its own.
    """
    if str(path).endswith("|"):
        return str(path)
    return _kind(_categories(Path(path)).get(Path(path).name, Path(path).parent.name))


def _categories(path: Path) -> dict[str, str]:
    """File name to category, of ESC-50 where the file is of that."""
    return _read_categories(path.parent.parent / "meta" / "esc50.csv")


@functools.cache
def _read_categories(table: Path) -> dict[str, str]:
    if not table.is_file():
        return {}
    with open(table, encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if not {"filename", "category"} <= {*(rows.fieldnames or ())}:
            raise UserError(f"{table}: has no columns filename and category, as ESC-50's list has; move it elsewhere")
        return {row["filename"]: row["category"] for row in rows}


def _kind(folder: str) -> str:
    """``002 - Rain`` to ``rain``, ``Dog bark`` to ``dog_bark``."""
    # Not joined by "-", which ends the kind in an utterance: so speakers and utterances sort alike.
    words = re.findall(r"[^\W_]+", folder.lower())
    return "_".join(words[1:] if len(words) > 1 and words[0].isdecimal() else words) or "noise"


def _test_sources(utt2uniq: Mapping[str, str], utt2kind: Mapping[str, str], share: float, seed: int) -> set[str]:
    """The sources to test on, ``share`` of each kind's; a source in several kinds counts for the first of them."""
    home: dict[str, str] = {}
    for utterance in sorted(utt2uniq):
        home.setdefault(utt2uniq[utterance], utt2kind[utterance])
    tested: set[str] = set()
    for kind in set(home.values()) if share else ():
        sources = [source for source in home if home[source] == kind]
        sources.sort(key=lambda source: rank(seed, source))
        tested.update(sources[: min(max(1, round(share * len(sources))), len(sources) - 1)])
    return tested


def _sources_of_kind(kind: str, tables: Mapping[str, Mapping[str, str]]) -> set[str]:
    kinds = tables["utt2kind"]
    if kind not in kinds.values():
        raise UserError(f"--held-out {kind}: no such kind of noise; there are {', '.join(sorted(set(kinds.values())))}")
    return {source for utterance, source in tables["utt2uniq"].items() if kinds[utterance] == kind}


def _rows(tables: Mapping[str, Mapping[str, str]], utterances: set[str]) -> dict[str, dict[str, str]]:
    return {name: {key: table[key] for key in sorted(utterances)} for name, table in tables.items()}
