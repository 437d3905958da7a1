"""Random messages in host order and in network order, made from the model alone: what generated C
is compared with."""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from generator.model import (
    BaseType,
    Enum,
    Field,
    Header,
    Message,
    Shape,
    Struct,
    Type,
    Union,
    unalias,
)

HOST = "<" if sys.byteorder == "little" else ">"


@dataclass(frozen=True, slots=True)
class Both:
    """The same in both orders."""

    host: bytes = b""
    wire: bytes = b""

    def __add__(self, other: Both) -> Both:
        return Both(self.host + other.host, self.wire + other.wire)


def same(data: bytes) -> Both:
    return Both(data, data)


def integer(base: BaseType, value: int) -> Both:
    return Both(struct.pack(f"{HOST}{base.code}", value), struct.pack(f">{base.code}", value))


class Values:
    """A source of random messages."""

    def __init__(self, seed: int, types: Iterable[Type]) -> None:
        """`types`: with the enums after which the arms of unions are named."""
        self._random = random.Random(seed)
        self._cases = {
            member.name: member.value
            for kind in types
            if isinstance(kind, Enum)
            for member in kind.members
        }

    def message(self, message: Message) -> Both:
        """A whole message. client_index and context travel as they are in headers that have both
        or the latter; elsewhere they are plain fields."""
        opaque = (
            message.header.field_count if message.header in (Header.REQUEST, Header.REPLY) else 0
        )
        start = integer(_U16, self._random.randrange(1 << 16))
        header = same(self._random.randbytes(4 * opaque))
        return start + header + self._block(message.fields[opaque:])

    def _block(self, fields: Sequence[Field]) -> Both:
        done = Both()
        chosen: dict[str, int] = {}
        counts = {item.counts: self._random.randrange(5) for item in fields if item.counts}
        for item in fields:
            done += self._field(item, chosen, counts)
        return done

    def _field(self, item: Field, chosen: dict[str, int], counts: dict[str, int]) -> Both:
        if item.shape is Shape.TEXT:
            return same(self._random.randbytes(item.length))
        if item.shape is Shape.STRING:
            text = self._random.randbytes(self._random.randrange(9))
            return integer(_U32, len(text)) + same(text)
        if item.shape is Shape.VLA:
            return self._many(item.type, counts[item.name])
        if item.shape is Shape.ARRAY:
            return self._many(item.type, item.length)
        kind, lengths = unalias(item.type)
        if item.counts is not None and isinstance(kind, BaseType):
            return integer(kind, counts[item.counts])
        if isinstance(kind, Enum):
            value = self._random.choice(kind.members).value
            chosen[item.name] = value
            return integer(kind.base, value)
        if isinstance(kind, Union) and not lengths:
            return self._union(kind, chosen.get(item.discriminator or ""))
        return self._value(item.type)

    def _many(self, kind: Type, count: int) -> Both:
        done = Both()
        for _ in range(count):
            done += self._value(kind)
        return done

    def _value(self, kind: Type) -> Both:
        kind, lengths = unalias(kind)
        if lengths:
            total = 1
            for length in lengths:
                total *= length
            return self._many(kind, total)
        if isinstance(kind, Struct):
            return self._block(kind.fields)
        if isinstance(kind, Union):
            return self._union(kind, None)
        if isinstance(kind, Enum):
            return integer(kind.base, self._random.choice(kind.members).value)
        if kind.code == "?":
            return same(bytes([self._random.randrange(2)]))
        if kind.code in "sd":
            return same(self._random.randbytes(kind.size))
        raw = int.from_bytes(self._random.randbytes(kind.size), "big", signed=kind.is_signed)
        return integer(kind, raw)

    def _union(self, kind: Union, selector: int | None) -> Both:
        """The arm that the discriminator selects, random bytes behind it; no arm: bytes as they
        are."""
        for arm in kind.fields:
            if selector is not None and selector == self._cases.get(arm.case or ""):
                value = self._value(arm.type)
                return value + same(self._random.randbytes(kind.size - len(value.host)))
        return same(self._random.randbytes(kind.size))


