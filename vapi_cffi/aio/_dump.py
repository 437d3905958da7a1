"""Answers of many messages, for `async for`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from .._arguments import whole
from .._collecting import ROWS, Collector, Packed, pack
from .._dump import COLUMN_ROWS, question_of
from .._timeouts import naming
from ._collecting import collected, take_socket

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from .._api import Binding
    from .._columns import Columns
    from .._hub import Mailbox
    from ._channel import Channel

T_co = TypeVar("T_co", covariant=True)


class Dump(Generic[T_co]):
    """The details that a dump brings, as they come.

    >>> async for interface in vpp.api.sw_interface_dump():             # doctest: +SKIP
    ...     print(interface.interface_name)

    Nothing is sent before the first one is asked for; each `async for` sends the request anew.
    A loop that is left early, or cancelled, is fine: what still comes is dropped. So is a body that
    waits for something else, or asks for it: the details come by a socket of their own
    (`dump_sockets` of `ConnectOptions`), and what was not read yet waits in a file. `all` wants
    everything at once, and takes the connection itself.
    """

    def __init__(self, binding: Binding, message: bytes, timeout: float | None) -> None:
        self._binding = binding
        self._codec = binding.codec
        self._message = message
        self._timeout = timeout
        self._end = b""

    @property
    def _channel(self) -> Channel:
        return cast("Channel", self._binding.client.hub)

    def _renewed(self) -> bytes:
        """The request, for the VPP that is connected now."""
        self._channel.in_loop()
        return self._binding.renewed(self._message, self._codec)

    async def __aiter__(self) -> AsyncGenerator[T_co, None]:
        accept_all = self._binding.details_codec.accept_all
        async with aclosing(self._packed()) as batches:
            async for packed in batches:
                for item in accept_all(packed.split()):
                    yield item

    async def _packed(self, rows: int = ROWS, **layout: Any) -> AsyncGenerator[Packed, None]:
        """The details as they come, at most `rows` at once, read when they are asked for; `layout`
        as of `Question`."""
        async with aclosing(self._ask(self._renewed(), rows, layout)) as batches:
            async for packed in batches:
                yield packed

    async def _ask(
        self, message: bytes, rows: int, layout: dict[str, Any]
    ) -> AsyncGenerator[Packed, None]:
        """The details of one request; `_end` is the message that ended them."""
        channel = self._channel
        channel.in_loop()
        question = question_of(self._binding, message, layout)
        limit = channel.timeout if self._timeout is None else self._timeout
        with naming(self._binding.name):
            beside = await take_socket(channel, limit)
        if beside is None:
            async with aclosing(self._by_mail(message)) as mail:
                async for batch in mail:
                    for start in range(0, len(batch), rows):
                        yield pack(question, batch[start : start + rows])
            return
        collector = Collector(channel.connection, question, rows=rows, beside=beside)
        with naming(self._binding.name):
            async with aclosing(collected(channel, collector, beside, limit=limit)) as batches:
                async for packed in batches:
                    yield packed
        self._end = collector.end or b""

    async def _batches(self) -> AsyncGenerator[list[bytes], None]:
        """The details as they come, over the connection."""
        async with aclosing(self._by_mail(self._renewed())) as batches:
            async for batch in batches:
                yield batch

    async def _by_mail(self, message: bytes) -> AsyncGenerator[list[bytes], None]:
        """The details of one request, over the connection: those that nobody looks at yet are kept.
        `_end` is the message that ended them."""
        binding, channel = self._binding, self._channel
        details_id = binding.details_id
        if binding.reply_codec is None:
            ping, end_id = binding.ping
            offsets = (binding.details_offset, 2)
        else:
            end_id, offsets = binding.reply_key, (binding.details_offset, binding.context_offset)
        channel.in_loop()
        box = channel.open((details_id, end_id), offsets)
        try:
            head = channel.connection.client_index + box.context
            request = [message[:2] + head + message[10:]]
            if binding.reply_codec is None:
                request.append(ping + head)
            channel.post(*request)
            while (batch := await self._take(box))[-1][:2] == details_id:
                yield batch
            self._end = batch[-1]
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
        accept_all = self._binding.details_codec.accept_all
        async with aclosing(self._packed()) as batches:
            async for packed in batches:
                for item in accept_all(packed.split()):
                    return cast("T_co", item)
        return None

    async def columns(self, fields: Sequence[str] | None = None) -> Columns:
        """All of them as columns: no object a row. `fields`: paths of those that are wanted.

        >>> columns = await vpp.api.sw_interface_dump().columns(["sw_if_index"])
        ...                                                             # doctest: +SKIP

        Errors: `InvalidArgument` for a path that is none; others as of the loop.
        """
        from .._columns import Reading, join

        reading = Reading(self._binding.details_codec, fields)
        parts: list[Packed] = []
        async with aclosing(self._packed(COLUMN_ROWS, **reading.layout)) as batches:
            async for packed in batches:
                parts.append(packed)
        return join(reading, parts)

    def batches(
        self, rows: int = 65536, fields: Sequence[str] | None = None
    ) -> AsyncIterator[Columns]:
        """As `columns`, at most `rows` at a time, for `async for`: memory does not grow with their
        number."""
        from .._columns import Reading

        whole("rows", rows)
        return self._column_batches(rows, Reading(self._binding.details_codec, fields))

    async def _column_batches(self, rows: int, reading: Any) -> AsyncGenerator[Columns, None]:
        from .._columns import join

        parts: list[Packed] = []
        async with aclosing(self._packed(rows, **reading.layout)) as batches:
            async for packed in batches:
                if parts and sum(part.count for part in parts) + packed.count > rows:
                    yield join(reading, parts)
                    parts = []
                parts.append(packed)
        if parts:
            yield join(reading, parts)

    async def to_numpy(self, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """`columns` as arrays of NumPy, in the order of the host."""
        return (await self.columns(fields)).to_numpy()

    async def to_arrow(self, fields: Sequence[str] | None = None) -> pyarrow.Table:
        """`columns` as a table of pyarrow."""
        return (await self.columns(fields)).to_arrow()

    async def to_pandas(self, fields: Sequence[str] | None = None) -> pandas.DataFrame:
        """`columns` as a DataFrame of pandas."""
        return (await self.columns(fields)).to_pandas()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._binding.codec.name}>"


class Stream(Dump[T_co]):
    """As `Dump`; when VPP says that there is more, it is asked for at the cursor.

    `reply` is the message that ended it.
    """

    reply: Any = None

    async def _packed(self, rows: int = ROWS, **layout: Any) -> AsyncGenerator[Packed, None]:
        message: bytes | None = self._renewed()
        while message is not None:
            async with aclosing(self._ask(message, rows, layout)) as batches:
                async for packed in batches:
                    yield packed
            message = self._portion_after(message)

    async def _batches(self) -> AsyncGenerator[list[bytes], None]:
        message: bytes | None = self._renewed()
        while message is not None:
            async with aclosing(self._by_mail(message)) as batches:
                async for batch in batches:
                    yield batch
            message = self._portion_after(message)

    def _portion_after(self, message: bytes) -> bytes | None:
        """The request for what comes next, if there is more. Errors: `ApiError`."""
        binding = self._binding
        assert binding.reply_codec is not None
        reply = binding.reply_codec.accept(self._end)
        portion = binding.portion_after(message, reply)
        if portion is None:
            self.reply = binding.checked(reply, self._end)
        return portion
