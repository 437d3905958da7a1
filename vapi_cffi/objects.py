"""The object level, as VAPI's C++: requests as objects that are filled in, executed and asked.

>>> from vapi_cffi import Connection, objects                           # doctest: +SKIP
>>> with Connection("sim:") as connection:
...     with objects.Request(connection, "show_version") as request:
...         request.execute()
...         request.wait_for_response()
...         print(request.response.version)

`Request` has one response, `Dump` a result set, `Stream` both; an `EventRegistration` collects
events in a result set. Each takes a connection (or a client), the message (its name and fields, or
an object of its class) and, optionally, a callback that is called with the object itself whenever
something came for it. An object is executed once: its `request` is gone with that.

`execute()` only sends, in both modes of the connection; `wait_for_response()`, like everything that
dispatches (`vapi_cffi.callback.dispatch`), then brings answers of all objects.

Responses are views as of the callback level, but they stay until they are freed: by `free_response`
and `free_all` of a result set, `close()` (or the end of `with`), or when the object is collected.
Until then they occupy memory that VPP or the socket's buffer lends: over shared memory that is up
to 32 messages a connection; what comes beyond is copied, as is what is kept for more than a few
seconds. They stay valid when the connection is closed, in any order of death. `copy.copy()` makes a
value that outlives its object.
"""

from __future__ import annotations

import enum
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Self

from ._blocks import request_name
from ._closing import Closing
from ._codec import codec_of
from ._dispatcher import Dispatcher, dispatcher_of
from ._errors import (
    InvalidArgument,
    MessageReleased,
    MisuseError,
    NotConnected,
    VapiError,
)
from ._registry import SharedScope
from ._requests import Call, Outstanding
from ._results import ResultSet, hold, release
from ._timeouts import naming
from ._values import ApiMessage
from .bindings import package_of
from .callback import connection_of

if TYPE_CHECKING:
    from .bindings import Conn

__all__ = [
    "Dump",
    "EventRegistration",
    "Factories",
    "Request",
    "ResponseState",
    "ResultSet",
    "Stream",
]

# The request, its reply, and its details or an event. A message that is given by its name is any.
if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Q = TypeVar("Q", default=Any)
    R = TypeVar("R", default=Any)
    D = TypeVar("D", default=Any)
else:
    from typing import TypeVar

    Q, R, D = TypeVar("Q"), TypeVar("R"), TypeVar("D")


class ResponseState(enum.Enum):
    """Whether the response is there, and whether it will ever be."""

    NOT_READY = "not ready"
    READY = "ready"
    NO_RESPONSE = "no response"


