"""Files that are either whole or absent, and the errors a user can mend.

Every module writes through `atomic_path`, so that a killed stage never
leaves half a file under its final name.
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space left: on the disk, of the user's share, for one file


class UserError(Exception):
    """A mistake the user can mend; the command line prints it without a traceback.

    The message names the file, the utterance where there is one, and the mend.
    """


def first_line(error: BaseException) -> str:
    """What an error says, in a line; its kind where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


@contextlib.contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; rename it to ``target`` on success.

    The temporary name keeps the endings (``.jsonl.gz`` stays readable as such) and
    carries the process id, so that two jobs never write to the same one. On an
    exception the temporary file is removed and the old target stays as it was.

    Raises:
        UserError: the disk is full, or the directory is missing.
    """
    target = Path(target)
    if not target.parent.is_dir():
        raise UserError(f"{target.parent}: no such directory; make it, or write {target.name} elsewhere")
    temporary = target.with_name(f".tmp{os.getpid()}.{target.name}")
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(f"{target}: {error.strerror}; make room and run the stage again; it is as it was") from None
    finally:
        temporary.unlink(missing_ok=True)


def read_text(path: str | Path) -> str:
    """The whole of a text file; one that is missing, unreadable or not UTF-8 is a `UserError`."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def read_yaml(path: str | Path) -> object:
    """What a YAML file holds; one that is missing, unreadable, not UTF-8 or not YAML is a `UserError`."""
    import yaml  # here, as most commands have no need of it

    class Loader(yaml.SafeLoader):
        """Refuses a key that is there twice, of which YAML's own would take the last."""

        def construct_mapping(self, node, deep=False):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if again := [key for place, key in enumerate(keys) if key in keys[:place]]:
                raise yaml.constructor.ConstructorError(None, None, f"{again[0]!r} is there twice", node.start_mark)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(read_text(path), Loader)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML: {error}") from None


def read_table(path: str | Path) -> dict[str, str]:
    """Read a Kaldi table: one ``key value...`` a line, C-sorted, keys unique.

    Returns:
        An ordered mapping of key to the rest of its line (one space between
        them, trailing white space removed).
    Raises:
        UserError: see `read_rows`.
    """
    return dict(read_rows(path))


def read_rows(path: str | Path) -> Iterator[tuple[str, str]]:
    """Yield key and value of each line of a Kaldi table, which may have any size.

    Raises:
        UserError: the file is missing, not UTF-8, a line has no value, a key
            is repeated, or the order is not that of ``LC_ALL=C sort``.
    """
    last = b""
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                key, _, value = line.rstrip().partition(" ")
                if not key or not value.strip() or "\t" in key:
                    raise UserError(f"{path}:{number}: expected 'key value', got {line.rstrip()!r}")
                encoded = key.encode()
                if encoded == last:
                    raise UserError(f"{path}:{number}: {key!r} is listed twice; keep one of the lines")
                if encoded < last:
                    mend = f"run utils/fix_data_dir.sh {Path(path).parent}, or LC_ALL=C sort on a list of your own"
                    raise UserError(f"{path}:{number}: {key!r} is out of order; {mend}")
                last = encoded
                yield key, value.strip()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def write_table(path: str | Path, table: Mapping[str, object]) -> None:
    """Write a Kaldi table, C-sorted, atomically."""
    with atomic_path(path) as temporary:
        with open(temporary, "w", encoding="utf-8") as out:
            for key in sorted(table, key=str.encode):
                out.write(f"{key} {table[key]}\n")


def read_json(path: str | Path) -> dict:
    """Read one JSON object; a missing or broken file is a `UserError`."""
    try:
        value = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected a JSON object, {{...}}")
    return value


def write_json(path: str | Path, value: object) -> None:
    """Write indented JSON with a final newline, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
