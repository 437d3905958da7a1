"""How bulk and dumps grow: a message costs the same, and memory stays, whatever their number."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time

import pytest

from vapi_cffi import Transport, connect
from vapi_cffi.sim import Peer, SpawnedPeer

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

MANY = 1_000_000


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


@pytest.fixture
def peer() -> Iterator[SpawnedPeer]:
    """Elsewhere, so that its memory is not ours."""
    with Peer.spawn() as running:
        yield running


def test_bulk_of_a_million(peer: SpawnedPeer, transport: Transport) -> None:
    """From a generator: nothing of it is kept, and the millionth costs what the first did."""
    with connect(peer.address(transport), transport=transport) as client:
        loop = client.api.create_loopback().sw_if_index

        def run(count: int) -> float:
            """Seconds of this process a row: others work on this machine, too."""
            before = process_time()
            rows = ({"sw_if_index": loop, "flags": n & 1} for n in range(count))
            result = client.bulk("sw_interface_set_flags", columns=rows, keep_retvals=False)
            assert result.ok
            assert result.total == count
            return (process_time() - before) / count

        run(20_000)
        few = median(run(50_000) for _ in range(5))
        before = resident()
        many = run(MANY)
        assert resident() - before < 8 << 20
        assert many < 2 * few


def test_columns_of_a_million(peer: SpawnedPeer, transport: Transport) -> None:
    """From arrays: memory is that of the retvals."""
    np = pytest.importorskip("numpy")
    with connect(peer.address(transport), transport=transport) as client:
        flags = np.arange(MANY, dtype=np.uint32) & 1
        asked = {"sw_if_index": client.api.create_loopback().sw_if_index}
        client.bulk("sw_interface_set_flags", asked, {"flags": flags[:20_000]})
        before = resident()
        result = client.bulk("sw_interface_set_flags", asked, {"flags": flags})
        assert result.ok
        assert len(result.retvals) == MANY
        # Retvals are 4 MB; the messages themselves would be 18, and objects a hundred.
        assert resident() - before < 48 << 20


def test_batches_of_many_routes(peer: SpawnedPeer, transport: Transport) -> None:
    np = pytest.importorskip("numpy")
    count = 100_000
    with connect(peer.address(transport), transport=transport) as client:
        loop = client.api.create_loopback().sw_if_index
        client.bulk(
            "ip_route_add_del",
            {"is_add": True, "route": {"paths": [{"sw_if_index": loop, "weight": 1}]}},
            {
                "route.prefix.address": np.arange(count, dtype=np.uint32) + 0x0A000000,
                "route.prefix.len": 32,
            },
        ).raise_for_errors()

        def read() -> int:
            found = 0
            for part in client.api.ip_route_v2_dump().batches(2048):
                found += int((part["route.prefix.len"] == 32).sum())
            return found

        assert read() >= count
        before = resident()
        for _ in range(3):
            assert read() >= count
        assert resident() - before < 16 << 20
