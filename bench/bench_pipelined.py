"""Many requests in flight: control_ping through pump, and through send_many and recv_bytes."""

from __future__ import annotations

from typing import Any

import pytest
from clients import ours

from vapi_cffi import Transport, _messages
from vapi_cffi.sim import SpawnedPeer

COUNT = 20_000


@pytest.mark.parametrize("depth", [1, 16, 64, 256, 512])
def bench_pump(benchmark: Any, peer: SpawnedPeer, transport: Transport, depth: int) -> None:
    """COUNT messages a round."""
    with ours(peer, transport) as (connection, _):
        ping = _messages.request(connection, _messages.CONTROL_PING)
        reply_id = connection.find(_messages.CONTROL_PING_REPLY)

        def many() -> None:
            result = connection.pump(
                ping, count=COUNT, depth=depth, reply_id=reply_id, keep_retvals=False
            )
            assert result.ok

        benchmark.extra_info["messages_a_round"] = COUNT
        benchmark.pedantic(many, rounds=10, warmup_rounds=2)


def bench_send_many_recv_bytes(benchmark: Any, peer: SpawnedPeer, transport: Transport) -> None:
    """256 messages a round, each a bytes object of its own in both directions."""
    with ours(peer, transport) as (connection, _):
        batch = [
            _messages.request(connection, _messages.CONTROL_PING, context=i) for i in range(256)
        ]

        def many() -> None:
            connection.send_many(batch)
            contexts: list[int] = []
            while len(contexts) < 256:
                contexts += [int.from_bytes(m[2:6], "big") for m in connection.recv_bytes(256)]
            assert contexts == list(range(256))

        benchmark.extra_info["messages_a_round"] = 256
        benchmark.pedantic(many, rounds=50, iterations=5, warmup_rounds=5)
