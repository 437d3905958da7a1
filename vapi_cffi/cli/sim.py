"""`vapi sim`: plays VPP's side until it is told to end."""

from __future__ import annotations

import click

from ..sim import Control, Peer
from ..sim._control import end
from ..sim._ending import wait_for_end


@click.command(
    epilog="\b\nExamples:\n  vapi sim --socket /tmp/api.sock\n"
    "  vapi sim --shm-prefix test --api my_plugin.api\n"
    "  vapi sim --socket /tmp/api.sock --control /tmp/control.sock"
)
@click.option("--socket", metavar="PATH", help="Where to listen. Default: a path of its own.")
@click.option(
    "--shm-prefix", metavar="P", help="Prefix of the files in /dev/shm. Default: its own."
)
@click.option("--no-shm", is_flag=True, help="Offer no classic shared memory.")
@click.option(
    "--api",
    metavar="FILE|DIR",
    multiple=True,
    type=click.Path(exists=True),
    help="Definitions of further messages, .api or .api.json; answered with zeros.",
)
@click.option(
    "-I", "include", multiple=True, metavar="DIR", help="Look for imports of these below DIR."
)
@click.option(
    "--control",
    metavar="PATH",
    help="A socket by which tests in any language script answers, read what was asked and send "
    "events, in lines of JSON (docs/testing.md).",
)
@click.option("--stats", is_flag=True, help="Print the counters at the end.")
def command(
    socket: str | None,
    shm_prefix: str | None,
    no_shm: bool,
    api: tuple[str, ...],
    include: tuple[str, ...],
    control: str | None,
    stats: bool,
) -> None:
    """Play VPP's side: serve clients on a socket and in shared memory, until Ctrl-C."""
    transports = ("socket",) if no_shm else ("socket", "shm")
    peer = Peer(socket, shm_prefix, api=api, include=include, transports=transports)
    listening = None
    try:
        peer.start()
        if control is not None:
            listening = Control(peer, control).start()
        click.echo(f"serving on {peer.address()}")
        if not no_shm:
            click.echo(f"serving in {peer.address('shm')}")
        if listening is not None:
            click.echo(f"told what to do on {listening.path}")
        wait_for_end()
        if stats:
            for name, value in peer.stats.items():
                click.echo(f"{name}: {value}")
    finally:
        end(peer, listening)
