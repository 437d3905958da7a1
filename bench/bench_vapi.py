"""VAPI's C API, ours beside the original: bench_vapi.c, compiled against both.

The original is measured where VAPI_TEST_VPP_INSTALL names an installation of VPP, and a VPP runs.
Routes and dumps are measured beside what Python makes of them: bench_bulk.py, bench_columns.py.
"""

from __future__ import annotations

import pytest
from installed import run_vapi, vapi_of
from servers import Measure, Server

from vapi_cffi import Transport

#: mode, transport, depth, and how many requests keep it busy for a while.
JOBS = [
    ("sync", "uds", 1, 50_000),
    ("sync", "shm", 1, 50_000),
    ("pipe", "uds", 256, 300_000),
    ("pipe", "shm", 512, 1_000_000),
]
WORK = {"sync": "one after the other", "pipe": "many in flight"}
#: What the original makes of 50,000 calls to a VPP that sleeps takes too long.
SLOW = ("VAPI C", "sync", "shm")


@pytest.mark.parametrize(("mode", "way", "depth", "count"), JOBS)
@pytest.mark.parametrize("client", ["VAPI C", "vapi_cffi, C API"])
def bench_c_api(
    measure: Measure,
    server: Server,
    request: pytest.FixtureRequest,
    client: str,
    mode: str,
    way: str,
    depth: int,
    count: int,
) -> None:
    transport: Transport = "socket" if way == "uds" else "shm"
    program, is_original = vapi_of(request, client, server, transport)
    if (client, mode, way) == SLOW:
        count //= 20
    rates: list[float] = []

    def run() -> None:
        rate, lost = run_vapi(program, mode, server, transport, depth, count, original=is_original)
        # The original loses requests over the socket; its rate counts them all the same.
        assert is_original or not lost
        rates.append(rate)

    measure(
        run,
        work=f"C: control_ping, {WORK[mode]}",
        client=client,
        server=server,
        over=transport,
        depth=depth,
        per_round=count,
        rounds=5,
        warmup=1,
        rates=rates,
    )
