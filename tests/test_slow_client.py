"""A program that does not receive holds nobody up: not VPP, and not other clients."""

from __future__ import annotations

import os
import threading
from time import monotonic

import pytest

from vapi_cffi import Connection, Transport, VapiError, _messages
from vapi_cffi.sim import SUBSCRIBERS, Peer


def flood(peer: Peer, count: int) -> None:
    """Events for everybody who asked for them."""
    peer.event("sw_interface_event", to=SUBSCRIBERS, count=count, sw_if_index=1)
    peer.flush(30.0)


def test_a_flood_of_events_reaches_a_program_that_was_busy(
    peer: Peer, connection: Connection
) -> None:
    count = 50_000
    _messages.want_events(connection, os.getpid())
    flood(peer, count)  # and this thread does not receive meanwhile
    received = 0
    while received < count:
        received += len(connection.recv_bytes(4096, 10.0))
    assert received == count
    assert connection.stats["dropped"] == 0
    assert peer.stats["blocked_ns"] < 1_000_000_000
    assert _messages.ping(connection)


def test_others_are_served_meanwhile(
    peer: Peer, connection: Connection, address: str, transport: Transport
) -> None:
    _messages.want_events(connection, os.getpid())
    stop = threading.Event()

    def pour() -> None:
        # As fast as they are drained: VPP, too, has only so much memory for what is on its way.
        total = 0
        while not stop.is_set():
            flood(peer, 500)
            total += 500
            while connection.stats["received"] < total and not stop.wait(0.001):
                pass

    pouring = threading.Thread(target=pour)
    pouring.start()
    try:
        with Connection(address, transport=transport, timeout=5) as other:
            deadline = monotonic() + 1.0
            while monotonic() < deadline:
                assert _messages.ping(other)
    finally:
        stop.set()
        pouring.join()


def test_beyond_the_backlog_events_are_dropped_and_counted(
    peer: Peer, address: str, transport: Transport
) -> None:
    if transport == "socket":
        pytest.skip("over the socket the kernel and the peer hold back what is not read")
    count = 40_000
    with Connection(address, transport=transport, timeout=5, backlog_bytes=200_000) as connection:
        _messages.want_events(connection, os.getpid())
        flood(peer, count)
        received = 0
        while received + connection.stats["dropped"] < count:
            received += len(connection.recv_bytes(4096, 5.0))
        assert connection.stats["dropped"] > 0
        assert received + connection.stats["dropped"] == count
        assert _messages.ping(connection), "and nothing else is lost"


def test_unread_answers_are_bounded_too(peer: Peer, address: str, transport: Transport) -> None:
    """What a program sends as bytes, and never receives the answers of, is like events."""
    if transport == "socket":
        pytest.skip("over the socket the kernel and the peer hold back what is not read")
    count = 50_000
    with Connection(address, transport=transport, timeout=5, backlog_bytes=50_000) as connection:
        ping = _messages.request(connection, _messages.CONTROL_PING)
        for _ in range(count // 100):
            connection.send_many([ping] * 100)
        received = 0
        while received + connection.stats["dropped"] < count:
            received += len(connection.recv_bytes(4096, 5.0))
        assert connection.stats["dropped"] > 0
        assert received + connection.stats["dropped"] == count
        assert _messages.ping(connection)


def test_pipelining_without_reading_does_not_deadlock(connection: Connection) -> None:
    """Both queues full, each waiting for the other: VPP's own client hangs here."""
    ping = _messages.request(connection, _messages.CONTROL_PING)
    count = 100_000
    sent = 0
    while sent < count:
        sent += connection.send_many([ping] * 1000, timeout=10.0)
    received = 0
    while received < count:
        received += len(connection.recv_bytes(4096, 10.0))
    assert received == count


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_minute_without_receiving(
    peer: Peer, connection: Connection, address: str, transport: Transport
) -> None:
    """The peer's main thread goes on, whatever this program does not do."""
    _messages.want_events(connection, os.getpid())
    slowest, total = 0.0, 0
    pause = threading.Event()
    with Connection(address, transport=transport, timeout=5) as other:
        deadline = monotonic() + 60.0
        while monotonic() < deadline:
            flood(peer, 500)
            total += 500
            # As fast as the drain thread takes them: more than that fills VPP's own memory.
            if transport != "socket":
                while connection.stats["received"] < total and monotonic() < deadline:
                    pause.wait(0.001)
            started = monotonic()
            assert _messages.ping(other)
            slowest = max(slowest, monotonic() - started)
    # Whoever holds the queue's lock may lose the core for a moment; a full queue lasts the minute.
    assert slowest < 5
    assert peer.stats["blocked_ns"] < 1_000_000_000
    stats = connection.stats
    received = 0
    try:
        while connection.wait(0.5):
            received += len(connection.recv_bytes(4096, 0))
    except VapiError as error:
        pytest.fail(f"after {received} events: {error}")
    assert received > 0
    assert stats["backlog_bytes"] <= 256 << 20
    assert peer.is_running
