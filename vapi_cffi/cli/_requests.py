"""From the name of a message to the function that sends it, with hints for those who mean
another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from .._errors import InvalidArgument, NoSuchMessage
from ._complete import kind_of
from ._fields import values_of

if TYPE_CHECKING:
    from .._client import Client
    from .._codec import MessageCodec

#: What to say instead, by how a request is answered.
_COMMANDS = {"call": "vapi call", "dump": "vapi dump", "get": "vapi get"}


#: Fields of dumps in which the largest number means "all", and nothing would mean number 0.
_ALL = {"sw_if_index", "bd_id", "acl_index", "peer_index", "bfd_index", "policer_index"}


def with_all(codec: MessageCodec, fields: dict[str, Any]) -> dict[str, Any]:
    """What a dump's request leaves open means everything, unless the API itself has a default."""
    open_ = {item.name for item in codec.fields if item.name in _ALL and item.raw_default is None}
    return {**values_of(codec, dict.fromkeys(open_ - fields.keys(), "~0")), **fields}


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
        caller, part = client.sources.asked_by(client.connection, name)
        if part == "event":
            raise NoSuchMessage(f"{name!r} is an event: use `vapi watch {name}`") from None
        if caller:
            kind = kind_of(client.api[caller].binding.service)
            what = "brings" if part == "details" else "is answered with"
            use = f"use `{_COMMANDS[kind]} {caller}`"
            reason = f"is no request, but what {caller} {what}: {use}"
            raise NoSuchMessage(f"{name!r} {reason}") from None
        callers = client.sources.callers(client.connection)
        inside = [item for item in callers if name in item]
        hint = nearest(name, callers)
        if not hint and inside:
            hint = f": did you mean {' or '.join(map(repr, inside[:3]))}?"
        if "is no request" in error.text:
            raise NoSuchMessage(f"{name!r} is no request{hint}") from None
        raise NoSuchMessage(f"there is no message {name!r}{hint or ': is its plugin loaded?'}")
