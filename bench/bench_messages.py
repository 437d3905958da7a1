"""What Python pays for a message, without waiting for anybody: views, copies, releases."""

from __future__ import annotations

from typing import Any

from clients import ours

from vapi_cffi import Connection, Transport, _messages
from vapi_cffi.sim import SpawnedPeer

COUNT = 64


def _ready(connection: Connection) -> tuple[tuple[()], dict[str, object]]:
    """COUNT answers that wait."""
    connection.send_many([_messages.request(connection, _messages.CONTROL_PING)] * COUNT)
    _messages.ping(connection)  # answered behind them
    return (), {}


def bench_recv_views(benchmark: Any, peer: SpawnedPeer, transport: Transport) -> None:
    with ours(peer, transport) as (connection, _):

        def receive() -> None:
            for _ in range(COUNT):
                with connection.recv() as message:
                    assert message.data[6:10] == bytes(4)

        benchmark.pedantic(receive, setup=lambda: _ready(connection), rounds=50)


def bench_recv_bytes(benchmark: Any, peer: SpawnedPeer, transport: Transport) -> None:
    with ours(peer, transport) as (connection, _):

        def receive() -> None:
            left = COUNT
            while left:
                left -= len(connection.recv_bytes(COUNT))

        benchmark.pedantic(receive, setup=lambda: _ready(connection), rounds=50)
