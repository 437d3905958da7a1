"""What changed between two versions of an API: messages added, removed, changed, and how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .emit.api import field_text, returns_text
from .model import Alias, Enum, Field, Message, Model, Service, Struct, Union, UserType

Verb = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `details` tells what is different, one line each."""

    kind: Literal["message", "type", "service"]
    verb: Verb
    name: str
    details: tuple[str, ...] = ()
    breaks: bool = False
    """True if a client of the old version cannot use the new one in this."""

    def __str__(self) -> str:
        head = f"{self.verb} {self.kind} {self.name}"
        return "\n".join([head, *(f"    {line}" for line in self.details)])


def diff(old: Model, new: Model) -> list[Change]:
    """All differences, messages first, each sort by name."""
    return [
        *_messages(old, new),
        *_types(old.types, new.types),
        *_services(old.services, new.services),
    ]


def _messages(old: Model, new: Model) -> Iterator[Change]:
    for name in sorted(old.messages.keys() | new.messages.keys()):
        before, after = old.messages.get(name), new.messages.get(name)
        if before is None and after is not None:
            yield Change("message", "added", name, (f"CRC {after.crc:#010x}",))
        elif after is None and before is not None:
            replaced = before.replaced_by
            hint = (f"it said: replaced by {replaced}",) if replaced else ()
            yield Change("message", "removed", name, hint, breaks=True)
        elif before is not None and after is not None:
            details = tuple(_message(before, after))
            if details:
                yield Change("message", "changed", name, details, before.crc != after.crc)


def _message(before: Message, after: Message) -> Iterator[str]:
    if before.crc != after.crc:
        yield f"CRC {before.crc:#010x} -> {after.crc:#010x}"
    yield from _fields(before.fields, after.fields)
    if before.crc != after.crc:
        for place, one, other in _nested(before.fields, after.fields, ()):
            for line in _type(one, other):
                yield f"{'.'.join(place)} ({one.name}): {line}"
    if before.status is not after.status:
        yield f"status {before.status.value} -> {after.status.value}"
    if after.replaced_by and after.replaced_by != before.replaced_by:
        yield f"replaced by {after.replaced_by}"


def _nested(
    before: Sequence[Field], after: Sequence[Field], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], UserType, UserType]]:
    """Types that differ under fields which both versions have, with the way to them."""
    others = {item.name: item for item in after}
    for item in before:
        other = others.get(item.name)
        if other is None or other.spelling != item.spelling or item.type == other.type:
            continue
        one, two = item.type, other.type
        here = (*path, item.name)
        if isinstance(one, Struct | Union) and isinstance(two, Struct | Union):
            yield here, one, two
            yield from _nested(one.fields, two.fields, here)
        elif isinstance(one, Enum | Alias) and isinstance(two, Enum | Alias):
            yield here, one, two


def _fields(before: Sequence[Field], after: Sequence[Field]) -> Iterator[str]:
    old = {item.name: item for item in before}
    new = {item.name: item for item in after}
    for item in before:
        if item.name not in new:
            yield f"field removed: {field_text(item)}"
    for item in after:
        if item.name not in old:
            yield f"field added: {field_text(item)}"
    for item in before:
        other = new.get(item.name)
        if other is not None and field_text(item) != field_text(other):
            yield f"field {item.name}: {field_text(item)} -> {field_text(other)}"
    common = [item.name for item in before if item.name in new]
    if common != [item.name for item in after if item.name in old]:
        yield f"fields in another order: {', '.join(item.name for item in after)}"


def _types(old: Mapping[str, UserType], new: Mapping[str, UserType]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before is None:
            yield Change("type", "added", name)
        elif after is None:
            yield Change("type", "removed", name, breaks=True)
        else:
            details = tuple(_type(before, after))
            if details:
                yield Change("type", "changed", name, details, breaks=not _only_adds(before, after))


def _only_adds(before: UserType, after: UserType) -> bool:
    """True for an enum that has merely got new members."""
    if not isinstance(before, Enum) or not isinstance(after, Enum) or before.base != after.base:
        return False
    return set(before.members) <= set(after.members)


def _type(before: UserType, after: UserType) -> Iterator[str]:
    """How a type itself differs (not the types inside it: those are changes of their own)."""
    if before.kind != after.kind:
        yield f"was {before.kind}, is {after.kind}"
    elif isinstance(before, Enum) and isinstance(after, Enum):
        yield from _enum(before, after)
    elif isinstance(before, Struct | Union) and isinstance(after, Struct | Union):
        yield from _fields(before.fields, after.fields)
    elif isinstance(before, Alias) and isinstance(after, Alias):
        one, other = (_alias(before), _alias(after))
        if one != other:
            yield f"{one} -> {other}"


def _alias(item: Alias) -> str:
    return item.target.spelling + ("" if item.length is None else f"[{item.length}]")


def _enum(before: Enum, after: Enum) -> Iterator[str]:
    if before.base != after.base:
        yield f"backing type {before.base.name} -> {after.base.name}"
    old = {item.name: item.value for item in before.members}
    new = {item.name: item.value for item in after.members}
    for name, value in old.items():
        if name not in new:
            yield f"enumerator removed: {name} = {value}"
        elif new[name] != value:
            yield f"enumerator {name}: {value} -> {new[name]}"
    for name, value in new.items():
        if name not in old:
            yield f"enumerator added: {name} = {value}"


def _services(old: Mapping[str, Service], new: Mapping[str, Service]) -> Iterator[Change]:
    """Services of messages that both versions have, if something else comes back."""
    for name in sorted(old.keys() & new.keys()):
        before, after = _shape(old[name]), _shape(new[name])
        if before != after:
            yield Change("service", "changed", name, (f"{before} -> {after}",), breaks=True)


def _shape(item: Service) -> str:
    """`returns X_reply`, as in `.api`."""
    return f"returns {returns_text(item)}"


def summary(changes: Iterable[Change]) -> str:
    """One line: how many messages were added, removed and changed."""
    counts = {"added": 0, "removed": 0, "changed": 0}
    for item in changes:
        if item.kind == "message":
            counts[item.verb] += 1
    return ", ".join(f"{number} messages {verb}" for verb, number in counts.items())
