"""The resolved model, read by every emitter. Frozen, linked, complete; equal for both front ends.

Units and conventions, for all classes here and in `kinds`:

- sizes and offsets are in bytes, of the *wire* form: packed, no padding, integers big-endian (f64
  is in host order: nobody swaps it). An offset counts from the start of the enclosing block; for a
  message that is its `_vl_msg_id` at offset 0, so the first field of `Message.fields` has offset 2.
- `_vl_msg_id` (u16) is not among `Message.fields`; every message starts with it.
- a block is a message, a struct (typedef) or a union. In a union every arm has offset 0.
- only the last member of a block can have a variable size: it is described by `Tail`.
- things that the JSON form does not tell (flags, places, who defines a type) are marked "not
  compared": they take no part in `==`, so that `.api` and `.api.json` give equal models.
- `options` are mappings from name to value; an option without value has None. The string "true" is
  how VPP's compiler spells `true`; `false` is the boolean False. Do not change these mappings.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ._diagnostics import Diagnostic, Where
from .kinds import (
    BASE_TYPES,
    Alias,
    BaseType,
    Enum,
    Enumerator,
    Field,
    Shape,
    Struct,
    Tail,
    Type,
    Union,
    UserType,
    clean_comment,
    find_field,
    needs_swap,
    unalias,
)
from .schema import Value, no_options

__all__ = [
    "BASE_TYPES",
    "MSG_ID_SIZE",
    "Alias",
    "ApiFile",
    "BaseType",
    "Counter",
    "CounterBlock",
    "Enum",
    "Enumerator",
    "Field",
    "Header",
    "Message",
    "Model",
    "OutlineItem",
    "PathBlock",
    "Role",
    "Rpc",
    "Service",
    "Shape",
    "Status",
    "Struct",
    "Tail",
    "Type",
    "Union",
    "UserType",
    "Value",
    "clean_comment",
    "needs_swap",
    "unalias",
]

MSG_ID_SIZE = 2


class Header(enum.Enum):
    """How a message starts, judged by its first fields. The value lists them, `_vl_msg_id`
    included."""

    REQUEST = ("_vl_msg_id", "client_index", "context")
    REPLY = ("_vl_msg_id", "context")
    EVENT = ("_vl_msg_id", "client_index")
    BARE = ("_vl_msg_id",)

    @property
    def size(self) -> int:
        """Bytes: 10, 6, 6 or 2."""
        return MSG_ID_SIZE + 4 * (len(self.value) - 1)

    @property
    def field_count(self) -> int:
        """How many of `Message.fields` belong to the header: 2, 1, 1 or 0."""
        return len(self.value) - 1


class Role(enum.Enum):
    """What a message does in the services of its file. A message may have several roles, or
    none."""

    CALLER = "caller"  # starts a service
    REPLY = "reply"  # the single answer, or the one that ends a stream
    DETAILS = "details"  # one item of a dump or of a stream
    EVENT = "event"  # arrives unsolicited


class Status(enum.Enum):
    """How far a message can be relied upon."""

    PRODUCTION = "production"
    # `option in_progress`, `option status = "in_progress"` or file version 0.x
    IN_PROGRESS = "in_progress"
    DEPRECATED = "deprecated"  # `option deprecated`


@dataclass(frozen=True, slots=True)
class Message:
    """A `define`, or the reply that `autoreply` made of one."""

    name: str
    fields: tuple[Field, ...]
    """All fields but `_vl_msg_id`: header fields (client_index, context) first."""
    size: int
    """Bytes of the fixed part, `_vl_msg_id` included."""
    tail: Tail | None
    """The variable end, or None for a message of constant size."""
    header: Header
    crc: int
    options: Mapping[str, Value] = field(default_factory=no_options)
    comment: str | None = None
    """Raw comment, delimiters included."""
    roles: frozenset[Role] = frozenset()
    status: Status = Status.PRODUCTION
    module: str = field(default="", compare=False)
    """Module of the file that defines the message: `interface`."""
    flags: tuple[str, ...] = field(default=(), compare=False)
    """autoreply, autoendian, manual_print ...: as written in `.api`; from JSON only `autoreply`,
    inferred. Not compared."""
    is_generated: bool = field(default=False, compare=False)
    """True for a reply made by `autoreply`. From JSON: inferred. Not compared."""
    where: Where | None = field(default=None, compare=False, repr=False)

    @property
    def name_crc(self) -> str:
        """The name on the wire, by which the server's message table knows it:
        `show_version_51077d14`."""
        return f"{self.name}_{self.crc:08x}"

    @property
    def payload(self) -> tuple[Field, ...]:
        """The fields after the header."""
        return self.fields[self.header.field_count :]

    @property
    def is_variable(self) -> bool:
        """True if there is a tail."""
        return self.tail is not None

    @property
    def context_offset(self) -> int | None:
        """Offset of the `context` field wherever it stands, or None if there is none."""
        return self._offset_of("context")

    @property
    def retval_offset(self) -> int | None:
        """Offset of a plain i32 `retval` wherever it stands, or None."""
        return self._offset_of("retval")

    def _offset_of(self, name: str) -> int | None:
        for item in self.fields:
            if item.name == name:
                return item.offset if item.shape is Shape.SCALAR and item.size == 4 else None
        return None

    @property
    def is_deprecated(self) -> bool:
        """True if `option deprecated` was written."""
        return "deprecated" in self.options

    @property
    def is_in_progress(self) -> bool:
        """True if marked in progress on the message itself (see `status` for the file version
        rule)."""
        return "in_progress" in self.options or self.options.get("status") == "in_progress"

    @property
    def replaced_by(self) -> str | None:
        """Name of the message to use instead, if the file says so."""
        value = self.options.get("replaced_by")
        return value if isinstance(value, str) else None

    @property
    def doc(self) -> str:
        """The comment as plain text, "" if none."""
        return clean_comment(self.comment)

    def field(self, name: str) -> Field:
        """The field of that name; KeyError if there is none."""
        return find_field(self.fields, name)

    def __hash__(self) -> int:
        return hash((self.name, self.crc))


class Rpc(enum.Enum):
    """The form of a service."""

    REQUEST = "request"  # one reply
    DUMP = "dump"  # details only; ended by the reply to a control_ping sent after it
    STREAM = "stream"  # details, then a reply
    ONEWAY = "oneway"  # no reply at all


@dataclass(frozen=True, slots=True)
class Service:
    """A caller and what comes back."""

    caller: Message
    reply: Message | None
    """REQUEST and STREAM: the reply. DUMP and ONEWAY: None."""
    details: Message | None = None
    """DUMP and STREAM: the message that comes zero or more times."""
    events: tuple[Message, ...] = ()
    """Messages that arrive unsolicited after the call."""

    @property
    def kind(self) -> Rpc:
        """The form of the service."""
        if self.details is not None:
            return Rpc.DUMP if self.reply is None else Rpc.STREAM
        return Rpc.ONEWAY if self.reply is None else Rpc.REQUEST

    @property
    def has_cursor(self) -> bool:
        """True for the `*_get` convention: request and reply have `cursor`, retval -165 means
        call again."""
        return (
            self.kind is Rpc.STREAM
            and self.reply is not None
            and any(item.name == "cursor" for item in self.caller.fields)
            and any(item.name == "cursor" for item in self.reply.fields)
        )

    def __hash__(self) -> int:
        return hash(self.caller.name)


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter of a block; `statements` are (keyword, value) in the order written."""

    name: str
    statements: tuple[tuple[str, str], ...]
    """Keywords: severity, type, units, description. Each may be missing."""

    def get(self, keyword: str) -> str | None:
        """Value of `severity`, `type`, `units` or `description`; the last one wins, None if not
        written."""
        return dict(self.statements).get(keyword)


