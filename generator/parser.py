"""`.api` text to schema, by the grammar in `api.lark`.

The only module that imports lark, and only when a `.api` file is parsed: starting lark costs more
than reading a JSON file. A syntax error does not end the run: the parser goes on at the next line
that starts with the first word of a statement.
"""

from __future__ import annotations

import hashlib
import keyword
import re
import threading
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import NamedTuple

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, v_args

from ._diagnostics import Diagnostics, Location
from .schema import (
    NO_OPTIONS,
    AliasDecl,
    CounterDecl,
    CountersDecl,
    DefineDecl,
    EnumDecl,
    EnumeratorDecl,
    FieldDecl,
    ImportDecl,
    OptionDecl,
    PathsDecl,
    SchemaFile,
    ServiceDecl,
    Statement,
    StructDecl,
    UnionDecl,
    Value,
)

#: The largest file of VPP has 60 kB. More than this is not an API file, and would only cost time.
MAX_TEXT = 2 << 20

#: After this many syntax errors in one file the rest of it is noise.
MAX_SYNTAX_ERRORS = 10

_RESTART = re.compile(
    r"^(?=(?:define|typedef|union|enum|enumflag|option|import|service|counters|paths|manual_print"
    r"|manual_endian|dont_trace|typeonly|autoendian|autoreply)\b)",
    re.MULTILINE,
)

#: What to call a terminal in "expected ..."; others are called by the text they stand for.
_TERMINAL_NAMES = {
    "ID": "a name",
    "NUMBER": "a number",
    "STRING": "a string",
    "$END": "the end of the file",
}


class _Comment(NamedTuple):
    """A comment token: offsets into the text, and the line it ends on."""

    start: int
    last_line: int
    text: str


class _Option(NamedTuple):
    """`name`, `name = value`, `name = value,` in brackets or as `option` in a block."""

    name: Token
    value: Value
    is_bare: bool


class _Suffix(NamedTuple):
    """What stands in brackets after a field name."""

    length: int | None
    length_field: str | None
    options: dict[str, Value]
    is_empty: bool


class _Spanned(NamedTuple):
    """A statement with where it starts and ends, to tell which comments stand outside."""

    start: int
    end: int
    statements: tuple[Statement, ...]
    keyword_line: int
    """Line of the word that a comment must touch; 0 if the statement takes no comment."""


class _Run:
    """State of parsing one text: what the reductions found so far."""

    def __init__(self, file: str, diagnostics: Diagnostics) -> None:
        self.file = file
        self.diagnostics = diagnostics
        self.first_line = 0
        self.first_offset = 0
        self.found: list[_Spanned] = []
        self.comments: list[_Comment] = []

    def where(self, token: Token) -> Location:
        """Place of a token; lark counts from where this stretch of text began."""
        return Location(self.file, (token.line or 1) + self.first_line, token.column or 1)

    def error(self, token: Token, message: str) -> None:
        """Record a mistake that the grammar lets through."""
        self.diagnostics.error(self.where(token), message)


def _line(token: Token) -> int:
    return token.line or 1


