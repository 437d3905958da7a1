"""Rows for `vapi bulk`: CSV with paths in its head, or JSON, an object a line or an array.

A row is a mapping of paths to values. Columns whose name begins with `#` are remarks: those that
the file of failures has.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from .._errors import InvalidArgument

Row = dict[str, Any]
#: Remarks of the file of failures.
REMARKS = ("#line", "#retval", "#error")


class Line(NamedTuple):
    """A row, and where it is in its file."""

    number: int
    names: tuple[str, ...]
    cells: Sequence[Any]

    @property
    def row(self) -> Row:
        """Values by their paths."""
        return dict(zip(self.names, self.cells, strict=True))


class Source:
    """The rows of a file, `-` for standard input; iterate over it once.

    Errors: `InvalidArgument` names the line that is wrong; with `on_wrong`, that function is given
    errors of single lines instead, and the others go on."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.on_wrong: Callable[[InvalidArgument], object] | None = None
        self.name = "standard input" if path == "-" else path
        if path != "-" and not Path(path).is_file():
            raise InvalidArgument(f"{path}: no such file")

    def count(self) -> int | None:
        """How many rows there are, None if that is only known at the end."""
        if self.path == "-" or self._is_json():
            return None
        with Path(self.path).open("rb") as file:
            lines = sum(part.count(b"\n") for part in iter(lambda: file.read(1 << 20), b""))
        return max(lines - 1, 0)

    def fingerprint(self) -> list[Any]:
        """What tells that it is the same file."""
        if self.path == "-":
            return ["-"]
        status = Path(self.path).stat()
        return [str(Path(self.path).resolve()), status.st_size, status.st_mtime_ns]

    def _is_json(self) -> bool:
        return self.path.endswith((".json", ".jsonl", ".ndjson"))

    def __iter__(self) -> Iterator[Line]:
        try:
            if self.path == "-":
                yield from self._read(sys.stdin)
            else:
                # Spreadsheets begin a file with a byte order mark.
                with Path(self.path).open(encoding="utf-8-sig", newline="") as file:
                    yield from self._read(file)
        except UnicodeDecodeError as error:
            raise InvalidArgument(f"{self.name} is no text: {error}") from None

    def _read(self, file: IO[str]) -> Iterator[Line]:
        first = file.readline().removeprefix("\ufeff")
        if first.lstrip().startswith("["):
            return self._array(first + file.read())
        again = _chain(first, file)
        if first.lstrip().startswith("{"):
            return self._objects(again)
        return self._csv(again)

    def _csv(self, lines: Iterable[str]) -> Iterator[Line]:
        reader = csv.reader(lines, strict=True)
        try:
            head = [name.strip() for name in next(reader, [])]
            if not any(head):
                raise InvalidArgument(f"{self.name} is empty: expected a line with paths of fields")
            twice = next((name for name in head if head.count(name) > 1), None)
            if twice is not None:
                raise InvalidArgument(f"{self.name}: the column {twice!r} is there twice")
            kept = [index for index, name in enumerate(head) if not name.startswith("#")]
            names, width = tuple(head[index] for index in kept), len(head)
            remarks = len(kept) < width
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != width:
                    self._wrong(reader.line_num, f"{len(cells)} values for {width} columns")
                    continue
                values = [cells[index] for index in kept] if remarks else cells
                yield Line(reader.line_num, names, values)
        except csv.Error as error:
            raise InvalidArgument(f"{self.name} line {reader.line_num}: {error}") from None

    def _objects(self, lines: Iterable[str]) -> Iterator[Line]:
        for number, text in enumerate(lines, 1):
            if text.strip():
                try:
                    item = json.loads(text)
                except (ValueError, RecursionError) as error:
                    self._wrong(number, str(error))
                    continue
                yield from self._line(number, item)

    def _array(self, text: str) -> Iterator[Line]:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"{self.name}: {error}") from None
        for number, item in enumerate(found, 1):
            yield from self._line(number, item)

    def _line(self, number: int, item: Any) -> Iterator[Line]:
        if not isinstance(item, dict):
            self._wrong(number, "expected an object, {path: value}")
            return
        row = {path: value for path, value in flat(item) if not path.startswith("#")}
        yield Line(number, tuple(row), list(row.values()))

    def _wrong(self, number: int, reason: str) -> None:
        error = InvalidArgument(f"{self.name} line {number}: {reason}")
        if self.on_wrong is None:
            raise error
        self.on_wrong(error)


def _chain(first: str, rest: Iterable[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Paths and values of an object: structs, and arrays of structs, one by one."""
    for name, inner in value.items():
        path = f"{prefix}{name}"
        if isinstance(inner, dict):
            yield from flat(inner, f"{path}.")
        elif isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
            for index, one in enumerate(inner):
                yield from flat(one, f"{path}[{index}].")
        else:
            yield path, inner


def chunks(lines: Iterable[Line], size: int) -> Iterator[list[Line]]:
    """So many at a time, as long as their columns are the same."""
    several = iter(lines)
    held: list[Line] = []
    while True:
        part = [*held, *islice(several, size - len(held))]
        if not part:
            return
        names = part[0].names
        cut = next((i for i, line in enumerate(part) if line.names != names), len(part))
        held = part[cut:]
        yield part[:cut]


class Failures:
    """The file of rows that failed: CSV that `vapi bulk` takes again, made when there is one."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.count = 0
        self._file: IO[str] | None = None
        self._names: list[str] = []

    def add(self, line: Line, retval: int | None, error: str) -> None:
        """One more."""
        self.count += 1
        row = line.row
        new = [name for name in row if name not in self._names]
        if self._file is None:
            self._names = list(row)
            # Closed by close(), as the run ends.
            self._file = open(self.path, "w", encoding="utf-8", newline="")  # noqa: SIM115
            self._write([*self._names, *REMARKS])
        elif new:
            raise InvalidArgument(
                f"line {line.number}: the column {new[0]!r} is not in every row: "
                f"{self.path} cannot hold it"
            )
        cells = [row.get(name, "") for name in self._names]
        self._write([*map(_cell, cells), line.number, "" if retval is None else retval, error])

    def _write(self, cells: Iterable[Any]) -> None:
        assert self._file is not None
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        self._file.write(text.getvalue())

    def close(self) -> None:
        """Ends it."""
        if self._file is not None:
            self._file.close()


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict | bool) else value
