"""What commands print: tables and progress for people, plain text for pipes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

Advance = Callable[[float], None]


def console() -> Console:
    """Standard output: coloured in a terminal, plain and unwrapped in a pipe."""
    plain = not sys.stdout.isatty()
    return Console(highlight=False, width=160 if plain else None, no_color=plain or None)


@contextmanager
def progress(text: str, total: float) -> Iterator[Advance]:
    """A bar on standard error while the block runs; yields what takes the amount done so far.

    Nothing at all when standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
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
    result = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        result.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    return result


def rate(per_second: float) -> str:
    """A rate for people: `rate(1234567)` is "1.23 M"."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if per_second >= limit:
            return f"{per_second / limit:.3g} {unit}"
    return f"{per_second:.3g}"
