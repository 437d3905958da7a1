"""The table of outstanding requests of a connection, and the callbacks that wait for their turn.

There is one for each connection, whose client (if it has one) goes on as ever: both look at each
other's messages and pass on what is not theirs. Of all threads that wait, one receives for all (see
`_hub`); it finds the request of each message and queues the callback, and any thread that
dispatches runs it. VPP answers in order: requests before the one that is answered got none any
more.

Over shared memory messages are taken one by one, as each occupies a slot of VPP's until its
callback has returned; what waits in the queue when dispatching ends early is copied.
"""

from __future__ import annotations

import logging
import math
import weakref
from collections.abc import Callable
from threading import RLock
from time import monotonic
from typing import Any, NamedTuple, cast

from ._connection import Connection
from ._context import NoContext
from ._errors import (
    BadMessage,
    ConnectionLost,
    InvalidArgument,
    MisuseError,
    NoResponse,
    NotConnected,
    NotSupported,
    Timeout,
    VapiError,
    WouldBlock,
)
from ._hub import Hub, Mailbox, lost
from ._registry import SharedScope, Sources
from ._requests import Call, Given, Kinds, Outstanding
from ._turns import Turn, Turns
from ._views import SLOT_SECONDS, Lent, Viewer

log = logging.getLogger("vapi_cffi")

#: Messages that one crossing brings from a socket at most.
_BATCH = 64
#: Events that wait for somebody to dispatch; beyond it new ones are dropped and counted.
MAX_EVENTS = 65536

EventCallback = Callable[[Connection, Any, Any], object]


class _Listener(NamedTuple):
    """Who wants an event."""

    name: str
    viewer: Viewer
    callback: EventCallback
    arg: Any


