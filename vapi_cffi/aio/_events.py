"""Events, for `async for`."""

from __future__ import annotations

import logging
from asyncio import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .._codec import MessageCodec
from .._errors import NotConnected, VapiError
from .._events import Bounded, Policy, checked_events, subscribing
from .._timeouts import naming
from ._waiting import Waker

if TYPE_CHECKING:
    from ._client import Client

log = logging.getLogger("vapi_cffi")


class Events:
    """Events as they come, until `close()` or the end of an `async with` block.

    >>> async with vpp.events("sw_interface_event") as events:          # doctest: +SKIP
    ...     async for event in events:
    ...         print(event.sw_if_index, event.flags)

    They are subscribed to at `async with`, or when the first one is waited for. While nobody looks,
    up to `size` of them wait; then the oldest ones go (or the newest, by `policy`), and `dropped`
    counts them.
    """

    def __init__(
        self,
        client: Client,
        names: tuple[str, ...],
        *,
        size: int,
        policy: Policy,
        subscribe: bool,
        timeout: float | None,
        fields: dict[str, Any],
    ) -> None:
        self.timeout = checked_events(names, size, policy, timeout)
        self.names = names
        self._client = client
        self._fields = fields
        self._subscribe = subscribe
        self._attached = self._closed = False
        self._box = Bounded((), size, policy, Waker())
        self._codecs: dict[bytes, MessageCodec] = {}

    async def attach(self) -> None:
        """Begins, or after a reconnect begins again."""
        client, channel = self._client, self._client.channel
        found: dict[bytes, MessageCodec] = {}
        for name in self.names:
            codec, number = client.message(name)
            found[number.to_bytes(2, "big")] = codec
        before, self._codecs = self._codecs, found
        if before:
            self._box.renumber(before, found)
        self._box.error = None
        self._attached = True
        for key in self._codecs:
            channel.subscribe(key, self._box)
        if self._subscribe:
            try:
                for name in self.names:
                    await client.wanted.want(name, self._fields)
            except BaseException:
                self._detach()
                self._attached = False
                raise

    @property
    def dropped(self) -> int:
        """How many were lost because nobody looked in time."""
        return self._box.dropped

    @property
    def is_attached(self) -> bool:
        """Whether it was begun, and not closed."""
        return self._attached and not self._closed

    async def get(self, timeout: float | None = None) -> Any:
        """The next event. Errors: `Timeout`; `NotConnected` after `close()`, `ConnectionLost`."""
        box = self._box
        while not box.items:
            if self._closed:
                raise NotConnected("these events were closed")
            if not self._attached:
                await self.attach()
            limit = self.timeout if timeout is None else timeout
            with naming(", ".join(self.names)):
                await self._client.channel.filled(box, limit)
        data = box.items.popleft()
        return self._codecs[data[:2]].accept(data)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.get()
        except NotConnected:
            if self._closed:
                raise StopAsyncIteration from None
            raise

    def pending(self) -> int:
        """How many wait to be looked at, of those that were received."""
        return len(self._box.items)

    def fail(self, error: VapiError) -> None:
        """Nobody subscribed: tells those who wait. Who asks for the next one tries again."""
        self._box.fail(error)

    def end(self) -> None:
        """Ends loops over the events, without a word to VPP."""
        if self._closed:
            return
        self._closed = True
        self._client.forget(self)
        self._box.fail(NotConnected("these events were closed"))
        self._detach()

    async def close(self) -> None:
        """Unsubscribes, and ends loops over the events, also in other tasks. Idempotent."""
        if self._closed:
            return
        self.end()
        if self._subscribe and self._attached:
            for name in self.names:
                await self._client.wanted.release(name)

    def _detach(self) -> None:
        for number in self._codecs:
            self._client.channel.unsubscribe(number, self._box)

    async def __aenter__(self) -> Self:
        if not self._attached:
            await self.attach()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self.pending()} waiting"
        return f"<Events {', '.join(self.names)}, {state}>"


class Subscriptions:
    """What this client asked VPP for: the first reader of an event subscribes, the last one
    unsubscribes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._readers: dict[str, int] = {}

    async def want(self, name: str, fields: dict[str, Any]) -> None:
        """One more reader. Errors: `InvalidArgument` if nothing asks for such events, `ApiError`
        if VPP refuses."""
        async with self._lock:
            if not self._readers.get(name):
                function, arguments = subscribing(self._client, name, fields, on=True)
                await function(**arguments)
            self._readers[name] = self._readers.get(name, 0) + 1

    async def release(self, name: str) -> None:
        """One reader less. A VPP that is gone, or refuses, is no trouble any more."""
        async with self._lock:
            left = self._readers[name] = max(self._readers.get(name, 0) - 1, 0)
            if not left and self._client.channel.broken is None:
                try:
                    function, arguments = subscribing(self._client, name, {}, on=False)
                    await function(**arguments)
                except VapiError as error:
                    log.debug("unsubscribe from %s: %s", name, error)

    def forget(self) -> None:
        """A new VPP knows of none."""
        self._readers.clear()
