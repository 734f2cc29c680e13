"""Options that several commands share."""

import math

from mtlaug.files import UserError


def add_config(parser) -> None:
    """Add ``--config FILE`` and ``--set block.key=value``."""
    parser.add_argument("--config", required=True, help="YAML file with *_args blocks")
    parser.add_argument(
        "--set", action="append", default=[], metavar="BLOCK.KEY=VALUE", help="override one key; may be repeated"
    )


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
