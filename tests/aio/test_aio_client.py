"""The asyncio client: requests, dumps, streams, events."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from _aio import Talk, talk_to
from _waiting import hurry

from vapi_cffi import (
    ApiError,
    BadMessage,
    InvalidArgument,
    MisuseError,
    NoSuchMessage,
    NoSuchPath,
    NotConnected,
    Timeout,
    aio,
)
from vapi_cffi._events import Policy
from vapi_cffi.sim import Peer, Request

STREAM_API = """
option version = "1.0.0";
define thing_get { u32 client_index; u32 context; u32 cursor; };
define thing_get_reply { u32 context; i32 retval; u32 cursor; };
define thing_details { u32 context; u32 number; };
service { rpc thing_get returns thing_get_reply stream thing_details; };
autoreply define odd_one { u32 client_index; u32 context; u8 way; };
"""


async def loopbacks(vpp: aio.Client, count: int) -> list[int]:
    replies = await asyncio.gather(*[vpp.api.create_loopback() for _ in range(count)])
    return [reply.sw_if_index for reply in replies]


# ---- requests ------------------------------------------------------------------------------------


def test_a_request(talk: Talk, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main(vpp: aio.Client) -> None:
        assert (await vpp.api.show_version()).version == "26.06.0-vapi_cffi-peer"
        assert "v26.06" in await vpp.cli("show version")
        with pytest.raises(ApiError, match=r"INVALID_SW_IF_INDEX \(-2\)") as caught:
            await vpp.api.sw_interface_set_flags(sw_if_index=77)
        assert caught.value.retval == -2
        assert (await vpp.api.sw_interface_set_flags.raw(sw_if_index=77)).retval == -2
        request = vpp.api.sw_interface_set_flags.request(sw_if_index=78)
        vpp.raise_on_error = False
        assert (await vpp.api.sw_interface_set_flags(request)).retval == -2

    talk(main, new_loop=new_loop)


def test_mistakes_are_said_at_once(talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        before = vpp.stats["sent"]
        with pytest.raises(InvalidArgument, match="show_version has no field"):
            vpp.api.show_version(nonsense=1)
        with pytest.raises(InvalidArgument, match="or keywords"):
            vpp.api.show_version(object())
        with pytest.raises(NoSuchMessage, match="did you mean"):
            vpp.api.shov_version()
        with pytest.raises(InvalidArgument, match="needs the name"):
            vpp.events()
        assert vpp.stats["sent"] == before

    talk(main)


def test_thousands_are_pipelined(
    peer: Peer, talk: Talk, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main(vpp: aio.Client) -> None:
        before = threading.active_count()
        pings = asyncio.gather(*[vpp.api.control_ping() for _ in range(3000)])
        assert threading.active_count() <= before
        assert len(await pings) == 3000
        indices = await loopbacks(vpp, 1000)
        assert sorted(indices) == list(range(1, 1001))
        details = await asyncio.gather(
            *[vpp.api.sw_interface_dump(sw_if_index=index).all() for index in indices[:50]]
        )
        assert [found.sw_if_index for (found,) in details] == indices[:50]

    talk(main, new_loop=new_loop)


def test_no_more_than_the_window_is_in_flight(peer: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        before = vpp.stats["sent"]
        with peer.faults.stalled():
            waiting = [vpp.api.control_ping() for _ in range(100)]
            for _ in range(10):
                await asyncio.sleep(0)
            assert vpp.stats["sent"] - before == 8
        await asyncio.gather(*waiting)
        assert vpp.stats["sent"] - before == 100

    talk(main, max_outstanding_requests=8)


def test_a_request_that_is_not_answered(peer: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        hurry(vpp, 0.3)
        with peer.faults.stalled():
            started = asyncio.get_running_loop().time()
            own, default = vpp.api.show_version(_timeout=0.05), vpp.api.control_ping()
            with pytest.raises(Timeout, match=r"show_version: no answer for 0\.05 s"):
                await own
            with pytest.raises(Timeout, match=r"control_ping: no answer for 0\.3 s"):
                await default
            assert 0.3 <= asyncio.get_running_loop().time() - started < 10
        for _ in range(3):
            assert (await vpp.api.show_version(_timeout=10)).retval == 0
        assert vpp.stats["unclaimed"] == 2  # the late ones

    talk(main)


def test_what_cannot_be_sent_is_given_up_too(peer: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        hurry(vpp, 0.2)
        with peer.faults.stalled():
            waiting = [vpp.api.control_ping() for _ in range(10)]
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [Timeout] * 10
        assert (await vpp.api.control_ping(_timeout=10)).retval == 0

    talk(main, max_outstanding_requests=2)


def test_sends_that_find_no_room_go_on(peer: Peer, talk: Talk) -> None:
    """More bytes than any buffer on the way takes at once."""

    async def main(vpp: aio.Client) -> None:
        command = "#" * 60_000  # a comment
        with peer.faults.stalled():
            waiting = [vpp.api.cli_inband(cmd=command) for _ in range(300)]
            await asyncio.sleep(0.02)
        replies = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(reply).__name__ for reply in replies} <= {"CliInbandReply", "ApiError"}

    talk(main, timeout=20.0)


# ---- dumps and streams ---------------------------------------------------------------------------


def test_dumps(talk: Talk, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main(vpp: aio.Client) -> None:
        await loopbacks(vpp, 700)
        dump = vpp.api.sw_interface_dump()
        names = [item.interface_name async for item in dump]
        assert names == ["local0", *(f"loop{number}" for number in range(700))]
        assert len(await dump.all()) == 701
        first = await dump.first()
        assert first is not None
        assert first.interface_name == "local0"
        async for item in dump:
            if item.sw_if_index == 5:
                break
        assert await vpp.api.sw_interface_dump(sw_if_index=9999).first() is None
        seen = 0
        async for item in dump:  # requests within the loop
            if 0 < item.sw_if_index < 20:
                await vpp.api.sw_interface_set_flags(sw_if_index=item.sw_if_index, flags=1)
            seen += 1
        assert seen == 701

    talk(main, new_loop=new_loop)


def test_a_dump_that_is_not_answered(peer: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        waits = pytest.raises(Timeout, match=r"^sw_interface_dump: no answer for 0\.05 s$")
        with peer.faults.stalled(), waits:
            await vpp.api.sw_interface_dump(_timeout=0.05).all()
        assert len(await vpp.api.sw_interface_dump().all()) == 1

    talk(main)


def test_a_stream_goes_on_at_its_cursor(tmp_path: Path) -> None:
    (tmp_path / "thing.api").write_text(STREAM_API)
    asked: list[int] = []

    async def main(vpp: aio.Client) -> None:
        stream = vpp.api.thing_get()
        assert [item.number async for item in stream] == list(range(10))
        assert asked == [0, 4, 8]
        assert stream.reply.cursor == 12
        found = await stream.first()
        assert found is not None
        assert found.number == 0
        asked.clear()
        with pytest.raises(ApiError, match=r"INVALID_VALUE \(-7\)"):
            await vpp.api.thing_get(cursor=99).all()

    with Peer(api=[tmp_path / "thing.api"]) as peer:

        @peer.on("thing_get")
        def answer(request: Request) -> list[bytes] | int:
            cursor = request["cursor"]
            assert isinstance(cursor, int)
            if cursor == 99:
                return -7
            asked.append(cursor)
            found = [
                request.details("thing_details", number=number)
                for number in range(cursor, min(cursor + 4, 10))
            ]
            return [*found, request.reply(0 if cursor + 4 >= 10 else -165, cursor=cursor + 4)]

        talk_to(peer.address(), "socket", main)


# ---- events --------------------------------------------------------------------------------------


def test_events(peer: Peer, talk: Talk, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main(vpp: aio.Client) -> None:
        async with vpp.events("sw_interface_event") as events:
            (index,) = await loopbacks(vpp, 1)
            await vpp.api.sw_interface_set_flags(sw_if_index=index, flags="admin_up")
            async for event in events:
                assert event.sw_if_index == index
                if event.flags:
                    break
            while events.pending():
                await events.get()
            with pytest.raises(Timeout, match=r"^sw_interface_event: no answer for 0\.02 s$"):
                await events.get(timeout=0.02)
        with pytest.raises(NotConnected, match="closed"):
            await events.get()
        assert [event async for event in events] == []
        with pytest.raises(InvalidArgument, match="no request asks for"):
            async with vpp.events("show_version_reply"):
                pass

    talk(main, new_loop=new_loop)


KEPT: dict[Policy, range] = {"drop_oldest": range(5, 8), "drop_newest": range(3)}


@pytest.mark.parametrize("policy", KEPT)
def test_a_slow_reader_loses_and_knows(peer: Peer, talk: Talk, policy: Policy) -> None:
    async def main(vpp: aio.Client) -> None:
        async with vpp.events("sw_interface_event", size=3, policy=policy) as events:
            for number in range(8):
                peer.event("sw_interface_event", sw_if_index=number)
            peer.flush()
            async with asyncio.timeout(5):
                while events.dropped < 5:
                    await vpp.api.control_ping()
            assert vpp.stats["events_dropped"] == 5
            assert [(await events.get(1)).sw_if_index for _ in range(3)] == list(KEPT[policy])

    talk(main)


def test_several_readers_and_tasks(peer: Peer, talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        one, two = vpp.events("sw_interface_event"), vpp.events("sw_interface_event")
        async with one, two:
            waits = [asyncio.create_task(reader.get(5)) for reader in (one, one, two)]
            await asyncio.sleep(0)
            peer.event("sw_interface_event", sw_if_index=7)
            peer.event("sw_interface_event", sw_if_index=8)
            found = [event.sw_if_index for event in await asyncio.gather(*waits)]
            assert sorted(found[:2]) == [7, 8]
            assert found[2] == 7
            ended = asyncio.create_task(collect(one))
            await asyncio.sleep(0)
            await one.close()
            assert await ended == []

    async def collect(events: aio.Events) -> list[object]:
        return [event async for event in events]

    talk(main)


# ---- life ----------------------------------------------------------------------------------------


def test_functions_say_what_they_are(talk: Talk) -> None:
    async def main(vpp: aio.Client) -> None:
        assert "show_version" in dir(vpp.api)
        signature = inspect.signature(vpp.api.create_loopback)
        assert signature.return_annotation == "Awaitable[CreateLoopbackReply]"
        assert "mac_address" in signature.parameters
        assert repr(vpp).endswith("connected>")

    talk(main)


def test_await_without_with(peer: Peer) -> None:
    async def main() -> None:
        vpp = await aio.connect(peer.address())
        with pytest.raises(MisuseError, match="already connected"):
            await vpp.connect()
        assert (await vpp.api.show_version()).retval == 0
        await vpp.close()
        await vpp.close()
        with pytest.raises(NotConnected, match="the client was closed"):
            await vpp.api.show_version()
        async with vpp:  # and again
            assert (await vpp.api.show_version()).retval == 0

    asyncio.run(main())


def test_not_connected_yet() -> None:
    async def main() -> None:
        vpp = aio.connect("sim:")
        with pytest.raises(NotConnected):
            await vpp.api.show_version()
        with pytest.raises(NoSuchPath, match="/nowhere"):
            await aio.connect("/nowhere/api.sock")

    asyncio.run(main())


def test_connecting_leaves_the_loop_free(peer: Peer) -> None:
    async def main() -> None:
        async def take_turns() -> None:
            for _ in range(20):
                await asyncio.sleep(0.001)
            peer.faults.resume()  # only now it can be answered

        peer.faults.stall(None)
        turns = asyncio.create_task(take_turns())
        async with aio.connect(peer.address(), timeout=30.0):
            await turns

    asyncio.run(main())


def test_a_connect_that_is_cancelled(peer: Peer) -> None:
    async def main() -> None:
        with peer.faults.stalled(), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await aio.connect(peer.address(), timeout=1.0)
        async with aio.connect(peer.address()) as vpp:
            assert (await vpp.api.show_version()).retval == 0

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread.name == "vapi-connect":
            thread.join(5)


def test_another_loop_or_thread_is_refused(peer: Peer) -> None:
    async def main() -> None:
        async with aio.connect(peer.address()) as vpp:
            ping = vpp.api.control_ping
            with pytest.raises(MisuseError, match="by no other loop or thread"):
                await asyncio.to_thread(ping)
            assert (await ping()).retval == 0

    asyncio.run(main())


def test_the_reply_of_another_message(talk: Talk, peer: Peer) -> None:
    @peer.on("sw_interface_set_flags")
    def answer(request: Request) -> bytes:
        return request.details("sw_interface_set_mtu_reply", retval=-7)

    @peer.on("sw_interface_set_mtu")
    def wrong(request: Request) -> bytes:
        return request.details("create_loopback_reply", sw_if_index=5)

    async def main(vpp: aio.Client) -> None:
        with pytest.raises(ApiError, match=r"sw_interface_set_flags: .*-7"):
            await vpp.api.sw_interface_set_flags(sw_if_index=0)
        assert (await vpp.api.sw_interface_set_flags.raw(sw_if_index=0)).retval == -7
        with pytest.raises(BadMessage, match="sw_interface_set_mtu: VPP answered"):
            await vpp.api.sw_interface_set_mtu(sw_if_index=0)

    talk(main)
