"""`vapi demo`: what the package does, in half a minute and without a VPP."""

from __future__ import annotations

import os
from time import perf_counter

import click
from rich.console import Console

from .. import _measure, _messages
from .._address import TRANSPORTS, Transport
from .._connection import Connection
from .._errors import BadMessage, WouldBlock
from ..sim import SpawnedPeer
from ._output import console, progress, rate, table

DEPTH = 256
#: What each transport is, in a few words.
WORDS = {
    "socket": "unix socket: the safest, VPP survives everything",
    "memfd": "a private shared segment, handed over the socket: isolation",
    "shm": "the classic shared segment in /dev/shm: the fastest",
}


@click.command(epilog="\b\nExample:\n  vapi demo --seconds 0.3")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="How long each measurement runs.",
)
def command(seconds: float) -> None:
    """Show what this does: three transports against an embedded peer."""
    out = console()
    with SpawnedPeer() as peer:
        out.print(f"embedded peer: process {peer.pid}, playing VPP's side")
        out.print(f"  socket         {peer.socket_path}")
        out.print(f"  shared memory  /dev/shm/{peer.shm_prefix}-vpe-api")
        rows = [_transport(out, peer, transport, seconds) for transport in TRANSPORTS]
    shown = table(
        "control_ping", "round trips/s", "median", "p99", f"pipelined/s, {DEPTH} in flight"
    )
    for row in rows:
        shown.add_row(*row)
    out.print()
    out.print(shown)


def _transport(
    out: Console, peer: SpawnedPeer, transport: Transport, seconds: float
) -> tuple[str, ...]:
    """Everything over one transport; returns its row of the table."""
    address = peer.address(transport)
    out.print(f"\n[bold]{transport}[/bold]  {WORDS[transport]}")
    started = perf_counter()
    with Connection(address, transport=transport, name="vapi-demo") as connection:
        took = (perf_counter() - started) * 1e3
        count = len(connection.message_table)
        number = connection.find(_messages.CONTROL_PING)
        out.print(f"  connected in {took:.1f} ms, {count} messages known; control_ping is {number}")
        version = _messages.show_version(connection)
        pid = _messages.ping(connection)
        out.print(f"  blocking:      {version.program} {version.version}; pinged process {pid}")
        _event(out, connection)
        with progress(f"measuring {transport}", 2 * seconds) as advance:
            one = _measure.sync(connection, seconds, advance)
            middle, slow = _measure.spread(_measure.latencies(connection, 2000))
            many = _measure.pipelined(
                connection, DEPTH, seconds, lambda done: advance(seconds + done)
            )
    _nonblocking(out, address, transport)
    return (
        transport,
        rate(one.per_second),
        f"{middle * 1e6:.1f} us",
        f"{slow * 1e6:.1f} us",
        rate(many.per_second),
    )


def _event(out: Console, connection: Connection) -> None:
    """Sets a new interface up, and receives the event about it."""
    index = _messages.create_loopback(connection)
    _messages.want_events(connection, os.getpid())
    _messages.set_flags(connection, index, up=True)
    wanted = connection.find(_messages.SW_INTERFACE_EVENT)
    with connection.recv(timeout=5.0) as message:
        if message.id != wanted:
            raise BadMessage(f"expected sw_interface_event ({wanted}), got message {message.id}")
        event = _messages.InterfaceEvent.parse(message.data)
    if event.sw_if_index != index:
        raise BadMessage(f"an event about interface {event.sw_if_index} instead of {index}")
    state = "up" if event.flags & _messages.ADMIN_UP else "down"
    out.print(f"  event:         interface {event.sw_if_index} is {state}")
    _messages.want_events(connection, os.getpid(), enable=False)
    _messages.delete_loopback(connection, index)
    while connection.wait(0):  # the event of the deletion, if there was one
        connection.recv(0).release()


def _nonblocking(out: Console, address: str, transport: Transport) -> None:
    """A ping and a show_version whose answers are looked for, not waited for."""
    with Connection(
        address, transport=transport, mode="nonblocking", name="vapi-demo"
    ) as connection:
        looked = 0
        got = []
        for name in (_messages.CONTROL_PING, _messages.SHOW_VERSION):
            connection.send_bytes(_messages.request(connection, name, context=7))
            while True:
                try:
                    message = connection.recv()
                except WouldBlock:
                    looked += 1
                    connection.wait(1.0)
                    continue
                with message:
                    got.append(connection.message_table.name(message.id))
                break
        if got != [_messages.CONTROL_PING_REPLY, _messages.SHOW_VERSION_REPLY]:
            raise BadMessage(f"unexpected answers: {', '.join(got)}")
        names = " and ".join(name.rpartition("_")[0] for name in got)
        out.print(f"  non-blocking:  {names}; {looked} times nothing was there yet")
