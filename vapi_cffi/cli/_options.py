"""Options that several commands share, and the connection that they lead to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .._address import TRANSPORTS
from .._connection import Connection

F = TypeVar("F", bound=Callable[..., Any])

_ADDRESS = click.option(
    "--address",
    "-a",
    metavar="ADDRESS",
    envvar="VAPI_ADDRESS",
    show_envvar=True,
    help="/path or unix:/path, shm:PREFIX, or sim: for an embedded peer. "
    "Default: /run/vpp/api.sock.",
)
_TRANSPORT = click.option(
    "--transport",
    "-t",
    type=click.Choice(TRANSPORTS),
    help="What carries the messages, if not what the address says.",
)
_TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an answer.",
)


def connection_options(function: F) -> F:
    """--address, --transport, --timeout."""
    for option in (_TIMEOUT, _TRANSPORT, _ADDRESS):
        function = option(function)
    return function


def connect(address: str | None, transport: Any, timeout: float) -> Connection:
    """The connection that the options ask for, connected."""
    return Connection(address, transport=transport, timeout=timeout, name="vapi").connect()
