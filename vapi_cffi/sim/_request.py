"""A request as a handler sees it, and the bytes of messages with plain fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vapi_cffi.generator.model import Field, Message, Shape

from ._definitions import Definitions

#: What a handler may return: nothing, a retval, one message, or several.
Answer = int | bytes | Iterable[bytes] | None
Handler = Callable[["Request"], Answer]

UNSPECIFIED = -1


def _top_level(message: Message, name: str) -> Field:
    for item in message.fields:
        if item.name == name:
            return item
    known = ", ".join(item.name for item in message.fields)
    raise KeyError(f"{message.name} has no field {name!r}; it has {known}")


def encode(
    message: Message, msg_id: int, values: dict[str, int | bytes | str], tail: bytes
) -> bytes:
    """A message: `values` of its top-level fields (integers, or bytes that are put there as they
    are), zeros elsewhere, then the elements of its variable end."""
    body = bytearray(message.size)
    body[0:2] = msg_id.to_bytes(2, "big")
    for name, value in values.items():
        item = _top_level(message, name)
        if isinstance(value, int):
            data = value.to_bytes(item.size, "big", signed=value < 0)
        else:
            data = value.encode() if isinstance(value, str) else bytes(value)
        end = message.tail
        if end is not None and end.path == (name,):
            if item.shape is Shape.STRING:
                body[-4:] = len(data).to_bytes(4, "big")
            tail = data
            continue
        if len(data) > item.size:
            raise ValueError(f"{message.name}.{name}: {len(data)} bytes, room for {item.size}")
        body[item.offset : item.offset + len(data)] = data
    return bytes(body) + tail


@dataclass(frozen=True)
class Request:
    """What a client asked. `data` is the message as it came, its id first."""

    name: str
    msg_id: int
    client_id: int
    context: bytes
    """The four bytes of the context, to be repeated in every answer."""
    data: bytes
    transport: str
    definitions: Definitions
    ids: Callable[[str], int]

    @property
    def message(self) -> Message:
        """Its definition."""
        return self.definitions.message(self.name)

    def __getitem__(self, field: str) -> int | bytes:
        """A top-level field: an integer for a number, else its bytes. KeyError if there is none."""
        item = _top_level(self.message, field)
        end = self.message.tail
        if end is not None and end.path == (field,):
            return self.data[end.offset :]
        raw = self.data[item.offset : item.offset + item.size]
        if item.shape is Shape.SCALAR and item.size in (1, 2, 4, 8):
            return int.from_bytes(raw, "big")
        return raw

    def reply(self, retval: int = 0, *, tail: bytes = b"", **fields: int | bytes | str) -> bytes:
        """The answer that belongs to this request, zeros where no field is given."""
        reply = self.definitions.reply_of(self.message)
        if reply is None:
            raise ValueError(f"{self.message.name} has no reply; send details()")
        if reply.retval_offset is not None:
            fields = {"retval": retval, **fields}
        return self._build(reply, fields, tail)

    def details(self, name: str, *, tail: bytes = b"", **fields: int | bytes | str) -> bytes:
        """Another message with the request's context, such as one of the details of a dump."""
        return self._build(self.definitions.message(name), fields, tail)

    def _build(self, message: Message, fields: dict[str, int | bytes | str], tail: bytes) -> bytes:
        if message.context_offset is not None:
            fields = {"context": self.context, **fields}
        return encode(message, self.ids(message.name_crc), fields, tail)

    def answers(self, answer: Answer) -> Iterable[bytes]:
        """What a handler returned, as messages."""
        if answer is None:
            return ()
        if isinstance(answer, int):
            return (self.reply(answer),)
        if isinstance(answer, bytes | bytearray | memoryview):
            return (bytes(answer),)
        return answer
