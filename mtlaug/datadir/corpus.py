"""What data preparation scripts share: the audio files of a corpus, and their check against a list of originals."""

import csv
import hashlib
import os
import sys
from pathlib import Path

from mtlaug.files import UserError

ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au")
UNREAD = (".m4a", ".aac", ".wma", ".amr", ".webm")  # audio that soundfile does not read


def files_below(folder: str | Path) -> list[Path]:
    """The files below ``folder``, sorted; linked folders are entered, each folder once, hidden ones passed over.

    Raises:
        UserError: a name is not UTF-8, which no table could hold; a folder, or an audio file that is a link, cannot be
            reached.
    """
    files, entered = [], set()
    for root, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        here = os.path.realpath(root)
        folders[:] = [] if here in entered else sorted(name for name in folders if not name.startswith("."))
        files += [Path(root, name) for name in names if here not in entered and not name.startswith(".")]
        entered.add(here)
    for path in files:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            raise UserError(f"{os.fsencode(path)!r}: the name is not UTF-8; rename the file or its folder") from None
        if path.suffix.lower() in (*ENDINGS, *UNREAD) and not path.exists():
            raise UserError(f"{path}: the file that it links to is not there; fetch it, or remove the link")
    return sorted(path for path in files if path.is_file())


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename}: {error.strerror}; the files in it would be lost") from None


def audio_files(folder: str | Path) -> list[Path]:
    """Those of `files_below` that soundfile reads; other audio is told of."""
    files = files_below(folder)
    if unread := [path for path in files if path.suffix.lower() in UNREAD]:
        formats = " ".join(sorted({path.suffix.lower() for path in unread}))
        named = f"{len(unread)} files of other formats ({formats})"
        print(f"{folder}: {named} are left out, such as {unread[0]}; convert them", file=sys.stderr)
    return [path for path in files if path.suffix.lower() in ENDINGS]


def find_audio(corpus_dir: str | Path, *, example: str) -> dict[str, Path]:
    """Name (without ending) to path of every file of `audio_files`.

    Args:
        example: a path in the corpus, for the message where nothing is found.
    Raises:
        UserError: the directory is missing or has no audio file, or two files have one name.
    """
    found: dict[str, Path] = {}
    for path in some_audio(corpus_dir, example=example):
        if path.stem in found:
            raise UserError(f"{path}: and {found[path.stem]} would both be utterance {path.stem}; keep one of them")
        found[path.stem] = path
    return found


def some_audio(corpus_dir: str | Path, *, example: str) -> list[Path]:
    """`audio_files` of a corpus, whose ``example`` stands in the message where there is none.

    Raises:
        UserError: the directory is missing or has no audio file.
    """
    corpus = Path(corpus_dir)
    if not corpus.is_dir():
        folder = Path(example).parts[0]
        raise UserError(f"{corpus}: no such directory; give the folder that holds {folder} by --corpus-dir")
    if not (found := audio_files(corpus)):
        raise UserError(f"{corpus}: holds no audio file ({' '.join(ENDINGS)}); expected names such as {example}")
    return found


def check_originals(corpus_dir: str | Path, audio: dict[str, Path]) -> int:
    """Compare sizes and SHA-256 sums of wav files with the corpus's list ``original_*_sha256.tsv``, where it has one.

    A file that differs is named on stderr; a summary goes to stdout.

    Args:
        audio: what `find_audio` returned.
    Returns:
        The number of files that differ.
    """
    lists = sorted(Path(corpus_dir).glob("original_*_sha256.tsv"))
    if not lists:
        print(f"{corpus_dir}: has no list of check sums; sizes and contents were not compared")
        return 0
    known = _read_originals(lists[0])
    differing = 0
    for name, path in audio.items():
        if name not in known or path.suffix != ".wav":
            continue
        content = path.read_bytes()
        if (str(len(content)), hashlib.sha256(content).hexdigest()) != known[name]:
            differing += 1
            print(f"{path}: differs from the original in size or SHA-256", file=sys.stderr)
    here = len(audio.keys() & known.keys())
    name = lists[0].name
    print(f"{corpus_dir}: {here} of the {len(known)} original files are here, {differing} of them differ from {name}")
    return differing


def _read_originals(path: str | os.PathLike) -> dict[str, tuple[str, str]]:
    """Name (without ending) to size in bytes and SHA-256 of each original file, from a table with a header."""
    with open(path, encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        if not {"file", "bytes", "sha256"} <= set(rows.fieldnames or ()):
            raise UserError(f"{path}:1: expected a header with file, bytes and sha256; mend or remove this list")
        return {Path(row["file"]).stem: (row["bytes"], row["sha256"]) for row in rows}
