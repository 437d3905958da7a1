"""A request as a handler sees it, and the bytes of messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vapi_cffi.generator.model import Field, Message, Shape

from .._codec import MessageCodec
from .._errors import InvalidArgument
from .._values import ApiMessage, to_dict
from ._definitions import Definitions, UnknownNameError

#: What a handler may return: nothing, a retval, one message, or several.
Answer = int | bytes | Iterable[bytes] | None
Handler = Callable[["Request"], Answer]

UNSPECIFIED = -1

_HEADER = {"client_index", "context"}


def _top_level(message: Message, name: str) -> Field:
    for item in message.fields:
        if item.name == name:
            return item
    known = ", ".join(item.name for item in message.fields)
    raise UnknownNameError(f"{message.name} has no field {name!r}; it has {known}")


def encode(
    message: Message, msg_id: int, values: Mapping[str, int | bytes | str], tail: bytes
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


def encode_fields(codec: MessageCodec, number: int, fields: Mapping[str, Any]) -> bytes:
    """A message from fields as a client takes them. `InvalidArgument` names what is wrong."""
    head = [int.from_bytes(fields.get(name, b""), "big") for name in ("client_index", "context")]
    return codec.encode(
        number, {name: value for name, value in fields.items() if name not in _HEADER}, *head
    )


def build(
    definitions: Definitions, message: Message, number: int, fields: Mapping[str, Any], tail: bytes
) -> bytes:
    """A message from fields as a client takes them, or as bytes of the wire: bytes for a field that
    is neither bytes nor text are put there as they are."""
    plain = {item.name for item in message.fields if item.type.name in ("u8", "string")}
    as_they_are = (
        name
        for name, value in fields.items()
        if isinstance(value, bytes) and name not in plain and name not in _HEADER
    )
    if tail or any(as_they_are):
        return encode(message, number, fields, tail)
    return encode_fields(definitions.scope.codec(message.name), number, fields)


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

    @cached_property
    def args(self) -> Any:
        """Its fields, as a client reads them: `request.args.sw_if_index`."""
        return self.definitions.scope.codec(self.name).accept(self.data)

    def __getitem__(self, field: str) -> int | bytes:
        """A top-level field as it came: an integer for a number, else its bytes. KeyError if there
        is none."""
        item = _top_level(self.message, field)
        end = self.message.tail
        if end is not None and end.path == (field,):
            return self.data[end.offset :]
        raw = self.data[item.offset : item.offset + item.size]
        if item.shape is Shape.SCALAR and item.size in (1, 2, 4, 8):
            return int.from_bytes(raw, "big")
        return raw

    def reply(self, retval: int = 0, /, *, _tail: bytes = b"", **fields: Any) -> bytes:
        """The answer that belongs to this request, defaults where no field is given.

        >>> request.reply(sw_if_index=7)                                # doctest: +SKIP

        Values are what a client would read; bytes for a field that is neither bytes nor text are
        put there as they are, `_tail` are the bytes of its variable end.
        """
        reply = self.definitions.reply_of(self.message)
        if reply is None:
            raise InvalidArgument(f"{self.name} has no reply; send details()")
        if reply.retval_offset is not None:
            fields = {"retval": retval, **fields}
        return self._build(reply, fields, _tail)

    def details(self, name: str = "", /, *, _tail: bytes = b"", **fields: Any) -> bytes:
        """One of the details of a dump or stream, or (by name) any message with this context."""
        message = self.definitions.message(name) if name else self.definitions.row_of(self.message)
        return self._build(message, fields, _tail)

    def _build(self, message: Message, fields: dict[str, Any], tail: bytes) -> bytes:
        if message.context_offset is not None:
            fields = {"context": self.context, **fields}
        number = self.ids(message.name_crc)
        return build(self.definitions, message, number, fields, tail)

    def answers(self, answer: Answer) -> Iterable[bytes]:
        """What a handler returned, as messages."""
        if answer is None:
            return ()
        if isinstance(answer, int):
            return (self.reply(answer),)
        if isinstance(answer, bytes | bytearray | memoryview):
            return (bytes(answer),)
        return answer

    def __repr__(self) -> str:
        return f"<Request over {self.transport}: {self.args!r}>"


def row_fields(row: ApiMessage | Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a row of a dump, whatever it was given as."""
    if isinstance(row, Mapping):
        return row
    fields: dict[str, Any] = to_dict(row)
    return fields
