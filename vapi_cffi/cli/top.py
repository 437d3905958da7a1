"""`vapi top`: interfaces and the API, live."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import TYPE_CHECKING, Any

import click

from ._options import Format, Target, output_options, target_options

if TYPE_CHECKING:
    from rich.console import RenderableType

    from .._client import Client
    from ._counters import Counters, Made

#: Round trips that a sample takes the median of.
_PINGS = 11
#: Lines above and below the interfaces.
_HEAD_LINES = 5
_NAME_WIDTH = 18


@dataclass(frozen=True, slots=True)
class Row:
    """One interface; rates a second, None before there are two samples."""

    name: str
    index: int
    state: str
    mtu: int
    rates: dict[str, float] | None


@dataclass(frozen=True, slots=True)
class View:
    """What is shown at one moment."""

    version: str
    api: dict[str, float | int | None]
    rows: list[Row]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "version": self.version,
            "api": self.api,
            "interfaces": [
                {"name": row.name, "sw_if_index": row.index, "state": row.state, "mtu": row.mtu}
                | {name: round(value, 3) for name, value in (row.rates or {}).items()}
                for row in self.rows
            ],
        }


#: Columns with rates: their heads, and the keys of `Row.rates`.
COLUMNS = {
    "rx pkt/s": "rx_packets_per_s",
    "rx bit/s": "rx_bits_per_s",
    "tx pkt/s": "tx_packets_per_s",
    "tx bit/s": "tx_bits_per_s",
    "drop/s": "drops_per_s",
}


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi top\n"
    "  vapi top --interval 0.5 --count 10\n"
    "  vapi top --count 1 -o json | jq '.interfaces[] | select(.state == \"up\")'\n"
    "\n"
    "The busiest interfaces come first. Round trips are measured as they are shown. In a pipe the\n"
    "screens follow each other; with --output json each is a line."
)
@click.option(
    "--interval",
    "-i",
    type=click.FloatRange(0.05),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two screens.",
)
@click.option("--count", "-n", type=click.IntRange(1), metavar="COUNT", help="End after so many.")
@output_options("table", "json")
@target_options
def command(interval: float, count: int | None, output: Format, target: Target) -> None:
    """Show interfaces and how the API does, live, until Ctrl-C."""
    with target.connect() as client, _screen(output) as show:
        sampler = Sampler(client)
        shown = 0
        if sys.stdout.isatty() and output == "table":
            show(sampler.view())
        else:
            sampler.view()  # rates need a first sample
        while count is None or shown < count:
            sleep(interval)
            show(sampler.view())
            shown += 1


@contextmanager
def _screen(output: Format) -> Iterator[Callable[[View], None]]:
    """What shows a view: a screen of its own in a terminal, else one after the other."""
    from ._output import console

    out = console()
    if output == "json":
        yield lambda view: _line(json.dumps(view.plain()))
        return
    if not out.is_terminal:
        yield lambda view: out.print(render(view, rows=len(view.rows)))
        return
    from rich.live import Live

    with Live(console=out, screen=True, auto_refresh=False) as live:

        def show(view: View) -> None:
            room = shutil.get_terminal_size().lines - _HEAD_LINES
            live.update(render(view, rows=max(room, 1)), refresh=True)

        yield show


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Sampler:
    """Takes samples, and makes rates of two that follow each other."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._version = client.api.show_version().version
        self._before: dict[int, Counters] = {}
        self._taken = 0.0
        self._left: tuple[Made, float] | None = None

    def view(self) -> View:
        """The state now, with rates since the last call."""
        from ._counters import api_clients, interfaces, main_loop
        from ._values import sort_key

        client = self._client
        messages = self._message_rate(self._made(), monotonic())
        taken = monotonic()
        counters = {one.index: one for one in interfaces(_said(client, "show interface"))}
        past = taken - self._taken if self._before else None
        rows = [
            Row(
                item.interface_name,
                item.sw_if_index,
                _state(int(item.flags)),
                item.mtu[0],
                self._rates(counters.get(item.sw_if_index), past),
            )
            for item in client.api.sw_interface_dump()
        ]
        self._before, self._taken = counters, taken
        rows.sort(key=lambda row: (-_traffic(row), sort_key(row.name)))
        vectors, loops = main_loop(_said(client, "show runtime"))
        api = {
            "clients": api_clients(_said(client, "show api clients")),
            "messages_per_s": messages,
            "round_trip_us": round(_round_trip(client) * 1e6, 1),
            "vector_rate": vectors,
            "loops_per_s": loops,
        }
        made = self._made()
        self._left = None if made is None else (made, monotonic())
        return View(self._version, api, rows)

    def _message_rate(self, made: Made | None, taken: float) -> float | None:
        """Messages a second that VPP sent since the end of the last view, when we asked nothing;
        None before there is one."""
        if made is None or self._left is None or taken <= self._left[1]:
            return None
        before, then = self._left
        # The answer that brought the last numbers is not among them.
        return round(max(made.since(before) - 1, 0) / (taken - then), 3)

    def _made(self) -> Made | None:
        from ._counters import messages_made

        return messages_made(_said(self._client, "show api ring-stats"))

    def _rates(self, now: Counters | None, past: float | None) -> dict[str, float] | None:
        if now is None or past is None or past <= 0:
            return None
        before = self._before.get(now.index)
        if before is None or before.name != now.name:
            return None

        def rate(name: str) -> float:
            there, then = now.values.get(name, 0), before.values.get(name, 0)
            # After `clear interfaces` a counter begins anew.
            return (there - then if there >= then else there) / past

        drops = max(now.drops() - before.drops(), 0) / past
        values = (
            rate("rx packets"),
            rate("rx bytes") * 8,
            rate("tx packets"),
            rate("tx bytes") * 8,
            drops,
        )
        return dict(zip(COLUMNS.values(), values, strict=True))


