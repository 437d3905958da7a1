"""Many requests in flight: control_ping through pump, and through send_many and recv_bytes."""

from __future__ import annotations

import pytest
from clients import raw
from servers import Measure, Server

from vapi_cffi import Transport, _messages

COUNT = 20_000
WORK = "control_ping, many in flight"


@pytest.mark.parametrize("depth", [16, 64, 256, 512])
def bench_pump(measure: Measure, server: Server, transport: Transport, depth: int) -> None:
    with raw(server, transport) as (connection, _):
        ping = _messages.request(connection, _messages.CONTROL_PING)
        reply_id = connection.find(_messages.CONTROL_PING_REPLY)

        def many() -> None:
            result = connection.pump(ping, count=COUNT, depth=depth, reply_id=reply_id)
            assert result.ok
            assert not any(result.retvals)

        measure(many, work=WORK, server=server, over=transport, depth=depth, per_round=COUNT)


def bench_send_many_recv_bytes(measure: Measure, server: Server, transport: Transport) -> None:
    """256 messages a round, each a bytes object of its own in both directions."""
    with raw(server, transport) as (connection, _):
        batch = [
            _messages.request(connection, _messages.CONTROL_PING, context=i) for i in range(256)
        ]

        def many() -> None:
            connection.send_many(batch)
            contexts: list[int] = []
            while len(contexts) < 256:
                contexts += [int.from_bytes(m[2:6], "big") for m in connection.recv_bytes(256)]
            assert contexts == list(range(256))

        measure(
            many,
            work=WORK,
            client="send_many, recv_bytes",
            server=server,
            over=transport,
            depth=256,
            per_round=256,
            rounds=50,
            iterations=5,
        )
