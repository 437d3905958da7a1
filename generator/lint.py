"""Advice on API files: things that compile, but that the users of an API will stumble over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ._diagnostics import Location, Where
from .model import (
    Alias,
    ApiFile,
    BaseType,
    Enum,
    Field,
    Header,
    Message,
    Model,
    Role,
    Rpc,
    Struct,
    Type,
    Union,
    UserType,
    unalias,
)
from .naming import clashes

#: A server's message table has 64 bytes for `NAME_crc` and its end.
MAX_NAME_CRC = 63

_PARAMETER = re.compile(r"@param\s+(?:\[\w+\]\s*)?(\w+)")


@dataclass(frozen=True, slots=True)
class Advice:
    """One finding of a rule."""

    where: Where
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}: {self.message}"


Rule = Callable[[ApiFile, Model], Iterator[tuple[Where | None, str]]]


def lint(model: Model, *, without: frozenset[str] = frozenset()) -> list[Advice]:
    """The findings of all rules but those named in `without`, file by file."""
    found = []
    for file in model.files:
        for name, rule in RULES.items():
            if name not in without:
                for where, message in rule(file, model):
                    found.append(Advice(where or Location(file.path), name, message))
    return found


def version(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """A file without version counts as 0.0.0, and its messages as in progress."""
    value = file.options.get("version")
    if not isinstance(value, str) or not re.fullmatch(r"\d+\.\d+\.\d+", value):
        yield None, 'expected option version = "MAJOR.MINOR.PATCH";'


def comment(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """Comments become docstrings. (JSON often comes without any: then the rule is silent.)"""
    if file.is_json and not any(item.comment for item in file.messages):
        return
    for message in file.messages:
        if message.is_generated:
            continue
        if not message.comment:
            yield message.where, f"message {message.name} has no comment"
            continue
        names = {item.name for item in message.fields}
        for name in _PARAMETER.findall(message.comment):
            if name not in names:
                yield message.where, f"{message.name}: @param {name} is not a field"


def keyword(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """Names that generated code has to change."""
    for owner, fields in _blocks(file):
        for item in fields:
            languages = clashes(item.name)
            if languages:
                shown = " and ".join(languages)
                yield item.where or owner.where, f"{owner.name}.{item.name}: keyword of {shown}"


def header(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """Whoever starts a service needs client_index and context, or no answer finds its way back;
    replies begin with context and have a retval."""
    for message in file.messages:
        if Role.CALLER in message.roles and message.header is not Header.REQUEST:
            expected = "expected u32 client_index; u32 context; first"
            yield message.where, f"request {message.name}: {expected}"
        if Role.REPLY in message.roles:
            if message.context_offset is None:
                yield message.where, f"reply {message.name}: expected u32 context"
            if message.retval_offset is None:
                yield message.where, f"reply {message.name}: expected i32 retval"


def dump(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """A dump has no end of its own (clients send a ping after it) and cannot be resumed."""
    for service in file.services:
        if service.kind is Rpc.DUMP and not service.caller.is_deprecated:
            name = service.caller.name.removesuffix("_dump")
            advice = f"consider {name}_get with a cursor, returning a stream"
            yield service.caller.where, f"dump {service.caller.name}: {advice}"


def deprecated(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """A deprecated message names its successor, and that exists."""
    for message in file.messages:
        successor = message.replaced_by
        if message.is_deprecated and successor is None and Role.CALLER in message.roles:
            yield message.where, f'{message.name} is deprecated: expected option replaced_by="...";'
        if successor is not None and successor.removesuffix(";") not in model.messages:
            yield message.where, f"{message.name}: replaced_by {successor}: no such message"


def default(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """Defaults that the field cannot have."""
    for owner, fields in _blocks(file):
        for item in fields:
            problem = _bad_default(item) if item.has_default else None
            if problem:
                yield item.where or owner.where, f"{owner.name}.{item.name}: {problem}"


def _bad_default(item: Field) -> str | None:
    value = item.default
    kind, lengths = unalias(item.type)
    if lengths or not isinstance(kind, BaseType | Enum):
        return f"default {value!r} on {item.spelling}: expected a number, a bool or an enum"
    if isinstance(kind, Enum):
        names = {member.name for member in kind.members}
        values = {member.value for member in kind.members}
        if value in names or value in values or (kind.is_flag and type(value) is int):
            return None
        return f"default {value!r}: expected an enumerator of {kind.name}"
    if kind.code == "?":
        return None if value in ("true", False, 0, 1) else f"default {value!r}: expected true/false"
    if kind.code == "d":
        return None if isinstance(value, int | float) else f"default {value!r}: expected a number"
    if value in ("true", False):
        return None
    # A negative default of an unsigned field is the custom for "all bits set".
    bits = 8 * kind.size
    if type(value) is int and -(1 << (bits - 1)) <= value < (1 << bits):
        return None
    return f"default {value!r}: expected a number that fits {kind.name}"


def union(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """Without a discriminator nobody but the author knows which arm is meant."""
    for owner, fields in _blocks(file):
        for item in fields:
            kind, _ = unalias(item.type)
            if isinstance(kind, Union) and item.discriminator is None:
                expected = "expected [discriminator=...]"
                yield item.where or owner.where, f"{owner.name}.{item.name}: {expected}"


def long_name(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """Names that the server's message table cuts off."""
    for message in file.messages:
        if len(message.name_crc) > MAX_NAME_CRC:
            limit = f"{len(message.name_crc)} characters, at most {MAX_NAME_CRC} fit"
            yield message.where, f"{message.name_crc}: {limit}"


def unused(file: ApiFile, model: Model) -> Iterator[tuple[Where | None, str]]:
    """Own types that nothing in the run uses."""
    used = _used_names(model)
    for kind in file.own_types:
        if kind.name not in used:
            yield kind.where, f"{kind.kind} {kind.name} is not used"


def _used_names(model: Model) -> set[str]:
    used: set[str] = set()
    mentioned: list[Type] = [
        item.type for message in model.messages.values() for item in message.fields
    ]
    for kind in model.types.values():
        if isinstance(kind, Struct | Union):
            mentioned.extend(item.type for item in kind.fields)
        elif isinstance(kind, Alias):
            mentioned.append(kind.target)
    used.update(kind.name for kind in mentioned)
    return used


def _blocks(file: ApiFile) -> Iterator[tuple[Message | UserType, tuple[Field, ...]]]:
    """Own messages and types with their fields."""
    for message in file.messages:
        yield message, message.fields
    for kind in file.own_types:
        if isinstance(kind, Struct | Union):
            yield kind, kind.fields


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "version": version,
        "comment": comment,
        "keyword": keyword,
        "header": header,
        "dump": dump,
        "deprecated": deprecated,
        "default": default,
        "union": union,
        "long-name": long_name,
        "unused": unused,
    }
)
