"""Which enum members are `[backwards_compatible]`, found out from CRCs.

JSON prints such members like any other, but they are left out of CRCs, and they always come last.
So where a message's CRC does not come out, dropping the right number of members from the end of one
or two of the enums it contains makes it right; nothing else does, short of a wrong CRC. (Enums that
no message uses show in the CRC of their file: `library` asks for that.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

from .crc import Folds, bare_name
from .schema import DefineDecl, EnumDecl, FieldDecl, StructDecl, TypeDecl, UnionDecl

#: Combinations tried for one message before giving up.
MAX_TRIES = 2000


def find_marks(
    defines: Iterable[DefineDecl], types: Mapping[str, TypeDecl], folds: Folds
) -> tuple[dict[str, int], set[str]]:
    """For enums with marked members their number, and the names of enums known to have none.

    Only messages with a CRC count; where that is right as it is, nothing is marked."""
    wrong: list[tuple[DefineDecl, set[str]]] = []
    settled: set[str] = set()
    for define in defines:
        if define.crc is None:
            continue
        if folds.message_crc(define) != define.crc:
            wrong.append((define, _enums_of(define, types)))
        elif any(bare_name(item.type) for item in define.fields):
            settled |= _enums_of(define, types)
    found: dict[str, int] = {}
    # Messages with few enums first: what they tell makes the others easy.
    for define, enums in sorted(wrong, key=lambda pair: len(pair[1])):
        if Folds(types, found).message_crc(define) == define.crc:
            continue
        for attempt in attempts(sorted(enums - settled - found.keys()), types):
            if Folds(types, {**found, **attempt}).message_crc(define) == define.crc:
                found.update(attempt)
                break
    return found, settled


def attempts(enums: Sequence[str], types: Mapping[str, TypeDecl]) -> Iterator[dict[str, int]]:
    """Ways to drop members: of one enum, then of two."""
    sizes = {name: len(decl.members) for name in enums if isinstance(decl := types[name], EnumDecl)}
    tries = 0
    for count in (1, 2):
        for chosen in combinations(sizes, count):
            for drops in product(*(range(1, sizes[name] + 1) for name in chosen)):
                tries += 1
                if tries > MAX_TRIES:
                    return
                yield dict(zip(chosen, drops, strict=True))


def _enums_of(define: DefineDecl, types: Mapping[str, TypeDecl]) -> set[str]:
    """Every enum that a message contains, at any depth."""
    seen: set[str] = set()
    pending: list[FieldDecl] = list(define.fields)
    while pending:
        name = bare_name(pending.pop().type)
        if name is None or name in seen:
            continue
        seen.add(name)
        decl = types[name]
        if isinstance(decl, StructDecl | UnionDecl):
            pending.extend(decl.fields)
    return {name for name in seen if isinstance(types[name], EnumDecl)}
