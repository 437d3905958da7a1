"""What commands print: tables and progress for people, plain text for pipes, JSON, YAML and CSV."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from . import _yaml
from ._options import Format

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Advance = Callable[[float], None]

#: Rows from which on a table is aligned by ourselves: rich takes its time.
_MANY_ROWS = 1000
#: Columns between two columns.
_GAP = 2
#: Width of output that is no terminal.
_PIPE_WIDTH = 160


def is_plain() -> bool:
    """Whether standard output is no terminal."""
    return not sys.stdout.isatty()


def console() -> Console:
    """Standard output: coloured in a terminal, plain and unwrapped in a pipe."""
    from rich.console import Console

    plain = is_plain()
    return Console(highlight=False, width=_PIPE_WIDTH if plain else None, no_color=plain or None)


def width() -> int:
    """Columns of the terminal; of a pipe there are very many."""
    return 100_000 if is_plain() else shutil.get_terminal_size().columns


@contextmanager
def progress(text: str, total: float) -> Iterator[Advance]:
    """A bar on standard error while the block runs; yields what takes the amount done so far.

    Nothing at all when standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(text, total=total)
        yield lambda done: bar.update(task, completed=done)


def table(*columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    return _table(columns, range(1, len(columns)))


def _table(columns: Sequence[str], numbers: Iterable[int]) -> Table:
    from rich.table import Table

    right = set(numbers)
    result = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        result.add_column(column, justify="right" if index in right else "left", no_wrap=True)
    return result


def rate(per_second: float) -> str:
    """A rate for people: `rate(1234567)` is "1.23 M"."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if per_second >= limit:
            return f"{per_second / limit:.3g} {unit}"
    return f"{per_second:.3g}"


# ---- one object ----------------------------------------------------------------------------------


def print_object(shown: Mapping[str, str], plain: Mapping[str, Any], output: Format) -> None:
    """One object: `shown` as lines of `name: value`, or `plain` in another form."""
    write = sys.stdout.write
    if output == "json":
        write(json.dumps(plain, indent=2) + "\n")
    elif output == "yaml":
        write("\n".join(_yaml.lines(dict(plain))) + "\n")
    elif output == "csv":
        print_rows(list(plain), [], [list(plain.values())], "csv")
    else:
        room = max(map(len, shown), default=0)
        for name, value in shown.items():
            pad = room if not is_plain() else 0
            write(f"{name + ':':<{pad + 1 if pad else 0}} {value}".rstrip() + "\n")


# ---- rows ----------------------------------------------------------------------------------------


def print_objects(objects: Iterable[Any], output: Format) -> None:
    """Many objects as JSON (an array, an object a line) or YAML (a list), as they come."""
    write = sys.stdout.write
    if output == "yaml":
        empty = True
        for one in objects:
            empty = False
            write("\n".join(_yaml.item(one)) + "\n")
        if empty:
            write("[]\n")
        return
    write("[")
    separator = "\n"
    for one in objects:
        write(f"{separator}{json.dumps(one)}")
        separator = ",\n"
    write("\n]\n" if separator == ",\n" else "]\n")


def print_rows(
    columns: Sequence[str], numbers: Iterable[int], rows: Iterable[Sequence[Any]], output: Format
) -> None:
    """Rows as CSV (plain values) or as a table (texts, `numbers`: columns flushed right)."""
    if output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(
                json.dumps(cell) if isinstance(cell, list | dict | bool) else cell for cell in row
            )
        return
    right = set(numbers)
    several = iter(rows)
    first = list(islice(several, _MANY_ROWS))
    if is_plain() or len(first) == _MANY_ROWS:
        _aligned(columns, right, [*first, *several])
        return
    show_table(console(), columns, right, first)


def show_table(
    out: Console, columns: Sequence[str], numbers: Iterable[int], rows: Iterable[Sequence[str]]
) -> None:
    """A table by rich; what a terminal has no room for ends with an ellipsis."""
    from rich.text import Text

    made = _table(columns, numbers)
    for row in rows:
        made.add_row(*map(Text, row))
    out.print(made)


def _aligned(columns: Sequence[str], right: set[int], rows: Sequence[Sequence[str]]) -> None:
    """The same without colour and limits, fast."""
    widths = [len(name) for name in columns]
    for row in rows:
        for index, cell in enumerate(row):
            if len(cell) > widths[index]:
                widths[index] = len(cell)
    form = "  ".join(
        f"{{:>{size}}}" if index in right else f"{{:<{size}}}" for index, size in enumerate(widths)
    ).format
    write = sys.stdout.write
    for row in (columns, *rows):
        write(form(*row).rstrip() + "\n")


def fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> int:
    """How many of the columns, from the left, a terminal has room for; at least one."""
    used = 0
    for index, name in enumerate(columns):
        used += max([len(name), *(len(row[index]) for row in rows)]) + _GAP
        if used - _GAP > room:
            return max(index, 1)
    return len(columns)
