"""Answers of many messages: dumps (ended by a control_ping) and streams (ended by a reply)."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._arguments import whole
from ._codec import MessageCodec
from ._collecting import ROWS, Collector, Packed, Question
from ._errors import ConnectionLost
from ._timeouts import naming

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from ._api import Binding
    from ._columns import Columns

#: Rows that one look of asyncio brings when all are wanted.
COLUMN_ROWS = 16384

log = logging.getLogger("vapi_cffi")

T_co = TypeVar("T_co", covariant=True)


class Dump(Generic[T_co]):
    """The details that a dump brings, streamed: memory does not grow with their number.

    >>> for interface in client.api.sw_interface_dump():                # doctest: +SKIP
    ...     print(interface.interface_name)

    Nothing is sent before the first one is asked for; each `for` sends the request anew. Leaving a
    loop early is fine: what still comes is dropped. So is a slow loop, and other requests in it:
    the details come by a socket of their own (`dump_sockets` of `ConnectOptions`), and what was not
    read yet waits in a file. `all` and `columns` want everything at once, and take the connection
    itself.
    """

    def __init__(self, binding: Binding, message: bytes, timeout: float | None) -> None:
        self._binding = binding
        self._codec = binding.codec
        self._message = message
        self._timeout = timeout

    def __iter__(self) -> Generator[T_co, None, None]:
        accept_all = self._binding.details_codec.accept_all
        with closing(self._packed(slowly=True)) as batches:
            for packed in batches:
                yield from accept_all(packed.split())

    def _packed(
        self, *, rows: int = ROWS, want: int = 1, slowly: bool = False, **layout: Any
    ) -> Generator[Packed, None, None]:
        """The details as they come, or `want` of them at once; `layout` as of `Question`.
        `slowly`: the program is at work between them."""
        within = self._binding.context
        message = self._binding.renewed(self._message, self._codec)
        yield from self._ask(within, message, rows, want, slowly, layout)

    def _ask(
        self,
        within: Any,
        message: bytes,
        rows: int,
        want: int,
        slowly: bool,
        layout: dict[str, Any],
    ) -> Generator[Packed, None, None]:
        """The details of one request; `_end` is the message that ended them."""
        client, name = self._binding.client, self._binding.name
        connection = client.connection
        question = question_of(self._binding, message, layout)
        log.debug("%s sent, %d bytes", name, len(message))
        beside = None
        with naming(name), client.watched():
            if slowly:
                beside = connection.take_dump_socket(self._timeout, within)
            if beside is None:
                collector = Collector(connection, question, within, rows=rows)
                yield from self._collect(collector, want)
                client.hub.relieve()
        if beside is not None:
            collector = Collector(connection, question, rows=rows, beside=beside)
            try:
                with naming(name):
                    yield from self._collect(collector, want)
            except ConnectionLost:
                with naming(name), client.watched():
                    # Not only this socket, most likely: then the connection has the better words.
                    connection.ping(self._timeout)
                raise
            finally:
                connection.give_dump_socket_back(beside, is_clean=collector.end is not None)
        log.debug("%s is complete", name)

    def _collect(self, collector: Collector, want: int) -> Generator[Packed, None, None]:
        tap = self._binding.client.connection.tap
        with closing(collector.batches(self._timeout, want)) as batches:
            yield from batches if tap is None else tap.collected(collector, batches)
        self._end = collector.end or b""

    def all(self) -> list[T_co]:
        """All of them."""
        accept_all = self._binding.details_codec.accept_all
        found: list[T_co] = []
        for packed in self._packed(want=ROWS):
            found += accept_all(packed.split())
        return found

    def columns(self, fields: Sequence[str] | None = None) -> Columns:
        """All of them as columns: no object a row. `fields`: paths of those that are wanted.

        Errors: `InvalidArgument` for a path that is none; others as of the loop.
        """
        from ._columns import Reading, join

        reading = Reading(self._binding.details_codec, fields)
        return join(reading, self._packed(rows=0, **reading.layout))

    def batches(self, rows: int = 65536, fields: Sequence[str] | None = None) -> Iterator[Columns]:
        """As `columns`, at most `rows` at a time: memory does not grow with their number."""
        from ._columns import Reading, join

        whole("rows", rows)
        reading = Reading(self._binding.details_codec, fields)
        packed = self._packed(rows=rows, want=rows, slowly=True, **reading.layout)
        return (join(reading, [one]) for one in packed)

    def to_numpy(self, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """`columns` as arrays of NumPy, in the order of the host."""
        return self.columns(fields).to_numpy()

    def to_arrow(self, fields: Sequence[str] | None = None) -> pyarrow.Table:
        """`columns` as a table of pyarrow."""
        return self.columns(fields).to_arrow()

    def to_pandas(self, fields: Sequence[str] | None = None) -> pandas.DataFrame:
        """`columns` as a DataFrame of pandas."""
        return self.columns(fields).to_pandas()

    def first(self) -> T_co | None:
        """The first, or None if there is none; the others are dropped."""
        with closing(iter(self)) as items:
            return next(items, None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._binding.codec.name}>"


class Stream(Dump[T_co]):
    """As `Dump`; when VPP says that there is more, it is asked for at the cursor.

    `reply` is the message that ended it.
    """

    reply: Any = None

    def _packed(
        self, *, rows: int = ROWS, want: int = 1, slowly: bool = False, **layout: Any
    ) -> Generator[Packed, None, None]:
        binding, within = self._binding, self._binding.context
        message = binding.renewed(self._message, self._codec)
        assert binding.reply_codec is not None
        while True:
            yield from self._ask(within, message, rows, want, slowly, layout)
            reply = binding.reply_codec.accept(self._end)
            portion = binding.portion_after(message, reply)
            if portion is None:
                self.reply = binding.checked(reply, self._end)
                return
            message = portion


def question_of(binding: Binding, message: bytes, layout: dict[str, Any]) -> Question:
    """What the request of a binding asks; `layout` as of `Question`, {}: whole messages."""
    codec, reply_codec = binding.details_codec, binding.reply_codec
    layout = layout or {
        "head_size": codec.size,
        "count_place": codec.count_place(),
        "element_size": 0 if codec.tail is None else codec.tail.element_size,
    }
    return Question(
        codec.name,
        message,
        int.from_bytes(binding.details_id, "big"),
        binding.reply_id if reply_codec else int.from_bytes(binding.ping[1], "big"),
        is_dump=reply_codec is None,
        details_offset=binding.details_offset,
        end_offset=binding.context_offset if reply_codec else 2,
        **layout,
    )


def cursor_offset(codec: MessageCodec, reply: MessageCodec | None) -> int:
    """Where a request has its u32 `cursor`, 0 if request and reply have none."""
    if reply is None or "cursor" not in reply.by_name:
        return 0
    offset = codec.header_size
    for item in codec.fields:
        if item.api_name == "cursor" and item.size == 4:
            return offset
        offset += item.size
    return 0
