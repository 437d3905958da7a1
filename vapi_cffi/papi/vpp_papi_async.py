"""The asyncio client of vpp_papi, on the channel of `vapi_cffi.aio`: requests of one turn of the
loop leave together, answers come in batches."""

from __future__ import annotations

import atexit
import logging
import math
import weakref
from asyncio import Future, get_running_loop
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._connection import Connection
from .._errors import BadMessage, NotConnected, VapiError
from .._registry import scope_of_package, scope_of_server
from ..aio._api import CHUNK
from ..aio._channel import Channel
from ..aio._waiting import in_thread
from ._client import add_convenience_methods
from ._enum_holders import VppEnum, VppEnumFlag, VppEnumType
from ._errors import (
    VPPApiError,
    VPPIOError,
    VPPNotImplementedError,
    VPPRuntimeError,
    VPPValueError,
)
from ._functions import (
    Asking,
    FuncWrapper,
    VppApiDynamicMethodHolder,
    decode_as,
    documented,
    pack_request,
    with_unset,
)
from ._json_files import VPPApiJSONFiles
from ._known import Known
from ._message import VPPMessage
from ._packers import MISFIT
from ._registry import load
from ._structs import VPPType

__all__ = (
    "FuncWrapper",
    "VPPApiClient",
    "VPPApiError",
    "VPPApiJSONFiles",
    "VPPIOError",
    "VPPNotImplementedError",
    "VPPRuntimeError",
    "VPPValueError",
    "VppApiDynamicMethodHolder",
    "VppEnum",
    "VppEnumFlag",
    "VppEnumType",
    "add_convenience_methods",
    "vpp_atexit",
)

logger = logging.getLogger("vpp_papi.vpp_papi_async")


@dataclass
class _Answer:
    """What a channel needs to know of a request with one answer."""

    name: str
    reply_key: bytes
    accept: Callable[[bytes], Any]
    retval_offset: None = None

    def is_reply(self, data: bytes) -> bool:
        """The reply of another request is taken as what it is (`VPPApiClient._unasked`)."""
        return False


class _Requesting:
    """Sends a request with one answer."""

    def __init__(self, channel: Channel, asking: Asking, reply: VPPMessage) -> None:
        self._channel = channel
        self._reply = reply
        reply_key = asking.reply_number.to_bytes(2, "big")
        channel.look_at(reply_key, asking.reply_offset)
        self.usual: Any = _Answer(asking.message.name, reply_key, reply.decoder(failure=BadMessage))

    def __call__(self, data: bytes, key: bytes, shown: int | None, timeout: Any) -> Future[Any]:
        answer, reply = self.usual, self._reply
        if shown is not None:
            answer = _Answer(
                answer.name, answer.reply_key, lambda got: decode_as(reply, got, shown)
            )
        return self._channel.submit(answer, data, key, raw=True, timeout=timeout)


