"""Memory that is not Python's: nothing reads it after it went back, and nothing keeps it for
ever."""

from __future__ import annotations

import gc

import pytest

from vapi_cffi import Connection, InvalidArgument, Message, MessageReleased, Transport, _messages


def ping_bytes(connection: Connection, context: int = 1) -> bytes:
    return _messages.request(connection, _messages.CONTROL_PING, context=context)


def receive(connection: Connection, context: int = 1) -> Message:
    connection.send_bytes(ping_bytes(connection, context))
    return connection.recv(5.0)


def held(connection: Connection) -> int:
    """Messages that the program has not given back.

    Over the socket they are private memory, which VPP does not wait for and nobody counts: 0.
    """
    return connection.stats["held"]


def one(connection: Connection) -> int:
    """What `held` says of one message."""
    return 0 if connection.transport == "socket" else 1


def test_release_takes_the_view_away(connection: Connection) -> None:
    message = receive(connection)
    view = message.data
    message.release()
    message.release()
    with pytest.raises(MessageReleased):
        _ = message.data
    with pytest.raises(MessageReleased):
        len(message)
    with pytest.raises(ValueError, match="released"):
        view[0]
    assert "released" in repr(message)
    assert held(connection) == 0


def test_release_without_ever_looking(connection: Connection) -> None:
    receive(connection).release()
    assert held(connection) == 0


def test_a_message_is_released_when_nobody_has_it(connection: Connection) -> None:
    message = receive(connection)
    assert held(connection) == one(connection)
    del message
    gc.collect()
    assert held(connection) == 0


def test_a_slice_keeps_the_memory_until_it_is_gone(connection: Connection) -> None:
    message = receive(connection, context=0x11223344)
    part = message.data[2:6]
    message.release()
    assert held(connection) == one(connection), "a slice still reads it"
    for _ in range(100):
        receive(connection, context=0x55555555).release()
    assert part.hex() == "11223344", "and nobody wrote over it"
    del part
    assert held(connection) == 0


def test_an_array_over_a_message_keeps_it(connection: Connection) -> None:
    numpy = pytest.importorskip("numpy")
    message = receive(connection, context=0x11223344)
    array = numpy.frombuffer(message.data, dtype="u1")
    message.release()
    for _ in range(100):
        receive(connection, context=0x55555555).release()
    assert bytes(array[2:6]).hex() == "11223344"
    del array
    assert held(connection) == 0


def test_views_are_read_only(connection: Connection) -> None:
    with receive(connection) as message, pytest.raises(TypeError):
        message.data[0] = 1  # type: ignore[index]


def test_messages_outlive_the_connection(
    leak_check: None, address: str, transport: Transport
) -> None:
    with Connection(address, transport=transport) as connection:
        messages = [receive(connection, context=i) for i in range(4)]
    assert [int.from_bytes(m.data[2:6], "big") for m in messages] == [0, 1, 2, 3]
    messages.pop(1).release()
    del connection
    assert bytes(messages[0])[2:6] == bytes(4)
    part = messages[2].data[2:6]
    messages.clear()
    gc.collect()
    assert part.hex() == "00000003"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_any_order_of_release(connection: Connection, order: tuple[int, ...]) -> None:
    messages = [receive(connection, context=i) for i in range(3)]
    for index in order:
        assert int.from_bytes(messages[index].data[2:6], "big") == index
        messages[index].release()
    assert held(connection) == 0


def test_many_held_messages_do_not_stop_the_peer(connection: Connection) -> None:
    messages = [receive(connection, context=i) for i in range(3000)]
    assert [int.from_bytes(m.data[2:6], "big") for m in messages] == list(range(3000))
    messages.clear()
    gc.collect()
    assert held(connection) == 0
    assert _messages.ping(connection) > 0


def test_a_callbacks_message_is_gone_afterwards(connection: Connection) -> None:
    kept: list[Message] = []
    connection.send_bytes(ping_bytes(connection))
    assert connection.dispatch(kept.append, timeout=5) == 1
    with pytest.raises(MessageReleased):
        _ = kept[0].data
    assert held(connection) == 0


def test_a_sent_buffer_cannot_be_touched(connection: Connection) -> None:
    request = ping_bytes(connection)
    buffer = connection.alloc(len(request))
    view = buffer.data
    view[:] = request
    connection.send(buffer)
    with pytest.raises(ValueError, match="released"):
        view[0] = 1
    with pytest.raises(MessageReleased):
        _ = buffer.data
    with pytest.raises(MessageReleased):
        connection.send(buffer)
    buffer.release()
    connection.recv(5.0).release()


def test_a_slice_keeps_a_buffer_from_being_sent(connection: Connection) -> None:
    request = ping_bytes(connection)
    buffer = connection.alloc(len(request))
    buffer.data[:] = request
    part = buffer.data[2:6]
    with pytest.raises(BufferError, match="slice"):
        connection.send(buffer)
    del part
    connection.send(buffer)
    connection.recv(5.0).release()


def test_unsent_buffers_are_given_back(connection: Connection) -> None:
    for _ in range(10_000):
        with connection.alloc(64) as buffer:
            buffer.data[0] = 1
    for _ in range(10_000):
        connection.alloc(64)
    kept = connection.alloc(64)
    part = kept.data[:8]
    kept.release()
    part[:] = b"harmless"
    assert _messages.ping(connection) > 0


def test_a_buffer_belongs_to_its_connection(
    address: str, transport: Transport, connection: Connection
) -> None:
    with Connection(address, transport=transport) as other:
        buffer = other.alloc(16)
        with pytest.raises(InvalidArgument, match="another connection"):
            connection.send(buffer)
        assert len(buffer.data) == 16, "it is still usable"
        with pytest.raises(InvalidArgument, match="twice"):
            other.send2(buffer, buffer)
        buffer.release()
