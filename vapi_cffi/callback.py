"""The callback level, as VAPI's C: one function a request, callbacks for what comes back.

>>> from vapi_cffi import Connection, callback                          # doctest: +SKIP
>>> def shown(connection, context, error, is_last, reply):
...     print(error or reply.version)
>>> with Connection("sim:") as connection:
...     callback.show_version(connection, None, shown)

For each request that VPP knows there is `callback.NAME(connection, request=None, callback,
context)` (a stream also takes `details_callback, details_context`). `request` is an object of its
class, a dict of its fields, or None for the defaults. Callbacks are called as

    callback(connection, context, error, is_last, reply)

where `error` is None, or a `VapiError` and then `reply` is None: `NoResponse` when VPP answered a
later request instead, `ConnectionLost`, `BadMessage`. A dump calls back for each of its details,
and once more with `is_last` true and no reply. A stream calls `details_callback` for each of them,
then `callback` with the reply. Each request gets exactly one callback with `is_last` true.

`reply` is a view (`isinstance(reply, ShowVersionReply)` holds): its fields are read where the
message lies, in VPP's own memory or in the buffer that the socket was read into. When the callback
returns, that memory goes back and the view raises `MessageReleased`; `copy.copy(reply)`, or
`keep(reply)`, gives a value that stays. Over shared memory a callback has ten seconds to read it.

Modes: on a connection with `mode="blocking"` (the default) a call returns after its last callback;
callbacks of other requests and events run in between. In `mode="nonblocking"` it returns when the
request is sent, or raises `WouldBlock` when that cannot be done now (no room, or
`max_outstanding_requests` are under way), and the program dispatches: `dispatch()` when
`connection.fileno()` is readable, `dispatch_one(timeout=...)`, in any thread, several at once if it
likes; a thread of its own that does nothing else, too. What a callback raises comes out of the call
that dispatches, and the rest of the queue stays. Callbacks may call, dispatch and disconnect.

Events: `set_event_cb(connection, "sw_interface_event", callback, context)`, or
`set_sw_interface_event_event_cb(connection, callback, context)`, calls
`callback(connection, context, event)`; `set_generic_event_cb` is for all others and calls
`callback(connection, context, name, event)`. To ask VPP for them is a request (`want_...`).

`connection` is a `Connection` or a client, whose own calls, dumps and events go on beside; who
calls `Connection.recv` or `Connection.dispatch` takes messages away from it. Definitions come from
where the client has them; on a bare connection from VPP itself, or from what `use()` was given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ._blocks import request_name
from ._connection import Connection
from ._dispatcher import Dispatcher, dispatcher_of
from ._dispatcher import use as _use
from ._errors import InvalidArgument
from ._registry import Given as _Definitions
from ._registry import SharedScope, Sources
from ._requests import Given, Outstanding
from ._values import ApiMessage
from ._views import lasting
from .bindings import package_of

__all__ = [
    "Functions",
    "clear_event_cb",
    "clear_generic_event_cb",
    "dispatch",
    "dispatch_one",
    "keep",
    "message_class",
    "outstanding",
    "set_event_cb",
    "set_generic_event_cb",
    "use",
]

T = TypeVar("T")

if TYPE_CHECKING:
    from .bindings import Conn

_EVENT_PREFIX, _EVENT_SUFFIX = "set_", "_event_cb"


def connection_of(conn: Conn) -> Connection:
    """The connection. Errors: `InvalidArgument` for anything else."""
    found = conn if isinstance(conn, Connection) else getattr(conn, "connection", None)
    if not isinstance(found, Connection):
        raise InvalidArgument(f"expected a Connection or a Client, not {conn!r}")
    return found


def _dispatcher(conn: Conn) -> Dispatcher:
    return dispatcher_of(connection_of(conn))


def use(conn: Connection, definitions: _Definitions | Sequence[_Definitions]) -> None:
    """Where a bare connection finds definitions, before it asks VPP: as of `connect()`.

    A client has its own already. Errors: `InvalidArgument`.
    """
    _use(conn, Sources(definitions))


def message_class(conn: Conn, name: str) -> Any:
    """The class of a message. Errors: `NoSuchMessage`.

    >>> SetFlags = callback.message_class(connection, "sw_interface_set_flags")  # doctest: +SKIP
    """
    dispatcher = _dispatcher(conn)
    return dispatcher.kinds.event(dispatcher.check(), None, name)[1].cls


def keep(view: T) -> T:
    """A value that stays when the callback returns: a copy of a view, anything else as it is."""
    return lasting(view)


def outstanding(conn: Conn) -> int:
    """How many requests have not had their last callback."""
    return _dispatcher(conn).outstanding


def dispatch(conn: Conn, timeout: float | None = None) -> int:
    """Calls back; returns how many callbacks ran.

    Blocking mode, or with a timeout: until no request is outstanding. Non-blocking mode: until
    nothing is there any more, without waiting; call it when `connection.fileno()` is readable.
    Errors: `Timeout` (seconds without an answer), `ConnectionLost`, `NotConnected`, and whatever a
    callback raises.
    """
    connection = connection_of(conn)
    dispatcher = dispatcher_of(connection)
    if timeout is None and connection.options.mode == "nonblocking":
        return dispatcher.waiting()
    ran = dispatcher.until(lambda: not dispatcher.outstanding, timeout)
    return ran + dispatcher.waiting()


def dispatch_one(conn: Conn, timeout: float | None = None) -> None:
    """Runs one callback, waiting for it for up to `timeout` seconds (None: the connection's, or not
    at all in non-blocking mode).

    Errors: `WouldBlock` when nothing is there and none was to be waited for, `Timeout`, and as
    `dispatch`.
    """
    _dispatcher(conn).one(timeout)


def set_event_cb(
    conn: Conn, event: str | type[ApiMessage], callback: Callable[..., object], context: Any = None
) -> None:
    """Calls `callback(connection, context, event)` for each such event from now on.

    Errors: `NoSuchMessage`.
    """
    _check_callable("callback", callback)
    scope = None if isinstance(event, str) else package_of(event)
    _dispatcher(conn).on_event(_name_of(event), scope, callback, context)


def clear_event_cb(conn: Conn, event: str | type[ApiMessage]) -> None:
    """Ends it."""
    _dispatcher(conn).off_event(_name_of(event))


def set_generic_event_cb(conn: Conn, callback: Callable[..., object], context: Any = None) -> None:
    """Calls `callback(connection, context, name, event)` for each event that has no callback of its
    own."""
    _check_callable("callback", callback)
    _dispatcher(conn).on_any_event(callback, context)


def clear_generic_event_cb(conn: Conn) -> None:
    """Ends it."""
    _dispatcher(conn).on_any_event(None, None)


def _name_of(event: str | type[ApiMessage]) -> str:
    return event if isinstance(event, str) else event.__api__.name


def _check_callable(what: str, given: object) -> None:
    if not callable(given):
        raise InvalidArgument(f"{what} is called as described, it cannot be {given!r}")


class Functions:
    """The functions of all requests; `scope` is a generated package whose classes they take and
    give, None: wherever the connection finds them."""

    def __init__(self, scope: SharedScope | None = None) -> None:
        self._scope = scope

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name.startswith(_EVENT_PREFIX) and name.endswith(_EVENT_SUFFIX):
            event = name[len(_EVENT_PREFIX) : -len(_EVENT_SUFFIX)]
            function = _event_function(self._scope, event)
            function.__doc__ = _ABOUT_EVENT.format(event)
        else:
            function = _request_function(self._scope, request_name(name))
            function.__doc__ = _ABOUT_REQUEST.format(name)
        function.__name__ = function.__qualname__ = name
        function.__module__ = __name__
        self.__dict__[name] = function
        return function

    def __getitem__(self, name: str) -> Callable[..., None]:
        """The same, for names in variables."""
        found: Callable[..., None] = getattr(self, name)
        return found


#: What help() says.
_ABOUT_REQUEST = """Sends {}, and calls back for each message that comes for it.

