"""The life of a connection, and messages both ways, over each transport."""

from __future__ import annotations

import math
import os
import select
from time import monotonic

import pytest

from vapi_cffi import (
    Connection,
    MessageUnavailable,
    MisuseError,
    NotConnected,
    Timeout,
    Transport,
    VapiError,
    WouldBlock,
    _messages,
)

PING, PING_REPLY = _messages.CONTROL_PING, _messages.CONTROL_PING_REPLY


def ping_bytes(connection: Connection, context: int = 1) -> bytes:
    return _messages.request(connection, PING, context=context)


def context_of(message: bytes | memoryview) -> int:
    return int.from_bytes(message[2:6], "big")


def test_connects_and_leaves(leak_check: None, address: str, transport: Transport) -> None:
    connection = Connection(address, transport=transport)
    assert not connection.is_connected
    connection.connect()
    assert connection.is_connected
    assert connection.transport == transport
    assert _messages.ping(connection) > 0
    connection.disconnect()
    assert not connection.is_connected


def test_connects_again_after_leaving(connection: Connection) -> None:
    connection.disconnect()
    connection.connect()
    assert _messages.ping(connection) > 0


def test_connecting_twice_is_refused(connection: Connection) -> None:
    with pytest.raises(MisuseError, match="already connected"):
        connection.connect()
    assert _messages.ping(connection) > 0


def test_with_closes_and_close_is_idempotent(address: str, transport: Transport) -> None:
    with Connection(address, transport=transport) as connection:
        assert connection.is_connected
    assert not connection.is_connected
    connection.close()
    connection.close()


def test_a_forgotten_connection_warns(leak_check: None, address: str, transport: Transport) -> None:
    connection = Connection(address, transport=transport).connect()
    with pytest.warns(ResourceWarning, match="unclosed"):
        del connection


def test_many_connections_in_one_process(address: str, transport: Transport) -> None:
    several = [Connection(address, transport=transport, name=f"c{i}").connect() for i in range(5)]
    try:
        assert len({c.client_index for c in several}) == 5
        for connection in several:
            assert _messages.ping(connection) > 0
    finally:
        for connection in several:
            connection.close()


def test_discovers_messages(connection: Connection) -> None:
    table = connection.message_table
    number = table[PING]
    assert table.name(number) == PING
    assert len(table) == len(list(table)) > 28
    assert connection.find(PING) == number
    assert connection.is_msg_available(PING)
    assert not connection.is_msg_available("control_ping_00000000")


def test_find_tells_a_missing_message_from_another_layout(connection: Connection) -> None:
    with pytest.raises(MessageUnavailable, match=r"51077d14, not 00000000"):
        connection.find("control_ping_00000000")
    with pytest.raises(MessageUnavailable, match="no message 'no_such_thing_12345678'"):
        connection.find("no_such_thing_12345678")


def test_call_returns_its_answer(connection: Connection) -> None:
    reply = connection.call(ping_bytes(connection), connection.find(PING_REPLY))
    assert int.from_bytes(reply[:2], "big") == connection.find(PING_REPLY)
    assert _messages.retval(reply) == 0


def test_call_takes_any_bytes_like(connection: Connection) -> None:
    ping = ping_bytes(connection)
    for request in (bytearray(ping), memoryview(ping)):
        assert _messages.retval(connection.call(request)) == 0


def test_calls_leave_other_messages_for_recv(connection: Connection) -> None:
    connection.send_bytes(ping_bytes(connection, context=77))
    assert _messages.show_version(connection).program
    with connection.recv(10) as message:
        assert context_of(message.data) == 77


def test_show_version_and_cli(connection: Connection) -> None:
    version = _messages.show_version(connection)
    assert version.version in _messages.cli(connection, "show version")


def test_send_and_recv_in_place(connection: Connection) -> None:
    request = ping_bytes(connection, context=0x01020304)
    buffer = connection.alloc(len(request))
    assert bytes(buffer.data) == bytes(len(request)), "memory for messages comes zeroed"
    buffer.data[:] = request
    connection.send(buffer)
    with connection.recv(10) as message:
        assert message.id == connection.find(PING_REPLY)
        assert context_of(message.data) == 0x01020304
        assert message.data.readonly


