"""Messages between objects and wire bytes.

`MessageCodec` is built once a message; its functions are written and compiled when first used.
What VPP sends is checked for its length and kept as bytes (`decode`); the first look at a field
decodes all of them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ._blocks import MISFIT, Block, BlockField, Tail
from ._errors import BadMessage, InvalidArgument
from ._values import ApiMessage, ApiValue
from ._wire import Namespace, shown

if TYPE_CHECKING:
    from ._views import Viewer

#: Fields that begin a message and are no business of programs.
_HEADERS = (("client_index", "context"), ("context",), ("client_index",))


class MessageCodec(Block):
    """A message: `decode`, `encode` from keywords, `encode_value` from an object."""

    def __init__(
        self,
        name: str,
        crc: int,
        fields: Iterable[BlockField],
        make_class: Callable[[Block], type[ApiValue]],
    ) -> None:
        every = tuple(fields)
        names = tuple(item.api_name for item in every)
        self.header: tuple[str, ...] = next(
            (head for head in _HEADERS if names[: len(head)] == head), ()
        )
        self.header_size = 2 + 4 * len(self.header)
        super().__init__(name, every[len(self.header) :], make_class, self.header_size)
        self.crc = crc
        self.name_crc = f"{name}_{crc:08x}"
        #: Offsets in the message; None without such a field.
        self.context_offset = self._offset_of("context")
        self.retval_offset = self._offset_of("retval")
        self._viewer: Viewer | None = None

    @property
    def layout(self) -> tuple[object, ...]:
        """What two messages have in common that are the same but for their names."""
        return self.header, tuple((item.api_name, item.kind.fmt) for item in self.fields)

    def _offset_of(self, wanted: str) -> int | None:
        offset = 2
        for name in self.header:
            if name == wanted:
                return offset
            offset += 4
        for item in self.fields:
            if item.api_name == wanted:
                return offset if item.size == 4 and not isinstance(item.kind, Tail) else None
            offset += item.size
        return None

    # ---- encoding ------------------------------------------------------------------------------

    def encode(
        self,
        number: int,
        fields: Mapping[str, Any],
        client_index: int = 0,
        context: int = 0,
    ) -> bytes:
        """Wire bytes of a message with these fields; the others have their defaults.

        `number` is VPP's of this message; client_index and context are stored where the header has
        them. Errors: `InvalidArgument` names message, field and value.
        """
        try:
            packed: bytes = self.function("pack")(number, client_index, context, **fields)
            return packed
        except MISFIT:
            return self.encode_value(self.cls(**fields), number, client_index, context)

    def encode_value(
        self, value: ApiValue, number: int, client_index: int = 0, context: int = 0
    ) -> bytes:
        """Wire bytes of an object of the class. Errors as `encode`."""
        pack = self.function("pack_value")
        try:
            packed: bytes = pack(value, number, client_index, context)
        except MISFIT:
            packed = pack(self.renewed(value), number, client_index, context)
        return packed

    @property
    def fast_encode(self) -> Callable[..., bytes]:
        """`(number, client_index, context, **fields)` to bytes, where the fields are canonical;
        anything else raises one of `MISFIT`, for `encode` to look at carefully."""
        return self.function("pack")

    def _packing(self, prefix: str, ns: Namespace) -> list[str]:
        statements, leaves = self.parts(ns, prefix)
        ns["_form"] = struct.Struct(f">H{'I' * len(self.header)}{self.fmt}").pack
        head = ["_number", *(f"_{name}" for name in self.header)]
        tail = " + _t" if self.tail is not None else ""
        return [*statements, f"return _form({', '.join([*head, *leaves])}){tail}"]

    def source_of_pack(self, ns: Namespace) -> str:
        """From keywords. What needs a second look (unions, given counts) is left to the careful
        way."""
        parameters, checks = [], []
        for item in self.fields:
            if item.counts is not None:
                parameters.append(f"{item.name}=None")
                checks.append(f"if {item.name} is not None: raise ValueError")
            else:
                parameters.append(f"{item.name}={ns.use(_Default(item), 'default')}.value")
        if self.has_tag or any(item.name.startswith("_") for item in self.fields):
            checks = ["raise ValueError"]
        star = ", *, " if parameters else ""
        head = f"pack(_number, _client_index, _context{star}{', '.join(parameters)})"
        return _def(head, [*checks, *self._packing("", ns)])

    def source_of_pack_value(self, ns: Namespace) -> str:
        """From an object."""
        head = "pack_value(o, _number, _client_index, _context)"
        return _def(head, self._packing("o.", ns))

    # ---- decoding ------------------------------------------------------------------------------

    @property
    def decode(self) -> Callable[[bytes], Any]:
        """From wire bytes to an object. Errors: `BadMessage` for a wrong length names the
        message and the field where it ends."""
        return self.function("decode")

    @property
    def accept(self) -> Callable[[bytes], Any]:
        """As `decode`, but bytes beyond the end are ignored: what VPP sends may have padding."""
        return self.function("accept")

    def accept_all(self, datas: list[bytes]) -> list[Any]:
        """Objects of messages of the right length, without a look at each."""
        return self.lazies(datas)

    def source_of_decode(self, ns: Namespace) -> str:
        return self._decoding("decode", ns, exact=True)

    def source_of_accept(self, ns: Namespace) -> str:
        return self._decoding("accept", ns, exact=False)

    def _decoding(self, name: str, ns: Namespace, *, exact: bool) -> str:
        ns.update(
            _lazy=self.lazy_class,
            _new=object.__new__,
            _set=ApiValue.__dict__["__raw__"].__set__,
            _wrong=self.wrong_length,
        )
        size, refuse = str(self.size), "raise _wrong(data)"
        lines = []
        place = self.count_place()
        if self.tail is not None and place is None:  # up to the end of the message
            each = self.tail.element_size
            rest = f"(len(data) - {self.size}) % {each}" if each > 1 else "0"
            lines.append(f"if len(data) < {self.size} or {rest}: {refuse}")
        else:
            if place is not None:
                assert self.tail is not None
                offset, width = place
                lines.append(f"if len(data) < {self.size}: {refuse}")
                ns["_int"] = int.from_bytes
                lines.append(f"n = _int(data[{offset}:{offset + width}], 'big')")
                lines.append(f"n = {self.size} + n * {self.tail.element_size}")
                size = "n"
            lines.append(f"if len(data) != {size}:")
            lines.append(f"    {refuse if exact else f'if len(data) < {size}: {refuse}'}")
            if not exact:
                lines.append(f"    data = data[:{size}]")
        lines += ["o = _new(_lazy)", "_set(o, data)", "return o"]
        return _def(f"{name}(data)", lines)

    def wrong_length(self, data: bytes) -> BadMessage:
        """The error for bytes of a length that cannot be."""
        got, offset = len(data), self.offset
        for item in self.fields:
            if got < offset + item.size:
                return BadMessage(
                    f"{self.name}.{item.api_name}: {got} bytes end before it does "
                    f"(at {offset + item.size}; the message has {self.size} at least)"
                )
            offset += item.size
        place = self.count_place()
        if got < self.size:
            return BadMessage(f"{self.name}: {got} bytes, but its header alone has {self.size}")
        if self.tail is None or place is None:
            last = self.fields[-1].api_name if self.fields else "its header"
            return BadMessage(
                f"{self.name}: {got} bytes, {got - self.size} beyond the end of {last}"
            )
        count = int.from_bytes(data[place[0] : place[0] + place[1]], "big")
        there = (got - self.size) / self.tail.element_size
        return BadMessage(
            f"{self.name}.{'.'.join(self._tail_path())}: {count} announced, {there:g} there"
        )

    def _tail_path(self) -> list[str]:
        path, block = [], self
        while True:
            item: BlockField = block.fields[-1]
            path.append(item.api_name)
            inner = getattr(item.kind, "block", None)
            if inner is None:
                return path
            block = inner

    @property
    def viewer(self) -> Viewer:
        """Shows messages where they lie."""
        if self._viewer is None:
            from ._views import Viewer

            self._viewer = Viewer(self)
        return self._viewer

    def __repr__(self) -> str:
        return f"<MessageCodec {self.name_crc}>"


class _Default:
    """The default of a keyword, made when the function is compiled."""

    def __init__(self, item: BlockField) -> None:
        self.value = item.default()


def _def(head: str, lines: Iterable[str]) -> str:
    return "\n".join([f"def {head}:", *(f"    {line}" for line in lines), ""])


def encode(value: ApiMessage, number: int = 0, client_index: int = 0, context: int = 0) -> bytes:
    """Wire bytes of a message object. `number`: VPP's for this message.

    >>> encode(ControlPing(), 23)                                       # doctest: +SKIP
    b'\\x00\\x17\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'
    """
    return codec_of(type(value)).encode_value(value, number, client_index, context)


def decode(cls: type[Any], data: bytes | bytearray | memoryview) -> Any:
    """An object of a message class from wire bytes. Errors: `BadMessage`."""
    return codec_of(cls).decode(bytes(data))


def same_message(value: object, codec: MessageCodec) -> MessageCodec | None:
    """The codec of an object that is this very message by name and CRC; its class may be that of a
    generated package, or of the VPP before a reconnect. None if it is none."""
    own = getattr(type(value), "__api__", None)
    if own is codec or (isinstance(own, MessageCodec) and own.name_crc == codec.name_crc):
        return own
    return None


def check_release(value: object, codec: MessageCodec) -> None:
    """Refuses an object of a class that another release has under the same name.

    Errors: `InvalidArgument` names both CRCs.
    """
    own = getattr(type(value), "__api__", None)
    if isinstance(own, MessageCodec) and own.name == codec.name and own.crc != codec.crc:
        raise InvalidArgument(
            f"this VPP has {codec.name!r} with CRC {codec.crc:08x}, the object is of one with "
            f"{own.crc:08x}: another release; pass keywords, or generate bindings for this VPP"
        )


def codec_of(cls: type[Any]) -> MessageCodec:
    """The codec of a message class."""
    block = getattr(cls, "__api__", None)
    if not isinstance(block, MessageCodec):
        raise TypeError(f"{shown(cls)} is not the class of a message")
    return block
