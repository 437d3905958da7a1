"""`vapi info`: what a VPP is."""

from __future__ import annotations

import json
from typing import Any

import click

from .. import _messages
from .._errors import MessageUnavailable
from ._options import connect, connection_options


@click.command(epilog="\b\nExamples:\n  vapi info -a shm:vpp1\n  vapi info --json | jq .messages")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@connection_options
def command(as_json: bool, address: str | None, transport: Any, timeout: float) -> None:
    """Say what a VPP is: program, version, transport, messages."""
    with connect(address, transport, timeout) as connection:
        facts: dict[str, object] = {
            "address": str(connection.address),
            "transport": connection.transport,
            "pid": connection.server_pid or _messages.ping(connection),
            "messages": len(connection.message_table),
            "max_message_size": connection.max_message_size,
        }
        try:
            version = _messages.show_version(connection)
            facts |= {
                "program": version.program,
                "version": version.version,
                "build_date": version.build_date,
            }
        except MessageUnavailable as error:
            facts["version"] = f"unknown: {error}"
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' ')}: {value}")
