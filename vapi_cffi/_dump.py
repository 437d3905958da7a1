"""Answers of many messages: dumps (ended by a control_ping) and streams (ended by a reply)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _retvals
from ._codec import MessageCodec

if TYPE_CHECKING:
    from ._api import Binding
    from ._hub import Hub, Mailbox

T_co = TypeVar("T_co", covariant=True)


class Dump(Generic[T_co]):
    """The details that a dump brings, streamed: memory does not grow with their number.

    >>> for interface in client.api.sw_interface_dump():                # doctest: +SKIP
    ...     print(interface.interface_name)

    Nothing is sent before the first one is asked for; each `for` sends the request anew. Leaving a
    loop early is fine: what still comes is dropped.
    """

    def __init__(self, binding: Binding, message: bytes, timeout: float | None) -> None:
        self._binding = binding
        self._message = message
        self._timeout = timeout

    def __iter__(self) -> Iterator[T_co]:
        accept = self._binding.details_codec.accept
        for batch in self._batches():
            for data in batch:
                yield accept(data)

    def _batches(self) -> Iterator[list[bytes]]:
        """The details as they come."""
        binding = self._binding
        client, hub = binding.client, binding.client.hub
        ping, ping_reply = binding.ping
        details_id = binding.details_id
        box = hub.open((details_id, ping_reply), (binding.details_offset, 2))
        try:
            with client.watched():
                self._send(hub, box, ping)
                while (batch := take(hub, box, self._timeout))[-1][:2] == details_id:
                    yield batch
                yield batch[:-1]
        finally:
            hub.close(box)

    def _send(self, hub: Hub, box: Mailbox, ping: bytes) -> None:
        """The request and the ping that ends it, next to each other or not at all."""
        connection = hub.connection
        index = connection.client_index
        message = self._message
        with connection.alloc(len(message)) as first, connection.alloc(10) as second:
            first.data[:] = message[:2] + index + box.context + message[10:]
            second.data[:] = ping + index + box.context
            connection.send2(first, second, self._timeout)

    def all(self) -> list[T_co]:
        """All of them."""
        accept = self._binding.details_codec.accept
        found: list[T_co] = []
        for batch in self._batches():
            found += map(accept, batch)
        return found

    def first(self) -> T_co | None:
        """The first, or None if there is none; the others are dropped."""
        for item in self:
            return item
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._binding.codec.name}>"


class Stream(Dump[T_co]):
    """As `Dump`; when VPP says that there is more, it is asked for at the cursor.

    `reply` is the message that ended it.
    """

    reply: Any = None

    def _batches(self) -> Iterator[list[bytes]]:
        binding, hub = self._binding, self._binding.client.hub
        reply_codec = binding.reply_codec
        assert reply_codec is not None
        details_id, reply_id = binding.details_id, binding.reply_id.to_bytes(2, "big")
        offsets = (binding.details_offset, reply_codec.context_offset or 2)
        message = self._message
        while True:
            box = hub.open((details_id, reply_id), offsets)
            try:
                with binding.client.watched():
                    connection = hub.connection
                    index = connection.client_index
                    connection.send_bytes(
                        message[:2] + index + box.context + message[10:], self._timeout
                    )
                    while (batch := take(hub, box, self._timeout))[-1][:2] == details_id:
                        yield batch
                    yield batch[:-1]
            finally:
                hub.close(box)
            data = batch[-1]
            reply = reply_codec.accept(data)
            if getattr(reply, "retval", 0) == _retvals.EAGAIN and binding.cursor_offset:
                at = binding.cursor_offset
                cursor = reply.cursor.to_bytes(4, "big")
                message = message[:at] + cursor + message[at + 4 :]
                continue
            self.reply = binding.checked(reply, data)
            return


def take(hub: Hub, box: Mailbox, timeout: float | None) -> list[bytes]:
    """Everything that is there, at least one message; the last one may be the end."""
    items = box.items
    hub.wait(box, timeout)
    return [items.popleft() for _ in range(len(items))]


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