class VPPApiClient(Known):
    """A client for coroutines; it asks VPP for its API when it connects.

    >>> import asyncio
    >>> async def main():
    ...     client = VPPApiClient(server_address="sim:")
    ...     assert await client.connect("example", asyncio.Queue()) == 0
    ...     print((await client.api.control_ping()).retval)
    ...     await client.disconnect()
    >>> asyncio.run(main())
    0

    `api.X(**fields)` gives a future: of the reply, or for dumps and streams of the message that
    ended it and a list of details. Futures end with `TimeoutError` after `read_timeout` seconds,
    and with `ConnectionResetError` when VPP is gone.
    """

    def __init__(
        self,
        *,
        testmode: bool = False,
        logger: Any = None,
        loglevel: Any = None,
        read_timeout: float = 5,
        server_address: Any = "/run/vpp/api.sock",
    ) -> None:
        if logger is None:
            logger = logging.getLogger(f"vpp_papi.vpp_papi_async.{type(self).__name__}")
            if loglevel is not None:
                logger.setLevel(loglevel)
        self.logger = logger
        self.testmode = testmode
        self.read_timeout = read_timeout
        self.server_address = server_address
        self.header = VPPType("header", [["u16", "msgid"], ["u32", "client_index"]])
        api = load(scope_of_package().set, scope_of_package())
        self.messages, self.services = api.messages(), api.services()
        self.ping_numbers: dict[str, int] = {}
        self.socket_index = 0
        self._table: Mapping[str, int] = {}
        self._calls: dict[str, list[float]] = {}
        self._by_number: dict[bytes, VPPMessage] | None = None
        self._connection: Connection | None = None
        self._channel: Channel | None = None
        self._event_queue: Any = None
        atexit.register(vpp_atexit, weakref.ref(self))
        add_convenience_methods()

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    @property
    def message_table(self) -> Mapping[str, int]:
        return self._table

    # ---- life ----------------------------------------------------------------------------------

    async def connect(self, name: str, event_queue: Any) -> int:
        """Connects: 0, or -1 if there is no such socket or it may not be used. Messages that nobody
        waits for go to `event_queue` (None: nowhere)."""
        if self._connection is not None:
            raise VPPIOError(1, "PAPI connect: Need to disconnect first.")
        timeout = self.read_timeout if self.read_timeout > 0 else math.inf
        connection = Connection(self.server_address, name=name, timeout=timeout)

        def open_it() -> Any:
            connection.connect()
            return scope_of_server(connection)

        loop = get_running_loop()
        try:
            scope = await in_thread(loop, open_it, "papi-connect", undo=connection.close)
        except (FileNotFoundError, PermissionError):
            return -1
        api = load(scope.set, scope)
        self.messages.update(api.messages())
        self.services = {**dict(self.services), **api.services()}
        self._table = dict(connection.message_table)
        self.learn_pings()
        self._by_number = None
        self.socket_index = int.from_bytes(connection.client_index, "big")
        self._event_queue = event_queue
        channel = Channel(
            connection,
            timeout=timeout,
            window=connection.options.max_outstanding_requests,
            on_loss=self._on_loss,
        )
        channel.beside = self._unasked
        channel.attach(loop)
        self._connection, self._channel = connection, channel
        self._api = VppApiDynamicMethodHolder(self, make=self._make)
        return 0

    async def disconnect(self) -> int:
        """Leaves VPP; 0. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            assert self._channel is not None
            self._channel.detach(NotConnected("disconnect() was called"))
            await in_thread(get_running_loop(), connection.close, "papi-close")
        self._table = {}
        return 0

    def leave(self) -> None:
        """At the end of the process, when no loop runs."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _on_loss(self, error: VapiError) -> None:
        if self._channel is not None and self._channel.broken is None:
            logger.error("Socket closed: %s", error)
            self._channel.detach(error)

    def _unasked(self, data: bytes) -> bool:
        """What nobody waits for."""
        known = self._numbered().get(data[:2])
        if known is not None and known.has_context and self._channel is not None:
            # Of a request that is answered with the reply of another one, as a few of VPP's are.
            offset = known.context_offset
            call = self._channel._calls.pop(data[offset : offset + 4], None)
            if call is not None:
                if not call[0].done():
                    call[0].set_result(known.decoder()(data))
                return True
        if known is not None and self._event_queue is not None:
            self._event_queue.put_nowait(known.decoder()(data))
        return True

    # ---- functions -----------------------------------------------------------------------------

    def _make(self, message: VPPMessage, number: int) -> Any:
        asking = Asking(self, message, number, self.services[message.name])
        send = self._streaming(asking) if asking.details is not None else self._requesting(asking)
        request, unset = message.request(), asking.unset
        channel = self._channel
        assert channel is not None
        from_bytes, out, queued = int.from_bytes, channel.out, channel.queued
        next_context, loop, index = channel.next_context, channel.loop, channel.client_index
        usual = send.usual if isinstance(send, _Requesting) else None

        def f(**kwargs: Any) -> Future[Any]:
            # Where nothing is unusual, without checks and calls: as `vapi_cffi.aio` does it.
            if usual is not None and channel.is_turning:
                key = next_context()
                try:
                    data = request(number, index, from_bytes(key, "big"), **kwargs)
                except MISFIT:
                    pass
                else:
                    future: Future[Any] = Future(loop=loop)
                    queued((key, data, (future, usual, False, False)))
                    if not len(out) % CHUNK:
                        channel.flush_early()
                    return future
            channel.in_loop()
            if unset:
                kwargs = with_unset(unset, kwargs)
            key = next_context()
            context = from_bytes(key, "big")
            shown, timeout = context, None
            try:
                data = request(number, index, context, **kwargs)
            except MISFIT:
                timeout = kwargs.pop("_timeout", None)
                shown = kwargs.pop("context", None) or context
                kwargs.pop("client_index", None)
                kwargs.pop("_no_type_conversion", None)
                data = pack_request(message, number, index, context, kwargs)
            return send(data, key, None if shown == context else shown, timeout)

        return documented(f, message)

    def _requesting(self, asking: Asking) -> Callable[..., Future[Any]]:
        """With one answer, or none."""
        channel = self._channel
        assert channel is not None
        if asking.reply_message is not None:
            return _Requesting(channel, asking, asking.reply_message)

        def post(data: bytes, key: bytes, shown: int | None, timeout: Any) -> Future[Any]:
            channel.post(data)
            done: Future[Any] = channel.in_loop().create_future()
            done.set_result(None)
            return done

        return post

    def _streaming(self, asking: Asking) -> Callable[..., Future[Any]]:
        """With many."""
        channel, details, reply = self._channel, asking.details, asking.reply_message
        assert channel is not None
        assert details is not None
        details_id = self.number_of(details.name).to_bytes(2, "big")
        reply_id = asking.reply_number.to_bytes(2, "big")
        offsets = (details.context_offset, asking.reply_offset)
        ping = self.ping_numbers["control_ping"].to_bytes(2, "big")
        is_dump = asking.is_dump

        async def collect(data: bytes, shown: int | None, timeout: float | None) -> Any:
            box = channel.open((details_id, reply_id), offsets)
            context = int.from_bytes(box.context, "big") if shown is None else shown
            head = channel.connection.client_index + box.context
            messages = [data[:2] + head + data[10:], *([ping + head] if is_dump else [])]
            found: deque[bytes] = deque()
            try:
                channel.post(*messages)
                while not found or found[-1][:2] == details_id:
                    await channel.filled(box, timeout)
                    found += box.items
                    box.items.clear()
            finally:
                channel.close(box)
            end = found.pop()
            decode = details.decoder(context=True)
            several = [decode(one, context) for one in found]
            return (end if reply is None else decode_as(reply, end, context)), several

        def start(data: bytes, key: bytes, shown: int | None, timeout: Any) -> Future[Any]:
            return get_running_loop().create_task(collect(data, shown, timeout))

        return start

    async def details_iter(self, f: Any, **kwargs: Any) -> Any:
        """Details of a function with a cursor, for `async for`."""
        cursor = 0
        while True:
            reply, details = await f(**{**kwargs, "cursor": cursor})
            for one in details:
                yield one
            if reply.retval != -165:
                return
            cursor = reply.cursor

    def __repr__(self) -> str:
        return (
            f"<VPPApiClient testmode={self.testmode}, logger={self.logger}, "
            f"read_timeout={self.read_timeout}, server_address='{self.server_address}'>"
        )


def vpp_atexit(vpp_weakref: weakref.ref[VPPApiClient]) -> None:
    """Disconnects a client that is still there: at the end of the process."""
    owner = vpp_weakref()
    if owner is not None:
        owner.leave()
