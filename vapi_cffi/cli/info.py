"""`vapi info`: what a VPP is."""

from __future__ import annotations

from typing import Any

import click

from .. import _messages
from .._errors import MessageUnavailable
from ._options import Format, connect, connection_options, output_options
from ._output import print_object


@click.command(epilog="\b\nExamples:\n  vapi info -a shm:vpp1\n  vapi info --json | jq .messages")
@output_options("table", "json", "yaml")
@connection_options
def command(output: Format, address: str | None, transport: Any, timeout: float) -> None:
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
    shown = {name.replace("_", " "): str(value) for name, value in facts.items()}
    print_object(shown, facts, output)
