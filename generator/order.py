"""The order of statements that a JSON file was made from, found out with the help of its CRC.

The CRC of a file runs over its statements in order, but JSON sorts them by section, inlines imports
and does not tell replies of `autoreply` from written ones. What is left of the order: within a
section it is kept, a type comes before what uses it, and people write types near their first use or
at the top. So arrangements are tried, the likely ones first, until the CRC of one is the file's.
This proves the CRC, and gives `.api` text that VPP's compiler turns into the same JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, pairwise
from typing import TypeVar

from .crc import Marks, bare_name, block_text, statement_text
from .flatten import kind_of, make_reply
from .graph import needs_of
from .schema import DefineDecl, EnumDecl, OptionDecl, TypeDecl

T = TypeVar("T")

#: How unlikely an arrangement may be (see `_Search`).
MAX_COST = 6

#: More own types than any file of VPP has; the search recurses once for each.
MAX_TYPES = 150


@dataclass(frozen=True, slots=True)
class Arrangement:
    """An order of the own types and messages of a file."""

    statements: tuple[TypeDecl | DefineDecl, ...]
    """Without the replies that `autoreply` makes."""
    generated: frozenset[str]
    """Names of those replies."""


def candidates(defines: Sequence[DefineDecl]) -> set[int]:
    """Indices of messages that `autoreply` of the one before may have made."""
    found = set()
    for index in range(1, len(defines)):
        request, reply = defines[index - 1], defines[index]
        expected = make_reply(request)
        same = reply.fields == expected.fields and reply.options == request.options
        if reply.name == expected.name and same and not reply.comment and index - 1 not in found:
            found.add(index)
    return found


def likely(types: Sequence[TypeDecl], defines: Sequence[DefineDecl], marks: Marks) -> Arrangement:
    """The first arrangement that would be tried, whatever its CRC."""
    found = None
    if len(types) <= MAX_TYPES:
        found = _Search(types, defines, marks, None, 0).run(10_000)
    if found is None:
        return Arrangement((*types, *defines), frozenset())
    return found


def weave(first: Sequence[T], second: Sequence[T], limit: int) -> Iterator[list[T]]:
    """Both lists as one, each in its own order, in up to `limit` ways: all of `first` ahead, none
    of them ahead, then mixed."""
    total = len(first) + len(second)
    ahead = tuple(range(len(first)))
    behind = tuple(range(len(second), total))
    ways = dict.fromkeys([ahead, behind])
    ways.update(dict.fromkeys(islice(combinations(range(total), len(first)), limit)))
    for places in islice(ways, limit):
        ones, others = iter(first), iter(second)
        yield [next(ones) if at in places else next(others) for at in range(total)]


def arrange(
    types: Sequence[TypeDecl],
    defines: Sequence[DefineDecl],
    marks: Marks,
    before: Sequence[bytes],
    crc: int,
    budget: int,
) -> Arrangement | None:
    """An arrangement that has the CRC, or None if none was found in `budget` steps.

    `before` holds the texts of file options and imports, which come first.
    """
    if len(types) > MAX_TYPES:
        return None
    start = 0
    for text in before:
        start = zlib.crc32(text, start)
    # Shallow first with every idea of where types stand, because the right idea is found at once.
    for share in (100, 10, 1):
        for reach in (0, 3, len(defines)):
            found = _Search(types, defines, marks, crc, start, reach).run(budget // share)
            if found is not None:
                return found
    return None


class _Search:
    """Depth-first, cheapest first: all arrangements of cost 0, then 1, and so on.

    A type costs nothing right before its first use, 1 elsewhere. Changing to another kind of type
    costs 1, unless no type of the kind before could follow. A written reply that looks like one of
    `autoreply` costs 1. A type that is at most `reach` messages early costs nothing right after
    another type: some people write the types of several messages in one place.
    """

    def __init__(
        self,
        types: Sequence[TypeDecl],
        defines: Sequence[DefineDecl],
        marks: Marks,
        goal: int | None,
        start: int,
        reach: int = 0,
    ) -> None:
        self._reach = reach
        self._defines = defines
        self._goal = goal
        self._start = start
        self._texts = [block_text(item.fields) for item in defines]
        self._candidates = candidates(defines)
        streams: dict[str, list[TypeDecl]] = {}
        for decl in types:
            is_flag = isinstance(decl, EnumDecl) and decl.is_flag
            streams.setdefault("enumflag" if is_flag else kind_of(decl), []).append(decl)
        self._streams = list(streams.values())
        self._type_texts = {item.name: statement_text(item, marks) for item in types}
        own = {item.name for item in types}
        self._needs = {item.name: [n for n in needs_of(item) if n in own] for item in types}
        self._define_needs = [
            {n for f in item.fields if (n := bare_name(f.type)) in own} for item in defines
        ]
        self._gaps = self._find_gaps(types)
        self._steps = 0

    def _find_gaps(self, types: Sequence[TypeDecl]) -> dict[str, int]:
        """For each type the index of the message before which it is likely to stand."""
        last = len(self._defines)
        gaps = dict.fromkeys((item.name for item in types), last)
        for index in range(last - 1, -1, -1):
            for name in self._define_needs[index]:
                gaps[name] = index
        # What a type needs, and what precedes it in its section, comes no later than itself.
        changed = True
        while changed:
            changed = False
            for decl in types:
                for need in self._needs[decl.name]:
                    if gaps[need] > gaps[decl.name]:
                        gaps[need] = gaps[decl.name]
                        changed = True
            for stream in self._streams:
                for earlier, later in pairwise(stream):
                    if gaps[earlier.name] > gaps[later.name]:
                        gaps[earlier.name] = gaps[later.name]
                        changed = True
        return gaps

    def run(self, budget: int) -> Arrangement | None:
        """Search with growing cost until found or `budget` steps are spent."""
        self._steps = budget
        for cost in range(MAX_COST + 1):
            self._placed: set[str] = set()
            self._positions = [0] * len(self._streams)
            self._trail: list[TypeDecl | int] = []
            self._written: list[int] = []
            if self._from(0, self._start, -1, cost):
                return self._result()
            if self._steps <= 0:
                return None
        return None

    def _result(self) -> Arrangement:
        generated = {index for index in self._candidates if index not in self._written}
        statements = [
            self._defines[item] if isinstance(item, int) else item
            for item in self._trail
            if not isinstance(item, int) or item not in generated
        ]
        names = frozenset(self._defines[index].name for index in generated)
        return Arrangement(tuple(statements), names)

    def _from(self, index: int, crc: int, stream: int, cost: int) -> bool:
        """Complete the arrangement from message `index` on; `stream` is that of the last type, -1
        after a message. True leaves the solution in the trail."""
        mark = len(self._trail)
        while True:
            self._steps -= 1
            if self._steps < 0:
                break
            if self._place_type(index, crc, stream, cost):
                return True
            if index == len(self._defines):
                done = len(self._placed) == len(self._needs)
                if done and (self._goal is None or crc == self._goal):
                    return True
                break
            if not self._define_needs[index] <= self._placed:
                break
            if index in self._candidates:
                if cost > 0:
                    self._written.append(index)
                    self._trail.append(index)
                    written = self._from_written(index, crc, cost)
                    if written:
                        return True
                    self._trail.pop()
                    self._written.pop()
            else:
                crc = zlib.crc32(self._texts[index], crc)
            self._trail.append(index)
            index += 1
            stream = -1
        del self._trail[mark:]
        return False

    def _from_written(self, index: int, crc: int, cost: int) -> bool:
        return self._from(index + 1, zlib.crc32(self._texts[index], crc), -1, cost - 1)

    def _next(self, number: int) -> TypeDecl | None:
        """The next type of a stream."""
        position = self._positions[number]
        stream = self._streams[number]
        return stream[position] if position < len(stream) else None

    def _ready(self, number: int, index: int) -> bool:
        """True if the next type of a stream could well stand before message `index`."""
        decl = self._next(number)
        if decl is None or self._gaps[decl.name] != index:
            return False
        return self._placed.issuperset(self._needs[decl.name])

    def _place_type(self, index: int, crc: int, last: int, cost: int) -> bool:
        """Try each type that may come next at this point."""
        goes_on = last >= 0 and self._ready(last, index)
        for number in range(len(self._streams)):
            decl = self._next(number)
            if decl is None:
                continue
            reach = self._reach if last >= 0 else 0
            is_off = not index <= self._gaps[decl.name] <= index + reach
            price = is_off + (goes_on and number != last)
            if price > cost or not self._placed.issuperset(self._needs[decl.name]):
                continue
            self._positions[number] += 1
            self._placed.add(decl.name)
            self._trail.append(decl)
            text = self._type_texts[decl.name]
            if self._from(index, zlib.crc32(text, crc), number, cost - price):
                return True
            self._trail.pop()
            self._placed.discard(decl.name)
            self._positions[number] -= 1
        return False


def option_texts(options: Sequence[OptionDecl]) -> list[bytes]:
    """What file options add to the CRC, in order."""
    return [statement_text(item, {}) for item in options]


def type_texts(types: Sequence[TypeDecl], marks: Mapping[str, int]) -> list[bytes]:
    """What types add to the CRC, in order."""
    return [statement_text(item, marks) for item in types]
