"""Where a field is in the wire form of a message, by its path: `route.paths[0].sw_if_index`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from ._blocks import ArrayTail, Block, BlockField, BlockTail, StructKind, Tail
from ._errors import InvalidArgument
from ._unions import UnionKind
from ._wire import INTEGERS, NATURAL, ArrayKind, Kind, NaturalKind

_TOKEN = re.compile(r"([A-Za-z_]\w*)|\[(\d+)\]|\.")

#: Parts of addresses and prefixes that have an offset of their own, by the kinds' formats.
_PARTS: dict[str, dict[str, tuple[int, Kind]]] = {
    "B16s": {"af": (0, INTEGERS["u8"]), "address": (0, NATURAL["address", 17])},
    "B16sB": {
        "af": (0, INTEGERS["u8"]),
        "address": (0, NATURAL["address", 17]),
        "len": (17, INTEGERS["u8"]),
    },
    "4sB": {"address": (0, NATURAL["ip4_address", 4]), "len": (4, INTEGERS["u8"])},
    "16sB": {"address": (0, NATURAL["ip6_address", 16]), "len": (16, INTEGERS["u8"])},
}


@dataclass(frozen=True, slots=True)
class Place:
    """A field: `offset` in the message; a Tail is variable, and goes on to the message's end.

    `also`: bytes that belong to it elsewhere: the discriminator of the union whose arm it is.
    """

    path: str
    offset: int
    kind: Kind | Tail
    also: tuple[tuple[int, bytes], ...] = ()


def parts_of(kind: Kind | Tail) -> dict[str, tuple[int, Kind]]:
    """The parts of an address or prefix; none of anything else."""
    return _PARTS.get(kind.fmt, {}) if isinstance(kind, NaturalKind) else {}


def offsets_of(block: Block, start: int) -> Iterator[tuple[BlockField, int]]:
    """The fields of a block that begins at `start`, and where each is."""
    offset = start
    for item in block.fields:
        yield item, offset
        offset += item.size


def tokens_of(path: str) -> list[str | int]:
    """Names and indices. Errors: `InvalidArgument`."""
    found: list[str | int] = []
    at = 0
    for match in _TOKEN.finditer(path):
        if match.start() != at:
            break
        at = match.end()
        name, index = match.groups()
        if name:
            found.append(name)
        elif index:
            found.append(int(index))
    if at != len(path) or not found:
        raise InvalidArgument(f"{path!r} is no path of a field, such as route.paths[0].weight")
    return found


def find(block: Block, path: str, size: int) -> Place:
    """Where a field is in messages (or structs) of `size` bytes. Errors: `InvalidArgument`."""
    steps = _Steps(block, path, size)
    for token in tokens_of(path):
        steps.take(token)
    return Place(path, steps.offset, steps.field_kind(), tuple(steps.also))


class _Steps:
    """A walk along a path."""

    def __init__(self, block: Block, path: str, size: int) -> None:
        self.name, self.path, self.size = block.name, path, size
        self.here: Block | Kind | Tail = block
        self.offset = block.offset
        self.also: list[tuple[int, bytes]] = []
        self._tagged: tuple[BlockField, int, int] | None = (
            None  # union, discriminator: offset, size
        )

    def refuse(self, reason: str) -> InvalidArgument:
        return InvalidArgument(f"{self.name}: {self.path!r}: {reason}")

    def field_kind(self) -> Kind | Tail:
        if isinstance(self.here, Kind | Tail):
            return self.here
        raise self.refuse("names no field")

    def take(self, token: str | int) -> None:
        here = self.here
        if isinstance(here, StructKind | BlockTail):
            here = here.block
        if isinstance(here, Block) and isinstance(token, str):
            self._into_block(here, token)
        elif isinstance(here, ArrayKind) and isinstance(token, int):
            if token >= here.length:
                raise self.refuse(f"there are {here.length} elements")
            self.offset += token * here.element.size
            self.here = here.element
        elif isinstance(here, ArrayTail) and isinstance(token, int):
            self.offset += token * here.element_size
            if self.offset + here.element_size > self.size:
                raise self.refuse(f"the template has no element {token}")
            self.here = here.many.element
        elif isinstance(here, UnionKind) and token in here.arms:
            self._into_arm(here, str(token))
        elif isinstance(token, str) and token in parts_of(self.field_kind()):
            offset, self.here = parts_of(self.field_kind())[token]
            self.offset += offset
        else:
            inside = [*parts_of(here), *here.arms] if isinstance(here, UnionKind) else []
            hint = f"it has {', '.join(inside)}" if inside else "there is nothing inside"
            raise self.refuse(f"no {token!r}: {hint}")

    def _into_block(self, block: Block, name: str) -> None:
        tellers: dict[str, tuple[int, int]] = {}
        for item, offset in offsets_of(block, self.offset):
            tellers[item.name] = offset, item.size
            if name not in (item.name, item.api_name):
                continue
            if item.counts is not None:
                raise self.refuse(f"it is the length of {item.counts}, and filled in")
            self.offset, self.here = offset, item.kind
            self._tagged = (
                None if item.tag is None else (item, *tellers.get(item.told_by or "", (0, 0)))
            )
            return
        close = get_close_matches(name, list(block.by_name), 1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(block.by_name)}"
        raise self.refuse(f"{block.name} has no field {name!r}: {hint}")

    def _into_arm(self, union: UnionKind, arm: str) -> None:
        if self._tagged is not None:
            item, offset, size = self._tagged
            case = item.tag.case_of.get(arm) if item.tag is not None else None
            if case is None:
                raise self.refuse(f"nothing tells the arm {arm!r}")
            self.also.append((offset, case.to_bytes(size, "big")))
        self.here = union.arms[arm]
