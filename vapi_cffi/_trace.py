"""Messages of one client in both directions, as lines of JSON, while somebody wants them.

A trace puts functions of its own in the place of those of the connection, and takes them away
again: while there is none, it costs nothing.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from functools import wraps
from pathlib import Path
from threading import Lock
from time import time
from typing import TYPE_CHECKING, Any, TextIO

from ._calling import LOST
from ._closing import Closing
from ._errors import InvalidArgument, MisuseError, VapiError

if TYPE_CHECKING:
    from ._base_client import BaseClient
    from ._codec import MessageCodec
    from ._collecting import Collector, Packed
    from ._sending import Bytes

#: Where a trace is written: a path, or a text file that is open.
Target = str | os.PathLike[str] | TextIO

SENT, RECEIVED = "sent", "received"


class Trace(Closing):
    """Records until `close()` or the end of a `with` block; made by `client.trace(file)`.

    A line is an object: `time` (seconds since 1970), `direction` ("sent" or "received"), `name`,
    `size` in bytes, `fields`; `context` where the message has one that is not 0. What cannot be
    decoded has `hex` instead of `fields`, and `error` says why. `times`: that many messages in one
    line, as nobody has looked at each: answers of `bulk` and `pump`, by their retval, and rows of
    columns. `count` lines were written.
    """

    def __init__(self, client: BaseClient, target: Target) -> None:
        connection = client.connection
        if connection.tap is not None:
            raise MisuseError("this client is being traced: close that trace first")
        self.count = 0
        self._client = client
        self._lock = Lock()
        self._names: dict[int, tuple[str, MessageCodec | None, str]] = {}
        self._table: object = None
        self._own = isinstance(target, str | os.PathLike)
        if isinstance(target, str | os.PathLike):
            opened = Path(target).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115
            self._file: TextIO | None = opened
        elif hasattr(target, "write"):
            self._file = target
        else:
            raise InvalidArgument(f"a trace goes to a path or an open file, not {target!r}")
        self._calls = connection.call, self._around_call(connection.call)
        connection.tap = self
        self._instead: dict[str, Any] = {
            "call": self._calls[1],
            "send_bytes": self._around_send_bytes(connection.send_bytes),
            "send_packed": self._around_send_packed(connection.send_packed),
            "send": self._around_buffers(connection.send),
            "send2": self._around_buffers(connection.send2),
            "pump": self._around_pump(connection.pump),
            "recv": self._around_lent(connection.recv, lambda message: (message,)),
            "recv_many": self._around_lent(connection.recv_many, lambda messages: messages),
            "recv_bytes": self._around_recv_bytes(connection.recv_bytes),
        }
        vars(connection).update(self._instead)
        client.api.exchange_calls(*self._calls)

    def close(self) -> None:
        """Ends it; closes the file if the trace has opened it. Idempotent."""
        connection = self._client.connection
        if connection.tap is self:
            connection.tap = None
            for name in self._instead:
                del vars(connection)[name]
            self._client.api.exchange_calls(self._calls[1], connection.call)
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            file.flush()
            if self._own:
                file.close()

    def __repr__(self) -> str:
        state = "closed" if self._file is None else "open"
        return f"<Trace of {self.count} messages, {state}>"

    # ---- lines ---------------------------------------------------------------------------------

    def write(self, direction: str, data: bytes, **more: Any) -> None:
        """One message."""
        number = int.from_bytes(data[:2], "big")
        name, codec, why = self._named(number)
        line: dict[str, Any] = {"direction": direction, "name": name, "size": len(data)}
        at = None if codec is None else codec.context_offset
        if at is not None and any(data[at : at + 4]):
            line["context"] = int.from_bytes(data[at : at + 4], "big")
        if codec is None:
            line |= {"hex": data.hex(), "error": why}
        else:
            try:
                line["fields"] = _plain(codec.accept(data))
            except VapiError as error:
                line |= {"hex": data.hex(), "error": str(error)}
        self._put(line | more)

    def _put(self, line: dict[str, Any]) -> None:
        """A line, with the time."""
        text = json.dumps({"time": round(time(), 6), **line}) + "\n"
        with self._lock:
            if self._file is not None:
                self._file.write(text)
                self.count += 1

    def _named(self, number: int) -> tuple[str, MessageCodec | None, str]:
        """Name and codec of a message, and why it has none."""
        table = self._client.connection.message_table
        if table is not self._table:
            self._table, self._names = table, {}
        found = self._names.get(number)
        if found is None:
            name = f"message_{number}"
            try:
                name = table.name(number).rpartition("_")[0]
                found = (name, self._client.message_codec(name), "")
            except KeyError:
                found = (name, None, "VPP has no message of that number")
            except VapiError as error:
                found = (name, None, str(error))
            self._names[number] = found
        return found

    def packed(self, requests: Bytes, sizes: Iterable[int]) -> None:
        """Requests that were sent behind each other."""
        at = 0
        for size in sizes:
            self.write(SENT, bytes(requests[at : at + size]))
            at += size

    def counted(self, number: int, count: int, retvals: Iterable[int]) -> None:
        """Answers of many requests, of which C has only looked at the retval: a line for each that
        there was. `number`: of the answers, 0 if they may be any."""
        name = self._named(number)[0] if number else "(any answer)"
        found = {retval: times for retval, times in Counter(retvals).items() if retval != LOST}
        for retval, times in sorted(found.items()):
            fields = {"retval": retval}
            self._put({"direction": RECEIVED, "name": name, "times": times, "fields": fields})
        if not found and count:
            self._put({"direction": RECEIVED, "name": name, "times": count})

    # ---- instead of what a connection does -------------------------------------------------------

    def _around_call(self, call: Callable[..., bytes]) -> Callable[..., bytes]:
        @wraps(call)
        def traced(request: Any, *arguments: Any, **keywords: Any) -> bytes:
            self.write(SENT, bytes(request))
            reply = call(request, *arguments, **keywords)
            self.write(RECEIVED, reply)
            return reply

        return traced

    def _around_send_bytes(self, send: Callable[..., None]) -> Callable[..., None]:
        @wraps(send)
        def traced(message: Any, *arguments: Any, **keywords: Any) -> None:
            self.write(SENT, bytes(message))
            send(message, *arguments, **keywords)

        return traced

    def _around_send_packed(self, send: Callable[..., int]) -> Callable[..., int]:
        @wraps(send)
        def traced(packed: Any, offsets: Any, sizes: Any, **keywords: Any) -> int:
            done = send(packed, offsets, sizes, **keywords)
            for offset, size in zip(offsets[:done], sizes[:done], strict=True):
                self.write(SENT, bytes(packed[offset : offset + size]))
            return done

        return traced

    def _around_buffers(self, send: Callable[..., None]) -> Callable[..., None]:
        @wraps(send)
        def traced(*arguments: Any, **keywords: Any) -> None:
            for buffer in arguments:
                if hasattr(buffer, "data"):
                    self.write(SENT, bytes(buffer.data))
            send(*arguments, **keywords)

        return traced

    def _around_pump(self, pump: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(pump)
        def traced(requests: Any, **keywords: Any) -> Any:
            if not isinstance(requests, bytes | bytearray | memoryview):
                for request in requests:
                    self.write(SENT, bytes(request))
            elif keywords.get("sizes") is None:
                self.write(SENT, bytes(requests), times=keywords.get("count") or 1)
            else:
                self.packed(requests, keywords["sizes"])
            result = pump(requests, **keywords)
            self.counted(keywords.get("reply_id", 0), result.received, result.retvals)
            return result

        return traced

    def _around_lent(
        self, receive: Callable[..., Any], each: Callable[[Any], Iterable[Any]]
    ) -> Callable[..., Any]:
        @wraps(receive)
        def traced(*arguments: Any, **keywords: Any) -> Any:
            found = receive(*arguments, **keywords)
            for message in each(found):
                self.write(RECEIVED, bytes(message.data))
            return found

        return traced

    def _around_recv_bytes(self, receive: Callable[..., list[bytes]]) -> Callable[..., list[bytes]]:
        @wraps(receive)
        def traced(*arguments: Any, **keywords: Any) -> list[bytes]:
            found = receive(*arguments, **keywords)
            for data in found:
                self.write(RECEIVED, data)
            return found

        return traced

    def collected(
        self, collector: Collector, batches: Generator[Packed, None, None]
    ) -> Generator[Packed, None, None]:
        """The batches of a dump, and lines about them."""
        self.write(SENT, collector.question.request)
        for packed in batches:
            self.brought(collector, packed)
            yield packed
        self.ended(collector)

    def brought(self, collector: Collector, packed: Packed) -> None:
        """Details of a dump. Columns leave no message to decode: of those a line has only how many
        there were."""
        question = collector.question
        if question.whole:
            for data in packed.split():
                self.write(RECEIVED, data)
            return
        name = self._named(question.details_id)[0]
        self._put({"direction": RECEIVED, "name": name, "times": packed.count})

    def ended(self, collector: Collector) -> None:
        """The end of a dump, if it came."""
        if collector.end:
            self.write(RECEIVED, collector.end)


def _plain(value: Any) -> Any:
    """As `vapi call --output json` prints it."""
    from .cli._values import plain

    return plain(value)
