"""What differs between two states: rows that came, went, and changed, by their keys."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ._state import State

Row = dict[str, Any]

#: Names by which rows are known, the better ones first; the first combination counts that has no
#: value twice. Fields of structs are found by their path.
_KEYS = (
    "interface_name",
    "name",
    "if_name",
    "route.prefix",
    "prefix",
    "table.name",
    "table.table_id,table.is_ip6",
    "bd_id",
    "acl_index",
    "sw_if_index",
    "neighbor.sw_if_index,neighbor.ip_address",
    "sw_if_index,prefix",
    "bd_id,mac",
    "socket_id",
    "id",
    "index",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `kind`: "+" came, "-" went, "~" changed; `fields`: old and new values by
    path, where it changed."""

    kind: str
    section: str
    key: str
    row: Row
    fields: dict[str, tuple[Any, Any]]

    def text(self) -> str:
        """For people."""
        head = f"{self.kind} {self.section}: {self.key}"
        if self.kind != "~":
            return head
        inside = (f"{path}: {_shown(old)} -> {_shown(new)}" for path, (old, new) in self._sorted())
        return f"{head}: {', '.join(inside)}"

    def _sorted(self) -> list[tuple[str, tuple[Any, Any]]]:
        return sorted(self.fields.items())

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = {"change": self.kind, "section": self.section, "key": self.key}
        if self.kind == "~":
            fields = {path: {"old": old, "new": new} for path, (old, new) in self._sorted()}
            return found | {"fields": fields}
        return found | {"row": self.row}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def compare(old: State, new: State, ignore: Iterable[str] = ()) -> Iterator[Change]:
    """All differences, in the order of the sections. `ignore`: paths of fields, of any section.

    A section that one of them lacks is a section without rows.
    """
    hidden = frozenset(ignore)
    for section in [*old, *(name for name in new if name not in old)]:
        yield from _section(section, old.get(section, []), new.get(section, []), hidden)


def _section(
    section: str, old: Sequence[Row], new: Sequence[Row], hidden: frozenset[str]
) -> Iterator[Change]:
    before = [flat(row, hidden) for row in old]
    after = [flat(row, hidden) for row in new]
    names = _key_of(before, after)
    if names is None:
        yield from _as_sets(section, before, after)
        return
    news = {_label(row, names): row for row in after}
    olds = {_label(row, names): row for row in before}
    for label, row in olds.items():
        there = news.get(label)
        if there is None:
            yield Change("-", section, label, row, {})
        elif there != row:
            paths = [*row, *(path for path in there if path not in row)]
            fields = {
                path: (row.get(path), there.get(path))
                for path in paths
                if row.get(path) != there.get(path)
            }
            yield Change("~", section, label, there, fields)
    for label, row in news.items():
        if label not in olds:
            yield Change("+", section, label, row, {})


def _as_sets(section: str, old: Sequence[Row], new: Sequence[Row]) -> Iterator[Change]:
    """Rows without a key: they are there, or not, so many times."""
    texts = {json.dumps(row): row for row in (*old, *new)}
    before, after = (Counter(map(json.dumps, rows)) for rows in (old, new))
    for kind, left in (("-", before - after), ("+", after - before)):
        for text, count in left.items():
            row = texts[text]
            label = ", ".join(f"{path} {_shown(value)}" for path, value in row.items())
            for _ in range(count):
                yield Change(kind, section, label, row, {})


def _key_of(old: Sequence[Row], new: Sequence[Row]) -> tuple[str, ...] | None:
    """The fields that tell rows apart on both sides; None if there are none."""
    every = [*old, *new]
    if not every:
        return ()
    for names in _KEYS:
        fields = tuple(names.split(","))
        if all(path in row for row in every for path in fields) and all(
            len({_label(row, fields) for row in rows}) == len(rows) for rows in (old, new)
        ):
            return fields
    return None


def _label(row: Row, names: tuple[str, ...]) -> str:
    return " ".join(_shown(row[name]) for name in names)


def flat(row: Row, hidden: frozenset[str] = frozenset(), prefix: str = "") -> Row:
    """A row by the paths of its fields; arrays as a whole."""
    found: Row = {}
    for name, value in row.items():
        path = f"{prefix}{name}"
        if path in hidden or name in hidden:
            continue
        if isinstance(value, dict):
            found |= flat(value, hidden, f"{path}.")
        else:
            found[path] = value
    return found
