"""A VPP that was lost and comes back: what lives on, and what is told meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Queue

import pytest

from vapi_cffi import (
    ApiError,
    Client,
    ConnectionLost,
    MisuseError,
    NotConnected,
    Transport,
    VapiError,
    aio,
    connect,
)
from vapi_cffi.sim import Peer

# They come before ours: where they are, all of ours have higher numbers.
PLUGIN = """
define extra_ask { u32 client_index; u32 context; u32 value; };
define extra_ask_reply { u32 context; i32 retval; u32 value; };
define extra_dump { u32 client_index; u32 context; };
define extra_details { u32 context; u32 value; };
define changed { u32 client_index; u32 context; u32 value; };
define changed_reply { u32 context; i32 retval; };
service { rpc extra_ask returns extra_ask_reply; };
service { rpc changed returns changed_reply; };
"""
CHANGED = """
define changed { u32 client_index; u32 context; u8 first; u32 value; };
define changed_reply { u32 context; i32 retval; u32 more; };
service { rpc changed returns changed_reply; };
"""


async def call_for_ever(vpp: aio.Client) -> None:
    while True:
        await vpp.api.show_version()


async def next_event(events: aio.Events) -> object:
    """However often the connection is lost meanwhile."""
    while True:
        with suppress(ConnectionLost):
            return await events.get()
        await asyncio.sleep(0.01)


def ping_for_ever(client: Client) -> None:
    while True:
        client.api.control_ping()


class Place:
    """Where one peer serves after the other."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder, self._prefix = folder, prefix
        self.peer = self._start(PLUGIN)

    def _start(self, text: str) -> Peer:
        file = self._folder / "plugin.api"
        file.write_text(text)
        peer = Peer(str(self._folder / "api.sock"), self._prefix, api=[file])
        return peer.start()

    def swap(self) -> Peer:
        """Another one comes; what reaches it is recorded."""
        self.peer.close()
        self.peer = self._start(CHANGED)
        self.peer.record()
        return self.peer


@pytest.fixture
def place(tmp_path: Path, shm_prefix: str) -> Iterator[Place]:
    """The first is there."""
    made = Place(tmp_path, shm_prefix)
    yield made
    made.peer.close()


@pytest.fixture
def client(place: Place, transport: Transport) -> Iterator[Client]:
    """Comes back by itself."""
    where = place.peer.address(transport)
    with connect(where, transport=transport, timeout=5.0, reconnect=True) as connected:
        yield connected


def wait_for_loss(client: Client, times: int) -> None:
    """Until the connection is lost; it may be back before anybody looks."""
    while client.is_connected and client.stats["reconnects"] == times:
        pass


def swapped(client: Client, place: Place) -> Peer:
    """Another VPP is there, and the client is connected to it."""
    before = client.connection.message_table["show_version_51077d14"]
    times = client.stats["reconnects"]
    peer = place.swap()
    wait_for_loss(client, times)
    client.wait_connected(20)
    assert client.connection.message_table["show_version_51077d14"] != before
    return peer


def test_events_that_wait_are_those_they_were(client: Client, place: Place) -> None:
    index = client.api.create_loopback().sw_if_index
    heard: Queue[int] = Queue()
    listener = client.on("sw_interface_event", lambda event: heard.put(event.sw_if_index))
    with client.events("sw_interface_event", timeout=10) as events:
        client.api.sw_interface_set_flags(sw_if_index=index, flags="admin_up")
        client.api.sw_interface_set_flags(sw_if_index=index, flags=0)
        assert events.get().sw_if_index == index
        assert heard.get(timeout=10) == index
        swapped(client, place)
        assert events.get().sw_if_index == index  # of the first
        assert client.api.create_loopback().sw_if_index == 1
        assert client.api.create_loopback().sw_if_index == 2
        client.api.sw_interface_set_flags(sw_if_index=2, flags="admin_up")
        while events.get().sw_if_index != 2:
            pass
        while heard.get(timeout=10) != 2:
            pass
    listener.close()
    with client.events("sw_interface_event", subscribe=False):
        assert not listener.is_running


