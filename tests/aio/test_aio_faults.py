"""The asyncio client when things go wrong: cancellation, losses, signals, forks."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Any

import pytest
from _aio import Talk, talk_to
from _waiting import hurry

from vapi_cffi import (
    ConnectionLost,
    Forked,
    MisuseError,
    NotConnected,
    Timeout,
    Transport,
    VapiError,
    aio,
)
from vapi_cffi.sim import Peer, SpawnedPeer


async def works(vpp: aio.Client) -> None:
    """Whether answers go to who asked."""
    made = [(await vpp.api.create_loopback()).sw_if_index for _ in range(3)]
    found = await asyncio.gather(*[vpp.api.sw_interface_dump(sw_if_index=i).all() for i in made])
    assert [[item.sw_if_index for item in one] for one in found] == [[i] for i in made]
    for index in made:
        await vpp.api.delete_loopback(sw_if_index=index)
    assert (await vpp.api.show_version()).program == "vpe"


# ---- cancellation --------------------------------------------------------------------------------


def test_asyncio_timeout(peer: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        for _ in range(5):
            with peer.faults.stalled():
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await vpp.api.show_version()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await vpp.api.sw_interface_dump().all()
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01), vpp.events("sw_interface_event") as events:
                        await events.get()
            await works(vpp)

    talk(main)


def test_what_was_cancelled_before_it_left_is_not_sent(peer: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        first = [vpp.api.create_loopback() for _ in range(10)]
        await asyncio.sleep(0)
        for future in first[4:]:  # two are in flight, more need not be
            future.cancel()
        await asyncio.gather(*first, return_exceptions=True)
        assert len(await vpp.api.sw_interface_dump().all()) == 1 + 4

    talk(main, max_outstanding_requests=2)


def test_a_storm_of_cancellations(talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        rng = random.Random(5)
        for _ in range(10):
            futures = [vpp.api.control_ping() for _ in range(300)]
            tasks = [asyncio.create_task(ask(vpp)) for _ in range(50)]
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            for waiting in [*rng.sample(futures, 150), *rng.sample(tasks, 25)]:
                waiting.cancel()
            outcomes = await asyncio.gather(*futures, *tasks, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    assert isinstance(outcome, asyncio.CancelledError), outcome
        await works(vpp)
        assert not vpp.channel._calls

    async def ask(vpp: aio.Client) -> int:
        async for _ in vpp.api.sw_interface_dump():
            await vpp.api.show_version()
        return (await vpp.api.control_ping()).retval  # type: ignore[no-any-return]

    talk(main)


def test_connecting_twice(peer: Peer, transport: Transport) -> None:
    async def main() -> None:
        vpp = aio.connect(peer.address(transport), transport=transport)
        one, two = await asyncio.gather(vpp.connect(), vpp.connect(), return_exceptions=True)
        assert one is vpp
        assert isinstance(two, MisuseError)
        await works(vpp)
        await vpp.close()

    asyncio.run(main())


def test_connecting_again_at_once(peer: Peer, transport: Transport) -> None:
    """An attempt that was given up, also when it had succeeded, is in nobody's way."""

    async def main() -> None:
        for pause in (0.0, 0.001, 0.003, 0.01, 0.03):
            vpp = aio.connect(peer.address(transport), transport=transport)
            for _ in range(3):
                attempt = asyncio.create_task(vpp.connect())
                await asyncio.sleep(pause)
                if not attempt.cancel():
                    await attempt
                    await vpp.close()
                with suppress(asyncio.CancelledError):
                    await attempt
            async with vpp:
                await works(vpp)
                await asyncio.sleep(0.05)  # what was to be undone, was
                assert (await vpp.api.show_version()).program == "vpe"

    asyncio.run(main())


# ---- losses --------------------------------------------------------------------------------------


async def until_it_fails(vpp: aio.Client) -> None:
    while True:
        await vpp.api.control_ping()


#: Seconds until a peer is killed.
MOMENTS = [0.003, *(pytest.param(ms / 1e3, marks=pytest.mark.long) for ms in (0, 1, 9, 20))]


@pytest.mark.parametrize("after", MOMENTS)
def test_a_peer_that_is_killed(
    own_peer_process: SpawnedPeer, transport: Transport, after: float
) -> None:
    async def main(vpp: aio.Client) -> None:
        await vpp.api.show_version()
        loop = asyncio.get_running_loop()
        events = vpp.events("sw_interface_event")
        async with events:
            waits: list[Awaitable[Any]] = [until_it_fails(vpp) for _ in range(20)]
            waits += [vpp.api.show_version() for _ in range(50)]
            waits += [events.get(), vpp.api.sw_interface_dump().all()]
            loop.call_later(after, own_peer_process.kill)
            started = monotonic()
            outcomes = await asyncio.gather(*waits, return_exceptions=True)
            assert monotonic() - started < 10
        lost = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert len(lost) >= 21
        assert {type(error) for error in lost} <= {ConnectionLost, Timeout}
        with pytest.raises(VapiError):
            await vpp.api.show_version()

    talk_to(own_peer_process.address(transport), transport, main, timeout=3.0)


