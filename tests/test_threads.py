"""Many threads on one connection, and one that closes it under the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from vapi_cffi import Connection, Message, NotConnected, Transport, _messages


def test_sixteen_threads_call_at_once(connection: Connection) -> None:
    def work(number: int) -> int:
        for _ in range(200):
            assert _messages.ping(connection) > 0
            assert _messages.show_version(connection).program
        return number

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == list(range(16))


def test_one_sends_and_another_receives(connection: Connection) -> None:
    count = 20_000

    def send() -> None:
        for first in range(0, count, 100):
            connection.send_many(
                [
                    _messages.request(connection, _messages.CONTROL_PING, context=first + i)
                    for i in range(100)
                ]
            )

    sender = threading.Thread(target=send)
    sender.start()
    contexts: list[int] = []
    while len(contexts) < count:
        contexts += [int.from_bytes(m[2:6], "big") for m in connection.recv_bytes(256, 10.0)]
    sender.join()
    assert contexts == list(range(count))


def test_each_message_goes_to_one_of_many_receivers(connection: Connection) -> None:
    count = 5_000
    seen: list[int] = []
    done = threading.Event()

    def receive() -> None:
        while not done.is_set():
            try:
                for message in connection.recv_bytes(16, 0.2):
                    seen.append(int.from_bytes(message[2:6], "big"))
            except TimeoutError:
                continue

    threads = [threading.Thread(target=receive) for _ in range(4)]
    for thread in threads:
        thread.start()
    for first in range(0, count, 500):
        connection.send_many(
            [
                _messages.request(connection, _messages.CONTROL_PING, context=first + i)
                for i in range(500)
            ]
        )
    deadline = monotonic() + 20
    while len(seen) < count and monotonic() < deadline:
        _messages.ping(connection)
    done.set()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(count))


@pytest.mark.parametrize(
    "wait",
    [
        lambda c: c.recv(30),
        lambda c: c.recv_many(4, 30),
        lambda c: c.wait(30),
        lambda c: c.dispatch(print, timeout=30),
    ],
    ids=["recv", "recv_many", "wait", "dispatch"],
)
def test_closing_ends_the_waits_of_other_threads(
    leak_check: None, connection: Connection, wait: Callable[[Connection], object]
) -> None:
    inside = threading.Barrier(4)

    def work() -> object:
        inside.wait()
        return wait(connection)

    with ThreadPoolExecutor(3) as pool:
        waits = [pool.submit(work) for _ in range(3)]
        inside.wait()
        started = monotonic()
        connection.disconnect()
        ended = [type(wait.exception(10)) for wait in waits]
    assert monotonic() - started < 5
    assert ended == [NotConnected] * 3


def test_closing_under_busy_callers(leak_check: None, address: str, transport: Transport) -> None:
    for _ in range(10):
        connection = Connection(address, transport=transport).connect()
        started = threading.Barrier(5)
        ended: list[type[BaseException]] = []

        def work(
            connection: Connection = connection,
            started: threading.Barrier = started,
            ended: list[type[BaseException]] = ended,
        ) -> None:
            started.wait()
            try:
                while True:
                    _messages.ping(connection)
            except NotConnected as error:
                ended.append(type(error))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        started.wait()
        _messages.ping(connection)
        connection.disconnect()
        for thread in threads:
            thread.join(10)
        assert ended == [NotConnected] * 4


def test_messages_are_freed_by_other_threads_while_it_closes(
    leak_check: None, address: str, transport: Transport
) -> None:
    for _ in range(20):
        connection = Connection(address, transport=transport).connect()
        ping = _messages.request(connection, _messages.CONTROL_PING)
        connection.send_many([ping] * 100)
        messages: list[Message] = []
        while len(messages) < 100:
            messages += connection.recv_many(100, 5.0)
        go = threading.Barrier(3)

        def free(part: list[Message], go: threading.Barrier = go) -> None:
            go.wait()
            for message in part:
                message.release()

        threads = [threading.Thread(target=free, args=(messages[i::2],)) for i in range(2)]
        for thread in threads:
            thread.start()
        go.wait()
        connection.disconnect()
        for thread in threads:
            thread.join(10)
        messages.clear()


def test_the_gil_is_free_while_someone_waits(connection: Connection) -> None:
    waiter = threading.Thread(target=connection.wait, args=(1.0,))
    waiter.start()
    steps = 0
    while waiter.is_alive():
        steps += 1
    assert steps > 10_000


def test_one_closes_while_another_opens(address: str, transport: Transport) -> None:
    connection = Connection(address, transport=transport)

    def cycle(_: int) -> None:
        for _ in range(10):
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        closing = [pool.submit(cycle, i) for i in range(2)]
        for _ in range(10):
            connection.close()
            connection.connect()
        for future in closing:
            future.result(20)
    connection.close()