@v_args(inline=True)
class _ToSchema(Transformer[Token, None]):
    """Reductions of the grammar, one method a rule; `run` is the text being parsed."""

    run: _Run

    # --- small parts ---

    def flag(self, token: Token) -> Token:
        return token

    type = field_name = enum_base = flag_base = flag

    def value(self, token: Token) -> Value:
        if token.type == "NUMBER":
            return _number(token)
        if token.type == "STRING":
            return _text(token)
        if token.type == "FALSE":
            return False
        return str(token)  # `true` too: VPP's compiler makes it the string "true"

    def field_option(self, name: Token, value: Value = None, comma: Token | None = None) -> _Option:
        return _Option(name, value, value is None and comma is None)

    member_option = v_args(inline=True)(
        lambda self, word, name, value=None: _Option(name, value, False)
    )

    def fixed_length(self, token: Token) -> _Suffix:
        length = _number(token)
        if not isinstance(length, int) or length < 0:
            self.run.error(token, f"array length {token}: expected a whole number, 0 or more")
            length = 1
        return _Suffix(length, None, {}, False)

    def count_or_options(self, *options: _Option) -> _Suffix:
        if len(options) == 1 and options[0].is_bare:
            return _Suffix(0, str(options[0].name), {}, False)
        if not options:
            return _Suffix(0, None, {}, True)
        return _Suffix(None, None, {str(item.name): item.value for item in options}, False)

    def field(self, kind: Token, name: Token, suffix: _Suffix | None = None) -> FieldDecl:
        length, length_field, options, is_empty = suffix or _Suffix(None, None, {}, False)
        if is_empty and kind != "string":
            self.run.error(name, f"{kind} {name}[]: only a string may go without a length")
        if length is None and name in keyword.kwlist:
            self.run.error(name, f"field {name!r} is a keyword of Python: expected another name")
        return FieldDecl(
            str(kind), str(name), length, length_field, options or NO_OPTIONS, self.run.where(name)
        )

    # --- types and messages ---

    def _members(self, members: Sequence[FieldDecl | _Option], block: str) -> tuple[FieldDecl, ...]:
        for item in members:
            if isinstance(item, _Option):
                self.run.error(item.name, f"an option in a {block}: expected fields only")
        return tuple(item for item in members if isinstance(item, FieldDecl))

    def define(self, *parts: object) -> None:
        flags, word, name, members, end = _block(parts)
        for token in flags:
            if token == "typeonly":
                self.run.error(token, "typeonly define is no longer used: expected typedef")
        fields = tuple(item for item in members if isinstance(item, FieldDecl))
        options = {str(item.name): item.value for item in members if isinstance(item, _Option)}
        decl = DefineDecl(
            str(name), fields, self.run.where(name), tuple(map(str, flags)), options or NO_OPTIONS
        )
        self._add((*flags, word)[0], end, decl, keyword_line=_line(word))

    def typedef(self, *parts: object) -> None:
        flags, word, name, members, end = _block(parts)
        fields = self._members(members, "typedef")
        decl = StructDecl(str(name), fields, self.run.where(name), tuple(map(str, flags)))
        # With flags, VPP's compiler looks at the line of the name instead of the keyword's.
        self._add((*flags, word)[0], end, decl, keyword_line=_line(name if flags else word))

    def union(self, *parts: object) -> None:
        flags, word, name, members, end = _block(parts)
        fields = self._members(members, "union")
        decl = UnionDecl(str(name), fields, self.run.where(name), tuple(map(str, flags)))
        self._add((*flags, word)[0], end, decl)

    def alias(self, *parts: object) -> None:
        tokens = [item for item in parts if isinstance(item, Token)]
        suffix = next((item for item in parts if isinstance(item, _Suffix)), None)
        *flags, word, kind, name, end = tokens
        field = self.field(kind, name, suffix)
        if field.length_field is not None:
            self.run.error(name, f"alias of an array of {field.length_field!r}: expected a number")
        flag_names = tuple(map(str, flags))
        where = self.run.where(name)
        decl = AliasDecl(field.name, field.type, where, field.length, flag_names)
        self._add((*flags, word)[0], end, decl)

    def enumerator(self, name: Token, *rest: object) -> tuple[Token, Token | None, list[_Option]]:
        number = next((item for item in rest if isinstance(item, Token)), None)
        return name, number, [item for item in rest if isinstance(item, _Option)]

    def enum(self, word: Token, name: Token, *parts: object) -> None:
        self._add_enum(word, name, parts, is_flag=False)

    def enumflag(self, word: Token, name: Token, *parts: object) -> None:
        self._add_enum(word, name, parts, is_flag=True)

    def _add_enum(
        self, word: Token, name: Token, parts: tuple[object, ...], is_flag: bool
    ) -> None:
        tokens = [item for item in parts if isinstance(item, Token)]
        end = tokens[-1]
        base = str(tokens[0]) if len(tokens) > 1 else "u32"
        value = -1
        members = []
        for item in parts:
            if not isinstance(item, tuple):
                continue
            member, number, options = item
            value += 1
            if number is not None:
                given = _number(number)
                if isinstance(given, int):
                    value = given
                else:
                    self.run.error(number, f"enumerator {member} = {number}: expected an integer")
            pairs = {str(option.name): option.value for option in options}
            where = self.run.where(member)
            members.append(EnumeratorDecl(str(member), value, pairs or NO_OPTIONS, where))
        decl = EnumDecl(str(name), base, tuple(members), self.run.where(name), is_flag)
        self._add(word, end, decl)

    # --- the rest of the file ---

    def option(self, word: Token, name: Token, *parts: Value) -> None:
        end = parts[-1]
        value = parts[0] if len(parts) > 1 else None
        assert isinstance(end, Token)
        self._add(word, end, OptionDecl(str(name), value, self.run.where(name)))

    def import_(self, word: Token, path: Token, end: Token) -> None:
        self._add(word, end, ImportDecl(_text(path), self.run.where(path)))

    def rpc_null(self, caller: Token) -> ServiceDecl:
        return ServiceDecl(str(caller), None, self.run.where(caller))

    def rpc_reply(self, caller: Token, reply: Token) -> ServiceDecl:
        return ServiceDecl(str(caller), str(reply), self.run.where(caller))

    def rpc_stream(self, caller: Token, details: Token) -> ServiceDecl:
        return ServiceDecl(str(caller), str(details), self.run.where(caller), True)

    def rpc_reply_stream(self, caller: Token, reply: Token, details: Token) -> ServiceDecl:
        return ServiceDecl(str(caller), str(reply), self.run.where(caller), True, str(details))

    def rpc_events(self, caller: Token, reply: Token, *events: Token) -> ServiceDecl:
        names = tuple(map(str, events))
        return ServiceDecl(str(caller), str(reply), self.run.where(caller), events=names)

    def service(self, word: Token, *parts: ServiceDecl | Token) -> None:
        end = parts[-1]
        assert isinstance(end, Token)
        self._add(word, end, *(item for item in parts if isinstance(item, ServiceDecl)))

    def counter_statement(self, word: Token, value: Token, end: Token) -> tuple[str, str]:
        return str(word), _text(value) if value.type == "STRING" else str(value)

    def counter(self, name: Token, *statements: tuple[str, str]) -> CounterDecl:
        return CounterDecl(str(name), statements)

    def counters(self, word: Token, name: Token, *parts: CounterDecl | Token) -> None:
        end = parts[-1]
        assert isinstance(end, Token)
        items = tuple(item for item in parts if isinstance(item, CounterDecl))
        self._add(word, end, CountersDecl(str(name), items, self.run.where(name)))

    def path(self, pattern: Token, counter: Token) -> tuple[str, str]:
        return _text(pattern), _text(counter)

    def paths(self, word: Token, *parts: tuple[str, str] | Token) -> None:
        end = parts[-1]
        assert isinstance(end, Token)
        entries = tuple(item for item in parts if not isinstance(item, Token))
        self._add(word, end, PathsDecl(entries, self.run.where(word)))

    def _add(
        self, first: Token, end: Token, *statements: Statement, keyword_line: int = 0
    ) -> None:
        offset = self.run.first_offset
        start = (first.start_pos or 0) + offset
        stop = (end.end_pos or 0) + offset
        line = keyword_line + self.run.first_line if keyword_line else 0
        self.run.found.append(_Spanned(start, stop, statements, line))
