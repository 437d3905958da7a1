"""`vapi snapshot`: the state of a VPP, written to a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ._complete import dumps
from ._options import Target, target_options

MESSAGES = click.option(
    "--messages",
    "-m",
    multiple=True,
    metavar="DUMP[ FIELD=VALUE...],...",
    shell_complete=dumps,
    help="What to ask for; may be repeated. Default: interfaces, addresses, tables, routes, "
    "neighbours, bridge domains, tunnels, ACLs and so on, as far as the VPP has them.",
)


def split_messages(given: tuple[str, ...]) -> list[str]:
    """`-m a,b -m 'c field=1'` as a list."""
    found = []
    for some in given:
        found += [some] if "=" in some else some.split(",")
    return [item.strip() for item in found if item.strip()]


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi snapshot before.json\n"
    "  vapi snapshot > before.json\n"
    "  vapi snapshot interfaces.json -m sw_interface_dump,ip_address_dump\n"
    "  vapi snapshot routes.json -m 'ip_route_v2_dump table.table_id=1'\n"
    "  vapi diff before.json            # what is different now?"
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, writable=True))
@MESSAGES
@target_options
def command(file: str | None, messages: tuple[str, ...], target: Target) -> None:
    """Write the state of a VPP to FILE, or to standard output.

    The file is JSON with an entry a line; `vapi diff` compares two of them. It appears as a whole
    or not at all.
    """
    from ._state import document, take, to_text

    with target.connect() as client:
        wanted = split_messages(messages)
        whole = document(client, take(client, wanted), wanted)
    text = to_text(whole)
    if file is None or file == "-":
        sys.stdout.write(text)
        return
    path = Path(file)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
    rows = sum(map(len, whole["state"].values()))
    click.echo(f"{file}: {rows} entries of {len(whole['state'])} dumps", err=True)