def test_send2_keeps_a_dump_and_its_ping_together(connection: Connection) -> None:
    index = _messages.create_loopback(connection)
    requests = (
        _messages.dump_request(connection, 5),
        _messages.request(connection, PING, context=5),
    )
    buffers = []
    for request in requests:
        buffers.append(connection.alloc(len(request)))
        buffers[-1].data[:] = request
    connection.send2(*buffers)
    interfaces = []
    while True:
        with connection.recv(10) as message:
            if message.id == connection.find(PING_REPLY):
                break
            interfaces.append(_messages.Interface.parse(message.data))
    assert index in {interface.sw_if_index for interface in interfaces}
    assert "loop0" in {interface.name for interface in interfaces}


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_send_many_and_recv_many_keep_order(connection: Connection, count: int) -> None:
    batch = [ping_bytes(connection, context=i) for i in range(count)]
    assert connection.send_many(batch) == count
    contexts = []
    while len(contexts) < count:
        for message in connection.recv_many(256, 5.0):
            with message:
                contexts.append(context_of(message.data))
    assert contexts == list(range(count))


def test_recv_bytes_copies(connection: Connection) -> None:
    connection.send_many([ping_bytes(connection, context=i) for i in range(10)])
    replies: list[bytes] = []
    while len(replies) < 10:
        replies += connection.recv_bytes(4, 5.0)
    assert [context_of(reply) for reply in replies] == list(range(10))
    assert connection.stats["held"] == 0


def test_pump(connection: Connection) -> None:
    seen: list[int] = []
    result = connection.pump(
        ping_bytes(connection),
        count=20_000,
        reply_id=connection.find(PING_REPLY),
        progress=seen.append,
    )
    assert result.ok
    assert (result.sent, result.received, result.failed, result.lost) == (20_000, 20_000, 0, 0)
    assert not any(result.retvals)
    assert seen[-1] == 20_000


def test_pump_reports_each_retval(connection: Connection) -> None:
    index = _messages.create_loopback(connection)
    name = _messages.SW_INTERFACE_SET_FLAGS
    requests = [
        _messages.request(connection, name, n.to_bytes(4, "big") + bytes(4))
        for n in (index, 0xFFFFFF00, index)
    ]
    result = connection.pump(requests)
    assert result.retvals[0] == result.retvals[2] == 0
    assert result.retvals[1] < 0
    assert (result.received, result.failed, result.ok) == (3, 1, False)


def test_pump_stops_on_error(connection: Connection) -> None:
    name = _messages.SW_INTERFACE_SET_FLAGS
    bad = _messages.request(connection, name, b"\xff" * 4 + bytes(4))
    result = connection.pump(bad, count=10_000, depth=1, stop_on_error=True)
    assert result.sent < 10
    assert result.failed == result.received == result.sent


def test_pump_of_nothing(connection: Connection) -> None:
    assert connection.pump([]).ok


def test_dispatch_hands_out_what_is_there(connection: Connection) -> None:
    connection.send_many([ping_bytes(connection, context=i) for i in range(3)])
    seen: list[int] = []
    while len(seen) < 3:
        assert connection.dispatch(lambda m: seen.append(context_of(m.data)), timeout=10)
    assert seen == [0, 1, 2]
    assert connection.dispatch(seen.append, timeout=0) == 0


def test_an_exception_in_a_callback_comes_out_and_the_rest_stays(connection: Connection) -> None:
    connection.send_many([ping_bytes(connection, context=i) for i in range(3)])

    def fail(message: object) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        connection.dispatch(fail, timeout=10)
    contexts = [context_of(connection.recv_bytes(1, 10)[0]) for _ in range(2)]
    assert contexts == [1, 2]


def test_a_callback_may_disconnect(leak_check: None, address: str, transport: Transport) -> None:
    with Connection(address, transport=transport) as connection:
        connection.send_many([ping_bytes(connection, context=i) for i in range(3)])
        assert connection.dispatch(lambda message: connection.disconnect(), timeout=10) == 1
        assert not connection.is_connected


def test_dispatch_limit(connection: Connection) -> None:
    connection.send_many([ping_bytes(connection, context=i) for i in range(3)])
    seen: list[int] = []
    while len(seen) < 2:
        connection.dispatch(lambda m: seen.append(m.id), limit=2 - len(seen), timeout=10)
    assert len(connection.recv_bytes(1, 10)) == 1


