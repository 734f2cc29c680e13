"""Options that several commands share."""

import math

from mtlaug.files import UserError


def add_config(parser) -> None:
    """Add ``--config FILE`` and ``--set block.key=value``."""
    parser.add_argument("--config", required=True, help="YAML file with *_args blocks")
    parser.add_argument(
        "--set", action="append", default=[], metavar="BLOCK.KEY=VALUE", help="override one key; may be repeated"
    )


def add_job(parser) -> None:
    """Add ``--job J --nj N``, one of several parts of the work; by default all of it."""
    parser.add_argument("--job", type=int, default=1, help="number of the part, from 1")
    parser.add_argument("--nj", type=int, default=1, help="number of parts")


def job(options) -> tuple[int, int]:
    """The values of ``--job`` and ``--nj``.

    Raises:
        UserError: there is no such part.
    """
    if not 1 <= options.job <= options.nj:
        raise UserError(f"--job {options.job} is not from 1 to --nj {options.nj}")
    return options.job, options.nj


def percentage(text: str) -> float:
    """A number from 0 to 100, as the ``type`` of an option."""
    if not 0 <= (value := float(text)) <= 100:
        raise ValueError
    return value


def numbers(option: str, text: str) -> list[float]:
    """The value of an option that lists different finite numbers, separated by spaces or commas.

    Raises:
        UserError: a word that is no finite number, a number given twice, or none at all.
    """
    values = []
    for word in text.replace(",", " ").split():
        try:
            values.append(float(word))
        except ValueError:
            values.append(math.nan)
        if not math.isfinite(values[-1]):
            raise UserError(f"{option} {text!r}: {word!r} is not a finite number")
    if not values or len({f"{value:g}" for value in values}) < len(values):
        raise UserError(f"{option} {text!r}: expected different numbers, such as '20 10 0'")
    return values