@pytest.mark.parametrize("after", MOMENTS)
def test_a_peer_that_is_killed_in_dumps(
    own_peer_process: SpawnedPeer, transport: Transport, after: float
) -> None:
    """In what opens sockets, reads from them, closes them, and waits for others meanwhile."""

    async def for_ever(step: Callable[[], Awaitable[Any]]) -> None:
        while True:
            await step()

    async def main(vpp: aio.Client) -> None:
        await asyncio.gather(*[vpp.api.create_loopback() for _ in range(300)])
        loop = asyncio.get_running_loop()
        dump = vpp.api.sw_interface_dump

        async def slowly() -> None:
            async for _ in dump():
                await vpp.api.control_ping()

        steps: list[Callable[[], Awaitable[Any]]] = [
            slowly,
            lambda: read(dump()),
            lambda: dump().first(),
            lambda: dump().columns(),
            lambda: vpp.cli("show version"),
        ]
        waits = [for_ever(step) for step in steps for _ in range(3)]
        loop.call_later(after, own_peer_process.kill)
        started = loop.time()
        outcomes = await asyncio.gather(*waits, return_exceptions=True)
        assert loop.time() - started < 15
        assert {type(outcome) for outcome in outcomes} <= {ConnectionLost, Timeout}
        with pytest.raises(VapiError):
            await read(dump())

    talk_to(own_peer_process.address(transport), transport, main, timeout=3.0)


def test_vpp_does_not_answer(peer: Peer, talk: Talk) -> None:
    """Everything that waits for it has a deadline, and works when VPP is back."""

    async def main(vpp: aio.Client) -> None:
        loop = asyncio.get_running_loop()
        hurry(vpp, 0.3)
        for name, wait in WAITS.items():
            if name in ("events", "unsubscribe"):
                continue  # which wait for ever, and for nothing
            with peer.faults.stalled():
                began = loop.time()
                with pytest.raises(Timeout):
                    await wait(vpp)
                assert loop.time() - began < 10, name
            # What it was asked all the same, it does first.
            assert (await vpp.api.show_version(_timeout=30)).program == "vpe"
            assert len(await vpp.api.sw_interface_dump(_timeout=30).all()) == 1

    talk(main)


def test_it_comes_back(peer: Peer, transport: Transport) -> None:
    restored: list[int] = []

    async def restore(vpp: aio.Client) -> None:
        restored.append((await vpp.api.create_loopback()).sw_if_index)

    async def main(vpp: aio.Client) -> None:
        async with vpp.events("sw_interface_event") as events:
            ping = vpp.api.control_ping
            with peer.faults.stalled():
                under_way = vpp.api.create_loopback()
                await asyncio.sleep(0.01)
            await under_way
            peer.restart()
            with pytest.raises((ConnectionLost, Timeout)):
                await until_it_fails(vpp)
            await vpp.wait_connected(20)
            assert restored == [1]
            assert vpp.stats["reconnects"] == 1
            assert (await ping()).retval == 0  # a function that was held
            assert len(await vpp.api.sw_interface_dump().all()) == 2  # nothing was repeated
            await vpp.api.sw_interface_set_flags(sw_if_index=1, flags="admin_up")
            assert (await events.get(5)).sw_if_index == 1

    talk_to(
        peer.address(transport), transport, main, reconnect=True, on_reconnect=restore, timeout=2.0
    )


def test_waiting_for_a_vpp_that_does_not_come(peer: Peer) -> None:
    async def main(vpp: aio.Client) -> None:
        peer.stop()
        with pytest.raises(ConnectionLost):
            await until_it_fails(vpp)
        with pytest.raises(Timeout, match="did not come back"):
            await vpp.wait_connected(0.1)

    talk_to(peer.address(), "socket", main, reconnect=True)


def test_without_reconnect_it_stays_lost(peer: Peer) -> None:
    async def main(vpp: aio.Client) -> None:
        peer.restart()
        with pytest.raises(ConnectionLost):
            await until_it_fails(vpp)
        with pytest.raises(ConnectionLost, match="reconnect=True was not given"):
            await vpp.wait_connected(1)

    talk_to(peer.address(), "socket", main)


