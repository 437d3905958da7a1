"""Values of messages for people, for JSON, and by their path.

`plain` gives what JSON, YAML and CSV have a form for; read back by `_fields`, it is the same value.
`text` is for people: enums without the part that all members share, 0xffffffff as `~0`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from enum import Enum
from functools import cache
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from itertools import takewhile
from typing import Any

from .._addresses import MACAddress
from .._blocks import ArrayTail, Block, BlockTail, StructKind, Tail
from .._enums import ApiEnum, ApiFlag, to_member
from .._errors import InvalidArgument
from .._unions import UnionKind
from .._values import ApiUnion, ApiValue
from .._wire import ArrayKind, BytesKind, Kind, TextKind
from ._fields import NoSuchField, Step, find_field, join_path, split_path

Getter = Callable[[Any], Any]
_NONE = 0xFFFFFFFF


def plain(value: Any) -> Any:
    """Dicts, lists, numbers and texts: enums by their names, addresses as text, bytes as 0x..."""
    if isinstance(value, ApiValue):
        block = type(value).__api__
        if block.name == "fib_path":
            return _plain_path(value)
        return {name: plain(getattr(value, name)) for name in block.shown}
    if isinstance(value, ApiUnion):
        arm = value.which
        if arm is None:
            return plain(bytes(value))
        return {arm: plain(type(value).__kind__.get(value, arm))}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return _enum_name(value, short=False)
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    return value if isinstance(value, str | int | float | None) else str(value)


def _plain_path(value: Any) -> dict[str, Any]:
    """A path of a route: its next hop by family, and as many labels as it has of 16."""
    fields = {name: getattr(value, name) for name in type(value).__api__.shown}
    if "label_stack" in fields:
        fields["label_stack"] = fields["label_stack"][: fields.get("n_labels", 0)]
    found = {name: plain(field) for name, field in fields.items()}
    hop = next_hop(value)
    if hop is not None:
        found["nh"]["address"] = {f"ip{hop.version}": str(hop)}
    return found


def _enum_name(value: Any, *, short: bool) -> str | int:
    """A name that reads back as the value; the number if it has none."""
    cls: Any = type(value)
    names = _short_names(cls) if short else _full_names(cls)
    found = names.get(int(value))
    if found is not None:
        return found
    if isinstance(value, ApiFlag):
        parts = [names.get(int(member)) for member in value]
        if parts and None not in parts and sum(int(member) for member in value) == int(value):
            return "|".join(str(part) for part in parts)
    return int(value)


@cache
def _full_names(cls: type[ApiEnum] | type[ApiFlag]) -> dict[int, str]:
    members: dict[str, Any] = dict(cls.__members__)
    return {int(member): name for name, member in reversed(members.items())}


@cache
def _short_names(cls: type[ApiEnum] | type[ApiFlag]) -> dict[int, str]:
    """Names without what all begin with, in lower case, where they still mean the member."""
    members: dict[str, Any] = dict(cls.__members__)
    words = [name.split("_")[:-1] for name in members] if len(members) > 1 else [[]]
    shared = len(list(takewhile(lambda same: len(set(same)) == 1, zip(*words, strict=False))))
    found = {}
    for name, member in reversed(members.items()):
        short = "_".join(name.split("_")[shared:]).lower()
        try:
            same = not short.isdigit() and to_member(cls, short) == member
        except ValueError:
            same = False
        found[int(member)] = short if same else name
    return found


def text(value: Any) -> str:
    """A value in a cell of a table."""
    if isinstance(value, str):
        # Names that somebody else chose may not steer our terminal.
        return value if value.isprintable() else value.encode("unicode_escape").decode()
    if isinstance(value, Enum):
        return str(_enum_name(value, short=True))
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "-"}[value]
    if isinstance(value, int):
        return "~0" if value == _NONE else str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, bytes):
        return f"0x{value.hex()}" if value else "-"
    if isinstance(value, list | tuple):
        return f"[{', '.join(text(item) for item in value)}]"
    if isinstance(value, ApiValue):
        return _path(value) if type(value).__api__.name == "fib_path" else _struct(value)
    if isinstance(value, ApiUnion):
        arm = value.which
        if arm is None:
            return text(bytes(value))
        return f"{{{arm}={text(type(value).__kind__.get(value, arm))}}}"
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _struct(value: Any) -> str:
    """A struct inside of a cell: what is zero is left out."""
    fields = {name: getattr(value, name) for name in type(value).__api__.shown}
    inside = (f"{name}={text(field)}" for name, field in fields.items() if _says_something(field))
    return f"{{{', '.join(inside)}}}"


def _says_something(value: Any) -> bool:
    if isinstance(value, ApiValue):
        return any(_says_something(getattr(value, name)) for name in type(value).__api__.shown)
    if isinstance(value, list):
        return any(map(_says_something, value))
    if isinstance(value, bytes | ApiUnion):
        return any(bytes(value))
    return bool(value)


def next_hop(value: Any) -> IPv4Address | IPv6Address | None:
    """The next hop of a fib_path: the API has no discriminator for this union, but a protocol."""
    try:
        name, raw = value.proto.name, bytes(value.nh.address)
    except (AttributeError, TypeError):
        return None
    if type(value).__api__.name != "fib_path" or not isinstance(value.nh.address, ApiUnion):
        return None
    if str(name).endswith("_IP4"):
        return IPv4Address(raw[:4])
    return IPv6Address(raw[:16]) if str(name).endswith("_IP6") else None


def _path(value: Any) -> str:
    """A path of a route, as `ip route` would write it."""
    words = [] if value.sw_if_index == _NONE else [f"sw_if_index {value.sw_if_index}"]
    hop = next_hop(value)
    if hop is not None and int(hop):
        words.insert(0, f"via {hop}")
    kind = text(value.type)
    words += [kind] if kind != "normal" else []
    for name in ("table_id", "weight", "preference"):
        number = getattr(value, name)
        words += [f"{name} {number}"] if number > (name == "weight") else []
    labels = [str(item.label) for item in value.label_stack[: value.n_labels]]
    words += [f"labels {','.join(labels)}"] if labels else []
    return " ".join(words) or "-"


def sort_key(value: Any) -> Any:
    """What values of one column can be compared by, also where they are of several types."""
    if isinstance(value, bool | int | float):
        return (1, value)
    if isinstance(value, IPv4Interface | IPv6Interface):
        return (2, value.version, int(value.ip), value.network.prefixlen)
    if isinstance(value, IPv4Network | IPv6Network):
        return (2, value.version, int(value.network_address), value.prefixlen)
    if isinstance(value, IPv4Address | IPv6Address):
        return (2, value.version, int(value), 0)
    if isinstance(value, MACAddress):
        return (3, value.packed)
    if isinstance(value, bytes):
        return (4, value)
    if isinstance(value, str):
        return (5, *_natural(value))
    if isinstance(value, list | tuple):
        return (6, *map(sort_key, value))
    return (0,) if value is None else (7, text(value))


def _natural(value: str) -> Iterator[tuple[int, int, str]]:
    """loop2 comes before loop10."""
    digits = ""
    for letter in value:
        if letter.isascii() and letter.isdigit():
            digits += letter
            continue
        if digits:
            yield (0, int(digits), "")
            digits = ""
        yield (1, 0, letter)
    if digits:
        yield (0, int(digits), "")


# ---- paths ---------------------------------------------------------------------------------------


def get(value: Any, step: Step) -> Any:
    """One step into a value; None where the index is beyond the end, or the arm is not set."""
    if isinstance(step, int):
        try:
            return value[step]
        except (IndexError, TypeError):
            return None
    if isinstance(value, ApiValue):
        return getattr(value, step)
    if isinstance(value, ApiUnion):
        return None if value.which not in (None, step) else type(value).__kind__.get(value, step)
    return None


def getter(block: Block, path: str) -> Getter:
    """The function that looks a path up in values of a block, once it is known to be right.

    Errors: `InvalidArgument` names the block, and the nearest field that there is."""
    steps = check_path(block, split_path(path))
    if len(steps) == 1:
        (name,) = steps
        return lambda value: getattr(value, str(name))

    def walk(value: Any) -> Any:
        for step in steps:
            value = get(value, step)
        return value

    return walk


def check_path(block: Block, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The path as attributes spell it. Errors: `InvalidArgument`."""
    kind: Kind | Tail | Block | None = block
    found: list[Step] = []
    for step in steps:
        try:
            kind, name = _into(kind, step)
        except NoSuchField as error:
            where = join_path([block.name, *found])
            raise InvalidArgument(f"{where}{error}") from None
        found.append(name)
    return tuple(found)


