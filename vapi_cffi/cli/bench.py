"""`vapi bench`: messages a second."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import click

from .. import _measure
from .._address import TRANSPORTS, Address, Transport
from .._connection import Connection
from ..sim import SpawnedPeer
from ._options import Format, output_options
from ._output import console, print_object, progress, rate, table


@click.command(
    epilog="\b\nExamples:\n  vapi bench\n  vapi bench --json | jq '.results[].rate_per_s'\n"
    "  vapi bench -a /run/vpp/api.sock -t socket --depth 64 --depth 512"
)
@output_options("table", "json", "yaml")
@click.option(
    "--address",
    "-a",
    multiple=True,
    metavar="ADDRESS",
    help="Where a VPP is; may be given twice, for its socket and its shared memory. "
    "Default: an embedded peer, as a process of its own.",
)
@click.option(
    "--transport",
    "-t",
    "transports",
    type=click.Choice(TRANSPORTS),
    multiple=True,
    help="Default: all.",
)
@click.option(
    "--depth",
    "-d",
    "depths",
    type=click.IntRange(1),
    multiple=True,
    default=(64, 256),
    show_default=True,
    help="Requests in flight.",
)
@click.option(
    "--seconds",
    "-s",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="How long each measurement runs.",
)
def command(
    output: Format,
    address: tuple[str, ...],
    transports: tuple[Transport, ...],
    depths: tuple[int, ...],
    seconds: float,
) -> None:
    """Measure control_pings a second: one after the other, and pipelined."""
    results: list[dict[str, object]] = []
    wanted = transports or TRANSPORTS
    with ExitStack() as stack:
        targets = _targets(stack, address, wanted)
        steps = [(t, a, d) for t, a in targets for d in (1, *depths)]
        with progress("measuring", len(steps) * seconds) as advance:
            for index, (transport, where, depth) in enumerate(steps):

                def step(done: float, before: float = index * seconds) -> None:
                    advance(before + done)

                with Connection(where, transport=transport, name="vapi-bench") as connection:
                    results.append(_one(connection, depth, seconds, step))
    if output != "table":
        print_object({}, {"results": results}, output)
        return
    shown = table("transport", "mode", "depth", "messages/s")
    for result in results:
        shown.add_row(
            str(result["transport"]),
            str(result["mode"]),
            str(result["depth"]),
            rate(float(str(result["rate_per_s"]))),
        )
    console().print(shown)


def _targets(
    stack: ExitStack, addresses: Sequence[str], wanted: Sequence[Transport]
) -> list[tuple[Transport, str]]:
    """Transports with the addresses that they reach."""
    if not addresses or list(addresses) == ["sim:"]:
        peer = stack.enter_context(SpawnedPeer())
        return [(transport, peer.address(transport)) for transport in wanted]
    found: list[tuple[Transport, str]] = []
    for text in addresses:
        kind = Address.parse(text).transport
        reach: Sequence[Transport] = ("shm",) if kind == "shm" else ("socket", "memfd")
        found += [(transport, text) for transport in reach if transport in wanted]
    if not found:
        raise click.UsageError(f"no address for {', '.join(wanted)}")
    return found


def _one(
    connection: Connection, depth: int, seconds: float, advance: _measure.Progress
) -> dict[str, object]:
    """One measurement, after a short one that warms up."""
    mode = "sync" if depth == 1 else "pipelined"
    if depth == 1:
        _measure.sync(connection, seconds / 10)
        measured = _measure.sync(connection, seconds, advance)
    else:
        _measure.pipelined(connection, depth, seconds / 10)
        measured = _measure.pipelined(connection, depth, seconds, advance)
    return {
        "name": f"control_ping_{mode}_{connection.transport}_{depth}",
        "mode": mode,
        "transport": connection.transport,
        "depth": depth,
        "count": measured.count,
        "rate_per_s": round(measured.per_second, 1),
    }
