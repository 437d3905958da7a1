"""Messages read where they lie: in VPP's own slot, or in the buffer that a socket was read into.

A view is an object of a subclass of the message's class, whose fields are decoded when they are
looked at, each by itself, from memory that is only lent. When it goes back, the view raises
`MessageReleased` instead. What a field gives out (numbers, text, bytes, lists, structs) is a value
of its own and stays. `copy.copy(view)` gives the whole message such a life.
"""

from __future__ import annotations

import math
import struct
from time import monotonic
from typing import Any, TypeVar

from ._blocks import BlockField, Tail
from ._buffers import Message
from ._codec import MessageCodec
from ._errors import MessageReleased
from ._values import ApiMessage, ApiValue
from ._wire import Namespace

T = TypeVar("T")

#: VPP takes a slot of its rings back ten seconds after it first wanted it, whoever reads it.
SLOT_SECONDS = 10.0

_raw_of = ApiValue.__dict__["__raw__"].__get__
_set_raw = ApiValue.__dict__["__raw__"].__set__


class Lent:
    """The bytes of one message, until `release()`.

    Made of a `Message` (then nothing is copied) or of bytes. `kept`: whether somebody releases it
    later than its callback. `until`: the monotonic time after which memory may be VPP's again,
    though nobody released it; `settle()` before that copies it.
    """

    __slots__ = ("__weakref__", "_data", "_message", "kept", "until")

    def __init__(self, source: Message | bytes, until: float = math.inf) -> None:
        self._message: Message | None
        self._data: memoryview | bytes | None
        if isinstance(source, bytes):
            self._message, self._data = None, source
        else:
            self._message, self._data = source, source.data
        self.until = until
        self.kept = False

    @property
    def data(self) -> memoryview | bytes:
        """The message, its number first. Errors: `MessageReleased`."""
        data = self._data
        if data is None:
            raise MessageReleased(
                "this message was released, its memory is VPP's again (copy.copy() it in time)"
            )
        if self.until < monotonic():
            raise MessageReleased(
                f"this message was read for over {SLOT_SECONDS:g} seconds where it lies, and VPP "
                "takes its memory back after that (copy.copy() it in time)"
            )
        return data

    @property
    def released(self) -> bool:
        """Whether it is of no use any more."""
        return self._data is None

    @property
    def is_slot(self) -> bool:
        """Whether VPP may take the memory back by itself."""
        return self.until != math.inf

    def settle(self) -> None:
        """Copies what is still lent. Any thread may read meanwhile."""
        message, data = self._message, self._data
        if message is None or data is None or self.until < monotonic():
            return
        self._data = bytes(data)
        self.until = math.inf
        self._message = None
        message.detach()

    def release(self) -> None:
        """Gives the memory back. Idempotent."""
        message, self._message = self._message, None
        self._data = None
        if message is not None:
            message.release()


class Viewer:
    """Makes views of one kind of message."""

    __slots__ = ("_codec", "_count", "_each", "_size", "_view")

    def __init__(self, codec: MessageCodec) -> None:
        self._codec = codec
        self._size = codec.size
        self._count = codec.count_place()
        self._each = 0 if codec.tail is None else codec.tail.element_size
        self._view = _view_class(codec)

    def open(self, lent: Lent) -> ApiMessage:
        """A view. Errors: `BadMessage` when the message is shorter than it says."""
        data = lent.data
        got, size = len(data), self._size
        if got < size:
            raise self._codec.wrong_length(bytes(data))
        if self._each:
            if self._count is None:
                if (got - size) % self._each:
                    raise self._codec.wrong_length(bytes(data))
            elif got < size + count_in(data, self._count) * self._each:
                raise self._codec.wrong_length(bytes(data))
        view: ApiMessage = object.__new__(self._view)
        _set_raw(view, lent)
        return view


def lent_of(view: object) -> Lent | None:
    """What a view reads; None if it is no view."""
    return (
        _raw_of(view)
        if isinstance(view, ApiMessage) and type(view).__dict__.get("__view__")
        else None
    )


def lasting(value: T) -> T:
    """The value itself, or of a view a copy that stays."""
    if lent_of(value) is None:
        return value
    copied: T = value.__copy__()  # type: ignore[attr-defined]
    return copied


def count_in(data: memoryview | bytes, place: tuple[int, int]) -> int:
    """The number at a place."""
    return int.from_bytes(data[place[0] : place[0] + place[1]], "big")


# ---- the classes ---------------------------------------------------------------------------------


def _view_class(codec: MessageCodec) -> type[ApiMessage]:
    cls = codec.cls

    def copied(self: Any) -> Any:
        return codec.accept(bytes(_raw_of(self).data))

    def deeply(self: Any, memo: dict[int, Any]) -> Any:
        return copied(self)

    def show(self: Any) -> str:
        try:
            return ApiValue.__repr__(self)
        except MessageReleased:
            return f"<{cls.__name__}, released>"

    body: dict[str, Any] = {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__view__": True,
        "__copy__": copied,
        "__deepcopy__": deeply,
        "__reduce_ex__": lambda self, protocol: copied(self).__reduce_ex__(protocol),
        "__repr__": show,
    }
    offset = codec.header_size
    places: dict[str, int] = {}
    for item in codec.fields:
        places[item.name] = offset
        offset += item.size
    for item in codec.fields:
        body[item.name] = _Field(codec, item, places)
    made: Any = type(cls.__name__, (cls,), body)
    return made  # type: ignore[no-any-return]


class _Field:
    """Stands for a field until it is first looked at; then a property whose code is compiled for
    just this field takes its place."""

    def __init__(self, codec: MessageCodec, item: BlockField, places: dict[str, int]) -> None:
        self._codec = codec
        self._item = item
        self._places = places

    def __get__(self, value: Any, owner: Any = None) -> Any:
        if value is None:
            return self
        made = property(self._compile(), self.__set__)
        type.__setattr__(type(value), self._item.name, made)
        return made.__get__(value, type(value))

    def __set__(self, value: object, given: object) -> None:
        raise AttributeError(
            f"{self._item.name} is part of a received message: change a copy.copy() of it"
        )

    def _compile(self) -> Any:
        item, codec, ns = self._item, self._codec, Namespace()
        kind = item.kind
        own = [f"a{index}" for index in range(kind.leaves)]
        lines = ["data = lent(o).data"]
        if own:
            ns["form"] = struct.Struct(f">{kind.fmt}").unpack_from
            lines.append(f"{', '.join(own)}, = form(data, {self._places[item.name]})")
        if isinstance(kind, Tail):
            end = ""
            place = codec.count_place()
            if place is not None:
                ns["count"] = count_in
                end = f"{codec.size} + count(data, {place}) * {kind.element_size}"
            lines.append(f"_t = bytes(data[{codec.size}:{end}])")
            value = kind.of_bytes(own, ns)
        elif item.tag is not None:
            teller = codec.by_name[item.told_by or ""]
            ns["teller"] = struct.Struct(f">{teller.kind.fmt}").unpack_from
            lines.append(f"told, = teller(data, {self._places[teller.name]})")
            value = f"{ns.use(item.tag.unpack, 'tag')}({own[0]}, told)"
        else:
            value = kind.unpacking(own, ns)
        ns["lent"] = _raw_of
        source = "\n    ".join(["def _read(o):", *lines, f"return {value}", ""])
        return ns.run(source, f"vapi_cffi view of {codec.name}.{item.name}")["_read"]
