"""Ctrl-C ends every wait at once, and leaves a connection that works."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

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


@pytest.fixture
def interrupt_in() -> Iterator[Callable[[float], None]]:
    """Makes a handler raise KeyboardInterrupt after some seconds, as Ctrl-C does."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_in_every_wait(
    peer: Peer, connection: Connection, interrupt_in: Callable[[float], None], name: str
) -> None:
    with peer.faults.stalled():
        interrupt_in(0.15)
        started = monotonic()
        with pytest.raises(KeyboardInterrupt):
            WAITS[name](connection)
        assert monotonic() - started < 2.0
    assert _messages.ping(connection, timeout=10), "the connection is as it was"


def test_ctrl_c_while_connecting(
    leak_check: None,
    peer: Peer,
    address: str,
    transport: Transport,
    interrupt_in: Callable[[float], None],
) -> None:
    connection = Connection(address, transport=transport, timeout=1.0)
    with peer.faults.stalled():
        interrupt_in(0.15)
        started = monotonic()
        with pytest.raises(KeyboardInterrupt):
            connection.connect()
        assert monotonic() - started < 0.9
        # The attempt itself goes on in a thread, until its own deadline.
        for thread in threading.enumerate():
            if thread.name == "vapi-connect":
                thread.join(5)
    with connection.connect(5.0):
        assert _messages.ping(connection)


def test_other_handlers_run_and_the_wait_goes_on(connection: Connection) -> None:
    seen: list[float] = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(monotonic()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        started = monotonic()
        assert not connection.wait(0.4)
        took = monotonic() - started
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert 0.4 <= took < 2.0
    assert len(seen) >= 2


def test_a_handler_may_close_the_connection(leak_check: None, connection: Connection) -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: connection.close())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.15)
        started = monotonic()
        with pytest.raises(NotConnected):
            connection.recv(30)
        assert monotonic() - started < 2.0
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not connection.is_connected
