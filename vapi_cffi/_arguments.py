"""Arguments that programs give, looked at before anything is done with them."""

from __future__ import annotations

from ._errors import InvalidArgument

U32_MAX, U64_MAX = 2**32 - 1, 2**64 - 1


def whole(name: str, value: object, least: int = 1, most: int = U32_MAX) -> int:
    """A whole number within its bounds. Errors: `InvalidArgument` names it and its value.

    >>> whole("depth", 256)
    256
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidArgument(f"{name} is a whole number, not {value!r}")
    if value < least:
        raise InvalidArgument(f"{name} is at least {least}, not {value!r}")
    if value > most:
        raise InvalidArgument(f"{name} is at most {most}, not {value!r}")
    return value


def function(name: str, value: object) -> None:
    """What can be called, or None. Errors: `InvalidArgument`."""
    if value is not None and not callable(value):
        raise InvalidArgument(f"{name} is a function, not {value!r}")


def word(name: str, value: object) -> str:
    """A text. Errors: `InvalidArgument`."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} is a string, not {value!r}")
    return value