def test_events(connection: Connection) -> None:
    index = _messages.create_loopback(connection)
    _messages.want_events(connection, os.getpid())
    _messages.set_flags(connection, index, up=True)
    with connection.recv(10) as message:
        assert message.id == connection.find(_messages.SW_INTERFACE_EVENT)
        event = _messages.InterfaceEvent.parse(message.data)
    assert (event.sw_if_index, event.flags & 1, event.deleted) == (index, 1, False)


def test_fileno_is_readable_while_messages_wait(connection: Connection) -> None:
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    assert poller.poll(0) == []
    connection.send_bytes(ping_bytes(connection))
    assert poller.poll(10_000)
    connection.recv(10).release()
    assert poller.poll(0) == []


def test_wait(connection: Connection) -> None:
    started = monotonic()
    assert not connection.wait(0.15)
    assert 0.1 < monotonic() - started < 10
    connection.send_bytes(ping_bytes(connection))
    assert connection.wait(10)
    assert connection.wait(0), "waiting takes nothing away"
    connection.recv(0).release()
    assert not connection.wait(0)


@pytest.mark.parametrize("timeout", [0.05, 0.25])
def test_recv_times_out_on_time(connection: Connection, timeout: float) -> None:
    started = monotonic()
    with pytest.raises(Timeout, match=f"{timeout:g} s"):
        connection.recv(timeout)
    assert timeout * 0.9 < monotonic() - started < timeout + 5


def test_zero_does_not_wait(connection: Connection) -> None:
    with pytest.raises(WouldBlock):
        connection.recv(0)
    with pytest.raises(BlockingIOError):
        connection.recv_many(timeout=0)


def test_for_ever_is_a_timeout_too(connection: Connection) -> None:
    connection.send_bytes(ping_bytes(connection))
    assert len(connection.recv(math.inf)) > 10


def test_nonblocking_mode(address: str, transport: Transport) -> None:
    with Connection(address, transport=transport, mode="nonblocking") as connection:
        with pytest.raises(WouldBlock):
            connection.recv()
        connection.send_bytes(ping_bytes(connection, context=9))
        assert connection.wait(10)
        with connection.recv() as message:
            assert context_of(message.data) == 9
        assert _messages.show_version(connection).program, "calls wait in both modes"


def test_large_messages_both_ways(connection: Connection) -> None:
    line = "show version" + " " * 100_000
    assert _messages.show_version(connection).version in _messages.cli(connection, line)


def test_stats_count(connection: Connection) -> None:
    before = connection.stats
    for _ in range(10):
        _messages.ping(connection)
    after = connection.stats
    assert after["sent"] - before["sent"] == 10
    assert after["received"] - before["received"] == 10
    connection.disconnect()
    assert connection.stats["sent"] == after["sent"], "the last numbers stay"


def test_a_child_cannot_use_its_parents_connection(connection: Connection) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        word = b"worked"
        try:
            _messages.ping(connection)
        except VapiError as error:
            word = type(error).__name__.encode()
        finally:
            os.write(writer, word)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        said = answers.read()
    assert os.waitpid(child, 0)[1] == 0
    assert said == b"Forked"
    assert _messages.ping(connection) > 0, "and it does the parent's no harm"


def test_sim_address() -> None:
    with Connection("sim:") as connection:
        assert _messages.ping(connection) > 0
        assert "sim:" in repr(connection)


def test_use_before_connect_and_after_disconnect(address: str, transport: Transport) -> None:
    connection = Connection(address, transport=transport)
    for step in ("not connected: call connect", "not connected any more"):
        for use in (
            lambda: connection.recv(0),
            lambda: connection.call(bytes(10)),
            lambda: connection.send_bytes(bytes(10)),
            lambda: connection.alloc(10),
            lambda: connection.pump(bytes(10), count=1),
            lambda: connection.wait(0),
            lambda: connection.dispatch(print, timeout=0),
            lambda: connection.find(PING),
            connection.fileno,
            connection.disconnect,
        ):
            with pytest.raises(NotConnected, match=step):
                use()
        if not step.endswith("more"):
            connection.connect().disconnect()
