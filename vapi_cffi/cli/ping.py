"""`vapi ping`: round trips to a VPP."""

from __future__ import annotations

from statistics import mean
from time import perf_counter
from typing import Any

import click

from .. import _messages
from ._options import connect, connection_options
from ._output import progress

#: More round trips than this are summed up only.
SHOWN = 10


@click.command(epilog="\b\nExample:\n  vapi ping -a /run/vpp/api.sock --count 1000")
@click.option(
    "--count", "-c", type=click.IntRange(1), default=4, show_default=True, help="How many."
)
@connection_options
def command(count: int, address: str | None, transport: Any, timeout: float) -> None:
    """Measure round trips (control_ping) to a VPP."""
    with connect(address, transport, timeout) as connection:
        where = connection.address if not connection.address.sim else "an embedded peer"
        click.echo(f"pinging {where} over {connection.transport}")
        times: list[float] = []
        with progress("pinging", count) as advance:
            for number in range(1, count + 1):
                started = perf_counter()
                pid = _messages.ping(connection)
                times.append(perf_counter() - started)
                if count <= SHOWN:
                    click.echo(f"{number}: {times[-1] * 1e6:.0f} us, from process {pid}")
                elif number % 256 == 0:
                    advance(number)
        click.echo(
            f"{count} answered: min {min(times) * 1e6:.0f} us, mean {mean(times) * 1e6:.0f} us, "
            f"max {max(times) * 1e6:.0f} us"
        )
