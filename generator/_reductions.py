"""What each rule of `api.lark` becomes: one method a rule, from tokens to schema records.

Mistakes that the grammar lets through (an option in a typedef, a float as an array length) are
recorded here, where the token is still at hand.
"""

from __future__ import annotations

import keyword
import math
from typing import NamedTuple

from lark import Token, Transformer, v_args

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
    ServiceDecl,
    Statement,
    StructDecl,
    UnionDecl,
    Value,
)

#: Longer numbers fit no type.
MAX_DIGITS = 40


class Comment(NamedTuple):
    """A comment token: its offset in the text, and the line it ends on."""

    start: int
    last_line: int
    text: str


class Spanned(NamedTuple):
    """A statement and where it starts and ends: offsets that tell which comments are outside."""

    start: int
    end: int
    statements: tuple[Statement, ...]
    keyword_line: int
    """Line of the word that a comment must touch; 0 if the statement takes no comment."""


class Run:
    """State of parsing one text: what the reductions found so far.

    After a syntax error the parser starts again further down; `first_line` and `first_offset` say
    where, because lark counts from there.
    """

    def __init__(self, file: str, diagnostics: Diagnostics) -> None:
        self.file = file
        self.diagnostics = diagnostics
        self.first_line = 0
        self.first_offset = 0
        self.found: list[Spanned] = []
        self.comments: list[Comment] = []

    def line(self, token: Token) -> int:
        """Line of a token in the whole text, from 1."""
        return (token.line or 1) + self.first_line

    def where(self, token: Token) -> Location:
        """Place of a token in the whole text."""
        return Location(self.file, self.line(token), token.column or 1)

    def error(self, token: Token, message: str) -> None:
        """Record a mistake at a token."""
        self.diagnostics.error(self.where(token), message)

    def add(self, first: Token, end: Token, *statements: Statement, keyword_line: int = 0) -> None:
        """Record what stands between two tokens."""
        start = (first.start_pos or 0) + self.first_offset
        stop = (end.end_pos or 0) + self.first_offset
        self.found.append(Spanned(start, stop, statements, keyword_line))

    def add_comment(self, token: Token) -> None:
        """Record a comment, wherever it stands."""
        start = (token.start_pos or 0) + self.first_offset
        last_line = self.line(token) + token.count("\n")
        self.comments.append(Comment(start, last_line, str(token)))


class _Option(NamedTuple):
    """`name`, `name = value` or `name = value,`, in brackets or as `option` in a block."""

    name: Token
    value: Value
    is_bare: bool


class _Suffix(NamedTuple):
    """What stands in brackets after a field name."""

    length: int | None = None
    length_field: str | None = None
    options: tuple[_Option, ...] = ()
    is_empty: bool = False


class _Enumerator(NamedTuple):
    name: Token
    number: Token | None
    options: tuple[_Option, ...]


Members = tuple[FieldDecl | _Option, ...]


def number_of(token: Token) -> int | float:
    """Value of a NUMBER token: hexadecimal, decimal (leading zeros too), or a float."""
    if len(token) > MAX_DIGITS:
        return math.inf  # no integer: whoever asked for one says so
    if token[:2] in ("0x", "0X"):
        return int(token, 16)
    return float(token) if "." in token else int(token)


def text_of(token: Token) -> str:
    """Value of a STRING token, as VPP's compiler takes it: quotes deleted, backslashes kept."""
    return token.replace('"', "")


def _pairs(options: tuple[_Option, ...]) -> dict[str, Value]:
    return {str(item.name): item.value for item in options}


