"""Answers of many messages, for `async for`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from .._timeouts import naming

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .._api import Binding
    from .._hub import Mailbox
    from ._channel import Channel

T_co = TypeVar("T_co", covariant=True)


class Dump(Generic[T_co]):
    """The details that a dump brings, as they come.

    >>> async for interface in vpp.api.sw_interface_dump():             # doctest: +SKIP
    ...     print(interface.interface_name)

    Nothing is sent before the first one is asked for; each `async for` sends the request anew.
    A loop that is left early, or cancelled, is fine: what still comes is dropped. What arrives
    while the loop's body waits for something else is kept, so memory stays small as long as the
    body is not slower than VPP.
    """

    def __init__(self, binding: Binding, message: bytes, timeout: float | None) -> None:
        self._binding = binding
        self._message = message
        self._timeout = timeout

    @property
    def _channel(self) -> Channel:
        return cast("Channel", self._binding.client.hub)

    async def __aiter__(self) -> AsyncIterator[T_co]:
        accept_all = self._binding.details_codec.accept_all
        async with aclosing(self._batches()) as batches:
            async for batch in batches:
                for item in accept_all(batch):
                    yield item

    async def _batches(self) -> AsyncGenerator[list[bytes], None]:
        """The details as they come."""
        binding, channel = self._binding, self._channel
        ping, ping_reply = binding.ping
        details_id = binding.details_id
        channel.in_loop()
        box = channel.open((details_id, ping_reply), (binding.details_offset, 2))
        try:
            head = channel.connection.client_index + box.context
            channel.post(self._message[:2] + head + self._message[10:], ping + head)
            while (batch := await self._take(box))[-1][:2] == details_id:
                yield batch
            yield batch[:-1]
        finally:
            channel.close(box)

    async def _take(self, box: Mailbox) -> list[bytes]:
        """Everything that is there, at least one message; the last one may be the end."""
        items = box.items
        if not items:
            with naming(self._binding.name):
                await self._channel.filled(box, self._timeout)
        return [items.popleft() for _ in range(len(items))]

    async def all(self) -> list[T_co]:
        """All of them."""
        accept_all = self._binding.details_codec.accept_all
        found: list[T_co] = []
        async with aclosing(self._batches()) as batches:
            async for batch in batches:
                found += accept_all(batch)
        return found

    async def first(self) -> T_co | None:
        """The first, or None if there is none; the others are dropped."""
        accept = self._binding.details_codec.accept
        async with aclosing(self._batches()) as batches:
            async for batch in batches:
                for data in batch:
                    found: T_co = accept(data)
                    return found
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._binding.codec.name}>"


class Stream(Dump[T_co]):
    """As `Dump`; when VPP says that there is more, it is asked for at the cursor.

    `reply` is the message that ended it.
    """

    reply: Any = None

    async def _batches(self) -> AsyncGenerator[list[bytes], None]:
        binding, channel = self._binding, self._channel
        reply_codec = binding.reply_codec
        assert reply_codec is not None
        details_id = binding.details_id
        offsets = (binding.details_offset, binding.context_offset)
        message = self._message
        channel.in_loop()
        while True:
            box = channel.open((details_id, binding.reply_key), offsets)
            try:
                head = channel.connection.client_index + box.context
                channel.post(message[:2] + head + message[10:])
                while (batch := await self._take(box))[-1][:2] == details_id:
                    yield batch
                yield batch[:-1]
            finally:
                channel.close(box)
            reply = reply_codec.accept(batch[-1])
            portion = binding.portion_after(message, reply)
            if portion is None:
                self.reply = binding.checked(reply, batch[-1])
                return
            message = portion
