"""Many clients at once, many connections in a row, and millions of messages: nothing is left
behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from _resources import check_no_more_than, resident_kib, resources
from _waiting import until

from vapi_cffi import Connection, Transport, _messages
from vapi_cffi.sim import Peer


@pytest.fixture
def clients(peer: Peer, address: str, transport: Transport) -> Iterator[list[Connection]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                Connection(
                    address,
                    transport=transport,
                    name=f"client{i}",
                    max_outstanding_requests=64,
                    response_queue_size=64,
                    timeout=20,
                )
            )
            for i in range(64)
        ]


def test_sixty_four_clients(
    leak_check: None, peer: Peer, clients: list[Connection], transport: Transport
) -> None:
    # Both kinds of shared memory have a socket besides, for the descriptor and the bell.
    served = [c.name for c in peer.clients if c.transport == transport]
    assert sorted(served) == sorted(f"client{i}" for i in range(64))
    for number, connection in enumerate(clients):
        connection.send_bytes(_messages.request(connection, _messages.CONTROL_PING, context=number))
    for number, connection in enumerate(clients):
        with connection.recv(10) as message:
            assert int.from_bytes(message.data[2:6], "big") == number
    for connection in clients:
        assert connection.pump(
            _messages.request(connection, _messages.CONTROL_PING), count=500, depth=32
        ).ok


def _cycle(peer: Peer, address: str, transport: Transport, count: int) -> None:
    for _ in range(count):
        with Connection(address, transport=transport, timeout=20) as connection:
            _messages.ping(connection)


@pytest.mark.parametrize(
    "count", [300, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
def test_connects_leave_nothing_behind(
    leak_check: None, peer: Peer, address: str, transport: Transport, count: int
) -> None:
    _cycle(peer, address, transport, 50)
    before = resources()
    files = sorted(Path("/dev/shm").glob(f"{peer.shm_prefix}*"))
    heap, memory = peer.stats["heap_blocks"], resident_kib()
    _cycle(peer, address, transport, count)
    gc.collect()
    # Its thread may be about to take note of the last goodbye.
    until(lambda: not peer.clients)
    check_no_more_than(before)
    assert sorted(Path("/dev/shm").glob(f"{peer.shm_prefix}*")) == files
    assert peer.stats["heap_blocks"] <= heap + 2
    assert resident_kib() - memory < 8192 + count


@pytest.mark.parametrize("count", [200_000, pytest.param(5_000_000, marks=pytest.mark.long)])
def test_memory_stays_flat(connection: Connection, count: int) -> None:
    ping = _messages.request(connection, _messages.CONTROL_PING)
    for _ in range(2):
        connection.pump(ping, count=count // 10, keep_retvals=False)
    before = resident_kib()
    assert connection.pump(ping, count=count, keep_retvals=False).ok
    assert resident_kib() - before < 4096 + count // 100


@pytest.mark.long
def test_soak_of_calls(connection: Connection) -> None:
    for _ in range(1000):
        _messages.ping(connection)
    before = resident_kib()
    for _ in range(300_000):
        _messages.ping(connection)
    assert resident_kib() - before < 2048
