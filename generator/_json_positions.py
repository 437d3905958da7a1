"""Where in a JSON text a value stands: found only when there is an error to report there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

from ._diagnostics import Diagnostic, Location, Pointer, Where

_decoder = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\r\n]*")


def locate(text: str, pointer: Pointer) -> Location:
    """Line and column of a value; of the innermost enclosing one, if the path leads nowhere."""
    offset = _skip(text, 0)
    for step in pointer.path:
        inner = _enter(text, offset, step)
        if inner is None:
            break
        offset = inner
    line_start = text.rfind("\n", 0, offset) + 1
    return Location(pointer.file, text.count("\n", 0, offset) + 1, offset - line_start + 1)


def located(
    diagnostics: Iterable[Diagnostic], text_of: Callable[[str], str | None]
) -> list[Diagnostic]:
    """The findings with pointers turned to lines, for files whose text can still be had."""
    return [
        Diagnostic(place(item.where, text_of), item.message, item.severity) for item in diagnostics
    ]


def place(where: Where, text_of: Callable[[str], str | None]) -> Where:
    """A pointer turned to a line, if the text of the file can still be had."""
    text = text_of(where.file) if isinstance(where, Pointer) else None
    if text is None or not isinstance(where, Pointer):
        return where
    return locate(text, where)


def _skip(text: str, offset: int) -> int:
    match = _BLANKS.match(text, offset)
    return match.end() if match else offset


def _enter(text: str, offset: int, step: str | int) -> int | None:
    """Offset of one item of the object or array at `offset`; None if there is no such item."""
    opening = text[offset : offset + 1]
    if opening not in ("{", "["):
        return None
    offset = _skip(text, offset + 1)
    index = 0
    while offset < len(text) and text[offset] not in "}]":
        key: str | int = index
        if opening == "{":
            key, offset = _decoder.raw_decode(text, offset)
            offset = _skip(text, _skip(text, offset) + 1)  # the colon
        if key == step:
            return offset
        _, offset = _decoder.raw_decode(text, offset)
        offset = _skip(text, offset)
        if text[offset : offset + 1] == ",":
            offset = _skip(text, offset + 1)
        index += 1
    return None
