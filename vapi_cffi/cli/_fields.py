"""Fields of a message from the command line: `field=value`, `nested.field=value`, `list[0].x=...`,
and JSON.

The text of a value is read by the kind of its field, so that `flags=admin_up`, `prefix=10.0.0.0/8`,
`sw_if_index=~0` and `labels=16,17` mean what an operator means.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .._blocks import ArrayTail, Block, BlockField, BlockTail, StringTail, StructKind, Tail
from .._errors import InvalidArgument
from .._unions import UnionKind
from .._values import ApiValue
from .._wire import (
    ArrayKind,
    BoolKind,
    BytesKind,
    EnumKind,
    FieldError,
    FloatKind,
    IntKind,
    Kind,
    NaturalKind,
    TextKind,
)

_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d+\])*")
_STEP = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
#: Far more than any message has room for; a slip of the finger is no reason to fill the memory.
_MAX_INDEX = 65535

Step = str | int


def split_path(text: str) -> tuple[Step, ...]:
    """`route.paths[0].weight` as ("route", "paths", 0, "weight"). Errors: `InvalidArgument`."""
    if not _PATH.fullmatch(text):
        raise InvalidArgument(f"{text!r} is no path to a field, such as mtu[0] or route.prefix")
    steps: list[Step] = []
    for name, index in _STEP.findall(text):
        steps.append(name or int(index))
    return tuple(steps)


def join_path(steps: Iterable[Step]) -> str:
    """The text of a path."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def parse(block: Block, words: Sequence[str]) -> dict[str, Any]:
    """Values of a message's fields from the words of a command line.

    A word is `path=value`, `{...}` (JSON), `@FILE` (JSON of a file) or `-` (JSON of standard
    input); later ones win. Errors: `InvalidArgument` names message, field and value, and the
    nearest name that there is.
    """
    return values_of(block, parse_tree(words))


def parse_tree(words: Sequence[str]) -> dict[Step, Any]:
    """The same before any kind is known: nested dicts, those of arrays with numbers for keys."""
    tree: dict[Step, Any] = {}
    for word in words:
        if word.startswith("{"):
            _merge(tree, _object(word, "the argument"))
        elif word == "-":
            _merge(tree, _object(sys.stdin.read(), "standard input"))
        elif word.startswith("@"):
            _merge(tree, _object(_text_of(word[1:]), word[1:]))
        else:
            path, sign, value = word.partition("=")
            if not sign:
                raise InvalidArgument(
                    f"{word!r}: expected field=value, JSON in {{}}, @FILE, or - for standard input"
                )
            put(tree, split_path(path), value)
    return tree


def values_of(block: Block, given: Mapping[Any, Any]) -> dict[str, Any]:
    """Values of a message's fields from JSON: texts are read as those of a command line.

    Errors: `InvalidArgument`."""
    try:
        return _fields(block, given)
    except FieldError as error:
        raise InvalidArgument(f"{block.name}{error}") from None


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except ValueError as error:
        raise InvalidArgument(f"{path} is no text: {error}") from None
    except OSError as error:
        raise InvalidArgument(f"{path}: {error.strerror}") from None


