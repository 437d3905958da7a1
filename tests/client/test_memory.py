"""Memory of the client: dumps of a million, a million round trips."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from vapi_cffi import Client, aio, connect
from vapi_cffi.sim import SpawnedPeer

MIB = 1 << 20
ROUTES = 1_000_000

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def resident() -> int:
    """Bytes of this process in memory."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.fixture(scope="module")
def million() -> SpawnedPeer:  # type: ignore[misc]
    """A peer with a million routes."""
    with SpawnedPeer() as peer:
        with connect(peer.address(), timeout=30.0) as client:
            loop = client.api.create_loopback().sw_if_index
            result = client.bulk(
                "ip_route_add_del",
                {"is_add": True, "route": {"paths": [{"sw_if_index": loop}]}},
                {
                    "route.prefix": (
                        f"{10 + (i >> 16)}.{i >> 8 & 255}.{i & 255}.0/24" for i in range(ROUTES)
                    )
                },
                keep_retvals=False,
            )
            assert result.raise_for_errors().answered == ROUTES
        yield peer  # type: ignore[misc]


TABLE = {"table_id": 0, "is_ip6": False}


def growth(work: Callable[[], int], wanted: int) -> int:
    """How much more memory there is at any time of some work that counts what it has seen."""
    gc.collect()
    before = resident()
    seen = work()
    assert seen >= wanted
    return resident() - before


def test_a_dump_of_a_million_routes(million: SpawnedPeer) -> None:
    with connect(million.address(), timeout=30.0) as client:
        assert client.api.ip_route_dump(table=TABLE).first() is not None
        client.api.show_version()
        most = 0

        def work() -> int:
            nonlocal most
            seen, start = 0, resident()
            for route in client.api.ip_route_dump(table=TABLE):
                seen += route.route.n_paths
                if seen % 50_000 == 0:
                    most = max(most, resident() - start)
            return seen

        after = growth(work, ROUTES)
        assert max(most, after) < 64 * MIB, (most, after)
        assert client.stats["dropped"] == 0


def test_a_million_round_trips(peer_process: SpawnedPeer, transport: str) -> None:
    where = peer_process.address(transport)
    with connect(where, transport=transport) as client:  # type: ignore[arg-type]

        def work(count: int) -> int:
            call = client.api.control_ping
            return sum(call().retval == 0 for _ in range(count))

        work(20_000)
        assert growth(lambda: work(333_333), 333_333) < MIB


def test_many_asyncio_requests(peer_process: SpawnedPeer) -> None:
    async def main() -> None:
        async with aio.connect(peer_process.address()) as vpp:

            async def work(count: int) -> None:
                for _ in range(count // 1000):
                    await asyncio.gather(*[vpp.api.control_ping() for _ in range(1000)])

            await work(50_000)
            gc.collect()
            before = resident()
            await work(400_000)
            gc.collect()
            assert resident() - before < MIB
            assert not vpp.channel._calls

    asyncio.run(main())


def test_results_of_few_dumps_do_not_pile_up(client: Client) -> None:
    for _ in range(500):
        client.api.create_loopback()
    for _ in islice(client.api.sw_interface_dump(), 3):
        pass
    for _ in range(20):
        client.api.sw_interface_dump().first()

    def work() -> int:
        return sum(client.api.sw_interface_dump().first() is not None for _ in range(500))

    assert growth(work, 500) < 4 * MIB