class _Executable(Closing, Generic[Q]):
    """What can be executed, once."""

    _kind = "request"

    def __init__(
        self,
        conn: Conn,
        request: str | Q | type[Q],
        callback: Callable[[Any], object] | None = None,
        /,
        **fields: Any,
    ) -> None:
        self._sent: Outstanding | None = None
        self._state = ResponseState.NOT_READY
        self._error: VapiError | None = None
        self._closed = False
        self._connection = connection_of(conn)
        self._dispatcher: Dispatcher = dispatcher_of(self._connection)
        self._dispatcher.check()
        if callback is not None and not callable(callback):
            raise InvalidArgument(f"callback is called with the object, it cannot be {callback!r}")
        self._callback = callback
        self._call, self._request = self._made_of(request, fields)

    def _made_of(self, given: Any, fields: dict[str, Any]) -> tuple[Call, Any]:
        kinds = self._dispatcher.kinds
        if isinstance(given, str):
            call = kinds.call(self._connection, None, given)
            made: Any = call.codec.cls(**fields)
        else:
            cls = given if isinstance(given, type) else type(given)
            if not issubclass(cls, ApiMessage):
                raise InvalidArgument(f"expected a message, its class or its name, not {given!r}")
            codec = codec_of(cls)
            call = kinds.call(self._connection, package_of(cls), codec.name)
            if call.codec.name_crc != codec.name_crc:
                raise InvalidArgument(
                    f"this class is {codec.name_crc}, and this VPP has {call.codec.name_crc}"
                )
            if isinstance(given, type):
                made = given(**fields)
            elif fields:
                raise InvalidArgument(f"{call.name}: an object, or keywords, not both")
            else:
                made = given
        if not self._suits(call):
            raise InvalidArgument(f"{call.name} is no {self._kind}: use {_suitable(call)}")
        return call, made

    def _suits(self, call: Call) -> bool:
        raise NotImplementedError

    # ---- before --------------------------------------------------------------------------------

    @property
    def request(self) -> Q:
        """The message to fill in, until `execute()`.

        Errors: `MessageReleased` afterwards: it is VPP's.
        """
        if self._request is None:
            raise MessageReleased(
                f"{self._call.name} was {'closed' if self._sent is None else 'executed'}: its "
                "request is gone"
            )
        found: Q = self._request
        return found

    def execute(self) -> Self:
        """Sends the request; returns the object itself.

        Errors: `WouldBlock` (non-blocking: not now; it can be executed later), `InvalidArgument`,
        `Timeout`, `ConnectionLost`, `NotConnected`, `MisuseError` the second time.
        """
        if self._sent is not None or self._closed:
            state = "closed" if self._closed else "executed before"
            raise MisuseError(f"{self._call.name} was {state}: make a new object")
        home = weakref.ref(self)
        sent = Outstanding(self._call, _deliver_end, home, _deliver_details, home)
        self._dispatcher.start(sent, self._request)
        self._sent, self._request = sent, None
        return self

    # ---- after ---------------------------------------------------------------------------------

    @property
    def response_state(self) -> ResponseState:
        """NOT_READY, READY or NO_RESPONSE; changes only while somebody dispatches."""
        return self._state

    @property
    def error(self) -> VapiError | None:
        """Why there is no response."""
        return self._error

    @property
    def connection(self) -> Any:
        """The connection that it is executed on."""
        return self._connection

    def wait_for_response(self, timeout: float | None = None) -> ResponseState:
        """Dispatches until the response, or all of it, is there; returns the state.

        `timeout`: seconds in all; None: the connection's, counted anew whenever something comes.
        Errors: `Timeout` (wait again if you like), `MisuseError` before `execute()`,
        `ConnectionLost`, `NotConnected`; whatever a callback raises.
        """
        sent = self._sent
        if sent is None:
            raise MisuseError(f"{self._call.name} was not executed: nothing will come")
        if not sent.done:
            with naming(self._call.name):
                self._dispatcher.until(lambda: sent.done, timeout, sent)
        return self._state

    def close(self) -> None:
        """Gives all memory back; what still comes is dropped. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._request = None
        sent = self._sent
        if sent is not None and not sent.done:
            self._dispatcher.give_up(sent)
        self._free()

    def _free(self) -> None:
        raise NotImplementedError

    def _end(self, error: VapiError | None, view: Any) -> None:
        """The last callback of the request."""
        self._error = self._error or error
        self._state = ResponseState.READY if self._error is None else ResponseState.NO_RESPONSE

    def _take(self, error: VapiError | None, view: Any) -> None:
        """One of its details."""
        raise NotImplementedError

    def _tell(self) -> None:
        if self._callback is not None:
            self._callback(self)

    def __del__(self) -> None:
        if getattr(self, "_call", None) is not None:
            self.close()

    def __repr__(self) -> str:
        state = "not executed" if self._sent is None else self._state.value
        return f"<{type(self).__name__} {self._call.name}, {'closed' if self._closed else state}>"


def _deliver_end(
    connection: object, home: Any, error: VapiError | None, is_last: bool, view: Any
) -> None:
    """The callback of requests; `home` refers to the object weakly, which may be gone."""
    found: _Executable[Any] | None = home()
    if found is not None and not found._closed:
        found._end(error, view)
        found._tell()


def _deliver_details(
    connection: object, home: Any, error: VapiError | None, is_last: bool, view: Any
) -> None:
    found: _Executable[Any] | None = home()
    if found is not None and not found._closed:
        found._take(error, view)
        found._tell()


class _WithResponse(_Executable[Q], Generic[Q, R]):
    """Has a reply."""

    _response: R | None = None

    @property
    def response(self) -> R:
        """The reply. Errors: `MisuseError` while it is not there, or after `close()`; why there is
        none (`NoResponse`, `ConnectionLost`, `BadMessage`)."""
        if self._closed:
            raise MessageReleased(f"{self._call.name} was closed: its response is gone")
        if self._state is ResponseState.NOT_READY:
            raise MisuseError(f"{self._call.name}: the response is not there yet: wait for it")
        error = self._error
        if error is not None:
            raise type(error)(error.text, code=error.code, os_errno=error.os_errno)
        assert self._response is not None
        return self._response

    def _end(self, error: VapiError | None, view: Any) -> None:
        if view is not None:
            hold(view)
            self._response = view
        super()._end(error, view)

    def _free(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            release(response)


class _WithResults(_Executable[Q], Generic[Q, D]):
    """Has details."""

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        self._results: ResultSet[D] = ResultSet()
        super().__init__(*arguments, **fields)

    @property
    def result_set(self) -> ResultSet[D]:
        """What came so far."""
        return self._results

    def _take(self, error: VapiError | None, view: Any) -> None:
        if error is not None:
            self._error = self._error or error
        else:
            self._results.add(view)

    def _end(self, error: VapiError | None, view: Any) -> None:
        super()._end(error, view)
        self._results.complete = self._error is None

    def _free(self) -> None:
        super()._free()
        self._results.free_all()


class Request(_WithResponse[Q, R]):
    """A request with one response.

    >>> flags = objects.Request(connection, "sw_interface_set_flags")   # doctest: +SKIP
    >>> flags.request.sw_if_index = 1
    >>> flags.request.flags = "admin_up"
    >>> flags.execute().wait_for_response()
    <ResponseState.READY: 'ready'>
    """

    def _suits(self, call: Call) -> bool:
        return not (call.is_dump or call.is_stream or call.is_oneway)


class Dump(_WithResults[Q, D]):
    """A request for many details.

    >>> with objects.Dump(connection, "sw_interface_dump") as dump:     # doctest: +SKIP
    ...     dump.execute().wait_for_response()
    ...     [interface.interface_name for interface in dump.result_set]
    """

    _kind = "dump"

    def _suits(self, call: Call) -> bool:
        return call.is_dump

    def _free(self) -> None:
        self._results.free_all()


class Stream(_WithResults[Q, D], _WithResponse[Q, R], Generic[Q, R, D]):
    """A request for many details and a reply, whose `retval` may say that there is more."""

    _kind = "stream"

    def _suits(self, call: Call) -> bool:
        return call.is_stream


class EventRegistration(Closing, Generic[D]):
    """Collects events of one kind until `close()` (or the end of `with`, or its collection).

    >>> Events = objects.EventRegistration
    >>> with Events(connection, "sw_interface_event") as events:        # doctest: +SKIP
    ...     events.wait(timeout=5)
    ...     for event in events.result_set:
    ...         print(event.sw_if_index, event.flags)

    `callback(registration)` is called for each event. At most `size` events are kept; beyond it the
    oldest go, and `dropped` counts them. To ask VPP for events is a request (`want_...`).
    Errors: `NoSuchMessage`, `MisuseError` if the event has a callback already.
    """

    def __init__(
        self,
        conn: Conn,
        event: str | type[D],
        callback: Callable[[EventRegistration[D]], object] | None = None,
        *,
        size: int = 4096,
    ) -> None:
        self._closed = True  # until it is registered
        if size < 1:
            raise InvalidArgument(f"size is at least 1, not {size!r}")
        self.dropped = 0
        self._size = size
        self._callback = callback
        self._results: ResultSet[D] = ResultSet()
        self._dispatcher = dispatcher_of(connection_of(conn))
        scope: SharedScope | None = None
        if isinstance(event, str):
            self.name = event
        else:
            if not issubclass(event, ApiMessage):
                raise InvalidArgument(f"expected the name or class of an event, not {event!r}")
            self.name, scope = event.__api__.name, package_of(event)
        self._dispatcher.on_event(
            self.name, scope, _deliver_event, weakref.ref(self), only_if_free=True
        )
        self._closed = False

    @property
    def result_set(self) -> ResultSet[D]:
        """The events that came and were not freed."""
        return self._results

    def wait(self, timeout: float | None = None) -> None:
        """Dispatches until there is an event. Errors: `Timeout`, `ConnectionLost`,
        `NotConnected`, also after `close()`; whatever a callback raises."""
        if self._closed:
            raise NotConnected(f"the registration for {self.name} was closed")
        if not self._results:
            with naming(self.name):
                self._dispatcher.until(lambda: bool(self._results), timeout)

    def close(self) -> None:
        """Ends the registration, and frees all events. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._results.complete = True
        self._dispatcher.off_event(self.name)
        self._results.free_all()

    def _take(self, event: D) -> None:
        if len(self._results) >= self._size:
            self._results.drop_first()
            self.dropped += 1
        self._results.add(event)
        if self._callback is not None:
            self._callback(self)

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def __repr__(self) -> str:
        return f"<EventRegistration {self.name}, {'closed' if self._closed else self._results}>"


