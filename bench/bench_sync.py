"""One request, one answer, then the next: control_ping."""

from __future__ import annotations

from typing import Any

from clients import ours, papi

from vapi_cffi import Transport
from vapi_cffi.sim import SpawnedPeer


def bench_sync(benchmark: Any, peer: SpawnedPeer, transport: Transport) -> None:
    with ours(peer, transport) as (_, once):
        benchmark.pedantic(once, rounds=200, iterations=100, warmup_rounds=20)


def bench_sync_papi(benchmark: Any, peer: SpawnedPeer) -> None:
    with papi(peer) as (_, once):
        benchmark.pedantic(once, rounds=50, iterations=20, warmup_rounds=5)