def _object(text: str, what: str) -> dict[Any, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{what} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidArgument(f"{what}: expected a JSON object, {{field: value}}")
    return found


def _merge(tree: dict[Step, Any], more: Mapping[Any, Any]) -> None:
    for name, value in more.items():
        there = tree.get(name)
        if isinstance(there, dict) and isinstance(value, dict):
            _merge(there, value)
        else:
            tree[name] = value


def put(tree: dict[Step, Any], steps: Sequence[Step], value: Any) -> None:
    """Sets a place in a tree."""
    for step in steps[:-1]:
        inner = tree.get(step)
        if isinstance(inner, list):
            inner = dict(enumerate(inner))
        elif not isinstance(inner, dict):
            inner = {}
        tree[step] = inner
        tree = inner
    tree[steps[-1]] = value


# ---- by kind -------------------------------------------------------------------------------------


def find_field(block: Block, name: str) -> BlockField:
    """A field by its name. Errors: `FieldError` with the nearest one."""
    for item in block.fields:
        if name in (item.name, item.api_name):
            return item
    known = [item.name for item in block.fields]
    close = get_close_matches(name, known, 1, 0.5)
    if close:
        reason = f"has no such field: did you mean {close[0]!r}?"
    else:
        reason = f"has no such field: it has {', '.join(known)}" if known else "has no fields"
    raise NoSuchField(reason, name)


class NoSuchField(FieldError):
    """A name that a message or struct does not have."""

    def __str__(self) -> str:
        where = "".join(part if part.startswith("[") else f".{part}" for part in self.path)
        reason = self.reason.replace("no such field", f"no field {self.value!r}")
        return f"{where} {reason}"


def _fields(block: Block, given: Mapping[Any, Any]) -> dict[str, Any]:
    found = {}
    for name, value in given.items():
        if not isinstance(name, str):
            raise FieldError("expected a field, it is no array", name)
        item = find_field(block, name)
        if value is not None:
            found[item.name] = _inside(item.kind, value, item.name)
    return found


def _inside(kind: Kind | Tail, value: Any, step: str) -> Any:
    try:
        return convert(kind, value)
    except FieldError as error:
        raise error.inside(step) from None


def convert(kind: Kind | Tail, value: Any) -> Any:
    """A value for a field of that kind from text, or from what JSON has. Errors: `FieldError`."""
    if isinstance(kind, StructKind | BlockTail):
        return _struct(kind.block, value)
    if isinstance(kind, UnionKind):
        return _union(kind, value)
    if isinstance(kind, ArrayKind):
        return _array(kind.element, value, kind.length)
    if isinstance(kind, ArrayTail):
        return _array(kind.many.element, value, None)
    if isinstance(value, dict) and not isinstance(kind, NaturalKind):
        raise FieldError(f"expected {kind.out_type}, which has no fields and no elements", value)
    if isinstance(value, str):
        value = _scalar(kind, value)
    elif isinstance(value, dict):
        value = _spelt(value)
    return kind.convert(value)


def _spelt(fields: dict[Any, Any]) -> dict[Any, Any]:
    """An address or prefix as a struct: numbers of texts."""
    return {
        name: _spelt(item)
        if isinstance(item, dict)
        else int(item)
        if isinstance(item, str) and item.isdecimal()
        else item
        for name, item in fields.items()
    }


def _scalar(kind: Kind | Tail, text: str) -> Any:
    """What the text of a value means."""
    if isinstance(kind, IntKind):
        return _number(kind, text)
    if isinstance(kind, BoolKind):
        low = text.strip().lower()
        if low in _TRUE or low in _FALSE:
            return low in _TRUE
        raise FieldError("expected true or false", text)
    if isinstance(kind, FloatKind):
        try:
            return float(text)
        except ValueError:
            raise FieldError("expected a number (f64)", text) from None
    if isinstance(kind, EnumKind):
        try:
            return int(text, 0)
        except ValueError:
            return text.replace(",", "|")
    if isinstance(kind, TextKind | StringTail | NaturalKind):
        return text
    if isinstance(kind, BytesKind) or type(kind) is Tail:
        return _bytes(text)
    return text


def _number(kind: IntKind, text: str) -> int:
    """`7`, `0x1f`; `~0` and `-1` are the largest one, which VPP uses for "none" and "all"."""
    text = text.strip()
    try:
        number = ~int(text[1:], 0) if text.startswith("~") else int(text, 0)
    except ValueError:
        reason = f"expected a number ({kind.name})"
        if text.startswith(("/", "~")):
            reason += " (the shell made that of ~0: put it in quotes, or write -1)"
        raise FieldError(reason, text) from None
    return kind.high if number == -1 and kind.low == 0 else number


def _bytes(text: str) -> bytes:
    """`0x0123ab`, or `text:abc`."""
    if text.startswith("text:"):
        return text[5:].encode()
    digits = text.removeprefix("0x").replace(":", "")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise FieldError("expected bytes, as 0x0123ab or text:abc", text) from None


def _struct(block: Block, value: Any) -> Any:
    if isinstance(value, ApiValue):
        return value
    if isinstance(value, str) and value.startswith("{"):
        value = _json(value)
    if not isinstance(value, dict):
        names = ", ".join(item.name for item in block.fields)
        raise FieldError(f"expected its fields ({names}), or JSON", value)
    return _fields(block, value)


def _union(kind: UnionKind, value: Any) -> Any:
    if isinstance(value, str) and value.startswith("{"):
        value = _json(value)
    elif isinstance(value, str) and value.startswith(("0x", "text:")):
        value = _bytes(value)
        return kind.convert(value)
    arms = ", ".join(kind.arms)
    if isinstance(value, str):
        try:
            return kind.convert(value)  # an address says itself which arm it is
        except FieldError:
            reason = f"expected one of its arms ({arms}) with a value, or bytes as 0x0123ab"
            raise FieldError(reason, value) from None
    if not isinstance(value, dict) or len(value) != 1:
        raise FieldError(f"expected one of its arms ({arms}) with a value", value)
    ((arm, inner),) = value.items()
    if arm not in kind.arms:
        raise FieldError(f"expected one of the arms {arms}", arm)
    return {arm: _inside(kind.arms[arm], inner, arm)}


def _array(element: Kind, value: Any, length: int | None) -> list[Any]:
    if isinstance(value, str):
        whole = value.strip()
        value = _json(whole) if whole.startswith("[") else whole.split(",") if whole else []
    if isinstance(value, dict):
        value = _listed(element, value, length)
    if not isinstance(value, list):
        raise FieldError("expected [0]=, [1]=, ..., or values with commas, or JSON", value)
    return [_inside(element, item, f"[{index}]") for index, item in enumerate(value)]


def _listed(element: Kind, items: dict[Any, Any], length: int | None) -> list[Any]:
    """The list of `{0: ..., 1: ...}`; holes are zeros where the array has a fixed length."""
    wrong = next((key for key in items if not isinstance(key, int)), None)
    if wrong is not None:
        raise FieldError("expected the number of an element, as [0]", wrong)
    most = max(items)
    if most > (_MAX_INDEX if length is None else length - 1):
        raise FieldError(f"expected an index below {length or _MAX_INDEX + 1}", most)
    missing = next((index for index in range(most) if index not in items), None)
    if missing is not None and length is None:
        raise FieldError(f"expected [{missing}] before it", most)
    return [items.get(index, element.zero()) for index in range(most + 1)]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FieldError(f"expected JSON ({error})", text) from None
