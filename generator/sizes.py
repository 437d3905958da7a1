"""Wire layout: offsets, sizes and variable tails. Everything is packed; nothing is aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .model import (
    BASE_TYPES,
    BaseType,
    Enum,
    Field,
    Shape,
    Struct,
    Tail,
    Type,
    unalias,
)
from .schema import FieldDecl

#: Fixed part of any type or message, bytes. VPP's largest is about 2 kB; ring slots end at 64 kB.
MAX_SIZE = 1 << 20


class LayoutError(ValueError):
    """A block that has no wire form. `index` is the field at fault."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


class UnsupportedError(LayoutError):
    """A block that VPP's own compiler takes, and that has no form here."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Result of `lay_out`: linked fields, size of the fixed part, variable tail."""

    fields: tuple[Field, ...]
    size: int
    tail: Tail | None


def shape_of(decl: FieldDecl) -> Shape:
    """The form of a field, from how it is written."""
    if decl.length is None:
        return Shape.SCALAR
    if decl.type == "string":
        return Shape.TEXT if decl.length else Shape.STRING
    if decl.length:
        return Shape.ARRAY
    return Shape.VLA if decl.length_field is not None else Shape.UNBOUNDED


def _fixed_size(shape: Shape, kind: Type, length: int) -> int:
    if shape is Shape.SCALAR:
        return kind.size
    if shape in (Shape.ARRAY, Shape.TEXT):
        return kind.size * length
    return 4 if shape is Shape.STRING else 0


def lay_out(
    decls: Sequence[FieldDecl],
    types: Sequence[Type],
    *,
    start: int = 0,
    is_union: bool = False,
) -> Layout:
    """Place the fields of a block one after the other from offset `start` (union: all at 0).

    `types` holds the linked type of each field. Raises `LayoutError`.
    """
    counted = {item.length_field: item.name for item in decls if item.length_field is not None}
    fields: list[Field] = []
    offset = start
    largest = 0
    for index, (decl, kind) in enumerate(zip(decls, types, strict=True)):
        shape = shape_of(decl)
        _check(index, decl, kind, shape, fields, is_last=index + 1 == len(decls))
        length = decl.length or 0
        item = Field(
            decl.name,
            kind,
            shape,
            0 if is_union else offset,
            _fixed_size(shape, kind, length),
            length,
            decl.length_field,
            counted.get(decl.name),
            decl.options,
            decl.where,
        )
        if is_union and item.is_variable:
            raise LayoutError(index, f"arm {decl.name!r} of a union has a variable size")
        fields.append(item)
        offset += item.size
        largest = max(largest, item.size)
        if offset > MAX_SIZE:
            raise LayoutError(index, f"larger than {MAX_SIZE} bytes from {decl.name!r} on")
    if is_union:
        return Layout(tuple(fields), largest, None)
    return Layout(tuple(fields), offset, _tail_of(fields, offset))


def _check(
    index: int, decl: FieldDecl, kind: Type, shape: Shape, earlier: list[Field], is_last: bool
) -> None:
    """Refuse what has no wire form."""
    if decl.type == "string" and shape is Shape.SCALAR:
        raise LayoutError(index, f"string {decl.name}: expected a length, string {decl.name}[64]")
    if decl.type == "string" and shape is Shape.STRING and decl.length_field is not None:
        hint = f"expected string {decl.name}[]"
        raise LayoutError(index, f"string {decl.name}[{decl.length_field}]: {hint}")
    if any(item.name == decl.name for item in earlier):
        raise LayoutError(index, f"second field {decl.name!r} in one block")
    if kind.is_variable and shape is not Shape.SCALAR:
        message = f"array {decl.name!r} of {decl.type}, which has a variable size"
        raise UnsupportedError(index, message)
    if shape is Shape.VLA:
        count = next((item for item in earlier if item.name == decl.length_field), None)
        if count is None:
            name = decl.length_field
            expected = "expected an earlier field of the same block"
            raise LayoutError(index, f"unknown length field {name!r} of {decl.name!r}: {expected}")
        if count.shape is not Shape.SCALAR or _integer(count.type) is None:
            expected = "expected a plain integer field"
            raise LayoutError(index, f"length field {count.name!r} of {decl.name!r}: {expected}")
    is_variable = kind.is_variable or shape in (Shape.VLA, Shape.STRING, Shape.UNBOUNDED)
    if is_variable and not is_last:
        raise LayoutError(index, f"variable field {decl.name!r}: expected it to be the last")


def _integer(kind: Type) -> BaseType | None:
    """The integer type behind aliases and enums, or None if there is another type."""
    kind, lengths = unalias(kind)
    if isinstance(kind, Enum):
        kind = kind.base
    if lengths or not isinstance(kind, BaseType) or kind.code in "ds?":
        return None
    return kind


def _tail_of(fields: Sequence[Field], size: int) -> Tail | None:
    """The variable end of a block, found in its last field or inside that."""
    if not fields or not fields[-1].is_variable:
        return None
    last = fields[-1]
    path = (last.name,)
    u32 = BASE_TYPES["u32"]
    if last.shape is Shape.STRING:
        return Tail(path, last.shape, last.type, 1, size, path, u32, last.offset)
    if last.shape is Shape.UNBOUNDED:
        return Tail(path, last.shape, last.type, last.type.size, size, (), u32, -1)
    if last.shape is Shape.VLA:
        count = next(item for item in fields if item.name == last.length_field)
        base = _integer(count.type) or u32
        element = last.type
        count_path = (count.name,)
        return Tail(path, last.shape, element, element.size, size, count_path, base, count.offset)
    inner, _ = unalias(last.type)
    if not isinstance(inner, Struct) or inner.tail is None:
        raise AssertionError(f"{last.type.spelling} is variable, but has no tail")
    tail = inner.tail
    return Tail(
        path + tail.path,
        tail.shape,
        tail.element,
        tail.element_size,
        size,
        path + tail.count_path if tail.count_path else (),
        tail.count_type,
        last.offset + tail.count_offset if tail.count_path else -1,
    )