def test_closing_ends_all_waits(peer: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        with peer.faults.stalled():
            waits = [
                asyncio.ensure_future(vpp.api.control_ping()),
                asyncio.create_task(vpp.api.sw_interface_dump().all()),
                asyncio.create_task(vpp.events("sw_interface_event", subscribe=False).get()),
            ]
            await asyncio.sleep(0)
            closing = asyncio.create_task(vpp.close())
            outcomes = await asyncio.gather(*waits, return_exceptions=True)
        await closing
        assert [type(outcome) for outcome in outcomes] == [NotConnected] * 3

    talk(main)


def test_results_outlive_the_connection(talk: Talk) -> None:
    async def main(vpp: aio.Client) -> Any:
        return await vpp.api.show_version(), await vpp.api.sw_interface_dump().all()

    version, (interface,) = talk(main)
    assert version.program == "vpe"
    assert interface.interface_name == "local0"


# ---- signals and forks ---------------------------------------------------------------------------


async def read(dump: aio.Dump[Any]) -> None:
    async for _ in dump:
        pass


async def subscribe(vpp: aio.Client) -> None:
    async with vpp.events("sw_interface_event"):
        pass


async def unsubscribe(vpp: aio.Client) -> None:
    """Inside a stall: what began before it ends in it."""
    await events_of[vpp].close()


events_of: dict[aio.Client, aio.Events] = {}

WAITS: dict[str, Callable[[aio.Client], Awaitable[Any]]] = {
    "request": lambda vpp: vpp.api.show_version(),
    "dump": lambda vpp: vpp.api.sw_interface_dump().all(),
    "iteration": lambda vpp: read(vpp.api.sw_interface_dump()),
    "first": lambda vpp: vpp.api.sw_interface_dump().first(),
    "columns": lambda vpp: vpp.api.sw_interface_dump().columns(),
    "events": lambda vpp: vpp.events("sw_interface_event", subscribe=False).get(),
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "cli": lambda vpp: vpp.cli("show version"),
    "gather": lambda vpp: asyncio.gather(*[vpp.api.control_ping() for _ in range(3000)]),
    "connect": lambda vpp: aio.connect(
        str(vpp.connection.address),
        transport=vpp.transport,
        timeout=vpp.connection.options.timeout,
    ).connect(),
}


@pytest.mark.parametrize("opened", [False, True], ids=["fresh", "opened"])
@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c(peer: Peer, transport: Transport, name: str, opened: bool) -> None:
    """In each wait, before and after a socket for dumps was opened."""
    after: list[str] = []
    began = [0.0]

    async def main(vpp: aio.Client) -> None:
        loop = asyncio.get_running_loop()
        if opened:
            await read(vpp.api.sw_interface_dump())
        events_of[vpp] = vpp.events("sw_interface_event")
        if name == "unsubscribe":
            await events_of[vpp].attach()
        try:
            with peer.faults.stalled():
                began[0] = loop.time()
                loop.call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
                await WAITS[name](vpp)
        except asyncio.CancelledError:
            assert loop.time() - began[0] < 20
            after.append((await vpp.api.show_version()).program)
            assert len([item async for item in vpp.api.sw_interface_dump()]) == 1
            raise
        finally:
            del events_of[vpp]

    with pytest.raises(KeyboardInterrupt):
        talk_to(peer.address(transport), transport, main, timeout=30.0)
    assert after == ["vpe"]


def test_ctrl_c_while_closing(peer: Peer, transport: Transport) -> None:
    """VPP's goodbye is not waited for."""

    async def main() -> None:
        vpp = await aio.connect(peer.address(transport), transport=transport, timeout=30.0)
        await read(vpp.api.sw_interface_dump())
        with peer.faults.stalled():
            loop = asyncio.get_running_loop()
            began = loop.time()
            loop.call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
            try:
                await vpp.close()
            finally:
                assert loop.time() - began < 10
                for thread in threading.enumerate():
                    if thread.name == "vapi-close":
                        closing.append(thread)

    closing: list[threading.Thread] = []
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    for thread in closing:
        thread.join(20)
        assert not thread.is_alive()


def test_ctrl_c_while_vpp_does_not_come_back(peer: Peer) -> None:
    async def main(vpp: aio.Client) -> None:
        peer.stop()
        with pytest.raises(ConnectionLost):
            await until_it_fails(vpp)
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        await vpp.wait_connected(30)

    started = monotonic()
    with pytest.raises(KeyboardInterrupt):
        talk_to(peer.address(), "socket", main, reconnect=True)
    assert monotonic() - started < 10


def test_a_child_does_no_harm(talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        await vpp.api.show_version()
        child = os.fork()
        if not child:
            said = b"nothing"
            try:
                try:
                    vpp.api.show_version()
                except Forked:
                    said = b"Forked"
                except BaseException as error:  # noqa: BLE001 - told to the parent
                    said = repr(error).encode()
                os.write(writer, said)
                vpp.channel.detach(NotConnected("in the child"))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 200) == b"Forked"
        await works(vpp)

    reader, writer = os.pipe()
    try:
        talk(main)
    finally:
        os.close(reader)
        os.close(writer)
