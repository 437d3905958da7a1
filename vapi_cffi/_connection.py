"""The connection: its life, and what it knows. Sending, receiving and calling are its three
bases."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import warnings
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import Any, NoReturn, Self, TypedDict, Unpack

from . import _stats
from ._address import Address, Transport
from ._aside import wait_for
from ._calling import Calling
from ._closing import Closing
from ._config import Mode, made_options
from ._context import (
    CLOSED,
    DISCONNECTED,
    IN_CHILD,
    LOST,
    NEVER_CONNECTED,
    REPLACED,
    Context,
    NoContext,
)
from ._dump_sockets import DumpSockets
from ._errors import ConnectionLost, MisuseError, NotConnected, VapiError, check, error_for
from ._ffi import ffi, lib
from ._receiving import Receiving
from ._sending import Sending, enter
from ._table import CONTROL_PING, CONTROL_PING_REPLY, MessageTable
from ._timeouts import to_ns

log = logging.getLogger("vapi_cffi")


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while a connection lasts."""

    server_pid: int
    client_index: bytes
    max_message_size: int
    table: MessageTable

    @classmethod
    def of(cls, ctx: Any) -> Facts:
        index = ffi.new("uint32_t *", lib.vapi_client_index_raw(ctx))
        return cls(
            server_pid=lib.vapi_get_server_pid(ctx),
            client_index=bytes(ffi.buffer(index)),
            max_message_size=lib.vapi_max_msg_size(ctx),
            table=MessageTable.of(ctx),
        )


class OptionArguments(TypedDict, total=False):
    """The keyword arguments of `Connection`, as `ConnectOptions` describes them."""

    name: str | None
    mode: Mode
    timeout: float
    max_outstanding_requests: int
    response_queue_size: int
    bell: str | os.PathLike[str] | None
    handle_keepalives: bool
    spin: float | None
    backlog_bytes: int | None
    grace: float | None
    large_over_shm: bool
    keep_awake: bool
    dump_sockets: int


