"""What the process has grown by, after very many messages: asserted, and timed beside."""

from __future__ import annotations

import gc
import resource
from pathlib import Path

import pytest
from bench_bulk import FIRST, emptied, template
from clients import ours
from servers import Measure, Server

from vapi_cffi import Transport

np = pytest.importorskip("numpy")

CALLS = 50_000
#: However many messages there were, they must not have kept more than this.
MOST_KIB = 1024
#: Two batches are under way, and the heap needs some room to breathe.
MOST_BULK_KIB = 4096


def grown_to() -> int:
    """The most memory that this process has had since `forget_peak`, in KiB."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0])


def forget_peak() -> int:
    """Returns what there is now, in KiB."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return grown_to()


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


@pytest.mark.parametrize("rows", [10**3, 10**4, 10**5, 10**6])
def bench_bulk_keeps_nothing(
    measure: Measure, server: Server, transport: Transport, rows: int
) -> None:
    """The time of a message, and the memory, for as many rows: deletions of routes that are not
    there, so that VPP has the same to do for each."""
    address = np.arange(FIRST, FIRST + rows, dtype=np.uint32)
    given = {"route.prefix.address": address, "route.prefix.len": 32}
    with ours(server, transport) as client, emptied(client):

        def run(keep_retvals: bool = False) -> None:
            asked = template(is_add=False)
            result = client.bulk("ip_route_add_del", asked, given, keep_retvals=keep_retvals)
            assert result.answered == rows

        run()
        before = forget_peak()
        measure(
            run,
            work=f"bulk of {rows:,} rows",
            server=server,
            over=transport,
            depth=256,
            per_round=rows,
            rounds=3,
            warmup=0,
        )
        grown = grown_to() - before
        assert grown < MOST_BULK_KIB, f"{grown} KiB"
