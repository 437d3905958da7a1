"""The clients that are compared, each behind the same functions, against the same server."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from servers import Server

import vapi_cffi
from vapi_cffi import Client, Connection, Transport, _messages

Ping = Callable[[], object]


@contextmanager
def raw(server: Server, transport: Transport) -> Iterator[tuple[Connection, Ping]]:
    """A connection that carries bytes, and one round trip on it, checked."""
    with Connection(server.address(transport), transport=transport, name="bench") as connection:
        ping = _messages.request(connection, _messages.CONTROL_PING)
        reply_id = connection.find(_messages.CONTROL_PING_REPLY)

        def once() -> None:
            assert connection.call(ping, reply_id)[6:10] == bytes(4)

        yield connection, once


@contextmanager
def ours(server: Server, transport: Transport, **options: Any) -> Iterator[Client]:
    """A client with its whole API."""
    address = server.address(transport)
    with vapi_cffi.connect(address, transport=transport, name="bench", **options) as client:
        yield client


@contextmanager
def papi(server: Server) -> Iterator[Any]:
    """vpp_papi, over the socket: the only transport that it has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about its use of Python
        from vpp_papi import VPPApiClient

        client = VPPApiClient(apifiles=list(server.apifiles), server_address=server.socket_path)
        client.connect("bench-papi")
        try:
            yield client
        finally:
            client.disconnect()


@contextmanager
def loopbacks(client: Client, count: int) -> Iterator[list[int]]:
    """So many interfaces, deleted afterwards."""
    made = [client.api.create_loopback().sw_if_index for _ in range(count)]
    try:
        yield made
    finally:
        for index in made:
            client.api.delete_loopback(sw_if_index=index)