def test_events_that_the_next_one_refuses(client: Client, place: Place) -> None:
    """Who waits for them is told, not left waiting; the one after that may be better."""
    with client.events("sw_interface_event", timeout=20) as events:
        place.peer.on("want_interface_events").reply(-11)
        place.peer.restart()
        with pytest.raises(ConnectionLost):
            events.get()
        client.wait_connected(20)
        for _ in range(2):
            with pytest.raises(ApiError, match="want_interface_events") as told:
                events.get()
            assert told.value.retval == -11
        place.peer.off("want_interface_events")
        times = client.stats["reconnects"]
        place.peer.restart()
        wait_for_loss(client, times)
        client.wait_connected(20)
        index = client.api.create_loopback().sw_if_index
        assert events.get().sw_if_index == index


def test_events_that_the_next_one_refuses_in_asyncio(place: Place) -> None:
    """Also whoever began to wait while it was being asked."""

    async def main() -> None:
        async with (
            aio.connect(place.peer.address(), reconnect=True, timeout=5.0) as vpp,
            vpp.events("sw_interface_event", timeout=20) as events,
        ):
            place.peer.on("want_interface_events").reply(-11).delay(0.2)
            place.peer.restart()
            with pytest.raises(ApiError, match="want_interface_events") as told:
                await next_event(events)
            assert told.value.retval == -11
            place.peer.off("want_interface_events")
            waiting = asyncio.create_task(events.get())
            await asyncio.sleep(0)
            index = (await vpp.api.create_loopback()).sw_if_index
            assert (await waiting).sw_if_index == index

    asyncio.run(main())


def test_lost_again_while_it_is_restored(place: Place) -> None:
    """An asyncio client whose VPP goes once more before `on_reconnect` has returned."""
    times: list[int] = []

    async def again(vpp: aio.Client) -> None:
        times.append(vpp.stats["reconnects"])
        if len(times) == 1:
            place.peer.restart()
            with pytest.raises(ConnectionLost):
                await call_for_ever(vpp)

    async def main() -> None:
        where = place.peer.address()
        async with aio.connect(where, reconnect=True, on_reconnect=again, timeout=5.0) as vpp:
            place.peer.restart()
            with pytest.raises(ConnectionLost):
                await call_for_ever(vpp)
            await vpp.wait_connected(20)
            assert (await vpp.api.show_version()).program == "vpe"
            assert times == [1, 2]

    asyncio.run(main())


def test_lost_again_while_it_is_restored_in_a_thread(place: Place) -> None:
    times: list[int] = []

    def again(client: Client) -> None:
        times.append(client.stats["reconnects"])
        if len(times) == 1:
            place.peer.restart()
            while client.is_connected:
                pass

    with connect(place.peer.address(), reconnect=True, on_reconnect=again, timeout=5.0) as client:
        place.peer.restart()
        while client.stats["reconnects"] < 2:
            try:
                client.api.show_version()
            except VapiError:
                client.wait_connected(20)
        assert client.api.show_version().program == "vpe"
        assert times == [1, 2]


def test_while_it_is_away(place: Place, transport: Transport) -> None:
    """Calls say that the connection is lost; that nobody made one is something else."""
    client = connect(
        place.peer.address(transport), transport=transport, timeout=5.0, reconnect=True
    )
    with client:
        client.api.show_version()
        place.peer.close()
        while client.is_connected:
            pass
        while client.stats["retries"] < 2:
            with pytest.raises(ConnectionLost):
                client.api.show_version()
            with pytest.raises(ConnectionLost):
                client.api.sw_interface_dump().all()
            with pytest.raises(ConnectionLost):
                client.bulk("control_ping", count=3)
    with pytest.raises(NotConnected) as told:
        client.connection.recv(0)
    assert isinstance(told.value, MisuseError)


def test_a_connection_that_was_closed_is_not_lost(client: Client) -> None:
    """As at the end of the interpreter: nobody tries to come back."""
    with client.events("sw_interface_event") as events:
        client.connection.close()
        with pytest.raises(NotConnected, match="disconnect"):
            events.get(timeout=5)
    assert client.stats["retries"] == client.stats["reconnects"] == 0
    assert not client.is_connected


def test_a_connection_that_was_given_up_comes_back(place: Place) -> None:
    """When answers had no place any more, VPP is well, but the connection is not."""
    with connect(place.peer.address(), timeout=5.0, reconnect=True, backlog_bytes=1000) as client:
        number = client.connection.find("show_version_51077d14").to_bytes(2, "big")
        message = number + client.connection.client_index
        client.connection.send_many([message + client.connection.new_context() for _ in range(500)])
        with pytest.raises(ConnectionLost, match="backlog"):
            ping_for_ever(client)
        assert not client.is_connected
        client.wait_connected(20)
        assert client.api.show_version().program == "vpe"
