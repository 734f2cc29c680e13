"""Options that know what they mean and what values they may have, and dataclasses of them built from YAML."""

import contextlib
import dataclasses
import difflib
import typing
from dataclasses import field

from mtlaug.files import UserError

ALLOWED = {
    "any": lambda value: True,
    "above zero": lambda value: value > 0,
    "zero or more": lambda value: value >= 0,
    "from 0 to below 1": lambda value: 0 <= value < 1,
    "above 0 and up to 1": lambda value: 0 < value <= 1,
    "odd": lambda value: value > 0 and value % 2 == 1,
}


def option(default, meaning: str, unit: str = "", allowed: str | tuple = "any"):
    """A dataclass field that carries its meaning, its unit and what values it may have.

    Args:
        allowed: a key of `ALLOWED`, or the values themselves.
    """
    metadata = {"meaning": meaning, "unit": unit, "allowed": allowed}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def in_words(allowed: str | tuple) -> str:
    """What an option may be, as it stands in messages and in the reference: "uar, loss or last"."""
    if isinstance(allowed, str):
        return allowed
    return f"{', '.join(map(str, allowed[:-1]))} or {allowed[-1]}"


def _is_allowed(value: object, allowed: str | tuple) -> bool:
    return ALLOWED[allowed](value) if isinstance(allowed, str) else value in allowed


def build(kind: type, values: dict | None, source: str):
    """Build dataclass ``kind`` from a mapping; unknown keys, wrong types and values not allowed are a `UserError`.

    What a value may be stands in its field's metadata (see `option`); a dataclass
    may also refuse its values by a ValueError from ``__post_init__``.
    """
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise UserError(f"{source}: expected 'key: value' pairs, got {values!r}")
    hints = typing.get_type_hints(kind)
    for key in values:
        known(key, hints, source)
    typed = {key: _typed(value, hints[key], f"{source}.{key}") for key, value in values.items()}
    for item in dataclasses.fields(kind):
        allowed = item.metadata.get("allowed", "any")
        if item.name in typed and not _is_allowed(typed[item.name], allowed):
            raise UserError(f"{source}.{item.name} must be {in_words(allowed)}, not {typed[item.name]!r}")
    try:
        return kind(**typed)
    except ValueError as error:
        raise UserError(f"{source}.{error}") from None


def known(key: str, names: typing.Iterable[str], source: str) -> None:
    """Raise a `UserError` where ``key`` is none of ``names``; it names the nearest one."""
    if key not in names:
        near = difflib.get_close_matches(str(key), list(names), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(names)}"
        raise UserError(f"{source}: unknown key {key!r}{hint}")


def _typed(value: object, hint: type, source: str) -> object:
    if hint is float and isinstance(value, (int, str)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):  # YAML reads 1e-3 as a string
            value = float(value)
    if typing.get_origin(hint) is list and isinstance(value, list):
        (inner,) = typing.get_args(hint)
        return [_typed(item, inner, source) for item in value]
    plain = typing.get_origin(hint) or hint
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise UserError(f"{source}: expected {plain.__name__}, got {value!r}")
    return value
