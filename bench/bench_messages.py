"""What Python pays for a message, without waiting for anybody: views, copies, releases."""

from __future__ import annotations

from clients import raw
from servers import Measure, Server

from vapi_cffi import Connection, Transport, _messages

COUNT = 64
WORK = "receiving what is there"


def _ready(connection: Connection) -> None:
    """COUNT answers that wait."""
    connection.send_many([_messages.request(connection, _messages.CONTROL_PING)] * COUNT)
    _messages.ping(connection)  # answered behind them


def bench_recv_views(measure: Measure, server: Server, transport: Transport) -> None:
    with raw(server, transport) as (connection, _):

        def receive() -> None:
            for _ in range(COUNT):
                with connection.recv() as message:
                    assert message.data[6:10] == bytes(4)

        measure(
            receive,
            work=WORK,
            client="recv (views)",
            server=server,
            over=transport,
            per_round=COUNT,
            setup=lambda: _ready(connection),
            rounds=50,
        )


def bench_recv_bytes(measure: Measure, server: Server, transport: Transport) -> None:
    with raw(server, transport) as (connection, _):

        def receive() -> None:
            left = COUNT
            while left:
                left -= len(connection.recv_bytes(COUNT))

        measure(
            receive,
            work=WORK,
            client="recv_bytes (copies)",
            server=server,
            over=transport,
            per_round=COUNT,
            setup=lambda: _ready(connection),
            rounds=50,
        )
