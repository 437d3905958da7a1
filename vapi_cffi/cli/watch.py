"""`vapi watch`: events as they come."""

from __future__ import annotations

import csv
import json
import sys
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from . import _complete
from ._options import Format, Target, output_options, target_options

if TYPE_CHECKING:
    from .._client import Client


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi watch sw_interface_event\n"
    "  vapi watch sw_interface_event --count 1 --for 30  # until one comes\n"
    "  vapi watch sw_interface_event -o json | jq .flags\n"
    "  vapi watch ip_neighbor_event_v2 sw_if_index=-1  # fields of the want_...\n"
    "  vapi watch --list\n"
    "\n"
    "With --output json each event is a line. Exits with 4 if --for ends before --count is reached."
)
@click.argument(
    "words", nargs=-1, metavar="EVENT... [FIELD=VALUE]...", shell_complete=_complete.events
)
@click.option("--list", "list_", is_flag=True, help="List the events that there are.")
@click.option("--count", "-n", type=click.IntRange(1), metavar="COUNT", help="End after so many.")
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="End after this time.",
)
@output_options()
@target_options
def command(
    words: tuple[str, ...],
    list_: bool,
    count: int | None,
    seconds: float | None,
    output: Format,
    target: Target,
) -> int:
    """Subscribe to events and print them as they come, until Ctrl-C."""
    names = tuple(word for word in words if "=" not in word)
    given = [word for word in words if "=" in word]
    if not names and not list_:
        raise click.UsageError("expected the name of an event, or --list")
    if output == "csv" and len(names) > 1:
        raise click.UsageError("csv has the columns of one event: name only one")
    with target.connect() as client:
        if list_:
            for name in _known(client):
                click.echo(name)
            return 0
        fields = _fields(client, names, given)
        with client.events(*names, **fields) as events:
            show = _Printer(output)
            if sys.stderr.isatty():
                click.echo(f"watching {', '.join(names)}; Ctrl-C ends it", err=True)
            deadline = None if seconds is None else monotonic() + seconds
            return _watch(events, show, count, deadline)


def _watch(events: Any, show: _Printer, count: int | None, deadline: float | None) -> int:
    """Prints until one of the limits; returns the exit code."""
    from .._errors import Timeout
    from ._group import OK, TIMEOUT

    seen = 0
    while count is None or seen < count:
        left = None if deadline is None else max(deadline - monotonic(), 0.0)
        try:
            event = events.get(left)
        except Timeout:
            return OK if count is None else TIMEOUT
        show(event)
        seen += 1
    return OK


def _known(client: Client) -> list[str]:
    scopes = client.sources.each(client.connection)
    return _complete.Known(scopes, client.connection.message_table).events()


def _fields(client: Client, names: tuple[str, ...], given: list[str]) -> dict[str, Any]:
    """Fields of the requests that ask for the events. Errors: `NoSuchMessage`."""
    from .._errors import NoSuchMessage
    from ._fields import parse
    from ._requests import nearest

    known = _known(client)
    found: dict[str, Any] = {}
    for name in names:
        if name not in known:
            hint = nearest(name, known) or ": `vapi watch --list` lists them"
            raise NoSuchMessage(f"there is no event {name!r}{hint}")
        caller = client.sources.subscription(client.connection, name)
        if given and caller is not None:
            found |= parse(client.api[caller].binding.codec, given)
    return found


class _Printer:
    """Prints one event, and flushes: whoever reads a pipe waits for it."""

    def __init__(self, output: Format) -> None:
        self._output = output
        self._writer: Any = None

    def __call__(self, event: Any) -> None:
        from ._values import plain, text

        now = datetime.now().astimezone()
        name = type(event).__api__.name
        write = sys.stdout.write
        if self._output == "table":
            shown = " ".join(
                f"{field}={text(getattr(event, field))}"
                for field in type(event).__api__.shown
                if field != "pid"
            )
            write(f"{now:%H:%M:%S}.{now.microsecond // 1000:03} {name} {shown}\n")
        else:
            whole = {"time": now.isoformat(timespec="milliseconds"), "event": name, **plain(event)}
            self._plain(whole)
        sys.stdout.flush()

    def _plain(self, whole: dict[str, Any]) -> None:
        write = sys.stdout.write
        if self._output == "json":
            write(json.dumps(whole) + "\n")
        elif self._output == "yaml":
            from ._yaml import lines

            write("---\n" + "\n".join(lines(whole)) + "\n")
        else:
            if self._writer is None:
                self._writer = csv.writer(sys.stdout, lineterminator="\n")
                self._writer.writerow(whole)
            self._writer.writerow(
                json.dumps(cell) if isinstance(cell, list | dict) else cell
                for cell in whole.values()
            )
