"""Dumps of asyncio clients on sockets of their own, and their columns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import pytest
from _aio import Talk, talk_to

from vapi_cffi import (
    ConnectionLost,
    InvalidArgument,
    NotConnected,
    Timeout,
    Transport,
    VapiError,
    aio,
    connect,
)
from vapi_cffi.sim import Peer, SpawnedPeer

#: So many interfaces that their details do not fit into the buffers of a socket.
MANY = 5000
#: Messages that one look at a socket may bring more than the loop has seen.
AHEAD = 1500


@pytest.fixture
def many(peer: Peer) -> Peer:
    """A peer with many interfaces."""
    with connect(peer.address()) as client:
        assert client.bulk("create_loopback", count=MANY - 1).ok
    return peer


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Those that open and close sockets end by themselves."""
    yield
    deadline = monotonic() + 20
    while any(thread.name.startswith("vapi-dump") for thread in threading.enumerate()):
        assert monotonic() < deadline
        sleep(0.005)


async def count(dump: aio.Dump[Any]) -> int:
    return len([item async for item in dump])


# ---- slow loops ----------------------------------------------------------------------------------


def test_a_slow_loop_leaves_the_rest_in_vpp(
    many: Peer, talk: Talk, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main(vpp: aio.Client) -> None:
        before, seen, calls = vpp.stats["received"], 0, 0
        async for item in vpp.api.sw_interface_dump():
            assert item.sw_if_index == seen
            seen += 1
            if seen % 500 == 1:
                await vpp.api.show_version()  # answered at once
                calls += 1
                assert vpp.stats["backlog_bytes"] == 0
                assert vpp.stats["received"] - before <= seen + calls + AHEAD
        assert seen == MANY

    talk(main, new_loop=new_loop, timeout=60.0)


def test_a_reader_that_pauses(many: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        dump = aiter(vpp.api.sw_interface_dump())
        await anext(dump)
        before = vpp.stats["received"]
        await asyncio.sleep(1.3)
        assert vpp.stats["received"] - before <= 10  # but for signs of life
        assert vpp.stats["backlog_bytes"] == 0
        assert len([item async for item in dump]) == MANY - 1

    talk(main, timeout=60.0)


def test_others_have_their_turn(many: Peer, talk: Talk) -> None:
    """However fast the details come."""

    async def main(vpp: aio.Client) -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        assert await count(vpp.api.sw_interface_dump()) == MANY
        assert turns >= MANY // 1024
        task.cancel()

    talk(main, timeout=60.0)


def test_two_at_once_and_one_in_another(many: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        api = vpp.api
        assert await asyncio.gather(*[count(api.sw_interface_dump()) for _ in range(20)]) == (
            [MANY] * 20
        )
        seen = 0
        async for outer in api.sw_interface_dump():
            async for inner in api.sw_interface_dump():
                seen += 1
                if inner.sw_if_index == 300:
                    break
            if outer.sw_if_index == 10:
                break
        assert seen == 11 * 301
        assert (await api.show_version()).retval == 0

    talk(main, timeout=60.0)


@pytest.mark.parametrize("sockets", [0, 1, 2])
def test_more_dumps_than_sockets(many: Peer, talk: Talk, sockets: int) -> None:
    async def main(vpp: aio.Client) -> None:
        dumps = [aiter(vpp.api.sw_interface_dump()) for _ in range(4)]
        for number in range(MANY):
            rows = [await anext(dump) for dump in dumps]
            assert {row.sw_if_index for row in rows} == {number}
        assert vpp.connection.dump_sockets is not None
        assert len(vpp.connection.dump_sockets) == sockets
        found = await asyncio.gather(*[vpp.api.sw_interface_dump().first() for _ in range(50)])
        assert {item.sw_if_index for item in found} == {0}

    talk(main, dump_sockets=sockets, timeout=60.0)


def test_what_was_asked_before_comes_before(talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        made = []
        for number in range(1, 60):
            made.append(vpp.api.create_loopback())
            if number % 3 == 0:
                made[-1].cancel()  # which was queued only: it is never sent
                made.pop()
            assert await count(vpp.api.sw_interface_dump()) == 1 + len(made)
        await asyncio.gather(*made)

    talk(main, timeout=60.0)


# ---- columns -------------------------------------------------------------------------------------


def test_columns(many: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        dump = vpp.api.sw_interface_dump()
        columns = await dump.columns(["sw_if_index", "interface_name"])
        assert columns.rows == MANY
        assert list(columns) == ["sw_if_index", "interface_name"]
        assert list(columns["sw_if_index"]) == list(range(MANY))
        assert columns.texts("interface_name")[4711] == "loop4710"
        seen = 0
        async for batch in dump.batches(700, "sw_if_index"):
            assert 0 < batch.rows <= 700
            assert list(batch["sw_if_index"]) == list(range(seen, seen + batch.rows))
            seen += batch.rows
        assert seen == MANY
        assert (await dump.to_numpy(["sw_if_index"]))["sw_if_index"].sum() == sum(range(MANY))
        assert (await dump.to_arrow(["sw_if_index"])).num_rows == MANY
        assert len(await dump.to_pandas(["interface_name"])) == MANY
        with pytest.raises(InvalidArgument, match="no column 'nonsense'"):
            await dump.columns(["nonsense"])
        with pytest.raises(InvalidArgument, match="rows is at least 1, not 0"):
            dump.batches(0)
        many = await asyncio.gather(*[dump.columns(["sw_if_index"]) for _ in range(20)])
        assert {found.rows for found in many} == {MANY}

    talk(main, timeout=60.0)


@pytest.mark.parametrize("sockets", [0, 8])
def test_columns_of_what_is_nested(peer: Peer, talk: Talk, sockets: int) -> None:
    """The same as those of the sync client, by either way."""
    with connect(peer.address()) as client:
        loop = client.api.create_loopback().sw_if_index
        for number in range(40):
            paths = [{"sw_if_index": loop, "weight": each + 1} for each in range(number % 4)]
            client.api.ip_route_add_del(
                is_add=True,
                is_multipath=bool(paths),
                route={"prefix": f"10.0.{number}.0/24", "paths": paths or [{"sw_if_index": loop}]},
            )
        table = {"table_id": 0, "is_ip6": False}
        wanted = client.api.ip_route_dump(table=table).columns()
        rows = client.api.ip_route_dump(table=table).all()

    async def main(vpp: aio.Client) -> None:
        found = await vpp.api.ip_route_dump(table=table).columns()
        assert list(found) == list(wanted)
        assert found.rows == wanted.rows == len(rows)
        assert found.texts("route.prefix") == wanted.texts("route.prefix")
        assert list(found["route.paths"].offsets) == list(wanted["route.paths"].offsets)
        assert found.objects("route.paths") == wanted.objects("route.paths")
        assert [item async for item in vpp.api.ip_route_dump(table=table)] == rows
        async for one in vpp.api.ip_route_dump(table=table).batches(1):
            assert one.rows == 1

    talk(main, dump_sockets=sockets, timeout=60.0)


# ---- ends ----------------------------------------------------------------------------------------


def test_no_answer_in_time(many: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        for sockets in range(2):  # with one to be opened, and with one that is open
            if sockets:
                await vpp.api.sw_interface_dump().first()
            loop = asyncio.get_running_loop()
            started = loop.time()
            told = pytest.raises(Timeout, match=r"sw_interface_dump: no answer for 0\.2 s")
            with many.faults.stalled(), told:
                await count(vpp.api.sw_interface_dump(_timeout=0.2))
            assert loop.time() - started < 5
        assert await count(vpp.api.sw_interface_dump()) == MANY

    talk(main, timeout=60.0)


def test_a_storm_of_cancellations(many: Peer, talk: Talk) -> None:
    async def read(vpp: aio.Client) -> None:
        async for item in vpp.api.sw_interface_dump():
            if item.sw_if_index % 1000 == 999:
                await vpp.api.control_ping()

    async def main(vpp: aio.Client) -> None:
        for number in range(30):
            tasks = [asyncio.create_task(read(vpp)) for _ in range(12)]
            for _ in range(number):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                assert outcome is None or isinstance(outcome, asyncio.CancelledError)
        assert await count(vpp.api.sw_interface_dump()) == MANY
        assert not vpp.channel._calls
        assert not vpp.channel._watching

    talk(main, timeout=60.0)


def test_cancelling_is_no_wait(many: Peer, talk: Talk) -> None:
    """Also while VPP does not answer, and a socket is to be opened or closed."""

    async def main(vpp: aio.Client) -> None:
        loop = asyncio.get_running_loop()
        for dump in (vpp.api.sw_interface_dump(), vpp.api.sw_interface_dump()):
            with many.faults.stalled():
                started = loop.time()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await count(dump)
                assert loop.time() - started < 10
            assert await count(dump) == MANY

    talk(main, timeout=60.0)


def test_closing_ends_it(many: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        started = asyncio.Event()

        async def read() -> None:
            async for _ in vpp.api.sw_interface_dump(_timeout=60):
                many.faults.stall(None)
                started.set()

        task = asyncio.create_task(read())
        await started.wait()
        try:
            closing = asyncio.create_task(vpp.close())
            with pytest.raises(NotConnected):
                await asyncio.wait_for(task, 10)
        finally:
            many.faults.resume()
        await closing
        with pytest.raises(NotConnected):
            await count(vpp.api.sw_interface_dump())

    talk(main, timeout=60.0)


def test_vpp_closes_one_in_use(many: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        before = {info.client_id for info in many.clients}
        dump = aiter(vpp.api.sw_interface_dump())
        await anext(dump)
        (its_own,) = {info.client_id for info in many.clients} - before
        many.disconnect(its_own)
        with suppress(ConnectionLost):
            # All of it may have been here already.
            assert len([item async for item in dump]) == MANY - 1
        assert (await vpp.api.show_version()).retval == 0  # the others go on
        assert await count(vpp.api.sw_interface_dump()) == MANY

    talk(main, timeout=60.0)


@pytest.mark.parametrize("after", [0, 1, 100, 3000])
def test_a_peer_that_is_killed(
    own_peer_process: SpawnedPeer, transport: Transport, after: int
) -> None:
    async def main(vpp: aio.Client) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*[vpp.api.create_loopback() for _ in range(MANY - 1)])
        dump = aiter(vpp.api.sw_interface_dump())
        for _ in range(after):
            await anext(dump)
        own_peer_process.kill()
        began = loop.time()
        with suppress(VapiError):
            # All of it may have been here already.
            assert len([item async for item in dump]) == MANY - after
        with pytest.raises(VapiError):
            await count(vpp.api.sw_interface_dump())
        assert loop.time() - began < 20

    talk_to(own_peer_process.address(transport), transport, main, timeout=3.0)


def test_a_trace_has_them(peer: Peer, talk: Talk, tmp_path: Any) -> None:
    async def main(vpp: aio.Client) -> None:
        await vpp.api.create_loopback()
        with vpp.trace(tmp_path / "t") as trace:
            assert await count(vpp.api.sw_interface_dump()) == 2
            assert trace.count == 4  # the dump, two details, the end
            await vpp.api.sw_interface_dump().columns(["sw_if_index"])

    talk(main, timeout=60.0)
    assert '"times": 2' in (tmp_path / "t").read_text()
