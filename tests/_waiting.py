"""Waiting for what comes in its own time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic, sleep

from vapi_cffi import Client, aio


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Looks again and again; AssertionError when it is not so in time."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline
        sleep(0.005)


def hurry(client: Client | aio.Client, timeout: float) -> None:
    """Gives a connected client a timeout that connecting may not keep on a busy machine."""
    connection = client.connection
    connection.options = options = replace(connection.options, timeout=timeout)
    context = connection._context
    context.timeout_ns, context.call_ns = options.timeout_ns, options.call_ns
    hub = client.hub if isinstance(client, Client) else client.channel
    hub.timeout = timeout