class Connection(Sending, Receiving, Calling, Closing):
    """One connection to one VPP, carrying messages as bytes.

    >>> with Connection("sim:") as connection:                          # doctest: +SKIP
    ...     ping = connection.find("control_ping_51077d14")
    ...     reply = connection.call(ping.to_bytes(2, "big") + bytes(8))

    `address`: `/path` or `unix:/path` (a socket), `shm:PREFIX` (classic shared memory), `sim:` (an
    embedded peer that lives as long as the connection); None: $VAPI_ADDRESS, then VPP's usual
    socket. `transport`: "socket", "memfd" or "shm", if not what the address says. Further arguments
    are those of `ConnectOptions`; they are checked at once, and nothing is opened before
    `connect()` or `with`.

    Threads: any number may use one connection at once; a message is received by one of them.
    `disconnect()` ends the waits of other threads with NotConnected. fork: a child cannot use it.
    """

    def __init__(
        self,
        address: str | os.PathLike[str] | None = None,
        *,
        transport: Transport | None = None,
        **options: Unpack[OptionArguments],
    ) -> None:
        self._context: Any = NEVER_CONNECTED  # a Context while connected
        self._lock = RLock()
        self._known: Facts | None = None
        self._peer: Any = None
        self._settled: object = None  # the value of `_loose` that a ping was sent behind
        #: For dumps that are read at leisure; of the present connection, None before the first.
        self.dump_sockets: DumpSockets | None = None
        #: Who receives on it for all: its client if it has one, and its table of callbacks.
        self.owner: weakref.ref[Any] | None = None
        #: The trace of this connection, while there is one.
        self.tap: Any = None
        self.dispatcher: Any = None
        self._last_stats: Mapping[str, int] = dict.fromkeys(_stats.FIELDS, 0)
        self.address = Address.parse(address, transport)
        self._origin = Address.origin(address)
        self.options = made_options(options)
        _live.add(self)

    # ---- life ---------------------------------------------------------------------------------

    def connect(self, timeout: float | None = None) -> Self:
        """Connects and learns the message table; returns the connection itself.

        Errors: `ConnectFailed` and what is below it in the tree, `Timeout`, `MisuseError` when it
        is connected. After `disconnect()` or a lost connection it may be called again.
        """
        timeout_ns = to_ns(self.options.timeout if timeout is None else timeout)
        with self._lock:
            if isinstance(self._context, Context):
                if lib.vapi_is_connected(self._context.ctx):
                    raise MisuseError(f"already connected to {self.address}")
                self._close(REPLACED)
            context = Context(self.options.timeout_ns, self.options.call_ns)
            try:
                self._open(context, timeout_ns)
            except BaseException:
                self._stop_peer()
                raise
            self._known = Facts.of(context.ctx)
            self._context = context  # first: see `take_dump_socket`
            self.dump_sockets = DumpSockets(context, self.options.dump_sockets)
        return self

    def _open(self, context: Context, timeout_ns: int) -> None:
        where: str | None
        transport = self.address.transport
        if self.address.sim:
            self._peer = _start_peer()
            where = self._peer.shm_prefix if transport == "shm" else self._peer.socket_path
        else:
            where = self.address.prefix if transport == "shm" else self.address.path
        options, keep = self.options.to_c(transport, where, timeout_ns)
        shown = where if transport != "shm" else f"shm:{where}"
        prefix = f"connect to {shown or _default_socket()}{self._origin}"
        errors: list[VapiError] = []
        # Connecting waits in C for VPP's answer, and signals are for Python's main thread to see.
        # An attempt that is given up ends by its own deadline.
        wait_for(partial(_attempt, context, options, keep, prefix, errors), "vapi-connect")
        if errors:
            raise errors[0]

    def disconnect(self) -> None:
        """Leaves VPP, ending the waits of other threads; messages that are held stay valid.

        Errors: `NotConnected` when it is not connected (`close()` does not mind).
        From a callback or a signal handler of a waiting call, it takes effect when that call ends.
        """
        if not self._close():
            try:
                self._context.take()  # raises, and says which it is
            except ConnectionLost as error:
                raise NotConnected(error.text) from None

    def close(self) -> None:
        """`disconnect()` if connected. Idempotent; also the end of a `with` block."""
        self._close()

    def _close(self, refusal: NoContext = CLOSED) -> bool:
        context = self._context
        after = LOST if refusal is REPLACED else DISCONNECTED
        if not isinstance(context, Context) or not context.shut(refusal):
            if context is LOST:
                self._context = after
            return False
        self._context = after
        sockets = self.dump_sockets
        with suppress(VapiError):
            self._last_stats = _sum_of(context.ctx, sockets)
        if sockets is not None:
            sockets.close()
        context.disconnect()
        if sockets is not None:
            sockets.join()
        self._stop_peer()
        return True

    def _stop_peer(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.close()

    def __enter__(self) -> Self:
        if not isinstance(self._context, Context):
            self.connect()
        return self

    def __del__(self) -> None:
        if isinstance(getattr(self, "_context", None), Context):
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=1, source=self)
            self.close()

    # ---- what it knows --------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, and VPP is not known to be gone."""
        try:
            with self._inside() as ctx:
                return bool(lib.vapi_is_connected(ctx))
        except (NotConnected, ConnectionLost):
            return False

    @property
    def transport(self) -> Transport:
        """What carries the messages: "socket", "memfd" or "shm"."""
        return self.address.transport

    @property
    def server_pid(self) -> int:
        """VPP's process, 0 if unknown."""
        return self._facts().server_pid

    @property
    def client_index(self) -> bytes:
        """The four bytes that requests carry at offset 2 (`call` and `pump` store them
        themselves)."""
        return self._facts().client_index

    @property
    def max_message_size(self) -> int:
        """The largest message that can be sent, in bytes."""
        return self._facts().max_message_size

    @property
    def message_table(self) -> MessageTable:
        """All messages that this VPP knows; copied once a connection."""
        return self._facts().table

    def is_msg_available(self, name_crc: str) -> bool:
        """Whether VPP knows a message with exactly this layout, as "control_ping_51077d14"."""
        return name_crc in self.message_table

    def find(self, name_crc: str) -> int:
        """VPP's number of a message; `MessageUnavailable` says whether name or CRC is the
        trouble."""
        return self.message_table.find(name_crc)

    def new_context(self) -> bytes:
        """Four bytes for the context of a request, at its offset 6, that no other request of this
        connection has. Should the program not receive for long, answers to such requests are never
        dropped silently."""
        context = self._context
        if not isinstance(context, Context):
            context.take()
        number: int = lib.vapi_gen_req_context(context.ctx)
        return number.to_bytes(4, sys.byteorder)

    def fileno(self) -> int:
        """A descriptor that is readable while messages wait: for select, poll, epoll and asyncio.

        Do not read from it; it is closed by `disconnect()`.
        """
        fd = ffi.new("int *")
        with self._inside() as ctx:
            check(lib.vapi_get_fd(ctx, fd), ctx)
        return int(fd[0])

    @property
    def stats(self) -> Mapping[str, int]:
        """Counters of this connection (`vapi_stats_t` of vapi/batch.h describes each).

        With those of the sockets on which dumps come. After `disconnect()`, as they were then.
        """
        try:
            with self._inside() as ctx:
                return _sum_of(ctx, self.dump_sockets)
        except (NotConnected, ConnectionLost):
            return self._last_stats

    def interrupt(self) -> None:
        """Makes waits on this connection look around: they check for signals and go on."""
        with self._inside() as ctx:
            lib.vapi_interrupt(ctx)
        if self.dump_sockets is not None:
            self.dump_sockets.interrupt()

    def ping(self, timeout: float | None = None) -> None:
        """Asks VPP for a sign of life. Errors: as of `call`."""
        request = self.find(CONTROL_PING).to_bytes(2, "big") + bytes(8)
        self.call(request, self.find(CONTROL_PING_REPLY), timeout=timeout)

    # ---- dumps ----------------------------------------------------------------------------------

    def take_dump_socket(self, timeout: float | None = None, _within: Any = None) -> Context | None:
        """A socket of its own for a dump that is sent now; None: it must come over the connection.

        VPP has handled by then whatever was sent on this connection. Errors: as of `call`.
        """
        sockets = self.dump_sockets
        if _within is not None and _within is not self._context:
            _within.take()  # raises: the sockets are of another VPP
        if sockets is None or not sockets.may_open:
            return None
        loose = self._loose
        if loose is not self._settled:
            self.ping(timeout)
            self._settled = loose
        try:
            return sockets.take(to_ns(self.options.timeout if timeout is None else timeout))
        except ConnectionLost:
            self.ping(timeout)  # it is gone for all, or only did not let us in
            return None

    def give_dump_socket_back(self, beside: Context, *, is_clean: bool) -> None:
        """The dump is over. `is_clean`: everything was read."""
        if self.dump_sockets is not None:
            self.dump_sockets.give_back(beside, is_clean=is_clean)

    @contextmanager
    def _inside(self) -> Iterator[Any]:
        """The context, which cannot be closed meanwhile."""
        context = self._context
        slot = enter(context)
        try:
            yield slot.ctx
        finally:
            context.put(slot)

    def _facts(self) -> Facts:
        facts = self._known
        if facts is None or not isinstance(self._context, Context):
            self._context.take()
            raise AssertionError("a connection without facts")
        return facts

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Neither copy nor pickle: the end of one would be the end of the other."""
        raise TypeError("a connection cannot be copied or pickled: make another one")

    def __repr__(self) -> str:
        state = "connected" if self.is_connected else "not connected"
        return f"<Connection to {self.address} over {self.transport}, {state}>"


def _attempt(
    context: Context, options: Any, keep: object, prefix: str, errors: list[VapiError]
) -> None:
    """One connect in C; `keep` is what `options` points to. Why it failed goes into `errors`."""
    code = lib.vapi_connect_options(context.ctx, options)
    if code:
        errors.append(error_for(code, context.ctx, prefix, connecting=True))


def _sum_of(ctx: Any, sockets: DumpSockets | None) -> Mapping[str, int]:
    """Of a connection, with what came by the sockets beside it."""
    own = _stats.read(ctx)
    if sockets is None:
        return own
    beside = sockets.stats()
    return {name: own[name] + beside[name] for name in own}


def _default_socket() -> str:
    path: bytes = ffi.string(lib.VAPI_DEFAULT_SOCKET)
    return path.decode()


def _start_peer() -> Any:
    """The embedded peer of a `sim:` connection, imported only where there is one."""
    from .sim import Peer

    return Peer().start()


#: For the ends that Python announces: of the process, and of a parent's connections in a child.
_live: weakref.WeakSet[Connection] = weakref.WeakSet()


def _close_all() -> None:
    for connection in list(_live):
        connection.close()


def _disown_all() -> None:
    for connection in list(_live):
        context = connection._context
        if isinstance(context, Context):
            context.closing = True
            context.take = IN_CHILD.take
            connection._context = IN_CHILD
            connection._peer = None
            if connection.dump_sockets is not None:
                connection.dump_sockets.disown()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_disown_all)
