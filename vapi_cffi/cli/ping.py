"""`vapi ping`: round trips to a VPP."""

from __future__ import annotations

from contextlib import nullcontext
from statistics import mean, median
from time import perf_counter
from typing import Any

import click

from .. import _messages
from ._options import Format, connect, connection_options, output_options
from ._output import print_object, progress

#: More round trips than this are summed up only.
SHOWN = 10


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi ping -a /run/vpp/api.sock --count 1000\n"
    "  vapi ping --count 1000 -o json | jq .median_us"
)
@click.option(
    "--count", "-c", type=click.IntRange(1), default=4, show_default=True, help="How many."
)
@output_options("table", "json", "yaml")
@connection_options
def command(
    count: int, output: Format, address: str | None, transport: Any, timeout: float
) -> None:
    """Measure round trips (control_ping) to a VPP."""
    with connect(address, transport, timeout) as connection:
        where = str(connection.address) if not connection.address.sim else "an embedded peer"
        shown = output == "table"
        if shown:
            click.echo(f"pinging {where} over {connection.transport}")
        times: list[float] = []
        with progress("pinging", count) if count > SHOWN else nullcontext() as advance:
            for number in range(1, count + 1):
                started = perf_counter()
                pid = _messages.ping(connection)
                times.append(perf_counter() - started)
                if advance is None:
                    if shown:
                        click.echo(f"{number}: {times[-1] * 1e6:.0f} us, from process {pid}")
                elif number % 256 == 0:
                    advance(number)
        facts = {"address": where, "transport": connection.transport, "pid": pid, "count": count}
    of_times = {"min": min(times), "mean": mean(times), "median": median(times), "max": max(times)}
    if shown:
        words = ", ".join(f"{name} {value * 1e6:.0f} us" for name, value in of_times.items())
        click.echo(f"{count} answered: {words}")
        return
    print_object(
        {}, facts | {f"{name}_us": round(v * 1e6, 1) for name, v in of_times.items()}, output
    )
