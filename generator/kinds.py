"""The types of the resolved model: base types, enums, aliases, structs, unions, and their fields.

`model` re-exports every name here and states the conventions (units, what is not compared);
emitters import from there.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ._diagnostics import Where
from .schema import Value, no_options


@dataclass(frozen=True, slots=True)
class BaseType:
    """A type of the language itself: u8 ... u64, i8 ... i64, f64, bool, string. See
    `BASE_TYPES`."""

    name: str
    size: int
    """Bytes. For `string`: 1, the size of one character."""
    code: str
    """Letter of Python's `struct` module ("I" for u32); "s" for string."""
    is_signed: bool = False

    kind = "base"

    @property
    def is_variable(self) -> bool:
        """A base type never has a variable size by itself; a string *field* may (`Field.shape`)."""
        return False

    @property
    def is_swapped(self) -> bool:
        """True if bytes are exchanged between host and wire order. Not for 1-byte types, nor for
        f64."""
        return self.size > 1 and self.code != "d"

    @property
    def spelling(self) -> str:
        """How a field names this type."""
        return self.name

    def __hash__(self) -> int:
        return hash(self.name)


BASE_TYPES: Mapping[str, BaseType] = {
    base.name: base
    for base in (
        BaseType("u8", 1, "B"),
        BaseType("u16", 2, "H"),
        BaseType("u32", 4, "I"),
        BaseType("u64", 8, "Q"),
        BaseType("i8", 1, "b", True),
        BaseType("i16", 2, "h", True),
        BaseType("i32", 4, "i", True),
        BaseType("i64", 8, "q", True),
        BaseType("f64", 8, "d", True),
        BaseType("bool", 1, "?"),
        BaseType("string", 1, "s"),
    )
}


@dataclass(frozen=True, slots=True)
class Enumerator:
    """One name of an enum. Names are as written (upper case by custom), values are plain
    integers."""

    name: str
    value: int
    is_backwards_compatible: bool = field(default=False, compare=False)
    """Marked `[backwards_compatible]`: not part of the CRC. JSON does not tell it; there it is
    inferred from the CRCs. Not compared."""


@dataclass(frozen=True, slots=True)
class Enum:
    """An `enum` or `enumflag`. On the wire: an integer of `base`'s size, big-endian."""

    name: str
    """Bare name: `address_family`. Fields spell it `vl_api_address_family_t` (`spelling`)."""
    base: BaseType
    members: tuple[Enumerator, ...]
    is_flag: bool = False
    """True for `enumflag`: members are single bits (or 0), a value is any combination."""
    origin: str = field(default="", compare=False)
    """Module that defines the type (`ip_types`), if known, else the module it was read from. Not
    compared."""
    where: Where | None = field(default=None, compare=False, repr=False)

    kind = "enum"

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return self.base.size

    @property
    def is_variable(self) -> bool:
        """Never."""
        return False

    @property
    def is_swapped(self) -> bool:
        """True unless the backing type has one byte."""
        return self.base.is_swapped

    @property
    def spelling(self) -> str:
        """How a field names this type."""
        return f"vl_api_{self.name}_t"

    def member(self, name: str) -> Enumerator:
        """The enumerator of that name; KeyError if there is none."""
        for item in self.members:
            if item.name == name:
                return item
        raise KeyError(name)

    def __hash__(self) -> int:
        return hash(("enum", self.name))


@dataclass(frozen=True, slots=True)
class Alias:
    """`typedef T NAME;` (length None) or `typedef T NAME[length];`: another name for T or an
    array of T."""

    name: str
    target: Type
    """The aliased (element) type; may be another alias, a struct, an enum or a base type."""
    length: int | None = None
    """Number of elements, or None for a plain alias. `ip4_address` is u8 with length 4. If
    `target` is `string`, the value is a fixed string of `length` bytes."""
    size: int = 0
    """Bytes of the whole alias: target size times length."""
    origin: str = field(default="", compare=False)
    where: Where | None = field(default=None, compare=False, repr=False)

    kind = "alias"

    @property
    def is_variable(self) -> bool:
        """True if the target has a variable tail (a plain alias of such a struct)."""
        return self.target.is_variable

    @property
    def is_swapped(self) -> bool:
        """As its target."""
        return self.target.is_swapped

    @property
    def spelling(self) -> str:
        """How a field names this type."""
        return f"vl_api_{self.name}_t"

    def __hash__(self) -> int:
        return hash(("alias", self.name))


