"""A client under threads, signals, and a peer that dies."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest
from _interrupts import interrupted
from _waiting import hurry

from vapi_cffi import Client, Timeout, Transport, VapiError, connect
from vapi_cffi.sim import Peer, SpawnedPeer


def test_sixteen_threads_use_one_client(client: Client) -> None:
    def work(number: int) -> None:
        rng = random.Random(number)
        index = client.api.create_loopback().sw_if_index
        for _ in range(25):
            kind = rng.randrange(4)
            if kind == 0:
                flags = client.api.sw_interface_set_flags(sw_if_index=index, flags="admin_up")
                assert flags.retval == 0
            elif kind == 1:
                (one,) = client.api.sw_interface_dump(sw_if_index=index).all()
                assert one.sw_if_index == index
            elif kind == 2:
                assert index in [item.sw_if_index for item in client.api.sw_interface_dump()]
            else:
                assert client.api.sw_interface_set_flags.raw(sw_if_index=10**6).retval == -2
        client.api.delete_loopback(sw_if_index=index)

    with client.events("sw_interface_event") as events, ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
        assert events.get(timeout=5).sw_if_index
    assert len(client.api.sw_interface_dump().all()) == 1


@pytest.mark.parametrize(
    "after", [0.005, *(pytest.param(ms / 1e3, marks=pytest.mark.long) for ms in (0, 1, 20, 50))]
)
def test_a_peer_that_dies_under_threads(
    own_peer_process: SpawnedPeer, transport: Transport, after: float
) -> None:
    """Whatever it does, each thread gets an error of the tree, and none waits longer than it
    should."""

    def work(step: Callable[[], object]) -> BaseException:
        started.wait()
        try:
            while True:
                step()
        except BaseException as error:  # noqa: BLE001 - looked at below
            return error

    started = threading.Barrier(7)
    where = own_peer_process.address(transport)
    with connect(where, transport=transport, timeout=3.0) as client:
        client.api.show_version()
        events = client.events("sw_interface_event")
        steps: list[Callable[[], object]] = [
            client.api.show_version,
            client.api.control_ping,
            lambda: client.api.sw_interface_dump().all(),
            lambda: list(client.api.sw_interface_dump()),
            lambda: client.cli("show version"),
            lambda: events.get(timeout=5),
        ]
        with ThreadPoolExecutor(6) as pool:
            found = [pool.submit(work, step) for step in steps]
            started.wait()
            threading.Timer(after, own_peer_process.kill).start()
            began = monotonic()
            outcomes = [future.result(30) for future in found]
        assert monotonic() - began < 12
        assert all(isinstance(outcome, VapiError) for outcome in outcomes), outcomes


def half_read(client: Client) -> None:
    dump = iter(client.api.sw_interface_dump())
    next(dump)
    client.api.show_version()


def pipeline(client: Client) -> None:
    with client.pipeline() as p:
        for _ in range(100):
            p.api.show_version()


#: Each sends something that VPP has to answer; with the client's timeout.
ANSWERED: dict[str, Callable[[Client], Any]] = {
    "request": lambda client: client.api.show_version(),
    "dump": lambda client: client.api.sw_interface_dump().all(),
    "iteration": lambda client: list(client.api.sw_interface_dump()),
    "first": lambda client: client.api.sw_interface_dump().first(),
    "columns": lambda client: client.api.sw_interface_dump().columns(),
    "batches": lambda client: list(client.api.sw_interface_dump().batches(10)),
    "half a dump": half_read,
    "subscribe": lambda client: client.events("sw_interface_event"),
    "cli": lambda client: client.cli("show version"),
    "pipeline": pipeline,
    "bulk": lambda client: client.bulk("control_ping", count=10_000),
    "pump": lambda client: client.connection.pump(ping_of(client), count=10_000),
    "ping": lambda client: client.connection.ping(),
    "connect": lambda client: connect(
        str(client.connection.address),
        transport=client.transport,
        timeout=client.connection.options.timeout,
    ),
}
WAITS: dict[str, Callable[[Client], Any]] = {
    **ANSWERED,
    "events": lambda client: client.events("sw_interface_event", subscribe=False).get(),
    "events for ever": lambda client: list(client.events("sw_interface_event", subscribe=False)),
}


def ping_of(client: Client) -> bytes:
    return client.connection.find("control_ping_51077d14").to_bytes(2, "big") + bytes(8)


@pytest.fixture(scope="module")
def loaded(peer_process: SpawnedPeer) -> None:
    """Modules that are imported with the first use of something: an interrupt belongs to the wait,
    and within an import Python itself may lose it."""
    with connect(peer_process.address()) as client:
        for use in ANSWERED.values():
            if (result := use(client)) is not None and hasattr(result, "close"):
                result.close()


@pytest.mark.parametrize("opened", [False, True], ids=["fresh", "opened"])
@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c(loaded: None, client: Client, peer: Peer, name: str, opened: bool) -> None:
    """In each wait, before and after a socket for dumps was opened."""
    assert len(client.api.sw_interface_dump().all()) == 1  # the ways are open, the codecs made
    if opened:
        assert len(list(client.api.sw_interface_dump())) == 1
    client.api.show_version()
    with peer.faults.stalled():
        started = monotonic()
        with pytest.raises(KeyboardInterrupt), interrupted(0.1):
            WAITS[name](client)
        # A bulk gives what is under way a second to be answered.
        assert monotonic() - started < 4.5
    assert client.api.show_version(_timeout=30).program == "vpe"
    assert len(list(client.api.sw_interface_dump(_timeout=30))) == 1
    assert len(client.api.sw_interface_dump(_timeout=30).all()) == 1


def test_vpp_does_not_answer(peer: Peer, address: str, transport: Transport) -> None:
    """Everything that waits for it has a deadline, and works when VPP is back."""
    with connect(address, transport=transport) as client:
        assert len(client.api.sw_interface_dump().all()) == 1
        hurry(client, 0.3)
        for name, wait in ANSWERED.items():
            with peer.faults.stalled():
                began = monotonic()
                with pytest.raises(Timeout):
                    wait(client)
                assert monotonic() - began < 10, name
            # What it was asked all the same, it does first.
            assert client.api.show_version(_timeout=30).program == "vpe"
            assert len(list(client.api.sw_interface_dump(_timeout=30))) == 1


def test_ctrl_c_while_closing(peer: Peer, address: str, transport: Transport) -> None:
    """VPP's goodbye is not waited for; what is left goes on by itself."""
    client = connect(address, transport=transport, timeout=30.0)
    assert len(list(client.api.sw_interface_dump())) == 1
    with peer.faults.stalled():
        started = monotonic()
        with pytest.raises(KeyboardInterrupt), interrupted(0.1):
            client.close()
        assert monotonic() - started < 10
    for thread in threading.enumerate():
        if thread.name in ("vapi-disconnect", "vapi-dump-close"):
            thread.join(20)
            assert not thread.is_alive()
    assert not client.is_connected
    client.close()


def test_ctrl_c_while_waiting_to_reconnect(peer: Peer) -> None:
    with connect(peer.address(), reconnect=True) as client:
        peer.stop()
        with pytest.raises(ConnectionError):
            list(iter(client.api.control_ping, None))
        with pytest.raises(KeyboardInterrupt), interrupted(0.1):
            client.wait_connected(30)