@dataclass(frozen=True, slots=True)
class CounterBlock:
    """`counters NAME { ... };`: describes counters of the statistics segment."""

    name: str
    counters: tuple[Counter, ...]


@dataclass(frozen=True, slots=True)
class PathBlock:
    """`paths { ... };`: pairs of a statistics path pattern and the name of a counters block."""

    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OutlineItem:
    """One own statement of a file, in order: what canonical `.api` text and the file CRC need."""

    kind: str
    """option, import, enum, alias, struct, union, define, services, counters or paths."""
    name: str
    """Name of the option, type or message; path of the import; index of a counters or paths
    block as text."""


@dataclass(frozen=True, slots=True)
class ApiFile:
    """One API file: its own messages and every type they need, own or imported."""

    module: str
    """`interface`: base name without `.api`, dots turned to `_`."""
    options: Mapping[str, Value]
    """File options. `version` is text such as "3.2.4"."""
    imports: tuple[str, ...]
    """Every import, flattened depth first, with repeats (as in JSON):
    `vnet/interface_types.api`."""
    structs: tuple[Struct, ...]
    """Typedefs with fields, own and imported, in JSON order, repeats included. Emitters use
    `types`."""
    unions: tuple[Union, ...]
    enums: tuple[Enum, ...]
    """Without enumflags."""
    enumflags: tuple[Enum, ...]
    aliases: tuple[Alias, ...]
    types: tuple[UserType, ...] = field(compare=False)
    """Every type once, own and imported, each after the types it needs. Not compared: the
    sections above are."""
    messages: tuple[Message, ...]
    """Own messages, generated replies included, in order."""
    services: tuple[Service, ...]
    """In JSON order: explicit ones, then derived ones."""
    counters: tuple[CounterBlock, ...]
    paths: tuple[PathBlock, ...]
    crc: int
    """`vl_api_version` as JSON has it."""
    name: str = field(default="", compare=False)
    """`interface.api`"""
    path: str = field(default="", compare=False)
    """As given by the user or found through an import. Never print it into generated files."""
    outline: tuple[OutlineItem, ...] | None = field(default=None, compare=False, repr=False)
    """Own statements in order. From JSON: reconstructed so that the file CRC comes out right, or
    None if that failed. Use `order.outline_of` of this package rather than this field."""
    is_json: bool = field(default=False, compare=False)
    """True if read from JSON."""
    digest: str = field(default="", compare=False)
    """SHA-256 over the text of the file and of all it imports, for stamps."""

    @property
    def version(self) -> tuple[int, int, int]:
        """`option version` as numbers; (0, 0, 0) if absent."""
        value = self.options.get("version")
        parts = value.split(".") if isinstance(value, str) else []
        numbers = [int(part) if part.isdecimal() else 0 for part in parts[:3]]
        major, minor, patch = [*numbers, 0, 0, 0][:3]
        return major, minor, patch

    @property
    def own_types(self) -> tuple[UserType, ...]:
        """The types that this file itself defines (by `origin`), each after those it needs."""
        return tuple(kind for kind in self.types if kind.origin == self.module)

    def message(self, name: str) -> Message:
        """The message of that name; KeyError if there is none."""
        for item in self.messages:
            if item.name == name:
                return item
        raise KeyError(name)

    def __hash__(self) -> int:
        return hash((self.module, self.crc))


