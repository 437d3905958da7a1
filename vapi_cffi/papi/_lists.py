"""Arrays of the API: of fixed size, counted by another field, or up to the end."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .._wire import Namespace, shown
from ._errors import VPPSerializerValueError
from ._packers import MISFIT, BaseTypes, Packer, compiled, cut

#: Lists of plain numbers up to this length are part of the format around them.
_INLINE = 16


class FixedList_u8(Packer):  # noqa: N801
    """Bytes of fixed size; shorter ones are filled up with zeros."""

    def __init__(self, name: str, field_type: str, num: int) -> None:
        self.name = name
        self.num = self.size = num
        self.field_type = field_type
        self.fmt, self.leaves = f"{num}s", 1
        self._form = struct.Struct(self.fmt)

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        return self.blob(data) if data else bytes(self.size)

    def blob(self, value: Any) -> bytes:
        if len(value) > self.num:
            raise VPPSerializerValueError(
                f'Fixed list length error for "{self.name}", got: {len(value)} expected: {self.num}'
            )
        try:
            return self._form.pack(value)
        except struct.error:
            raise VPPSerializerValueError(
                f'Packing failed for "{self.name}": expected bytes, not {shown(value)}'
            ) from None

    @property
    def default(self) -> bytes:
        return b""

    def __repr__(self) -> str:
        return f"FixedList_u8(name={self.name}, field_type={self.field_type}, num={self.num})"


class _List(Packer):
    """What all lists of elements share."""

    packer: Packer
    field_type: str

    def _join(self, items: Any) -> bytes:
        """Elements behind each other, the quick way."""
        element = self.packer
        if isinstance(element, BaseTypes) and element.is_number:
            return struct.pack(f">{len(items)}{element.fmt}", *items)
        return b"".join(map(element.blob, items))

    def _pack_each(self, items: Any) -> bytes:
        try:
            return self._join(items)
        except MISFIT:
            return b"".join([bytes(self.packer.pack(item)) for item in items])

    def _many(self, raw: str, ns: Namespace, ntc: bool) -> str:
        """An expression: the list of elements of constant size in these bytes."""
        element = self.packer
        if isinstance(element, BaseTypes) and element.is_number:
            form = f"'>%d{element.fmt}' % (len({raw}) // {element.size})"
            return f"list({ns.use(struct.unpack, 'unpack')}({form}, {raw}))"
        names = [f"b{index}" for index in range(element.leaves)]
        each = struct.Struct(f">{element.fmt}").iter_unpack
        value = element.reading(names, ns, ntc)
        return f"[{value} for {', '.join(names)}, in {ns.use(each, 'each')}({raw})]"


class FixedList(_List):
    """`num` elements; exactly so many must be given."""

    def __init__(self, name: str, field_type: str, num: int, packer: Packer | None = None) -> None:
        self.name = name
        self.num = num
        self.field_type = field_type
        self.packer = packer or _type_of(field_type)
        self.size = self.packer.size * num
        element = self.packer
        self._inline = isinstance(element, BaseTypes) and element.is_number and 0 < num <= _INLINE
        self.fmt, self.leaves = None, 0
        if element.fmt is not None and self.size:
            self.fmt = (element.fmt * num) if self._inline else f"{self.size}s"
            self.leaves = num if self._inline else 1

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        self._check(data)
        return self._pack_each(data)

    def blob(self, value: Any) -> bytes:
        self._check(value)
        return self._join(value)

    def _check(self, items: Any) -> None:
        if len(items) != self.num:
            raise VPPSerializerValueError(
                f"Fixed list length error, got: {len(items)} expected: {self.num}"
            )

    def reading(self, names: list[str], ns: Namespace, ntc: bool) -> str:
        if self._inline:
            return f"[{', '.join(names)}]"
        # A comprehension inside of another one: its own function, so that names do not clash.
        return f"{ns.use(self._splitter(ntc), 'split')}({names[0]})"

    def _splitter(self, ntc: bool) -> Callable[[bytes], list[Any]]:
        ns = Namespace()
        source = f"def split(raw):\n    return {self._many('raw', ns, ntc)}"
        made: Callable[[bytes], list[Any]] = compiled(source, "split", ns, f"list {self.name}")
        return made

    def lines(self, target: str, ns: Namespace, ntc: bool) -> list[str]:
        if self.fmt is not None:
            return super().lines(target, ns, ntc)
        return _loop(target, self.packer, str(self.num), ns, ntc)

    def __repr__(self) -> str:
        return f"FixedList(name={self.name}, field_type={self.field_type}, num={self.num})"


def _loop(target: str, element: Packer, count: str, ns: Namespace, ntc: bool) -> list[str]:
    """Statements for elements of variable size."""
    read = ns.use(element.reader(ntc), "read")
    return [
        f"{target} = []",
        f"for _ in range({count}):",
        f"    item, o = {read}(data, o)",
        f"    {target}.append(item)",
    ]


class VLAList(_List):
    """Elements whose number is in another field of the same struct."""

    def __init__(
        self,
        name: str,
        field_type: str,
        len_field_name: str,
        index: int,
        packer: Packer | None = None,
    ) -> None:
        self.name = name
        self.field_type = field_type
        self.index = index
        self.packer = packer or _type_of(field_type)
        self.size = self.packer.size
        self.length_field = len_field_name
        self.fmt, self.leaves = None, 0
        self.is_bytes = field_type == "u8"

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        if kwargs is not None:
            self.check_count(data, kwargs.get(self.length_field))
        if not data:
            return b""
        if self.is_bytes:
            if isinstance(data, list) and isinstance(data[0], bytes):
                return b"".join(data)
            return bytes(data)
        return self._pack_each(data)

    def blob(self, value: Any) -> bytes:
        if self.is_bytes:
            if type(value) is not bytes:
                raise TypeError
            return value
        return self._join(value)

    def check_count(self, items: Any, count: Any) -> int:
        """The number of elements, which a count that was given must agree with."""
        there = len(items) if items else 0
        if count is not None and count != there:
            raise VPPSerializerValueError(
                f"Variable length error, got: {there} expected: {count}, "
                f"the value of {self.length_field} (which may be left out)"
            )
        return there

    @property
    def default(self) -> Any:
        return b"" if self.is_bytes else ()

    def unpack(
        self, data: Any, offset: int = 0, result: Any = None, ntc: bool = False
    ) -> tuple[Any, int]:
        ns = Namespace()
        body = self.counted("v", str(int(result[self.index])), ns, ntc)
        source = "\n    ".join(["def read(data, o):", *body, "return v, o"])
        try:
            value, end = compiled(source, "read", ns, self.name)(bytes(data), offset)
        except struct.error as error:
            raise self.torn(len(data), error) from None
        return value, end - offset

    def counted(self, target: str, count: str, ns: Namespace, ntc: bool) -> list[str]:
        """As `lines`; `count` is an expression."""
        element = self.packer
        if element.fmt is None:
            return _loop(target, element, count, ns, ntc)
        piece = f"{ns.use(cut, 'cut')}(data, o, {count} * {element.size})"
        value = target if self.is_bytes else self._many(target, ns, ntc)
        lines = [f"{target} = {piece}", f"o += len({target})"]
        return lines if value == target else [*lines, f"{target} = {value}"]

    def __repr__(self) -> str:
        return (
            f"VLAList(name={self.name}, field_type={self.field_type}, "
            f"len_field_name={self.length_field}, index={self.index})"
        )


class VLAList_legacy(_List):  # noqa: N801
    """Elements up to the end of the message."""

    def __init__(self, name: str, field_type: str, packer: Packer | None = None) -> None:
        self.name = name
        self.field_type = field_type
        self.packer = packer or _type_of(field_type)
        self.size = self.packer.size
        self.fmt, self.leaves = None, 0

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        if not data:
            return b""
        return bytes(data) if self.size == 1 else self._pack_each(data)

    @property
    def default(self) -> Any:
        return ()

    def lines(self, target: str, ns: Namespace, ntc: bool) -> list[str]:
        return [
            f"if (len(data) - o) % {self.size}:",
            f"    {ns.use(_mismatch, 'mismatch')}()",
            f"{target} = data[o:]",
            "o = len(data)",
            f"{target} = {self._many(target, ns, ntc)}",
        ]

    def __repr__(self) -> str:
        return f"VLAList_legacy(name={self.name}, field_type={self.field_type})"


def _mismatch() -> None:
    raise VPPSerializerValueError("Legacy Variable Length Array length mismatch.")


def _type_of(name: str) -> Packer:
    """The type that the process knows under this name. Errors: KeyError."""
    from ._registry import types

    found: Packer = types[name]
    return found
