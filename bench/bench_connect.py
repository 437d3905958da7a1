"""From nothing to connected, with the message table, and back."""

from __future__ import annotations

from typing import Any

from vapi_cffi import Connection, Transport
from vapi_cffi.sim import SpawnedPeer


def bench_connect(benchmark: Any, peer: SpawnedPeer, transport: Transport) -> None:
    def cycle() -> None:
        with Connection(peer.address(transport), transport=transport) as connection:
            assert len(connection.message_table) > 28

    benchmark.pedantic(cycle, rounds=50, warmup_rounds=5)
