"""YAML of plain values: what `--output yaml` prints, without a library.

Only the forms that every reader of YAML 1.1 and 1.2 understands alike: block mappings and lists,
and texts in JSON's double quotes unless they are a plain word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./|-]*(?: [A-Za-z0-9_./|-]+)*")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])


def lines(value: Any) -> Iterator[str]:
    """The lines of a value, without their ends."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _entry(f"{_scalar(str(name))}:", inner)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from item(inner)
    else:
        yield _scalar(value)


def item(value: Any) -> Iterator[str]:
    """The lines of one element of a list."""
    if not isinstance(value, dict | list) or not value:
        yield f"- {_scalar(value)}"
        return
    for index, line in enumerate(lines(value)):
        yield f"{'  ' if index else '- '}{line}"


def _entry(head: str, value: Any) -> Iterator[str]:
    if not isinstance(value, dict | list) or not value:
        yield f"{head} {_scalar(value)}"
        return
    yield head
    for line in lines(value):
        yield f"  {line}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else json.dumps(value)
