"""VPP's checksums: of messages (part of their identity on the wire) and of files.

Both are CRC-32 over a spelling of the definitions that VPP's compiler happens to use: Python lists
of strings. It is reproduced here from the schema, character by character. What goes in: types,
names, lengths and count fields. What stays out: a definition's own name, flags, options, defaults,
comments, the backing type of enums, the target of aliases.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from .schema import (
    AliasDecl,
    DefineDecl,
    EnumDecl,
    EnumeratorDecl,
    FieldDecl,
    OptionDecl,
    StructDecl,
    TypeDecl,
    UnionDecl,
)

#: Texts of all types in a message, written out. More than this is an attack, not an API.
MAX_FOLD = 4 << 20

PREFIX = "vl_api_"
SUFFIX = "_t"

#: Name of an enum: how many of its last members are `[backwards_compatible]`. JSON does not mark
#: them, so for JSON this is found out (see `marks`); in `.api` the members say it themselves.
Marks = Mapping[str, int]


def bare_name(spelling: str) -> str | None:
    """`vl_api_prefix_t` gives `prefix`; anything else None."""
    if spelling.startswith(PREFIX) and spelling.endswith(SUFFIX):
        return spelling[len(PREFIX) : -len(SUFFIX)]
    return None


def field_text(item: FieldDecl) -> str:
    """One field: `['u32', 'context']`, `['u8', 'a', 4, None]`, `['u8', 'data', 0, 'count']`."""
    if item.length is None:
        return f"['{item.type}', '{item.name}']"
    count = "None" if item.length_field is None else f"'{item.length_field}'"
    return f"['{item.type}', '{item.name}', {item.length}, {count}]"


def block_text(fields: Iterable[FieldDecl]) -> bytes:
    """The fields of a message, struct or union."""
    return f"[{', '.join([field_text(item) for item in fields])}]".encode()


def is_marked(member: EnumeratorDecl) -> bool:
    """True if `[backwards_compatible]` was written."""
    return "backwards_compatible" in member.options


def counted_members(decl: EnumDecl, marks: Marks) -> tuple[EnumeratorDecl, ...]:
    """The members of an enum that its CRC covers."""
    members = tuple(item for item in decl.members if not is_marked(item))
    return members[: len(members) - marks.get(decl.name, 0)]


def type_text(decl: TypeDecl, marks: Marks) -> bytes:
    """The text of a type itself."""
    if isinstance(decl, StructDecl | UnionDecl):
        return block_text(decl.fields)
    if isinstance(decl, AliasDecl):
        return b"[]"
    pairs = [f"['{item.name}', {item.value}]" for item in counted_members(decl, marks)]
    return f"[{', '.join(pairs)}]".encode()


class FoldTooLongError(ValueError):
    """A type that repeats others beyond all measure."""


class Folds:
    """For each type, its text followed by the texts of all it contains, depth first.

    CRC-32 runs over a concatenation, so these are made once for each type and reused.
    """

    def __init__(self, types: Mapping[str, TypeDecl], marks: Marks) -> None:
        self._types = types
        self._marks = marks
        self._known: dict[str, bytes] = {}

    def of_type(self, name: str) -> bytes:
        """The folded text of a type. Its dependencies must be known and free of cycles."""
        text = self._known.get(name)
        if text is None:
            decl = self._types[name]
            text = type_text(decl, self._marks)
            if isinstance(decl, StructDecl | UnionDecl):
                text += self.of_fields(decl.fields)
            if len(text) > MAX_FOLD:
                raise FoldTooLongError(f"type {name!r} repeats other types too often")
            self._known[name] = text
        return text

    def of_fields(self, fields: Iterable[FieldDecl]) -> bytes:
        """The folded texts of the types of some fields, in order, repeats included."""
        names = [bare_name(item.type) for item in fields]
        return b"".join([self.of_type(name) for name in names if name is not None])

    def message_crc(self, define: DefineDecl) -> int:
        """The CRC of a message: 962 distinct values serve 2123 messages, so never use it alone."""
        return zlib.crc32(self.of_fields(define.fields), zlib.crc32(block_text(define.fields)))


def statement_text(decl: TypeDecl | DefineDecl | OptionDecl, marks: Marks) -> bytes:
    """What a statement adds to the CRC of its file."""
    if isinstance(decl, DefineDecl):
        return block_text(decl.fields)
    if isinstance(decl, OptionDecl):
        return decl.name.encode()
    return type_text(decl, marks)


def chain_crc(texts: Iterable[bytes], start: int = 0) -> int:
    """CRC of a file from the texts of its statements in order."""
    value = start
    for text in texts:
        value = zlib.crc32(text, value)
    return value