def _deliver_event(connection: object, home: Any, event: Any) -> None:
    found: EventRegistration[Any] | None = home()
    if found is not None and not found._closed:
        found._take(event)


class Factories:
    """Makes the object that suits a request, by name: `Factories().show_version(connection)`.

    `scope`: a generated package whose classes it takes and gives.
    """

    def __init__(self, scope: SharedScope | None = None) -> None:
        self._scope = scope

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        scope, asked = self._scope, request_name(name)

        def make(
            conn: Conn, request: Any = None, callback: Callable[[Any], object] | None = None
        ) -> Any:
            dispatcher = dispatcher_of(connection_of(conn))
            call = dispatcher.kinds.call(dispatcher.check(), scope, asked)
            return _class_for(call)(conn, call.request(request), callback)

        make.__name__ = make.__qualname__ = name
        make.__module__ = __name__
        self.__dict__[name] = make
        return make

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """The same, for names in variables."""
        found: Callable[..., Any] = getattr(self, name)
        return found


def _class_for(call: Call) -> type[_Executable[Any]]:
    if call.is_oneway:
        raise InvalidArgument(f"{call.name} is not answered: send it on the callback level")
    return Dump if call.is_dump else Stream if call.is_stream else Request


def _suitable(call: Call) -> str:
    return "the callback level" if call.is_oneway else _class_for(call).__name__


def of_package(scope: SharedScope) -> Factories:
    """For generated packages: makes the objects of their requests."""
    return Factories(scope)


_factories = Factories()


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_factories, name)  # type: ignore[no-any-return]
