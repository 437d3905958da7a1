"""What the process has grown by, after very many messages: asserted, and timed beside."""

from __future__ import annotations

import resource

from clients import ours
from servers import Measure, Server

from vapi_cffi import Transport

CALLS = 50_000
#: A million of them must not keep more than this.
MOST_KIB = 1024


def bench_round_trips_keep_nothing(measure: Measure, server: Server, transport: Transport) -> None:
    with ours(server, transport) as client:
        ping = client.api.control_ping

        def many() -> None:
            for _ in range(CALLS):
                ping()

        many()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        measure(
            many,
            work=f"{CALLS} round trips, memory flat",
            server=server,
            over=transport,
            per_round=CALLS,
            rounds=3,
            warmup=0,
        )
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < MOST_KIB, f"{grown} KiB"