class HostOrder:
    """Messages in network order, as anybody encoded them, turned into host order field by field."""

    def __init__(self, types: Iterable[Type]) -> None:
        self._cases = {
            member.name: member.value
            for kind in types
            if isinstance(kind, Enum)
            for member in kind.members
        }

    def message(self, message: Message, wire: bytes) -> bytes:
        """The same message. ValueError when it has another length than its fields say."""
        opaque = (
            message.header.field_count if message.header in (Header.REQUEST, Header.REPLY) else 0
        )
        rest = _Wire(wire)
        done = rest.integer(_U16)[1] + rest.take(4 * opaque)
        done += self._block(message.fields[opaque:], rest)
        if rest.left():
            raise ValueError(f"{message.name}: {rest.left()} bytes beyond its end")
        return done

    def _block(self, fields: Sequence[Field], rest: _Wire) -> bytes:
        done = b""
        chosen: dict[str, int] = {}
        counts: dict[str, int] = {}
        for item in fields:
            done += self._field(item, rest, chosen, counts)
        return done

    def _field(
        self, item: Field, rest: _Wire, chosen: dict[str, int], counts: dict[str, int]
    ) -> bytes:
        if item.shape is Shape.TEXT:
            return rest.take(item.length)
        if item.shape is Shape.STRING:
            size, head = rest.integer(_U32)
            return head + rest.take(size)
        if item.shape is Shape.VLA:
            counted = counts.get(item.name)
            if counted is None:  # up to the end
                counted = rest.left() // item.type.size
            return self._many(item.type, counted, rest)
        if item.shape is Shape.ARRAY:
            return self._many(item.type, item.length, rest)
        kind, lengths = unalias(item.type)
        base = kind.base if isinstance(kind, Enum) else kind
        if isinstance(base, BaseType) and not lengths and base.code not in "?sd":
            value, host = rest.integer(base)
            chosen[item.name] = value
            if item.counts is not None:
                counts[item.counts] = value
            return host
        if isinstance(kind, Union) and not lengths:
            return self._union(kind, chosen.get(item.discriminator or ""), rest)
        return self._value(item.type, rest)

    def _many(self, kind: Type, count: int, rest: _Wire) -> bytes:
        return b"".join(self._value(kind, rest) for _ in range(count))

    def _value(self, kind: Type, rest: _Wire) -> bytes:
        kind, lengths = unalias(kind)
        if lengths:
            total = 1
            for length in lengths:
                total *= length
            return self._many(kind, total, rest)
        if isinstance(kind, Struct):
            return self._block(kind.fields, rest)
        if isinstance(kind, Union):
            return rest.take(kind.size)
        base = kind.base if isinstance(kind, Enum) else kind
        assert isinstance(base, BaseType)
        return rest.take(base.size) if base.code in "?sd" else rest.integer(base)[1]

    def _union(self, kind: Union, selector: int | None, rest: _Wire) -> bytes:
        for arm in kind.fields:
            if selector is not None and selector == self._cases.get(arm.case or ""):
                before = rest.left()
                value = self._value(arm.type, rest)
                return value + rest.take(kind.size - (before - rest.left()))
        return rest.take(kind.size)


class _Wire:
    """Bytes that are read once, from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left():
            raise ValueError(f"{size} bytes wanted, {self.left()} left")
        self._at += size
        return self._data[self._at - size : self._at]

    def integer(self, base: BaseType) -> tuple[int, bytes]:
        """Its value, and its bytes in host order."""
        (value,) = struct.unpack(f">{base.code}", self.take(base.size))
        return value, struct.pack(f"{HOST}{base.code}", value)


_U16 = BaseType("u16", 2, "H")
_U32 = BaseType("u32", 4, "I")
