"""API files as written: what the two readers produce and the resolver consumes. No links, no sizes.

A `.api` file gives its own statements in order, imports by name. A `.api.json` file gives the
sections of the JSON (imported types inlined, replies of `autoreply` written out, CRCs), and
`SchemaFile.inlined` is true. `where` says where a record was written; it takes no part in
comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ._diagnostics import Where

#: Value of an option: `option x;` gives None, `true` gives the string "true" (as VPP's compiler
#: does), `false` gives False.
Value = str | int | float | bool | None

NO_OPTIONS: Mapping[str, Value] = MappingProxyType({})


def no_options() -> Mapping[str, Value]:
    """The shared empty mapping, as a default of dataclass fields."""
    return NO_OPTIONS


@dataclass(frozen=True, slots=True)
class FieldDecl:
    """`type name;`, `type name[length];`, `type name[length_field];`, `type name [a=b];`."""

    type: str
    """As written: a base type (`u32`, `string`) or `vl_api_NAME_t`."""
    name: str
    length: int | None = None
    """None: a plain field. 0: variable (a string, or an array that `length_field` counts). N:
    fixed array."""
    length_field: str | None = None
    """Name of the field that counts the elements of a variable array."""
    options: Mapping[str, Value] = field(default_factory=no_options)
    where: Where | None = field(default=None, compare=False, repr=False)
    """None in JSON: the place is then the definition's, one step deeper."""


@dataclass(frozen=True, slots=True)
class EnumeratorDecl:
    """`NAME = value [options],`; the value is always filled in (the previous one + 1 when left
    out)."""

    name: str
    value: int
    options: Mapping[str, Value] = field(default_factory=no_options)
    where: Where | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class EnumDecl:
    """`enum NAME : base { ... };` or `enumflag`."""

    name: str
    base: str
    members: tuple[EnumeratorDecl, ...]
    where: Where = field(compare=False, repr=False)
    is_flag: bool = False


@dataclass(frozen=True, slots=True)
class StructDecl:
    """`typedef NAME { fields };`"""

    name: str
    fields: tuple[FieldDecl, ...]
    where: Where = field(compare=False, repr=False)
    flags: tuple[str, ...] = field(default=(), compare=False)
    comment: str | None = field(default=None, compare=False)
    """Raw text with delimiters. Not compared: one file may print it and another not."""


@dataclass(frozen=True, slots=True)
class UnionDecl:
    """`union NAME { arms };`"""

    name: str
    fields: tuple[FieldDecl, ...]
    where: Where = field(compare=False, repr=False)
    flags: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class AliasDecl:
    """`typedef type NAME;` or `typedef type NAME[length];`"""

    name: str
    type: str
    where: Where = field(compare=False, repr=False)
    length: int | None = None
    flags: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class DefineDecl:
    """`define NAME { fields; options };`, without `_vl_msg_id`."""

    name: str
    fields: tuple[FieldDecl, ...]
    where: Where = field(compare=False, repr=False)
    flags: tuple[str, ...] = ()
    options: Mapping[str, Value] = field(default_factory=no_options)
    comment: str | None = None
    crc: int | None = None
    """What the JSON says; None in `.api` files and in JSON without."""


@dataclass(frozen=True, slots=True)
class OptionDecl:
    """`option name = value;` at file level."""

    name: str
    value: Value
    where: Where = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ImportDecl:
    """`import "path";`. In JSON one record for each entry of the flattened list."""

    path: str
    where: Where = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ServiceDecl:
    """One `rpc` line. `reply` is None for `returns null`."""

    caller: str
    reply: str | None
    where: Where = field(compare=False, repr=False)
    is_stream: bool = False
    stream_message: str | None = None
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CounterDecl:
    """One counter of a `counters` block; `statements` are (keyword, value) in the order written."""

    name: str
    statements: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CountersDecl:
    """`counters NAME { ... };`"""

    name: str
    counters: tuple[CounterDecl, ...]
    where: Where = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PathsDecl:
    """`paths { "pattern" "counters block"; ... };`: the pairs."""

    entries: tuple[tuple[str, str], ...]
    where: Where = field(compare=False, repr=False)


TypeDecl = EnumDecl | StructDecl | UnionDecl | AliasDecl
Statement = TypeDecl | DefineDecl | OptionDecl | ImportDecl | ServiceDecl | CountersDecl | PathsDecl


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """One file as written."""

    path: str
    """As the user gave it (or as an include directory and an import gave it)."""
    name: str
    """Base name of the API file: `interface.api`, whichever form was read."""
    statements: tuple[Statement, ...]
    is_inlined: bool = False
    """True for JSON: imports are mere names, their types are among the statements, replies are
    complete."""
    crc: int | None = None
    """`vl_api_version` of the JSON, if it has one."""
    has_services: bool = True
    """False for JSON without a `services` key: services are then derived from the names, as for
    `.api`."""
    digest: str = field(default="", compare=False)
    """SHA-256 of the text, for stamps."""
