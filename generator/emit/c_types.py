"""C definitions of types: enums, unions, structs, aliases, and the swap functions of structs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..model import Alias, Enum, Field, Shape, Struct, Union, UserType
from ..naming import c_enumerator, c_field, c_type, c_type_of
from ..writer import Writer
from .c_swap import swap_lines
from .c_text import WIDTH, comment, function

PACKED = "__attribute__((__packed__))"


def emit_type(out: Writer, kind: UserType) -> None:
    """The definition of a type, guarded so that any set of headers can be combined."""
    name = c_type(kind)
    with guarded(out, f"__vapi_def_defined_{name}"):
        if isinstance(kind, Enum):
            _enum(out, kind)
        elif isinstance(kind, Alias):
            _alias(out, kind)
        else:
            _block(out, kind)
    if isinstance(kind, Struct):
        with code(out, name):
            for to_network in (True, False):
                emit_swap(out, f"{name}_", f"{name} *msg", "msg", kind.fields, to_network)


@contextmanager
def guarded(out: Writer, symbol: str) -> Iterator[None]:
    """Lines that count once in a translation unit."""
    out.line()
    out.raw(f"#ifndef {symbol}")
    out.raw(f"#define {symbol}")
    yield
    out.raw("#endif")


@contextmanager
def code(out: Writer, name: str) -> Iterator[None]:
    """Functions: left out if the program wants types only."""
    symbol = f"__vapi_code_defined_{name}"
    line = f"#if !defined({symbol}) && !defined(VAPI_EMIT_TYPES_ONLY)"
    if len(line) <= WIDTH:
        out.raw(line)
    else:
        out.raw(f"{f'#if !defined({symbol}) &&':<{WIDTH - 1}}\\")
        out.raw("    !defined(VAPI_EMIT_TYPES_ONLY)")
    out.raw(f"#define {symbol}")
    yield
    out.line()
    out.raw("#endif")


def emit_swap(
    out: Writer,
    name: str,
    parameter: str,
    var: str,
    fields: Sequence[Field],
    to_network: bool,
) -> None:
    """`name` + hton or ntoh: a function over `fields` of the block that `var` points to."""
    suffix = "hton" if to_network else "ntoh"
    lines = swap_lines(fields, var, to_network)
    if all(line.startswith("/*") for line in lines):
        lines.append(f"(void){var};")
    function(out, f"void {name}{suffix}", [parameter], lines)


def emit_members(out: Writer, fields: Sequence[Field]) -> None:
    """Member declarations, in order."""
    with out.indent():
        for item in fields:
            out.line(member(item))


def member(item: Field) -> str:
    """One declaration: arrays by length; what has no bytes of its own as an array of 0."""
    length = ""
    if item.shape in (Shape.ARRAY, Shape.TEXT):
        length = f"[{item.length}]"
    elif item.shape in (Shape.VLA, Shape.UNBOUNDED):
        length = "[0]"
    note = f" /**< {item.length_field} of them */" if item.shape is Shape.VLA else ""
    return f"{c_type_of(item)} {c_field(item.name)}{length};{note}"


def _block(out: Writer, kind: Struct | Union) -> None:
    if isinstance(kind, Struct):
        comment(out, kind.doc)
    word = "struct" if isinstance(kind, Struct) else "union"
    out.line(f"typedef {word} {PACKED} {{")
    emit_members(out, kind.fields)
    out.line(f"}} {c_type(kind)};")
    check_size(out, c_type(kind), kind.size)


def check_size(out: Writer, name: str, size: int) -> None:
    """The size on the wire, for the compiler to check and the reader to see."""
    out.line(f"VAPI_CHECK_SIZE({name}, {size});")


def _alias(out: Writer, kind: Alias) -> None:
    length = "" if kind.length is None else f"[{kind.length}]"
    out.line(f"typedef {c_type(kind.target)} {c_type(kind)}{length};")
    check_size(out, c_type(kind), kind.size)


def _enum(out: Writer, kind: Enum) -> None:
    """A C enum of the size on the wire. Where no C compiler would choose that size, the type is the
    integer and the enumerators stand beside it."""
    name = c_type(kind)
    natural = _natural_size(kind)
    if natural != kind.base.size or not kind.members:
        if kind.members:
            out.line("enum {")
            _enumerators(out, kind)
            out.line("};")
        out.line(f"typedef {kind.base.name} {name};")
    else:
        packed = f" {PACKED}" if kind.base.size < 4 else ""
        out.line(f"typedef enum{packed} {{")
        _enumerators(out, kind)
        out.line(f"}} {name};")
    check_size(out, name, kind.base.size)


def _enumerators(out: Writer, kind: Enum) -> None:
    with out.indent():
        for item in kind.members:
            out.line(f"{c_enumerator(item.name)} = {item.value},")


def _natural_size(kind: Enum) -> int:
    """Bytes that gcc and clang give an enum with these values, packed if its backing is small."""
    low = min((item.value for item in kind.members), default=0)
    high = max((item.value for item in kind.members), default=0)
    for size in (1, 2) if kind.base.size < 4 else ():
        bits = 8 * size
        if (low >= 0 and high < 1 << bits) or (low >= -(1 << bits - 1) and high < 1 << bits - 1):
            return size
    return 4 if (low >= 0 and high < 1 << 32) or (low >= -(1 << 31) and high < 1 << 31) else 8