def kind_at(block: Block, steps: Sequence[Step]) -> Any:
    """The kind of the field at a path. Errors: `InvalidArgument`."""
    kind: Any = block
    for step in check_path(block, steps):
        kind, _ = _into(kind, step)
    return kind


def _into(kind: Kind | Tail | Block | None, step: Step) -> tuple[Kind | Tail | None, Step]:
    """The kind of what is one step further in, and the attribute's name."""
    if isinstance(kind, StructKind | BlockTail):
        kind = kind.block
    if isinstance(step, int):
        if isinstance(kind, ArrayKind):
            return kind.element, step
        if isinstance(kind, ArrayTail):
            return kind.many.element, step
        if kind is None or isinstance(kind, BytesKind | TextKind) or type(kind) is Tail:
            return None, step
        raise NoSuchField("is no array: it has no such field", f"[{step}]")
    if isinstance(kind, Block):
        item = find_field(kind, step)
        return item.kind, item.name
    if isinstance(kind, UnionKind):
        if step not in kind.arms:
            close = get_close_matches(step, kind.arms, 1)
            hint = (
                f"did you mean {close[0]!r}?" if close else f"its arms are {', '.join(kind.arms)}"
            )
            raise NoSuchField(f"has no such field: {hint}", step)
        return kind.arms[step], step
    if isinstance(kind, ArrayKind | ArrayTail):
        raise NoSuchField("has no such field: it is an array, whose first element is [0]", step)
    shown = "a value" if kind is None else kind.out_type
    raise NoSuchField(f"has no such field: it is {shown}", step)


def leaf_paths(block: Block, prefix: str = "") -> list[str]:
    """The columns of a block: its fields, those of structs one by one, arrays as a whole."""
    found: list[str] = []
    for item in block.fields:
        if item.counts is not None:
            continue
        if isinstance(item.kind, StructKind | BlockTail):
            found += leaf_paths(item.kind.block, f"{prefix}{item.name}.")
        else:
            found.append(prefix + item.name)
    return found