@v_args(inline=True)
class Reductions(Transformer[Token, None]):
    """`run` is the text being parsed; the caller sets it and allows one parse at a time."""

    run: Run

    def comment(self, token: Token) -> Token:
        """Called by the lexer, which drops the comment afterwards."""
        self.run.add_comment(token)
        return token

    # --- small parts ---

    def flag(self, token: Token) -> Token:
        return token

    type = field_name = enum_base = flag_base = flag

    def value(self, token: Token) -> Value:
        if token.type == "NUMBER":
            number = number_of(token)
            if number == math.inf:
                self.run.error(token, "number too large: expected one that fits u64")
            return number
        if token.type == "STRING":
            return text_of(token)
        # `true` stays a string: that is what VPP's compiler makes of it.
        return False if token == "false" else str(token)

    def field_option(self, name: Token, value: Value, comma: Token | None) -> _Option:
        return _Option(name, value, value is None)

    def member_option(self, word: Token, name: Token, value: Value) -> _Option:
        return _Option(name, value, False)

    def fixed_length(self, token: Token) -> _Suffix:
        length = number_of(token)
        if isinstance(length, int) and length >= 0:
            return _Suffix(length)
        self.run.error(token, f"array length {token:.40}: expected a whole number, 0 or more")
        return _Suffix(1)

    def count_or_options(self, *options: _Option) -> _Suffix:
        if not options:
            return _Suffix(0, is_empty=True)
        if len(options) == 1 and options[0].is_bare:
            return _Suffix(0, str(options[0].name))
        return _Suffix(options=options)

    def flags(self, *tokens: Token) -> tuple[Token, ...]:
        return tokens

    # --- types and messages ---

    def field(self, kind: Token, name: Token, suffix: _Suffix | None) -> FieldDecl:
        length, length_field, options, is_empty = suffix or _Suffix()
        if is_empty and kind != "string":
            self.run.error(name, f"{kind} {name}[]: expected a length, only a string goes without")
        if length is None and name in keyword.kwlist:
            self.run.error(name, f"field {str(name)!r} is a keyword of Python: expected another")
        where = self.run.where(name)
        pairs = _pairs(options) if options else NO_OPTIONS
        return FieldDecl(str(kind), str(name), length, length_field, pairs, where)

    def members(self, *items: FieldDecl | _Option) -> Members:
        return items

    def _fields(self, members: Members, block: str) -> tuple[FieldDecl, ...]:
        for item in members:
            if isinstance(item, _Option):
                self.run.error(item.name, f"option {item.name} in a {block}: expected a field")
        return tuple(item for item in members if isinstance(item, FieldDecl))

    def define(
        self, flags: tuple[Token, ...], word: Token, name: Token, members: Members, end: Token
    ) -> None:
        if "typeonly" in flags:
            self.run.error(word, "typeonly define is no longer allowed: expected typedef")
        options = _pairs(tuple(item for item in members if isinstance(item, _Option)))
        decl = DefineDecl(
            name=str(name),
            fields=tuple(item for item in members if isinstance(item, FieldDecl)),
            where=self.run.where(name),
            flags=tuple(map(str, flags)),
            options=options or NO_OPTIONS,
        )
        self.run.add((*flags, word)[0], end, decl, keyword_line=self.run.line(word))

    def typedef(
        self, flags: tuple[Token, ...], word: Token, name: Token, members: Members, end: Token
    ) -> None:
        fields = self._fields(members, "typedef")
        decl = StructDecl(str(name), fields, self.run.where(name), tuple(map(str, flags)))
        # With flags, VPP's compiler looks at the line of the name instead of the keyword's.
        line = self.run.line(name if flags else word)
        self.run.add((*flags, word)[0], end, decl, keyword_line=line)

    def union(
        self, flags: tuple[Token, ...], word: Token, name: Token, members: Members, end: Token
    ) -> None:
        fields = self._fields(members, "union")
        decl = UnionDecl(str(name), fields, self.run.where(name), tuple(map(str, flags)))
        self.run.add((*flags, word)[0], end, decl)

    def alias(
        self,
        flags: tuple[Token, ...],
        word: Token,
        kind: Token,
        name: Token,
        suffix: _Suffix | None,
        end: Token,
    ) -> None:
        field = self.field(kind, name, suffix)
        if field.length_field is not None:
            self.run.error(name, f"alias with length {field.length_field!r}: expected a number")
        if field.options:
            self.run.error(name, "alias with options: expected a plain type or a fixed array")
        where = self.run.where(name)
        flag_names = tuple(map(str, flags))
        decl = AliasDecl(field.name, field.type, where, field.length, flag_names)
        self.run.add((*flags, word)[0], end, decl)

    # --- enumerations ---

    def enumerator_options(self, *options: _Option) -> tuple[_Option, ...]:
        return options

    def enumerator(
        self, name: Token, number: Token | None, options: tuple[_Option, ...] | None
    ) -> _Enumerator:
        return _Enumerator(name, number, options or ())

    def enumerators(self, *items: _Enumerator) -> tuple[_Enumerator, ...]:
        return items

    def enum(
        self,
        word: Token,
        name: Token,
        base: Token | None,
        items: tuple[_Enumerator, ...],
        end: Token,
    ) -> None:
        value = -1
        members = []
        for item in items:
            value += 1
            if item.number is not None:
                given = number_of(item.number)
                if isinstance(given, int):
                    value = given
                else:
                    self.run.error(item.number, f"{item.name} = {given}: expected an integer")
            pairs = _pairs(item.options) if item.options else NO_OPTIONS
            members.append(EnumeratorDecl(str(item.name), value, pairs, self.run.where(item.name)))
        is_flag = word.type == "ENUMFLAG"
        base_name = str(base) if base is not None else "u32"
        decl = EnumDecl(str(name), base_name, tuple(members), self.run.where(name), is_flag)
        self.run.add(word, end, decl)

    enumflag = enum

    # --- the rest of the file ---

    def option(self, word: Token, name: Token, value: Value, end: Token) -> None:
        self.run.add(word, end, OptionDecl(str(name), value, self.run.where(name)))

    def import_file(self, word: Token, path: Token, end: Token) -> None:
        self.run.add(word, end, ImportDecl(text_of(path), self.run.where(path)))

    def rpc_null(self, caller: Token) -> ServiceDecl:
        return ServiceDecl(str(caller), None, self.run.where(caller))

    def rpc_reply(self, caller: Token, reply: Token) -> ServiceDecl:
        return ServiceDecl(str(caller), str(reply), self.run.where(caller))

    def rpc_stream(self, caller: Token, details: Token) -> ServiceDecl:
        return ServiceDecl(str(caller), str(details), self.run.where(caller), True)

    def rpc_reply_stream(self, caller: Token, reply: Token, details: Token) -> ServiceDecl:
        return ServiceDecl(str(caller), str(reply), self.run.where(caller), True, str(details))

    def rpc_events(self, caller: Token, reply: Token, *events: Token) -> ServiceDecl:
        names = tuple(str(item) for item in events if item.type == "ID")
        return ServiceDecl(str(caller), str(reply), self.run.where(caller), events=names)

    def rpcs(self, *items: ServiceDecl) -> tuple[ServiceDecl, ...]:
        return items

    def service(self, word: Token, items: tuple[ServiceDecl, ...], end: Token) -> None:
        self.run.add(word, end, *items)

    def counter_statement(self, word: Token, value: Token, end: Token) -> tuple[str, str]:
        return str(word), text_of(value) if value.type == "STRING" else str(value)

    def counter(self, name: Token, *statements: tuple[str, str]) -> CounterDecl:
        return CounterDecl(str(name), statements)

    def counter_list(self, *items: CounterDecl) -> tuple[CounterDecl, ...]:
        return items

    def counters(
        self, word: Token, name: Token, items: tuple[CounterDecl, ...], end: Token
    ) -> None:
        self.run.add(word, end, CountersDecl(str(name), items, self.run.where(name)))

    def path(self, pattern: Token, counter: Token) -> tuple[str, str]:
        return text_of(pattern), text_of(counter)

    def path_list(self, *entries: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        return entries

    def paths(self, word: Token, entries: tuple[tuple[str, str], ...], end: Token) -> None:
        self.run.add(word, end, PathsDecl(entries, self.run.where(word)))
