"""Statements that exchange host and network byte order, for the fields of a struct or payload."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..kinds import Enum, Field, Shape, Struct, Type, Union, find_field, needs_swap, unalias
from ..naming import c_enumerator, c_field

INDENT = "    "


def swap_lines(fields: Sequence[Field], var: str, to_network: bool) -> list[str]:
    """The statements for all fields of the block that `var` points to.

    Counts and discriminators are needed in host order by the members after them: so to network
    order the last member comes first.
    """
    ordered = reversed(fields) if to_network else fields
    suffix = "hton" if to_network else "ntoh"
    lines: list[str] = []
    for item in ordered:
        if needs_swap(item):
            lines += _member(item, fields, var, suffix)
    return lines


def _member(item: Field, fields: Sequence[Field], var: str, suffix: str) -> Iterator[str]:
    place = f"{var}->{c_field(item.name)}"
    kind, lengths = unalias(item.type)
    inner = _product(lengths)
    if item.shape is Shape.STRING:
        yield f"vl_api_string_t_{suffix}(&{place});"
    elif item.shape is Shape.UNBOUNDED:
        yield f"/* {place}: has no count, the program swaps it */"
    elif item.shape is Shape.VLA:
        count = f"{var}->{c_field(item.length_field or '')}"
        yield from _many(kind, place, f"(size_t){count}", inner, suffix)
    elif item.shape is Shape.ARRAY:
        yield from _many(kind, place, str(item.length), inner, suffix)
    elif lengths:
        yield from _many(kind, place, str(inner), 1, suffix)
    elif isinstance(kind, Union):
        yield from _union(item, kind, fields, var, suffix)
    else:
        yield _one(kind, f"&{place}", suffix)


def _product(lengths: Sequence[int]) -> int:
    result = 1
    for length in lengths:
        result *= length
    return result


def _integer_size(kind: Type) -> int:
    """Bytes of an integer or enum, 0 for other types."""
    return 0 if isinstance(kind, Struct | Union) else kind.size


def _one(kind: Type, pointer: str, suffix: str) -> str:
    if isinstance(kind, Struct):
        return f"vapi_type_{kind.name}_{suffix}({pointer});"
    return f"vapi_swap_u{8 * _integer_size(kind)}({pointer});"


def _many(kind: Type, place: str, count: str, inner: int, suffix: str) -> Iterator[str]:
    """Arrays: `count` elements, each of `inner` values."""
    if isinstance(kind, Union):
        # Which arm an element holds cannot be said for an array.
        yield f"/* {place}: unions without a discriminator, the program swaps them */"
        return
    size = _integer_size(kind)
    if size:
        total = count if inner == 1 else f"{count} * {inner}"
        yield f"vapi_swap_u{8 * size}s({place}, {total});"
        return
    total = count if inner == 1 else f"{count} * {inner}"
    first = place if inner == 1 else f"({_struct_pointer(kind)}){place}"
    yield f"for (size_t i = 0; i < {total}; i++)"
    yield INDENT + _one(kind, f"&{first}[i]" if inner == 1 else f"{first} + i", suffix)


def _struct_pointer(kind: Type) -> str:
    return f"vapi_type_{kind.spelling.removeprefix('vl_api_').removesuffix('_t')} *"


def _union(
    item: Field, kind: Union, fields: Sequence[Field], var: str, suffix: str
) -> Iterator[str]:
    """By discriminator: the arm that is there. A union without one stays as it is, as in VAPI."""
    place = f"{var}->{c_field(item.name)}"
    if item.discriminator is None:
        yield f"/* {place}: no discriminator, the program swaps it */"
        return
    selector = find_field(fields, item.discriminator)
    cases = unalias(selector.type)[0]
    if not isinstance(cases, Enum):
        yield f"/* {place}: no discriminator, the program swaps it */"
        return
    seen: set[int] = set()
    yield f"switch ({var}->{c_field(selector.name)}) {{"
    for arm in kind.fields:
        # Two names of one value would be two equal cases: the first arm has it.
        value = next((one.value for one in cases.members if one.name == arm.case), None)
        if arm.case is None or value is None or value in seen:
            continue
        seen.add(value)
        if not needs_swap(arm):
            continue
        yield f"case {c_enumerator(arm.case)}:"
        # An arm is a member of the union as of a struct; unions in unions have no discriminator.
        for line in _member(arm, kind.fields, f"{place}@", suffix):
            yield INDENT + line.replace("@->", ".")
        yield f"{INDENT}break;"
    yield "default:"
    yield f"{INDENT}break;"
    yield "}"
