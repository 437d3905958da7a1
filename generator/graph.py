"""Order among types: what needs what, unknown names, cycles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ._diagnostics import Diagnostics, Pointer, Where
from .crc import bare_name
from .kinds import BASE_TYPES
from .schema import AliasDecl, DefineDecl, EnumDecl, FieldDecl, TypeDecl

#: Types within types. VPP's deepest has 5.
MAX_NESTING = 40


def place_of(item: FieldDecl, owner: Where, index: int) -> Where:
    """Where a field was written; JSON only records its block, so count from there."""
    if item.where is not None:
        return item.where
    return owner.child(index) if isinstance(owner, Pointer) else owner


def references(decl: TypeDecl | DefineDecl) -> Iterator[tuple[str, Where]]:
    """The spelling of every type that a type or message mentions, and where."""
    if isinstance(decl, AliasDecl):
        yield decl.type, decl.where
    elif not isinstance(decl, EnumDecl):
        for index, item in enumerate(decl.fields, 1):
            yield item.type, place_of(item, decl.where, index)


def needs_of(decl: TypeDecl) -> list[str]:
    """Bare names of the user types that a type mentions, in order."""
    if isinstance(decl, EnumDecl):
        return []
    names = [bare_name(spelling) for spelling, _ in references(decl)]
    return [name for name in names if name is not None]


def is_known(spelling: str, types: Mapping[str, TypeDecl]) -> bool:
    """True for a base type, or `vl_api_NAME_t` of a type that exists."""
    return spelling in BASE_TYPES or bare_name(spelling) in types


def unknown_type(spelling: str) -> str:
    """The message for a type that does not exist."""
    if bare_name(spelling) is None:
        return f"unknown type {spelling!r}: expected a base type or vl_api_NAME_t"
    return f"unknown type {spelling!r}: expected a type defined above or imported"


def in_order(types: Mapping[str, TypeDecl], diagnostics: Diagnostics) -> list[str]:
    """Names of all sound types, each after those it needs. The others are reported."""
    order: list[str] = []
    depth: dict[str, int] = {}  # of sound types; enums have 1
    broken: set[str] = set()
    for root in types:
        # An explicit stack: a file may nest types deeper than Python recurses.
        stack = [(root, iter(needs_of(types[root])))]
        active = {root}
        while stack:
            name, needs = stack[-1]
            if name in depth or name in broken:
                stack.pop()
                active.discard(name)
                continue
            need = next((item for item in needs if item in types and item not in depth), None)
            if need is None or need in broken:
                _finish(name, types, depth, broken, order, diagnostics)
                stack.pop()
                active.discard(name)
            elif need in active:
                names = [item for item, _ in stack]
                circle = [*names[names.index(need) :], need]
                if len(circle) > 10:
                    circle[5:-4] = ["..."]
                shown = " -> ".join(circle)
                diagnostics.error(types[name].where, f"type contains itself: {shown}")
                broken.add(name)
            else:
                stack.append((need, iter(needs_of(types[need]))))
                active.add(need)
    return order


def _finish(
    name: str,
    types: Mapping[str, TypeDecl],
    depth: dict[str, int],
    broken: set[str],
    order: list[str],
    diagnostics: Diagnostics,
) -> None:
    """All that `name` needs has been looked at: add it to the order, or to the broken ones."""
    decl = types[name]
    for spelling, where in references(decl):
        if not is_known(spelling, types):
            diagnostics.error(where, unknown_type(spelling))
            broken.add(name)
    needs = needs_of(decl)
    if any(item in broken for item in needs):
        broken.add(name)  # said already, at the type that is at fault
    if name in broken:
        return
    depth[name] = 1 + max((depth[item] for item in needs), default=0)
    if depth[name] > MAX_NESTING:
        diagnostics.error(decl.where, f"types nested more than {MAX_NESTING} deep")
        broken.add(name)
        del depth[name]
        return
    order.append(name)
