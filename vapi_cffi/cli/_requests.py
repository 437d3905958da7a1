"""From the name of a message to the function that sends it, with hints for those who mean
another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from .._errors import InvalidArgument, NoSuchMessage
from ._complete import kind_of

if TYPE_CHECKING:
    from .._client import Client

#: What to say instead, by how a request is answered.
_COMMANDS = {"call": "vapi call", "dump": "vapi dump", "get": "vapi get"}


def nearest(name: str, known: Iterable[str]) -> str:
    """`: did you mean 'x' or 'y'?`, or nothing."""
    close = get_close_matches(name, list(known), 3, 0.65)
    return f": did you mean {' or '.join(map(repr, close))}?" if close else ""


def function_of(client: Client, name: str, kinds: Sequence[str]) -> Any:
    """The function of a request that is answered in one of these ways ("call", "dump", "get").

    Errors: `NoSuchMessage`, `InvalidArgument` with what the user may have meant.
    """
    function = request_of(client, name)
    kind = kind_of(function.binding.service)
    if kind not in kinds:
        what = {"call": "is no dump", "dump": "is a dump", "get": "is a stream"}[kind]
        raise InvalidArgument(f"{name} {what}: use `{_COMMANDS[kind]} {name}`")
    return function


def request_of(client: Client, name: str) -> Any:
    """The function of any request. Errors: `NoSuchMessage` with the nearest names."""
    try:
        return client.api[name]
    except NoSuchMessage as error:
        if "CRC" in error.text or "no definition" in error.text or "plugin is not" in error.text:
            raise
        callers = client.sources.callers(client.connection)
        inside = [item for item in callers if name in item]
        hint = nearest(name, callers)
        if not hint and inside:
            hint = f": did you mean {' or '.join(map(repr, inside[:3]))}?"
        if "is no request" in error.text:
            raise NoSuchMessage(f"{name!r} is no request{hint}") from None
        raise NoSuchMessage(f"there is no message {name!r}{hint or ': is its plugin loaded?'}")
