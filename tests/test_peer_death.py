"""VPP dies, or starts again, under a connected client: always an exception, never a hang or a
leak."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
from _children import child, freeze, line

from vapi_cffi import (
    Connection,
    ConnectionLost,
    Transport,
    TransportError,
    VapiError,
    _messages,
)
from vapi_cffi.sim import Peer, Request, SpawnedPeer

USES: dict[str, Callable[[Connection], object]] = {
    "recv": lambda c: c.recv(8),
    "wait": lambda c: c.wait(8) and c.recv(8),
    "call": lambda c: c.call(_messages.request(c, _messages.CONTROL_PING), timeout=8),
    "pump": lambda c: c.pump(
        _messages.request(c, _messages.CONTROL_PING), count=5_000_000, keep_retvals=False
    ),
    "dispatch": lambda c: c.dispatch(print, timeout=8),
}


@pytest.fixture
def mortal(transport: Transport) -> Iterator[tuple[SpawnedPeer, Connection]]:
    """A peer to be killed, and a connection to it."""
    with (
        Peer.spawn() as peer,
        Connection(peer.address(transport), transport=transport, timeout=8) as connection,
    ):
        yield peer, connection


@pytest.mark.parametrize("use", USES)
def test_killed_while_a_call_waits(
    leak_check: None, mortal: tuple[SpawnedPeer, Connection], use: str
) -> None:
    peer, connection = mortal
    if use != "pump":
        # Stopped, it answers nothing; pumping is under way for seconds anyway.
        freeze(peer.pid)
    killer = threading.Timer(0.3, peer.kill)
    killer.start()
    started = monotonic()
    with pytest.raises(ConnectionLost):
        USES[use](connection)
    assert monotonic() - started < 5.0
    killer.join()
    assert not connection.is_connected
    with pytest.raises(VapiError):
        _messages.ping(connection, timeout=1.0)
    connection.disconnect()


def test_killed_between_calls(leak_check: None, mortal: tuple[SpawnedPeer, Connection]) -> None:
    peer, connection = mortal
    assert _messages.ping(connection)
    peer.kill()
    with pytest.raises(ConnectionLost):
        _messages.ping(connection)
    started = monotonic()
    connection.close()
    assert monotonic() - started < 3.0


def test_messages_survive_their_vpp(mortal: tuple[SpawnedPeer, Connection]) -> None:
    peer, connection = mortal
    connection.send_bytes(_messages.request(connection, _messages.CONTROL_PING, context=5))
    message = connection.recv(5.0)
    peer.kill()
    with pytest.raises(ConnectionLost):
        connection.recv(5.0)
    connection.close()
    assert int.from_bytes(message.data[2:6], "big") == 5
    message.release()


def test_restarted_and_connected_again(
    leak_check: None, address: str, transport: Transport, peer: Peer
) -> None:
    with Connection(address, transport=transport, timeout=8) as connection:
        index = _messages.create_loopback(connection)
        peer.restart()
        with pytest.raises(TransportError):
            _ping_for_ever(connection)
        connection.connect()
        assert _messages.ping(connection)
        assert _messages.create_loopback(connection) == index, "it is another, empty VPP"


def _ping_for_ever(connection: Connection) -> None:
    while True:
        _messages.ping(connection, timeout=8)


def test_stopped_and_gone(leak_check: None, transport: Transport, shm_prefix: str) -> None:
    peer = Peer(shm_prefix=shm_prefix).start()
    connection = Connection(peer.address(transport), transport=transport, timeout=8).connect()
    peer.close()
    with pytest.raises(ConnectionLost):
        connection.recv(8)
    connection.close()
    with pytest.raises(TransportError):
        connection.connect(1.0)


def test_an_answer_that_is_cut_off(leak_check: None, peer: Peer, tmp_path: Path) -> None:
    with Connection(peer.address(), timeout=5) as connection:
        peer.faults.close_after(7)
        peer.flush()
        with pytest.raises(ConnectionLost):
            _messages.show_version(connection)


def test_answers_one_byte_at_a_time(peer: Peer) -> None:
    with Connection(peer.address(), timeout=20) as connection:
        peer.faults.trickle(1)
        peer.flush()
        version = _messages.show_version(connection)
        peer.faults.trickle(0)
        assert version == _messages.show_version(connection)


def test_answers_from_the_heap(peer: Peer, connection: Connection) -> None:
    if connection.transport == "socket":
        pytest.skip("the socket has no rings to miss")
    before = peer.stats["heap_blocks"]
    peer.faults.miss_rings()
    peer.flush()
    for _ in range(500):
        assert _messages.ping(connection)
    peer.faults.miss_rings(0)
    assert connection.stats["returned"] >= 500
    # The last one may still be on its way back to be freed.
    deadline = monotonic() + 5
    while peer.stats["heap_blocks"] > before and monotonic() < deadline:
        _messages.ping(connection)
    assert peer.stats["heap_blocks"] <= before


def test_a_lost_answer_is_a_timeout(peer: Peer, connection: Connection) -> None:
    # No ping: over shared memory a bell, which wakes VPP, is a part of one.
    peer.faults.drop("show_version_reply", 1)
    peer.flush()
    with pytest.raises(TimeoutError):
        _messages.show_version(connection, timeout=0.3)
    assert _messages.ping(connection)


def test_a_late_answer_is_dropped(peer: Peer, connection: Connection) -> None:
    late = threading.Event()

    @peer.on("show_version")
    def answer(request: Request) -> int:
        late.wait(10)
        return 0

    with pytest.raises(TimeoutError):
        _messages.show_version(connection, timeout=0.2)
    late.set()
    assert _messages.ping(connection), "the client's requests are answered in order"
    assert not connection.wait(0.05), "the late answer is nobody's"
    assert connection.stats["late"] == 1


def test_a_killed_client_does_not_trouble_the_peer(
    address: str, transport: Transport, peer: Peer
) -> None:
    program = """
        import sys
        from vapi_cffi import Connection, _messages
        connection = Connection(sys.argv[1], transport=sys.argv[2]).connect()
        ping = _messages.request(connection, _messages.CONTROL_PING)
        print("ready", flush=True)
        while True:
            connection.pump(ping, count=100_000)
    """
    with Connection(address, transport=transport, timeout=5) as connection:
        for _ in range(3):
            with child(program, address, transport) as process:
                assert line(process) == "ready"
                assert _messages.ping(connection)
            assert _messages.ping(connection)
        assert peer.is_running
