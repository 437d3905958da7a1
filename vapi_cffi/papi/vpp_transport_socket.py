"""The way to VPP under a `VPPApiClient`: a `Connection` of this package, behind the names that
programs know from vpp_papi."""

from __future__ import annotations

import gc
import logging
import math
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Lock
from time import monotonic
from typing import Any

from .._collecting import ROWS, Collector, Question
from .._connection import Connection
from .._errors import ConnectFailed, ConnectionLost, NotConnected, Timeout, VapiError
from ._errors import VPPIOError, VppTransportSocketIOError, failure
from ._message import VPPMessage
from ._ordered import Ordered

__all__ = ("VppTransport", "VppTransportSocketIOError")

logger = logging.getLogger("vpp_papi.transport")

#: Details that are decoded at once, while VPP goes on sending.
_WANT = 128


@contextmanager
def _no_collections() -> Iterator[None]:
    """While a batch is decoded, all of which stays: looking for garbage in it costs as much as the
    decoding."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class VppTransport:
    """A connection. `server_address` is a path, or any address of `vapi_cffi.connect`."""

    VppTransportSocketIOError = VppTransportSocketIOError

    def __init__(self, parent: Any, read_timeout: float, server_address: Any) -> None:
        self.parent = parent
        self.read_timeout = read_timeout if read_timeout > 0 else None
        self.server_address = server_address
        self.header = struct.Struct(">QII")
        self.message_table: dict[str, int] = {}
        self.socket_index = 0
        self.do_async = False
        self.connection: Connection | None = None
        #: Whether VPP was seen to be gone: nothing can be sent any more.
        self.lost = False
        self.hub: Ordered | None = None
        #: Ends the thread that receives, if there is one.
        self.stopped = Event()
        self._lock = Lock()

    @property
    def connected(self) -> bool:
        """Whether there is a connection; VPP may be gone meanwhile."""
        return self.connection is not None

    def connect(
        self,
        name: str,
        pfx: Any = None,
        msg_handler: Any = None,
        rx_qlen: int = 32,
        do_async: bool = False,
    ) -> int:
        """Connects; 0. `pfx`, `msg_handler` and `rx_qlen` mean nothing for sockets.

        Errors: the OSError of the system (FileNotFoundError, ConnectionRefusedError, ...);
        `VppTransportSocketIOError` if it is connected.
        """
        if self.connection is not None:
            raise VppTransportSocketIOError(
                1, "PAPI socket transport connect: Need to disconnect first."
            )
        timeout = math.inf if self.read_timeout is None else self.read_timeout
        connection = Connection(self.server_address, name=name, timeout=timeout)
        try:
            connection.connect()
        except (ConnectFailed, Timeout, OSError) as error:
            number = getattr(error, "os_errno", 0)
            if number:
                raise OSError(number, os.strerror(number), str(self.server_address)) from error
            raise VPPIOError(2, f"Connect failed: {error}") from error
        self.message_table = dict(connection.message_table)
        self.socket_index = int.from_bytes(connection.client_index, "big")
        self.do_async = do_async
        self.hub = Ordered(connection, timeout=timeout, is_answer=self.parent.is_answer)
        self.stopped = Event()
        self.lost = False
        self.connection = connection
        return 0

    def disconnect(self) -> int:
        """Leaves VPP; 0. Idempotent."""
        with self._lock:
            connection, self.connection = self.connection, None
        if connection is not None:
            self.stopped.set()
            if self.hub is not None:
                self.hub.rest.fail(NotConnected("disconnect() was called"))
            connection.close()
        self.message_table = {}
        return 0

    def __del__(self) -> None:
        connection = getattr(self, "connection", None)
        if connection is not None:
            connection.close()

    # ---- what it knows -------------------------------------------------------------------------

    def get_msg_index(self, name: str) -> int:
        """VPP's number of a message, by name and CRC; 0 if it has none."""
        return self.message_table.get(name, 0)

    def msg_table_max_index(self) -> int:
        """The highest number."""
        return max(self.message_table.values(), default=0)

    def get_callback(self, do_async: bool) -> None:
        """Means nothing for sockets."""

    def suspend(self) -> None:
        """Means nothing for sockets."""

    def resume(self) -> None:
        """Means nothing for sockets."""

    # ---- messages ------------------------------------------------------------------------------

    def inside(self) -> Connection:
        """The connection. Errors: `VppTransportSocketIOError` if there is none."""
        if self.connection is None:
            raise VppTransportSocketIOError(1, "Not connected")
        return self.connection

    def failure(self, error: VapiError, was_lost: bool) -> Exception:
        """What a call raises instead: no answer; or, `was_lost` when it began, nothing was sent."""
        if isinstance(error, ConnectionLost):
            self.lost = True
            if was_lost:
                return VppTransportSocketIOError(1, f"Sendall error: {error}")
        return failure(error)

    def write(self, buf: bytes | bytearray) -> None:
        """Sends wire bytes as they are."""
        try:
            self.inside().send_bytes(buf)
        except VapiError as error:
            raise VppTransportSocketIOError(1, f"Sendall error: {error}") from error

    def read(self, timeout: float | None = None) -> bytes | None:
        """The next message that nobody waits for and that has a context; None if none comes in
        `timeout` seconds, or VPP is gone. Messages without a context go to the callback."""
        self.inside()
        limit = self.read_timeout if timeout is None else timeout
        deadline = math.inf if limit is None else monotonic() + limit
        while True:
            data = self.next_message(max(deadline - monotonic(), 0.0))
            if data is None or self.parent.take_event(data) is False:
                return data

    def next_message(self, timeout: float) -> bytes | None:
        """The next message that nobody waits for, None if none comes in time."""
        hub = self.hub
        assert hub is not None
        try:
            while True:
                hub.wait(hub.rest, timeout)
                try:
                    return hub.rest.items.popleft()
                except IndexError:
                    continue  # another thread had it
        except (Timeout, ConnectionLost, NotConnected) as error:
            if not isinstance(error, Timeout):
                logger.debug("no more messages: %s", error)
            return None

    def call(self, data: bytes, number: int, offset: int, timeout: float | None) -> bytes:
        """Sends a request and returns its answer; the callback has seen by then what VPP sent
        before it. The hot way, without a callback, is `connection.call` itself."""
        hub = self.hub
        if hub is None or not number:
            return self.inside().call(data, number, context_offset=offset, timeout=timeout)
        return hub.call(data, number, offset, timeout)

    def unexpected(self, answer: bytes, timeout: float | None) -> tuple[bytes, VPPMessage]:
        """What came with the context of a call, but is not the reply that belongs to it: that one,
        if it was an event by chance, and its definition. Errors: `VPPIOError` without one."""
        while True:
            known: VPPMessage | None = self.parent.message_of(answer)
            if known is None:
                raise VPPIOError(2, "Reply message undefined")
            if known.has_context:
                return answer, known
            # Its client_index looked like the context. Who listens goes another way.
            assert self.hub is not None
            answer = self.hub.answer_behind(answer, timeout)

    def collect(
        self, question: Question, timeout: float | None, decode: Callable[..., Sequence[Any]]
    ) -> tuple[list[Any], bytes]:
        """All answers of a dump or stream through `decode`, and the message that ended them."""
        connection = self.inside()
        assert self.hub is not None
        found: list[Any] = []
        if self.parent.listening:
            packed, end = self.hub.collect(question, self.parent.ping_numbers, timeout)
            return list(decode(packed)), end
        collector = Collector(connection, question, rows=ROWS)
        limit = math.inf if timeout is None else timeout
        for packed in collector.batches(limit, _WANT):
            with _no_collections():
                found += decode(packed)
        return found, collector.end or b""
