"""Ctrl-C ends every wait at once, and leaves a connection that works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

import pytest
from _interrupts import alarm, interrupted

from vapi_cffi import Connection, NotConnected, Transport, _messages
from vapi_cffi.sim import Peer

WAITS: dict[str, Callable[[Connection], object]] = {
    "recv": lambda c: c.recv(30),
    "recv_many": lambda c: c.recv_many(8, 30),
    "recv_bytes": lambda c: c.recv_bytes(8, 30),
    "wait": lambda c: c.wait(30),
    "dispatch": lambda c: c.dispatch(print, timeout=30),
    "call": lambda c: c.call(_messages.request(c, _messages.CONTROL_PING), timeout=30),
    "pump": lambda c: c.pump(_messages.request(c, _messages.CONTROL_PING), count=1000, timeout=30),
    "send": lambda c: _fill(c, lambda: c.send_bytes(_big(c), timeout=30)),
    "send_many": lambda c: _fill(c, lambda: c.send_many([_big(c)] * 100, timeout=30)),
    "alloc": lambda c: _fill(c, lambda: _alloc(c)),
}


def _big(connection: Connection) -> bytes:
    return _messages.request(connection, _messages.CONTROL_PING).ljust(60_000, b"\0")


def _alloc(connection: Connection) -> None:
    buffer = connection.alloc(60_000, 30)
    buffer.data[:10] = _messages.request(connection, _messages.CONTROL_PING)
    connection.send(buffer, 30)


def _fill(connection: Connection, step: Callable[[], object]) -> None:
    """Sends until there is no room, and the last step waits."""
    while True:
        step()


@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_in_every_wait(peer: Peer, connection: Connection, name: str) -> None:
    with peer.faults.stalled():
        started = monotonic()
        with pytest.raises(KeyboardInterrupt), interrupted(0.15):
            WAITS[name](connection)
        assert monotonic() - started < 10
    assert _messages.ping(connection, timeout=10), "the connection is as it was"


def test_ctrl_c_while_connecting(
    leak_check: None, peer: Peer, address: str, transport: Transport
) -> None:
    connection = Connection(address, transport=transport, timeout=2.0)
    others = set(threading.enumerate())
    with peer.faults.stalled():
        with pytest.raises(KeyboardInterrupt), interrupted(0.15):
            connection.connect()
        # The attempt itself goes on in a thread, until its own deadline.
        (attempt,) = (t for t in set(threading.enumerate()) - others if t.name == "vapi-connect")
        attempt.join(20)
        assert not attempt.is_alive()
    with connection.connect(5.0):
        assert _messages.ping(connection)


def test_other_handlers_run_and_the_wait_goes_on(connection: Connection) -> None:
    seen: list[float] = []
    with alarm(0.05, lambda *_: seen.append(monotonic()), interval=0.05):
        started = monotonic()
        assert not connection.wait(0.4)
        took = monotonic() - started
    assert 0.4 <= took < 10
    assert len(seen) >= 2


def test_a_handler_may_close_the_connection(leak_check: None, connection: Connection) -> None:
    started = monotonic()
    with alarm(0.15, lambda *_: connection.close()), pytest.raises(NotConnected):
        connection.recv(30)
    assert monotonic() - started < 10
    assert not connection.is_connected
