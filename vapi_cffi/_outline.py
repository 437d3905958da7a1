"""What is in a message, as lines of text and as a signature: for help(), and for editors that ask
a running program."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from ._blocks import ArrayTail, Block, BlockField, Tail
from ._unions import UnionKind
from ._wire import ArrayKind, EnumKind, Kind

#: Members of an enum that are named; VPP has enums of hundreds.
_MEMBERS = 16
_INDENT = "    "


def outline(block: Block) -> list[str]:
    """A line for each field, those of nested structs below, and the names of enums."""
    return list(_fields(block, _INDENT, set()))


def parameters(block: Block) -> list[inspect.Parameter]:
    """Keywords with their defaults; the names of types as annotations."""
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(item.name, kind, default=item.default(), annotation=item.kind.in_type)
        for item in block.fields
        if item.counts is None
    ]


def _fields(block: Block, indent: str, seen: set[str]) -> Iterator[str]:
    for item in block.fields:
        yield f"{indent}{item.name}: {_line(item)}"
        yield from _inside(item.kind, indent + _INDENT, seen)


def _line(item: BlockField) -> str:
    note = f"  (the length of {item.counts}, filled in)" if item.counts else ""
    if isinstance(item.kind, UnionKind):
        note = "  (one of:)"
    return f"{item.kind.out_type}{note}"


def _inside(kind: Kind | Tail, indent: str, seen: set[str]) -> Iterator[str]:
    """What a field is made of. A type is explained once: `seen` are those that were."""
    if isinstance(kind, ArrayKind):
        kind = kind.element
    elif isinstance(kind, ArrayTail):
        kind = kind.many.element
    if kind.out_type in seen:
        return
    block = getattr(kind, "block", None)
    if isinstance(block, Block):
        seen.add(kind.out_type)
        yield from _fields(block, indent, seen)
    elif isinstance(kind, UnionKind):
        seen.add(kind.out_type)
        for arm, of_arm in kind.arms.items():
            yield f"{indent}{arm}: {of_arm.out_type}"
            yield from _inside(of_arm, indent + _INDENT, seen)
    elif isinstance(kind, EnumKind):
        seen.add(kind.out_type)
        names = list(kind.cls.__members__)
        more = [f"and {len(names) - _MEMBERS} more"] if len(names) > _MEMBERS else []
        for name in names[:_MEMBERS] + more:
            yield f"{indent}{name}"
