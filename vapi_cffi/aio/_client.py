"""The client of asyncio programs: `vapi_cffi.aio.connect()`."""

from __future__ import annotations

import logging
import os
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from .._address import Transport
from .._arguments import function
from .._base_client import BaseClient
from .._connection import OptionArguments
from .._errors import ConnectionLost, MisuseError, NotConnected, VapiError
from .._events import Policy
from .._hub import lost
from .._registry import Given
from .._timeouts import seconds
from ._api import Api
from ._channel import Channel
from ._events import Events, Subscriptions
from ._reconnect import Reconnector
from ._waiting import in_thread

if TYPE_CHECKING:
    # What `vapi stubs` has written for the VPP at hand; without it, anything.
    import vapi_cffi_api  # type: ignore[import-not-found,unused-ignore]

log = logging.getLogger("vapi_cffi")

_CLI = "cli_inband_f8377302"


class Client(BaseClient):
    """A connection to VPP with its whole API, for one event loop; made by `connect()`.

    Use it in an `async with`, or `await` it and `await client.close()`. All coroutines of that loop
    may use it at once; other loops and threads get `MisuseError`.
    """

    if TYPE_CHECKING:
        api: vapi_cffi_api.AsyncApi

    def __init__(
        self,
        address: str | os.PathLike[str] | None = None,
        *,
        transport: Transport | None = None,
        definitions: Given | Sequence[Given] | None = None,
        raise_on_error: bool = True,
        reconnect: bool = False,
        on_reconnect: Callable[[Client], Awaitable[object] | object] | None = None,
        **options: Unpack[OptionArguments],
    ) -> None:
        super().__init__(address, transport, definitions, raise_on_error, options)
        known = self.connection.options
        self._given = definitions is not None
        self.channel = Channel(
            self.connection,
            timeout=known.timeout,
            window=known.max_outstanding_requests,
            on_loss=self._on_loss,
        )
        self.hub = self.channel
        self.api = Api(self)
        self.wanted = Subscriptions(self)
        self._events: list[Events] = []
        self._closed = False
        self._opening = Lock()
        self._connecting = False  # and somebody waits for it
        self._newest: object = None  # attempt
        function("on_reconnect", on_reconnect)
        self._reconnector = Reconnector(self, on_reconnect) if reconnect else None

    # ---- life ----------------------------------------------------------------------------------

    async def connect(self) -> Self:
        """Connects; `async with` and `await` do so. Errors: as of `vapi_cffi.connect`.

        What blocks (the handshake, and reading VPP's description of its API) is done in a thread
        that lives no longer.
        """
        if self.channel.broken is None:
            raise MisuseError(f"already connected to {self.connection.address}")
        loop = get_running_loop()
        await self.open_in_thread(loop, self._open, "vapi-connect")
        self._closed = False
        self.channel.attach(loop)
        log.info("connected to %s over %s", self.connection.address, self.transport)
        return self

    async def open_in_thread(
        self, loop: AbstractEventLoop, open_it: Callable[[], None], name: str
    ) -> None:
        """`open_it` makes the connection, and blocks. Where the coroutine is cancelled, that is
        undone, and what the next attempt makes is not. Errors: `MisuseError` beside another one."""
        made: list[object] = []
        if self._connecting:
            raise MisuseError(f"already connecting to {self.connection.address}")
        self._connecting, self._newest = True, made

        def work() -> None:
            with self._opening:
                if self._newest is not made:
                    return  # nobody waits for this one
                if self.connection.is_connected:
                    self.connection.close()  # of an attempt that was given up
                open_it()
                made.append(self.connection._context)

        def undo() -> None:
            with self._opening:
                if made == [self.connection._context]:
                    self.connection.close()

        try:
            await in_thread(loop, work, name, undo=undo)
        finally:
            self._connecting = False

    def _open(self) -> None:
        self.connection.connect()
        try:
            if not self._given:
                self.sources.callers(self.connection)
            self._open_way_for_dumps()
        except BaseException:
            self.connection.close()
            raise

    def _open_way_for_dumps(self) -> None:
        """Beside shared memory there is a socket for long answers, which is opened when the first
        is asked for: here, where nobody minds that it blocks."""
        table = self.connection.message_table
        number = table.get(_CLI)
        if self.transport != "socket" and number is not None:
            text = b"show version"
            size = len(text).to_bytes(4, "big")
            self.connection.call(number.to_bytes(2, "big") + bytes(8) + size + text)

    def reopen(self) -> None:
        """Blocks: connects anew, to what may be another VPP."""
        self.sources.forget_server()
        self._open()

    async def close(self) -> None:
        """Ends events and waits, leaves VPP. Idempotent."""
        self._closed = True
        if self._reconnector is not None:
            await self._reconnector.stop()
        for events in list(self._events):
            events.end()
        self.channel.detach(NotConnected("the client was closed"))
        await in_thread(get_running_loop(), self.connection.close, "vapi-close")

    def __await__(self) -> Generator[Any, None, Self]:
        return self.connect().__await__()

    async def __aenter__(self) -> Self:
        if self.channel.broken is not None:
            await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _dropped_events(self) -> Iterable[int]:
        return (events.dropped for events in self._events)

    def _retries(self) -> int:
        return 0 if self._reconnector is None else self._reconnector.failures

    def _reconnects(self) -> int:
        return 0 if self._reconnector is None else self._reconnector.count

    # ---- messages ------------------------------------------------------------------------------

    async def cli(self, command: str, *, timeout: float | None = None) -> str:
        """What VPP's own command line answers.

        >>> print(await vpp.cli("show version"))                        # doctest: +SKIP
        vpp v26.06 ...
        """
        reply: str = (await self.api.cli_inband(cmd=command, _timeout=timeout)).reply
        return reply

    def events(
        self,
        *names: str,
        size: int = 4096,
        policy: Policy = "drop_oldest",
        subscribe: bool = True,
        timeout: float | None = None,
        **fields: Any,
    ) -> Events:
        """Events, for `async with` and `async for`; they are subscribed to when that begins.

        `size`: how many wait for a slow reader, `policy`: which go beyond it. `subscribe`: send
        the request that asks VPP for them (`fields` go into it). `timeout`: seconds that the loop
        waits for each, None: for ever. Errors: `InvalidArgument`.
        """
        made = Events(
            self,
            names,
            size=size,
            policy=policy,
            subscribe=subscribe,
            timeout=timeout,
            fields=fields,
        )
        self._events.append(made)
        return made

    @property
    def is_lost(self) -> bool:
        """Whether the connection broke, and nobody closed the client."""
        return self.channel.broken is not None and not self._closed

    def forget(self, events: Events) -> None:
        """Called by events when they are closed."""
        if events in self._events:
            self._events.remove(events)

    # ---- losses --------------------------------------------------------------------------------

    def _on_loss(self, error: VapiError) -> None:
        """The connection broke. All that wait are told, nothing is sent again."""
        if self.channel.broken is not None:
            return
        log.info("lost %s: %s", self.connection.address, error)
        self.channel.detach(lost(error))
        self._begin_reconnect()

    def _begin_reconnect(self) -> None:
        if self._reconnector is not None and not self._closed:
            self._reconnector.start()

    async def restored(self) -> None:
        """Called after a reconnect: new numbers for all functions, events subscribed to again."""
        self.channel.attach(get_running_loop())
        self.api.resolve_again()
        self.wanted.forget()
        for events in list(self._events):
            if not events.is_attached:
                continue
            try:
                await events.attach()
            except VapiError as error:
                log.warning("%r could not be subscribed to again: %s", events, error)
                events.fail(lost(error))

    async def wait_connected(self, timeout: float | None = None) -> None:
        """Waits until a lost connection is back. Errors: `Timeout`; `ConnectionLost` without
        `reconnect=True`."""
        if self.channel.broken is None:
            return
        if self._reconnector is None:
            raise ConnectionLost("the connection is lost, and reconnect=True was not given")
        await self._reconnector.wait(
            self.connection.options.timeout if timeout is None else seconds(timeout)
        )


def connect(
    address: str | os.PathLike[str] | None = None,
    *,
    transport: Transport | None = None,
    definitions: Given | Sequence[Given] | None = None,
    raise_on_error: bool = True,
    reconnect: bool = False,
    on_reconnect: Callable[[Client], Awaitable[object] | object] | None = None,
    **options: Unpack[OptionArguments],
) -> Client:
    """A client for `async with`, or to be awaited.

    >>> async with vapi_cffi.aio.connect("sim:") as vpp:                # doctest: +SKIP
    ...     print((await vpp.api.show_version()).version)

    Arguments as of `vapi_cffi.connect`; `on_reconnect` may be a coroutine function.
    `max_outstanding_requests` (1024) of those that were made are in flight at once, the others wait
    in the client for their turn.
    """
    return Client(
        address,
        transport=transport,
        definitions=definitions,
        raise_on_error=raise_on_error,
        reconnect=reconnect,
        on_reconnect=on_reconnect,
        **options,
    )