def _said(client: Client, command: str) -> str:
    """What VPP prints; nothing if it does not know the command."""
    reply = client.api.cli_inband.raw(cmd=command)
    return str(reply.reply) if reply.retval >= 0 else ""


def _state(flags: int) -> str:
    """`up`, `down`, or that the wire is missing."""
    if not flags & 1:
        return "down"
    return "up" if flags & 2 else "no link"


def _traffic(row: Row) -> float:
    rates = row.rates or {}
    return rates.get("rx_bits_per_s", 0.0) + rates.get("tx_bits_per_s", 0.0)


def _round_trip(client: Client) -> float:
    times = []
    for _ in range(_PINGS):
        started = perf_counter()
        client.api.control_ping()
        times.append(perf_counter() - started)
    return median(times)


def render(view: View, rows: int) -> RenderableType:
    """A screen of 80 columns."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from ._output import rate

    def shown(value: float | int | None, unit: str = "") -> str:
        return "-" if value is None else f"{rate(float(value))}{unit}"

    api = view.api
    head = (
        f"{view.version}   main loop: {shown(api['loops_per_s'])}/s, "
        f"vector rate {shown(api['vector_rate'])}"
    )
    talk = (
        f"API: {shown(api['messages_per_s'])} messages/s to others, "
        f"round trip {shown(api['round_trip_us'])} us, {shown(api['clients'])} clients"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("interface", width=_NAME_WIDTH, no_wrap=True)
    table.add_column("state", width=7, no_wrap=True)
    table.add_column("mtu", width=5, justify="right", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, width=8, justify="right", no_wrap=True)
    for row in view.rows[:rows]:
        cells = ["-" if row.rates is None else _short(row.rates[key]) for key in COLUMNS.values()]
        colour = {"up": "green", "no link": "yellow"}.get(row.state, "dim")
        table.add_row(Text(row.name), Text(row.state, colour), str(row.mtu), *cells)
    parts: list[RenderableType] = [Text(head), Text(talk), table]
    if len(view.rows) > rows:
        parts.append(Text(f"... and {len(view.rows) - rows} more", "dim"))
    return Group(*parts)


def _short(value: float) -> str:
    from ._output import rate

    return rate(value).replace(" ", "") if value >= 0.05 else "0"