class Shape(enum.Enum):
    """The form of a field. The comment shows `.api` text and what is on the wire."""

    SCALAR = "scalar"  # `T n;`          one value
    ARRAY = "array"  # `T n[8];`       `length` values in sequence
    VLA = "vla"  # `T n[cnt];`     as many values as field `cnt` says, at the end of the block
    TEXT = "text"  # `string n[64];` exactly `length` bytes, NUL padded
    # `string n[];`   u32 byte count, then that many bytes, no NUL; at the end of the block
    STRING = "string"
    # `T n[0];`  legacy: values up to the end of the message; at the end of the block
    UNBOUNDED = "unbounded"


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a message or struct, or an arm of a union."""

    name: str
    """As written. May clash with keywords of C, C++ or Python; `naming` has the escapes."""
    type: Type
    """Linked type: of the value, or of one element for arrays. For text and strings:
    BASE_TYPES["string"]."""
    shape: Shape
    offset: int
    """Bytes from the start of the block (message: from `_vl_msg_id`; union: 0)."""
    size: int
    """Bytes of the fixed part. VLA and UNBOUNDED: 0. STRING: 4 (its length word). A SCALAR whose
    type has a variable tail: the fixed part of that type."""
    length: int = 0
    """ARRAY: number of elements. TEXT: number of bytes. Otherwise 0."""
    length_field: str | None = None
    """VLA only: name of the earlier field of the same block that holds the count."""
    counts: str | None = None
    """Set on that count field: name of the VLA that it counts."""
    options: Mapping[str, Value] = field(default_factory=no_options)
    """default, discriminator, case, limit, and whatever else was written in brackets. SCALAR
    only."""
    where: Where | None = field(default=None, compare=False, repr=False)

    @property
    def is_variable(self) -> bool:
        """True if this member has bytes beyond `size`; it is then the last of its block."""
        return self.shape in (Shape.VLA, Shape.STRING, Shape.UNBOUNDED) or self.type.is_variable

    @property
    def spelling(self) -> str:
        """The type as `.api` and JSON spell it: `u32`, `string`, `vl_api_prefix_t`."""
        return self.type.spelling

    @property
    def has_default(self) -> bool:
        """True if a `default` option was written (its value may be falsy)."""
        return "default" in self.options

    @property
    def default(self) -> Value:
        """Raw value of the `default` option, else None: a number, an enumerator's name, "true",
        False, text."""
        return self.options.get("default")

    @property
    def discriminator(self) -> str | None:
        """For a union-typed field: name of the earlier enum field that selects the arm, else
        None."""
        value = self.options.get("discriminator")
        return value if isinstance(value, str) else None

    @property
    def case(self) -> str | None:
        """For an arm of a tagged union: the enumerator that selects it, else None."""
        value = self.options.get("case")
        return value if isinstance(value, str) else None

    def __hash__(self) -> int:
        return hash((self.name, self.offset))


@dataclass(frozen=True, slots=True)
class Tail:
    """The variable end of a message or struct; at most one, always at the very end.

    Total size = `offset` + count * `element_size`. For `ip_route_add_del { ...; vl_api_ip_route_t
    route; }` where ip_route ends in `paths[n_paths]`: path ("route", "paths"), count_path ("route",
    "n_paths").
    """

    path: tuple[str, ...]
    """Member names from the block down to the variable member."""
    shape: Shape
    """VLA, STRING or UNBOUNDED."""
    element: Type
    """Type of one element; BASE_TYPES["string"] for STRING."""
    element_size: int
    """Bytes of one element (1 for STRING)."""
    offset: int
    """Bytes from the start of the block to the first element; for STRING that is after the
    length word, so this always equals the `size` of the block."""
    count_path: tuple[str, ...]
    """Member names down to the count field of a VLA. STRING: equal to `path` (the count is the
    u32 right before the bytes). UNBOUNDED: empty."""
    count_type: BaseType
    """Integer type of the count (u8, u16, u32 ...; aliases and enums are followed). UNBOUNDED:
    u32, unused."""
    count_offset: int
    """Bytes from the start of the block to the count. UNBOUNDED: -1."""


@dataclass(frozen=True, slots=True)
class Struct:
    """A `typedef` with fields."""

    name: str
    fields: tuple[Field, ...]
    size: int
    """Bytes of the fixed part: everything but the elements of the tail."""
    tail: Tail | None = None
    comment: str | None = field(default=None, compare=False)
    """Raw comment, delimiters included. Not compared (a file that imports the type may have no
    comments)."""
    flags: tuple[str, ...] = field(default=(), compare=False)
    """manual_print, manual_endian ...: server side only. Not in JSON, not compared."""
    origin: str = field(default="", compare=False)
    where: Where | None = field(default=None, compare=False, repr=False)

    kind = "struct"

    @property
    def is_variable(self) -> bool:
        """True if there is a tail."""
        return self.tail is not None

    @property
    def is_swapped(self) -> bool:
        """True if any member needs its bytes exchanged (counts and string lengths included)."""
        return any(needs_swap(item) for item in self.fields)

    @property
    def spelling(self) -> str:
        """How a field names this type."""
        return f"vl_api_{self.name}_t"

    @property
    def doc(self) -> str:
        """The comment as plain text, "" if none."""
        return clean_comment(self.comment)

    def field(self, name: str) -> Field:
        """The member of that name; KeyError if there is none."""
        return find_field(self.fields, name)

    def __hash__(self) -> int:
        return hash(("struct", self.name))


@dataclass(frozen=True, slots=True)
class Union:
    """A `union`. All arms start at offset 0. Never variable."""

    name: str
    fields: tuple[Field, ...]
    """The arms. In a tagged union each has `case`."""
    size: int
    """Bytes of the largest arm."""
    flags: tuple[str, ...] = field(default=(), compare=False)
    origin: str = field(default="", compare=False)
    where: Where | None = field(default=None, compare=False, repr=False)

    kind = "union"

    @property
    def is_variable(self) -> bool:
        """Never."""
        return False

    @property
    def is_swapped(self) -> bool:
        """True if any arm needs its bytes exchanged; which one is only known by the
        discriminator."""
        return any(needs_swap(item) for item in self.fields)

    @property
    def spelling(self) -> str:
        """How a field names this type."""
        return f"vl_api_{self.name}_t"

    def field(self, name: str) -> Field:
        """The arm of that name; KeyError if there is none."""
        return find_field(self.fields, name)

    def __hash__(self) -> int:
        return hash(("union", self.name))


UserType = Enum | Alias | Struct | Union
Type = BaseType | Enum | Alias | Struct | Union


def needs_swap(item: Field) -> bool:
    """True if converting this field between host and wire order changes bytes (a string's length
    does)."""
    return item.shape is Shape.STRING or item.type.is_swapped


def unalias(kind: Type) -> tuple[Type, tuple[int, ...]]:
    """Follow aliases: the underlying type and the array lengths met on the way, outermost first.

    `ip4_address` gives (u8, (4,)), `interface_index` gives (u32, ()).
    """
    lengths: list[int] = []
    while isinstance(kind, Alias):
        if kind.length is not None:
            lengths.append(kind.length)
        kind = kind.target
    return kind, tuple(lengths)


def find_field(fields: Iterable[Field], name: str) -> Field:
    for item in fields:
        if item.name == name:
            return item
    raise KeyError(name)


def clean_comment(raw: str | None) -> str:
    """Text of a raw comment: delimiters, leading stars and common indentation removed, `\\brief`
    kept."""
    if not raw:
        return ""
    text = raw.strip()
    if text.startswith("//"):
        return text.lstrip("/").strip()
    text = text.removeprefix("/*").removesuffix("*/").lstrip("*!")
    lines = []
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped.startswith("*"):
            stripped = stripped[1:].removeprefix(" ").rstrip()
        lines.append(stripped)
    return "\n".join(lines).strip("\n").strip()
