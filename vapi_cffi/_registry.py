"""Sources of definitions, and which of them has the message that the connected VPP means.

Scopes are shared by all clients of a process: the same definitions give the same classes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from . import _cache
from ._catalog import Scope
from ._codec import MessageCodec
from ._connection import Connection
from ._definitions import DefinitionSet, ParsedDefinitions, Service, files_of, parse, read_files
from ._errors import (
    ConnectionLost,
    InvalidArgument,
    MessageUnavailable,
    NoSuchMessage,
    VapiError,
)

log = logging.getLogger("vapi_cffi")

_GET_JSON, _GET_JSON_REPLY = "get_api_json_51077d14", "get_api_json_reply_ea715b59"
_SHOW_VERSION, _SHOW_VERSION_REPLY = "show_version_51077d14", "show_version_reply_c919bde1"

#: What `connect(definitions=...)` takes: paths, or the `DEFINITIONS` of generated packages.
Given = str | os.PathLike[str] | Scope


class SharedScope(Scope):
    """A scope over a `DefinitionSet`. `key`: under which it is cached, and shared; "" if not."""

    def __init__(self, definitions: DefinitionSet, classes: Any = None, key: str = "") -> None:
        super().__init__(definitions, classes, key)
        self.set = definitions


_scopes: WeakValueDictionary[str, SharedScope] = WeakValueDictionary()
_lock = Lock()


def scope_of_files(given: Iterable[str | os.PathLike[str]]) -> SharedScope:
    """The scope of files and directories. Errors: `InvalidArgument`."""
    found = list(files_of(Path(item) for item in given))
    return _shared(f"files-{_cache.stamp_of(found)}", lambda: read_files(found))


def scope_of_server(connection: Connection) -> SharedScope:
    """The scope of what the connected VPP says about itself.

    The cache is asked by VPP's version and its message table, names and CRCs: where both are equal
    the definitions are. Errors: `MessageUnavailable` if VPP cannot tell (it is older than 24.06).
    """
    table = connection.message_table
    call = partial(type(connection).call, connection)  # past a trace, which asks for definitions
    version = ""
    if _SHOW_VERSION in table and _SHOW_VERSION_REPLY in table:
        reply = call(_request(table[_SHOW_VERSION]), table[_SHOW_VERSION_REPLY])
        version = reply[10:].hex()

    def fetch() -> ParsedDefinitions:
        if _GET_JSON not in table or _GET_JSON_REPLY not in table:
            raise MessageUnavailable(
                "this VPP does not hand out its API (it has no get_api_json): "
                "pass definitions=, a directory of .api.json files"
            )
        data = call(_request(table[_GET_JSON]), table[_GET_JSON_REPLY])
        size = int.from_bytes(data[10:14], "big")
        log.debug("get_api_json: %d bytes", size)
        return parse(data[14 : 14 + size], "the answer to get_api_json")

    return _shared(f"server-{_cache.key_of([version, *sorted(table)])}", fetch)


def scope_of_package() -> SharedScope:
    """The scope of the few messages that every VPP has but does not describe (control_ping,
    memclnt), as this package itself knows them."""

    def read() -> ParsedDefinitions:
        text = (Path(__file__).parent / "api" / "definitions.json").read_bytes()
        return parse(text, "vapi_cffi/api/definitions.json")

    return _shared(_cache.OWN, read, cached=False)


def _request(number: int) -> bytes:
    return number.to_bytes(2, "big") + bytes(8)


def _shared(key: str, make: Callable[[], ParsedDefinitions], *, cached: bool = True) -> SharedScope:
    with _lock:
        found = _scopes.get(key)
    if found is None:
        folder = _cache.directory() if cached else None
        found = known_scope(key, _cache.load(key, make, folder))
        assert found is not None
    return found


def known_scope(key: str, definitions: DefinitionSet | None = None) -> SharedScope | None:
    """The scope of that key, if there is one; or one over these definitions from now on."""
    with _lock:
        found = _scopes.get(key)
        if found is None and definitions is not None:
            found = _scopes[key] = SharedScope(definitions, key=key)
    return found


class Sources:
    """Everything that one client may look a message up in, in order: what the program gave, then
    the server itself (asked when first needed), then what this package knows."""

    def __init__(self, given: Given | Sequence[Given] | None) -> None:
        several: Sequence[Any] = (
            ()
            if given is None
            else [given]
            if isinstance(given, str | os.PathLike | Scope)
            else given
        )
        self._scopes: list[SharedScope] = []
        paths: list[str | os.PathLike[str]] = []
        if not isinstance(several, list | tuple):
            raise InvalidArgument(f"definitions are paths or generated packages, not {given!r}")
        for item in several:
            if isinstance(item, SharedScope):
                self._scopes.append(item)
            elif isinstance(item, str | os.PathLike):
                paths.append(item)
            else:
                raise InvalidArgument(
                    f"definitions are paths or DEFINITIONS of generated packages, not {item!r}"
                )
        if paths:
            self._scopes.append(scope_of_files(paths))
        self._own = len(self._scopes)
        self._lock = Lock()
        #: Told when the server cannot be asked because it is gone.
        self.on_loss: Callable[[VapiError], object] = lambda error: None

    def forget_server(self) -> None:
        """After a reconnect, when another VPP may have come."""
        del self._scopes[self._own :]

    def each(self, connection: Connection) -> Iterator[SharedScope]:
        """The scopes in order."""
        yield from self._scopes[: self._own]
        try:
            with self._lock:
                if len(self._scopes) == self._own:
                    self._scopes += self._others(connection)
        except ConnectionLost as error:
            self.on_loss(error)
            raise
        yield from self._scopes[self._own :]

    def _others(self, connection: Connection) -> list[SharedScope]:
        """What the program did not give."""
        try:
            return [scope_of_server(connection), scope_of_package()]
        except MessageUnavailable as error:
            log.warning("%s", error)
            return [scope_of_package()]

    def find(self, connection: Connection, name: str) -> tuple[SharedScope, MessageCodec]:
        """The codec of a message, as this VPP has it.

        Errors: `NoSuchMessage` (an AttributeError and a LookupError) tells a message that is not
        loaded from one with another CRC, and from one that nobody knows.
        """
        table = connection.message_table
        known: list[str] = []
        for scope in self.each(connection):
            crc = scope.set.crc(name)
            if crc is None:
                continue
            if f"{name}_{crc}" in table:
                return scope, scope.codec(name)
            known.append(crc)
        raise NoSuchMessage(_why(table, name, known))

    def service(self, connection: Connection, name: str) -> Service | None:
        """What comes back for a request; None if it is none."""
        for scope in self.each(connection):
            crc = scope.set.crc(name)
            if crc is not None and f"{name}_{crc}" in connection.message_table:
                return scope.set.service(name)
        return None

    def callers(self, connection: Connection) -> list[str]:
        """Requests that this VPP and the definitions know, sorted."""
        table = connection.message_table
        found: set[str] = set()
        for scope in self.each(connection):
            crc = scope.set.crc
            found.update(name for name in scope.set.callers() if f"{name}_{crc(name)}" in table)
        return sorted(found)

    def asked_by(self, connection: Connection, name: str) -> tuple[str, str]:
        """The request that a message comes for, and as what: reply, details or event; twice "" if
        there is none. Looks through all of them: for errors."""
        for scope in self.each(connection):
            for caller in scope.set.callers():
                service = scope.set.service(caller)
                if service is None:
                    continue
                if name == service.reply:
                    return caller, "reply"
                if name == service.details:
                    return caller, "details"
                if name in service.events:
                    return caller, "event"
        return "", ""

    def subscription(self, connection: Connection, event: str) -> str | None:
        """The request that asks for an event, None if there is none."""
        for scope in self.each(connection):
            caller = scope.set.subscriptions().get(event)
            if caller is not None:
                return caller
        return None


def _why(table: Mapping[str, int], name: str, known: Sequence[str]) -> str:
    theirs = [full.rpartition("_")[2] for full in table if full.rpartition("_")[0] == name]
    if theirs and known:
        return (
            f"this VPP has {name!r} with CRC {', '.join(theirs)}, the definitions have "
            f"{', '.join(known)}: use the API files of this VPP"
        )
    if theirs:
        return f"this VPP has {name!r}, but no definition of it is at hand"
    if known:
        return f"this VPP has no message {name!r}: its plugin is not loaded"
    close = [full.rpartition("_")[0] for full in table]
    from difflib import get_close_matches

    hint = get_close_matches(name, close, 1, cutoff=0.75)
    meant = f", or did you mean {hint[0]!r}" if hint else ""
    return f"this VPP has no message {name!r}: is its plugin loaded{meant}?"