`request`: an object of its class, a dict of its fields, or None for the defaults.
`callback(connection, context, error, is_last, reply)` gets a view that is gone when it returns, or
None and the error; the last call of a dump has neither. `details_callback` is for the details of
streams. Errors: `InvalidArgument`, `NoSuchMessage`, `WouldBlock` (non-blocking mode: not now).
`help(client.api.NAME)` of a client tells the fields."""
_ABOUT_EVENT = """Calls `callback(connection, context, event)` for each {} from now on."""


def _request_function(scope: SharedScope | None, name: str) -> Callable[..., None]:
    def function(
        conn: Conn,
        request: Given = None,
        callback: Callable[..., object] | None = None,
        context: Any = None,
        details_callback: Callable[..., object] | None = None,
        details_context: Any = None,
    ) -> None:
        connection = connection_of(conn)
        dispatcher = dispatcher_of(connection)
        call = dispatcher.kinds.call(dispatcher.check(), scope, name)
        if call.is_oneway:
            if callback is not None or details_callback is not None:
                raise InvalidArgument(f"{name} is not answered: nothing would call back")
            dispatcher.start(Outstanding(call, _nothing, None), request)
            return
        _check_callable(f"{name}: callback", callback)
        assert callback is not None
        if call.is_stream:
            _check_callable(f"{name}: details_callback", details_callback)
        elif details_callback is not None:
            raise InvalidArgument(f"{name} is no stream: it has no details_callback")
        sent = Outstanding(call, callback, context, details_callback, details_context)
        dispatcher.start(sent, request)
        if connection.options.mode == "blocking":
            dispatcher.complete(sent)

    return function


def _nothing(*arguments: object) -> None:
    """Where no callback will be called."""


def _event_function(scope: SharedScope | None, event: str) -> Callable[..., None]:
    def function(conn: Conn, callback: Callable[..., object], context: Any = None) -> None:
        _check_callable("callback", callback)
        _dispatcher(conn).on_event(event, scope, callback, context)

    return function


def of_package(scope: SharedScope) -> Functions:
    """For generated packages: the functions of their requests."""
    return Functions(scope)


_functions = Functions()


def __getattr__(name: str) -> Callable[..., None]:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_functions, name)  # type: ignore[no-any-return]
