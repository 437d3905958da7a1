"""`.api` text to schema, by the grammar in `api.lark`.

This module and `_reductions` are the only ones that import lark, and they are imported only when a
`.api` file is parsed: starting lark costs more than reading a JSON file. A syntax error does not
end the run: the parser goes on at the next line that starts with the first word of a statement.
"""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import PurePath

from lark import Lark, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from ._diagnostics import Diagnostics, Location
from ._reductions import Comment, Reductions, Run, Spanned
from .schema import DefineDecl, SchemaFile, Statement, StructDecl

#: The largest file of VPP has 60 kB. More than this is not an API file, and would only cost time.
MAX_TEXT = 1 << 20

#: After this many syntax errors in one file the rest of it is noise.
MAX_SYNTAX_ERRORS = 10

_RESTART = re.compile(
    r"^(?=(?:define|typedef|union|enum|enumflag|option|import|service|counters|paths|manual_print"
    r"|manual_endian|dont_trace|typeonly|autoendian|autoreply)\b)",
    re.MULTILINE,
)

#: What to call a terminal in "expected ..."; the others are called by the text they stand for.
_TERMINALS = {"ID": "a name", "NUMBER": "a number", "STRING": "a string", "$END": "end of file"}

_lock = threading.Lock()


@cache
def _grammar() -> tuple[Lark, Reductions]:
    """The compiled grammar, built once a process, and the reductions it calls."""
    reductions = Reductions()
    text = files(__package__ or "generator").joinpath("api.lark").read_text("ascii")
    lark = Lark(
        text,
        parser="lalr",
        lexer="basic",
        transformer=reductions,
        lexer_callbacks={"COMMENT": reductions.comment},  # called although the token is ignored
    )
    return lark, reductions


def parse_api(data: bytes | str, path: str, diagnostics: Diagnostics) -> SchemaFile:
    """Parse the content of one `.api` file. Mistakes go to `diagnostics`; what was understood is
    returned all the same, so that more mistakes can be found in it."""
    name = PurePath(path).name
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    digest = hashlib.sha256(raw).hexdigest()
    run = Run(path, diagnostics)
    text = _decode(raw, path, diagnostics)
    if text is not None:
        # One parse at a time: lark binds the reductions to the compiled grammar, and they to a run.
        with _lock:
            _parse_all(text, run)
        if not run.found and not diagnostics.errors:
            diagnostics.error(Location(path, 1, 1), "empty file: expected a statement")
    statements = tuple(_with_comments(run.found, run.comments))
    return SchemaFile(path, name, statements, digest=digest)


def _decode(raw: bytes, path: str, diagnostics: Diagnostics) -> str | None:
    if len(raw) > MAX_TEXT:
        size = f"{len(raw)} bytes: expected an API file of at most {MAX_TEXT}"
        diagnostics.error(Location(path), size)
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        before = raw[: bad.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        byte = f"byte 0x{raw[bad.start]:02x} is not UTF-8: expected UTF-8 text"
        diagnostics.error(Location(path, line, column), byte)
        return None


def _parse_all(text: str, run: Run) -> None:
    """Parse, and after each syntax error go on at the next statement."""
    lark, reductions = _grammar()
    reductions.run = run
    offset = 0
    for _ in range(MAX_SYNTAX_ERRORS):
        run.first_offset = offset
        run.first_line = text.count("\n", 0, offset)
        try:
            lark.parse(text[offset:])
        except UnexpectedInput as problem:
            at = offset + (problem.pos_in_stream or 0)
            if isinstance(problem, UnexpectedToken) and problem.token.type == "$END":
                at = len(text.rstrip())  # lark puts it at the last token
            run.diagnostics.error(_place(text, at, run.file), _explain(problem, text, at))
            restart = _RESTART.search(text, at + 1)
            if restart is None:
                return
            offset = restart.start()
        else:
            return


def _place(text: str, offset: int, file: str) -> Location:
    line_start = text.rfind("\n", 0, offset) + 1
    return Location(file, text.count("\n", 0, offset) + 1, offset - line_start + 1)


def _explain(problem: UnexpectedInput, text: str, at: int) -> str:
    """One line: what stands there and what was expected instead."""
    if isinstance(problem, UnexpectedCharacters):
        if text.startswith("/*", at):
            return "comment without an end: expected */"
        if text[at] == '"':
            return 'string without an end: expected " on the same line'
        return f"unexpected character {text[at]!r}: expected a word, a number or punctuation"
    if isinstance(problem, UnexpectedToken):
        expected = _expected(problem.accepts or problem.expected)
        if problem.token.type == "$END":
            return f"unexpected end of file: expected {expected}"
        shown = str(problem.token)
        shown = shown if len(shown) <= 40 else shown[:37] + "..."
        reserved = problem.token.type not in _TERMINALS and shown.isidentifier()
        kind = "reserved word" if reserved else "unexpected"
        return f"{kind} {shown!r}: expected {expected}"
    return f"syntax error: {problem}"


def _expected(terminals: set[str] | None) -> str:
    lark, _ = _grammar()
    patterns = {item.name: item.pattern.value for item in lark.terminals}
    shown = {_TERMINALS.get(name) or repr(patterns[name]) for name in terminals or ()}
    shown -= {repr(patterns["COMMENT"]), repr(patterns["SPACE"])}
    if not shown:
        return "a statement"
    # At the start of a statement nearly every keyword is possible: say that instead.
    if {"'define'", "'typedef'"} <= shown:
        rest = sorted(shown & {"end of file"})
        return " or ".join(["a statement", *rest])
    ordered = sorted(shown, key=lambda word: (word.startswith("'"), word))
    return " or ".join(ordered) if len(ordered) < 3 else f"one of {', '.join(ordered)}"


def _with_comments(found: list[Spanned], comments: list[Comment]) -> list[Statement]:
    """The statements, with comments attached by the rule of VPP's compiler.

    Only comments between statements count. The last one is kept until a define or a struct typedef
    comes, which takes it if it ends on the line above (or later), and forgets it in any case.
    """
    statements: list[Statement] = []
    pending: Comment | None = None
    position = 0
    for item in found:
        while position < len(comments) and comments[position].start < item.end:
            if comments[position].start < item.start:
                pending = comments[position]
            position += 1
        if item.keyword_line:
            touches = pending is not None and item.keyword_line <= pending.last_line + 1
            if touches and pending is not None:
                statements.extend(_commented(item.statements, pending.text))
            else:
                statements.extend(item.statements)
            pending = None
        else:
            statements.extend(item.statements)
    return statements


def _commented(statements: tuple[Statement, ...], comment: str) -> list[Statement]:
    return [
        replace(item, comment=comment) if isinstance(item, DefineDecl | StructDecl) else item
        for item in statements
    ]