class Dispatcher:
    """Made by `dispatcher_of`. Any number of threads may use it."""

    def __init__(self, connection: Connection, sources: Sources | None) -> None:
        self._home = weakref.ref(connection)
        self._given = sources
        self._lock = RLock()
        self._sending = RLock()
        self._table: dict[bytes, Outstanding] = {}
        self._turns = Turns()
        self._waiters: dict[Mailbox, None] = {}
        self._boxes: list[Mailbox] = []  # of threads that waited
        self._wanted: dict[str, tuple[SharedScope | None, EventCallback, Any]] = {}
        self._generic: tuple[EventCallback, Any] | None = None
        self._generic_kinds: dict[int, tuple[str, Viewer] | None] = {}
        self.dropped = 0
        self._begin(connection)

    # ---- one VPP after the other -----------------------------------------------------------------

    def _begin(self, connection: Connection) -> None:
        """Everything that belongs to this very VPP."""
        self._epoch = connection._context
        owner = None if connection.owner is None else connection.owner()
        sources = self._given or (Sources(None) if owner is None else owner.sources)
        self._given = sources if owner is None else self._given
        self.kinds = Kinds(sources)
        self._own_hub = None
        if owner is None:
            sources.forget_server()
            # Weakly, or the two would keep each other.
            here = cast("Connection", weakref.proxy(connection))
            self._own_hub = Hub(here, timeout=connection.options.timeout)
        self._is_slot = connection.transport != "socket"
        self._listeners: dict[int, _Listener] = {}
        self._generic_kinds.clear()

    def check(self) -> Connection:
        """Called first by everything: notices another VPP, and that there is none.

        Errors: `NotConnected`."""
        connection = self._home()
        if connection is None:
            raise NotConnected("the connection is gone")
        if connection._context is not self._epoch:
            with self._lock:
                self._fail(ConnectionLost("the connection was lost, and made anew, meanwhile"))
                refuse_without(connection)
                self._begin(connection)
                for name, (scope, callback, arg) in self._wanted.items():
                    self._listen(connection, name, scope, callback, arg)
        if self._own_hub is None:
            self._hub(connection).beside = self._beside
        return connection

    def _hub(self, connection: Connection) -> Hub:
        if self._own_hub is not None:
            return self._own_hub
        owner = None if connection.owner is None else connection.owner()
        if owner is None:
            raise NotConnected("the client of this connection is gone")
        hub: Hub = owner.hub
        if type(hub) is not Hub:
            raise NotSupported(
                "an asyncio client receives in its loop: callbacks and objects need a connection, "
                "or a client, of their own"
            )
        return hub

    # ---- requests --------------------------------------------------------------------------------

    @property
    def outstanding(self) -> int:
        """Requests whose last callback has not run."""
        return len(self._table) + self._turns.last

    def start(self, request: Outstanding, given: Given, timeout: float | None = None) -> None:
        """Sends a request; its callbacks are called by who dispatches.

        Errors: `WouldBlock` (non-blocking: too many are outstanding, or there is no room),
        `InvalidArgument`, `Timeout`, `ConnectionLost`, `NotConnected`.
        """
        connection = self.check()
        call = request.call
        if call.within is not self._epoch:  # made for a VPP that was restarted since
            call = request.call = self.kinds.call(connection, call.package, call.name)
        most = connection.options.max_outstanding_requests
        if len(self._table) >= most:
            if connection.options.mode == "nonblocking":
                raise WouldBlock(f"{call.name}: {most} requests are outstanding")
            self.until(lambda: len(self._table) < most, timeout)
        # The order of the table is that of the answers.
        with self._sending:
            context = connection.new_context()
            message = call.encode(given, connection.client_index, context)
            if call.is_oneway:
                connection.send_bytes(message, timeout, call.within)
                request.done = True
                return
            request.context = context
            self._table[context] = request
            try:
                self._send(connection, call, message, timeout)
            except BaseException as error:
                self._table.pop(context, None)
                if isinstance(error, ConnectionLost):
                    self._noticed(connection, error)
                raise

    def _send(
        self, connection: Connection, call: Call, message: bytes, timeout: float | None
    ) -> None:
        if not call.is_dump:
            connection.send_bytes(message, timeout, call.within)
            return
        # The dump and the ping that ends it, next to each other or not at all.
        with (
            connection.alloc(len(message), timeout, call.within) as first,
            connection.alloc(10, timeout, call.within) as second,
        ):
            first.data[:] = message
            second.data[:] = call.ping + message[2:10]
            connection.send2(first, second, timeout)

    def give_up(self, request: Outstanding) -> None:
        """No callback of it any more: what still comes is dropped."""
        with self._lock:
            if self._table.get(request.context) is request:
                del self._table[request.context]
            for turn in self._turns.drop(request):
                if turn.lent is not None:
                    turn.lent.release()
            request.done = True

    # ---- events ----------------------------------------------------------------------------------

    def on_event(
        self,
        name: str,
        scope: SharedScope | None,
        callback: EventCallback,
        arg: Any,
        *,
        only_if_free: bool = False,
    ) -> None:
        """Sets the callback of an event. Errors: `NoSuchMessage`; `MisuseError` if it has one
        that must not be replaced."""
        connection = self.check()
        with self._lock:
            if only_if_free and name in self._wanted:
                raise MisuseError(f"{name} has a callback already on this connection")
            self._listen(connection, name, scope, callback, arg)
            self._wanted[name] = scope, callback, arg

    def off_event(self, name: str) -> None:
        """Takes it away."""
        with self._lock:
            if self._wanted.pop(name, None) is not None:
                for number, listener in list(self._listeners.items()):
                    if listener.name == name:
                        del self._listeners[number]

    def _listen(
        self,
        connection: Connection,
        name: str,
        scope: SharedScope | None,
        callback: EventCallback,
        arg: Any,
    ) -> None:
        number, codec = self.kinds.event(connection, scope, name)
        self._listeners[number] = _Listener(name, codec.viewer, callback, arg)

    def on_any_event(self, callback: Callable[..., object] | None, arg: Any) -> None:
        """Sets the callback of all events that have none of their own."""
        self.check()
        self._generic = None if callback is None else (callback, arg)

    # ---- waiting ---------------------------------------------------------------------------------

    def until(
        self,
        is_over: Callable[[], bool],
        timeout: float | None = None,
        request: Outstanding | None = None,
    ) -> int:
        """Calls back until `is_over()`; returns how many callbacks ran.

        `timeout`: seconds; None: the connection's, counted anew whenever something comes (for
        `request`). Errors: `Timeout`, `ConnectionLost`, `NotConnected`; whatever a callback raises.
        """
        ran = 0
        connection = self.check()
        left = connection.options.timeout if timeout is None else timeout
        deadline = monotonic() + left
        moves = -1
        try:
            while not is_over():
                if self._run_next(connection, request):
                    ran += 1
                    continue
                now = ran if request is None else request.moves
                if timeout is None and now != moves:
                    moves, deadline = now, monotonic() + left
                self._wait(connection, max(deadline - monotonic(), 0.0), _BATCH, request)
        finally:
            self._settle()
        return ran

    def complete(self, request: Outstanding, timeout: float | None = None) -> None:
        """Calls back until a request had its last callback. After a `Timeout` it gets none any
        more; after what a callback raised, it does. Errors: as `until`."""
        try:
            self.until(lambda: request.done, timeout, request)
        except Timeout as error:
            self.give_up(request)
            raise Timeout(f"{request.call.name}: {error}", code=error.code) from None

    def one(self, timeout: float | None = None) -> None:
        """Runs one callback. Errors: `WouldBlock`, `Timeout`, and as `until`."""
        connection = self.check()
        options = connection.options
        if timeout is None:
            timeout = 0.0 if options.mode == "nonblocking" else options.timeout
        deadline = monotonic() + timeout
        try:
            while not self._run_next(connection):
                try:
                    self._wait(connection, max(deadline - monotonic(), 0.0), 1)
                except Timeout:
                    if timeout:
                        raise Timeout(f"dispatch_one: nothing for {timeout:g} s") from None
                    raise WouldBlock("dispatch_one: nothing is there now") from None
        finally:
            self._settle()

    def waiting(self) -> int:
        """Runs the callbacks of what is there, without waiting; returns how many."""
        ran = 0
        connection = self.check()
        try:
            while True:
                if self._run_next(connection):
                    ran += 1
                    continue
                try:
                    self._wait(connection, 0.0, _BATCH)
                except Timeout:
                    return ran
        finally:
            self._settle()

    def _wait(
        self,
        connection: Connection,
        timeout: float,
        limit: int,
        request: Outstanding | None = None,
    ) -> None:
        """Returns when something may have changed. Errors: `Timeout`, and those of a lost
        connection, after the callbacks of all requests have been told."""
        hub = self._hub(connection)
        with self._lock:
            if self._turns.next(request) is not None:
                return
            box = self._boxes.pop() if self._boxes else Mailbox(())
            self._waiters[box] = None
        try:
            hub.wait(box, timeout, lambda seconds: self._receive(connection, seconds, limit))
        except Timeout:
            raise
        except VapiError as error:
            self._noticed(connection, error)
            while self._run_next(connection, request):
                pass
            raise
        finally:
            with self._lock:
                self._waiters.pop(box, None)
                if box.error is None:
                    box.items.clear()
                    self._boxes.append(box)

    def _receive(self, connection: Connection, timeout: float, limit: int) -> None:
        """Brings messages, for all. Called by the hub, in one thread at a time."""
        try:
            found = connection.recv_many(1 if self._is_slot else limit, timeout)
        except (TimeoutError, BlockingIOError):
            return
        until = monotonic() + SLOT_SECONDS if self._is_slot else math.inf
        hub = self._hub(connection)
        for message in found:
            lent = Lent(message, until)
            data = lent.data
            request = self._request_of(data)
            taken = request is not None or self._is_wanted(data)
            if request is None:
                hub.claim(bytes(data), taken=taken)
            if taken:
                self._queue(request, lent)
            else:
                lent.release()

    def _beside(self, data: bytes) -> bool:
        """From the hub: a message that another thread received."""
        request = self._request_of(data)
        if request is None and not self._is_wanted(data):
            return False
        self._queue(request, Lent(data))
        return True

    def _announce(self) -> None:
        """Wakes who waits."""
        with self._lock:
            for box in self._waiters:
                box.put(b"")
                box.wake.set()

    # ---- whose it is -----------------------------------------------------------------------------

    def _request_of(self, data: memoryview | bytes) -> Outstanding | None:
        number = int.from_bytes(data[:2], "big")
        at = self.kinds.far.get(number, 2)
        request = self._table.get(bytes(data[at : at + 4]))
        if request is None or number not in (request.call.end_id, request.call.details_id):
            return None
        return request

    def _is_wanted(self, data: memoryview | bytes) -> bool:
        """As an event. What carries a context of ours is a late answer."""
        number = int.from_bytes(data[:2], "big")
        return number in self._listeners or (
            self._generic is not None and self._generic_kind(number) is not None
        )

    def _generic_kind(self, number: int) -> tuple[str, Viewer] | None:
        """Name and viewer of a message, None if no definition of it is at hand."""
        if number not in self._generic_kinds:
            connection = self._home()
            assert connection is not None
            kind = None
            try:
                name = connection.message_table.name(number).rpartition("_")[0]
                codec = self.kinds.event(connection, None, name)[1]
                # Answers that come too late are no events.
                if codec.header != ("context",):
                    kind = name, codec.viewer
            except (KeyError, VapiError) as error:
                log.debug("message %d: %s", number, error)
            self._generic_kinds[number] = kind
        return self._generic_kinds[number]

    def _queue(self, request: Outstanding | None, lent: Lent) -> None:
        number = int.from_bytes(lent.data[:2], "big")
        with self._lock:
            if request is None:
                if len(self._turns.events.turns) >= MAX_EVENTS:
                    self.dropped += 1
                    lent.release()
                    return
                self._turns.add(None, number, lent)
            else:
                self._skip_to(request)
                request.moves += 1
                is_last = number == request.call.end_id
                if is_last:
                    self._table.pop(request.context, None)
                self._turns.add(request, number, lent, is_last=is_last)
            self._announce()

    def _skip_to(self, request: Outstanding) -> None:
        """Those before it are not answered any more."""
        for context, other in list(self._table.items()):
            if other is request:
                return
            del self._table[context]
            error = NoResponse(f"{other.call.name}: VPP answered a later request")
            self._turns.add(other, 0, None, error, is_last=True)

    def _noticed(self, connection: Connection, error: VapiError) -> None:
        """The connection is gone: all requests are told, and the client."""
        self._fail(error)
        owner = None if connection.owner is None else connection.owner()
        if owner is not None:
            owner.lost(error)

    def _fail(self, error: VapiError) -> None:
        with self._lock:
            for request in self._table.values():
                self._turns.add(request, 0, None, lost(error), is_last=True)
            self._table.clear()
            self._announce()

    # ---- callbacks -------------------------------------------------------------------------------

    def _run_next(self, connection: Connection, request: Outstanding | None = None) -> bool:
        """Runs the callback that is first in the queue; False if there is none. `request`: as of
        `Turns.next`."""
        with self._lock:
            line = self._turns.next(request)
            if line is None:
                return False
            turn, before = self._turns.begin(line)
        lent = turn.lent
        try:
            if turn.request is None:
                self._tell(connection, turn)
            else:
                self._answer(connection, turn, turn.request)
        finally:
            if lent is not None and not lent.kept:
                lent.release()
            with self._lock:
                self._turns.end(line, before)
            if turn.is_last and turn.request is not None:
                turn.request.done = True
            if self._waiters:
                self._announce()
        return True

    def _answer(self, connection: Connection, turn: Turn, request: Outstanding) -> None:
        call, lent = request.call, turn.lent
        error, view = turn.error, None
        is_details = lent is not None and turn.number == call.details_id
        viewer = call.details if is_details else call.reply
        if lent is not None and viewer is not None:
            try:
                view = viewer.open(lent)
            except BadMessage as bad:
                error = bad
        if is_details:
            request.details_callback(connection, request.details_arg, error, False, view)
        else:
            request.callback(connection, request.arg, error, turn.is_last, view)

    def _tell(self, connection: Connection, turn: Turn) -> None:
        listener = self._listeners.get(turn.number)
        assert turn.lent is not None
        try:
            if listener is not None:
                view = listener.viewer.open(turn.lent)
                listener.callback(connection, listener.arg, view)
                return
            generic, kind = self._generic, self._generic_kinds.get(turn.number)
            if generic is not None and kind is not None:
                call: Callable[..., object] = generic[0]
                call(connection, generic[1], kind[0], kind[1].open(turn.lent))
        except BadMessage as error:
            log.warning("an event was dropped: %s", error)

    def _settle(self) -> None:
        """Dispatching ends: what waits in the queue does not occupy VPP's memory."""
        if self._is_slot:
            with self._lock:
                self._turns.settle()


def dispatcher_of(connection: Connection) -> Dispatcher:
    """The one of a connection, made when first asked for. Errors: `NotConnected`."""
    found: Dispatcher | None = connection.dispatcher
    if found is None:
        refuse_without(connection)
        with connection._lock:
            found = connection.dispatcher
            if found is None:
                found = connection.dispatcher = Dispatcher(connection, None)
    return found


def refuse_without(connection: Connection) -> None:
    """`NotConnected`, with its reason, unless there is a connection."""
    if isinstance(connection._context, NoContext):
        connection._context.take()


def use(connection: Connection, sources: Sources) -> None:
    """Gives a connection other definitions. Errors: `InvalidArgument` once requests are
    outstanding, or when it is a client's."""
    if connection.owner is not None:
        raise InvalidArgument("a client's connection has the definitions of the client")
    found: Dispatcher | None = connection.dispatcher
    if found is not None and found.outstanding:
        raise InvalidArgument(f"{found.outstanding} requests are outstanding")
    connection.dispatcher = Dispatcher(connection, sources)
