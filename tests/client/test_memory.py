"""Memory of the client: dumps of a million, a million round trips."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import sleep

import pytest

from vapi_cffi import Client, Transport, aio, connect
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


class Watch:
    """The most memory of this process while a loop goes on; makes the loop slower than VPP."""

    def __init__(self) -> None:
        gc.collect()
        self.start = resident()
        self.most = self.seen = 0

    def look(self) -> bool:
        """After each row; whether the loop should do something else meanwhile."""
        self.seen += 1
        if self.seen % 20_000 != 1:
            return False
        if self.seen == 1:
            sleep(1.5)  # longer than VPP is trusted to keep what comes on a connection itself
        self.most = max(self.most, resident() - self.start)
        return True

    def check(self) -> None:
        """At the end."""
        assert self.seen >= ROUTES  # and those that each table has
        assert self.most < 64 * MIB, self.most


def test_a_dump_of_a_million_routes(million: SpawnedPeer, transport: Transport) -> None:
    where = million.address(transport)
    with connect(where, transport=transport, timeout=30.0) as client:
        assert client.api.ip_route_dump(table=TABLE).first() is not None
        watch = Watch()
        for route in client.api.ip_route_dump(table=TABLE):
            if route.route.n_paths and watch.look():
                client.api.show_version()
        watch.check()
        assert client.stats["dropped"] == 0
        for _ in range(3):  # what is left early is kept by nobody
            for _ in islice(client.api.ip_route_dump(table=TABLE), 1000):
                pass
        client.api.show_version()
        assert resident() - watch.start < 64 * MIB


def test_an_asyncio_dump_of_a_million_routes(million: SpawnedPeer, transport: Transport) -> None:
    async def main() -> None:
        where = million.address(transport)
        async with aio.connect(where, transport=transport, timeout=30.0) as vpp:
            assert await vpp.api.ip_route_dump(table=TABLE).first() is not None
            watch = Watch()
            async for route in vpp.api.ip_route_dump(table=TABLE):
                if route.route.n_paths and watch.look():
                    await vpp.api.show_version()
            watch.check()
            assert vpp.stats["dropped"] == 0

    asyncio.run(main())


def test_batches_of_a_million_routes(million: SpawnedPeer, transport: Transport) -> None:
    """Columns, by both kinds of clients."""
    where = million.address(transport)
    fields = ["route.prefix", "route.n_paths"]
    with connect(where, transport=transport, timeout=30.0) as client:
        start = resident()
        rows = most = 0
        for columns in client.api.ip_route_dump(table=TABLE).batches(20_000, fields):
            rows += columns.rows
            client.api.show_version()
            most = max(most, resident() - start)
        assert (rows >= ROUTES, most < 64 * MIB) == (True, True), (rows, most)

    async def main() -> None:
        async with aio.connect(where, transport=transport, timeout=30.0) as vpp:
            rows = most = 0
            async for columns in vpp.api.ip_route_dump(table=TABLE).batches(20_000, fields):
                rows += columns.rows
                await vpp.api.show_version()
                most = max(most, resident() - start)
            assert (rows >= ROUTES, most < 64 * MIB) == (True, True), (rows, most)

    asyncio.run(main())


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
