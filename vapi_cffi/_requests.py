"""What a request of the callback level is, and the bytes and numbers that it needs on a
connection."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from ._codec import MessageCodec, check_release, codec_of, same_message
from ._connection import Connection
from ._errors import InvalidArgument, MessageUnavailable, NoSuchMessage
from ._registry import SharedScope, Sources
from ._table import CONTROL_PING, CONTROL_PING_REPLY
from ._values import ApiMessage
from ._views import Viewer

T = TypeVar("T")

#: What a program may give as a request: an object, its fields, or nothing for the defaults.
Given = ApiMessage | Mapping[str, object] | None


class Call:
    """A request and its answers, with the numbers that the connected VPP has for them.

    `within`: the very connection that they are for; `package`: where the name was looked up.
    """

    def __init__(
        self, sources: Sources, connection: Connection, package: SharedScope | None, name: str
    ) -> None:
        self.within, self.package = connection._context, package
        scope, self.codec = sources.find(connection, name)
        service = scope.set.service(name)
        if service is None:
            raise NoSuchMessage(f"{name!r} is no request: no service starts with it")
        self.name = name
        self.number = connection.message_table[self.codec.name_crc]
        self.is_dump = service.details is not None and service.reply is None
        self.is_stream = service.details is not None and service.reply is not None
        self.is_oneway = service.reply is None and service.details is None
        self.ping = b""
        #: The message that ends it: its number, and what shows it (nothing for a dump's ping).
        self.end_id = 0
        self.reply: Viewer | None = None
        self.details_id = 0
        self.details: Viewer | None = None
        #: Offsets of contexts that are not where they mostly are.
        self.far: dict[int, int] = {}
        if service.reply is not None:
            self.end_id, self.reply = self._answer(sources, connection, service.reply)
        if service.details is not None:
            self.details_id, self.details = self._answer(sources, connection, service.details)
        if self.is_dump:
            table = connection.message_table
            if CONTROL_PING not in table or CONTROL_PING_REPLY not in table:
                raise MessageUnavailable(f"dumps need {CONTROL_PING}, which this VPP lacks")
            self.ping = table[CONTROL_PING].to_bytes(2, "big")
            self.end_id = table[CONTROL_PING_REPLY]
        if not self.is_oneway and self.codec.header != ("client_index", "context"):
            raise InvalidArgument(
                f"{name} has no place for a context: nobody can tell its answer from another"
            )

    def _answer(self, sources: Sources, connection: Connection, name: str) -> tuple[int, Viewer]:
        codec = sources.find(connection, name)[1]
        number = connection.message_table[codec.name_crc]
        if codec.context_offset not in (None, 2):
            self.far[number] = codec.context_offset or 2
        return number, codec.viewer

    def request(self, given: Given) -> ApiMessage:
        """The message of what a program gave. Errors: `InvalidArgument`."""
        if given is None:
            return self.codec.cls()  # type: ignore[return-value]
        if isinstance(given, ApiMessage):
            if same_message(given, self.codec) is not None:
                return given
            check_release(given, self.codec)
        elif isinstance(given, Mapping):
            return self.codec.cls(**given)  # type: ignore[return-value]
        raise InvalidArgument(
            f"{self.name} takes a {self.codec.cls.__name__}, a dict of its fields or None, "
            f"not {type(given).__name__}"
        )

    def encode(self, given: Given, client_index: bytes, context: bytes) -> bytes:
        """Wire bytes. Errors: `InvalidArgument`."""
        head = int.from_bytes(client_index, "big"), int.from_bytes(context, "big")
        if isinstance(given, Mapping):
            return self.codec.encode(self.number, given, *head)
        message = self.request(given)
        return codec_of(type(message)).encode_value(message, self.number, *head)


class Line(Generic[T]):
    """Callbacks that run one after the other: `thread` runs one of them now, `turns` wait."""

    __slots__ = ("thread", "turns")

    def __init__(self) -> None:
        self.thread = 0
        self.turns: deque[T] = deque()


class Outstanding:
    """A request that was sent, until its last callback has returned."""

    __slots__ = (
        "arg",
        "call",
        "callback",
        "context",
        "details_arg",
        "details_callback",
        "done",
        "line",
        "moves",
    )

    def __init__(
        self,
        call: Call,
        callback: Callable[..., object],
        arg: Any,
        details_callback: Callable[..., object] | None = None,
        details_arg: Any = None,
    ) -> None:
        self.call = call
        self.callback = callback
        self.arg = arg
        self.details_callback = callback if details_callback is None else details_callback
        self.details_arg = details_arg if details_callback is not None else arg
        self.context = b""
        self.done = False
        self.line: Line[Any] = Line()
        #: Counts messages that came for it.
        self.moves = 0


class Kinds:
    """The calls and the events of a connection, looked up once; anew when VPP is another one."""

    def __init__(self, default: Sources) -> None:
        self._default = default
        self._sources: dict[int, tuple[SharedScope, Sources]] = {}
        self._calls: dict[tuple[int, str], Call] = {}
        self.far: dict[int, int] = {}

    def sources(self, scope: SharedScope | None) -> Sources:
        """Where to look a name up: in a generated package, or where the connection does."""
        if scope is None:
            return self._default
        found = self._sources.get(id(scope))
        if found is None:
            found = self._sources[id(scope)] = scope, Sources(scope)
        return found[1]

    def call(self, connection: Connection, scope: SharedScope | None, name: str) -> Call:
        """Errors: `NoSuchMessage` (an AttributeError) says what is missing, or differs."""
        key = id(scope), name
        found = self._calls.get(key)
        if found is None:
            found = self._calls[key] = Call(self.sources(scope), connection, scope, name)
            self.far.update(found.far)
        return found

    def event(
        self, connection: Connection, scope: SharedScope | None, name: str
    ) -> tuple[int, MessageCodec]:
        """Number and codec of a message. Errors: as `call`."""
        codec = self.sources(scope).find(connection, name)[1]
        return connection.message_table[codec.name_crc], codec