@dataclass(frozen=True, slots=True)
class Model:
    """All files of one run, linked. Types are shared: one object for each name."""

    files: tuple[ApiFile, ...]
    """The files that were asked for, sorted by module."""
    types: Mapping[str, UserType]
    """Every type of all files by bare name; one name always means one type."""
    messages: Mapping[str, Message]
    """Every message of all files by name."""
    services: Mapping[str, Service]
    """Every service of all files by the caller's name."""
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False)
    """What was odd but not wrong."""

    def __iter__(self) -> Iterator[ApiFile]:
        return iter(self.files)

    def file(self, module: str) -> ApiFile:
        """The file of that module name (`ip_types`) or file name (`ip_types.api`); KeyError if
        not loaded."""
        for item in self.files:
            if module in (item.module, item.name):
                return item
        raise KeyError(module)

    def home(self, kind: UserType) -> ApiFile:
        """The loaded file in which emitters should define a type: the one it comes from, else (that
        one was not asked for) the first that contains it."""
        for item in self.files:
            if item.module == kind.origin:
                return item
        return next(item for item in self.files if kind in item.types)

    def by_name_crc(self) -> dict[str, Message]:
        """A new table from `NAME_crc` to message, as the server's message table is keyed."""
        return {item.name_crc: item for item in self.messages.values()}
