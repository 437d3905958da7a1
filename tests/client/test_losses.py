"""VPP goes away: errors of the tree, in time, and the way back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue
from time import monotonic

import pytest

from vapi_cffi import Client, ConnectionLost, Timeout, VapiError, callback, connect
from vapi_cffi.sim import Peer, SpawnedPeer


def test_a_killed_peer_is_an_error(own_peer_process: SpawnedPeer, transport: str) -> None:
    where = own_peer_process.address(transport)
    with connect(where, transport=transport, timeout=3.0) as client:  # type: ignore[arg-type]
        client.api.show_version()
        own_peer_process.kill()
        began = monotonic()
        with pytest.raises(VapiError):
            client.api.show_version()
        with pytest.raises(VapiError):
            client.api.sw_interface_dump().all()
        assert monotonic() - began < 15


def test_everybody_who_waits_is_told(own_peer_process: SpawnedPeer) -> None:
    outcomes: Queue[BaseException] = Queue()
    with connect(own_peer_process.address("socket")) as client:
        readers = [client.events("sw_interface_event", subscribe=False) for _ in range(3)]
        started = threading.Barrier(4)

        def read(number: int) -> None:
            started.wait()
            try:
                readers[number].get(timeout=20)
            except VapiError as error:
                outcomes.put(error)

        threads = [threading.Thread(target=read, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        started.wait()
        own_peer_process.kill()
        found = [outcomes.get(timeout=10) for _ in threads]
        for thread in threads:
            thread.join()
        assert [type(error) for error in found] == [ConnectionLost] * 3


def lose(client: Client, peer: Peer) -> None:
    """Restarts the peer, and calls until the client notices."""
    peer.restart()
    with pytest.raises(ConnectionLost):
        call_for_ever(client)


def call_for_ever(client: Client) -> None:
    while True:
        client.api.show_version()


def test_it_comes_back(peer: Peer) -> None:
    back: Queue[Client] = Queue()
    with connect(peer.address(), reconnect=True, on_reconnect=back.put) as client:
        function = client.api.create_loopback
        function()
        with client.events("sw_interface_event") as events:
            lose(client, peer)
            client.wait_connected(10)
            assert back.get(timeout=10) is client
            assert client.stats["reconnects"] == 1
            assert len(client.api.sw_interface_dump().all()) == 1  # a VPP without the loopback
            index = function().sw_if_index
            client.api.sw_interface_set_flags(sw_if_index=index, flags=1)
            assert events.get(timeout=5).sw_if_index == index


@pytest.mark.parametrize(
    "first",
    [
        lambda client: client.api.show_version(),
        lambda client: client.bulk("control_ping", count=1),
        lambda client: client.events("sw_interface_event"),
        lambda client: client.message_class("show_version"),
        lambda client: dir(client.api),
        lambda client: callback.show_version(client, None, print),
    ],
    ids=["call", "bulk", "events", "class", "dir", "callback"],
)
def test_whatever_notices_first(peer: Peer, first: Callable[[Client], object]) -> None:
    """Also a function that was never used before, for which VPP would be asked what it means."""
    with connect(peer.address(), reconnect=True) as client:
        peer.restart()
        with pytest.raises(ConnectionLost):
            first(client)
        client.wait_connected(10)
        assert client.stats["reconnects"] == 1
        assert client.api.show_version().retval == 0


def test_a_callback_that_fails_does_no_harm(peer: Peer) -> None:
    def fail(client: Client) -> None:
        raise RuntimeError("not my day")

    with connect(peer.address(), reconnect=True, on_reconnect=fail) as client:
        lose(client, peer)
        client.wait_connected(10)
        assert client.api.show_version().retval == 0


def test_without_reconnect_it_stays_lost(peer: Peer) -> None:
    with connect(peer.address()) as client:
        lose(client, peer)
        with pytest.raises(ConnectionLost, match="reconnect=True was not given"):
            client.wait_connected(1)


def test_waiting_for_a_vpp_that_does_not_come(peer: Peer) -> None:
    with connect(peer.address(), reconnect=True) as client:
        peer.stop()
        with pytest.raises(ConnectionLost):
            call_for_ever(client)
        with pytest.raises(Timeout, match="did not come back"):
            client.wait_connected(0.2)
