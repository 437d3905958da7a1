"""Wrong arguments and wrong servers: each a specific error that names the value, and nothing
leaked."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from vapi_cffi import (
    AccessDenied,
    Address,
    ConnectFailed,
    Connection,
    InvalidArgument,
    MapFailed,
    NoSuchPath,
    NotASocket,
    NotConnected,
    Timeout,
    Transport,
    TransportError,
    VapiError,
    _messages,
    aio,
    connect,
)


@pytest.fixture
def nobody() -> Iterator[None]:
    """Runs the test without root's rights, which reach everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def fake_server(tmp_path: Path) -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Makes servers whose one connection is handled by a function; returns their paths."""
    opened: list[tuple[socket.socket, Thread]] = []

    def make(handle: Callable[[socket.socket], None]) -> str:
        path = str(tmp_path / f"fake{len(opened)}.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            accepted, _ = listener.accept()
            # A client that found out what this is may hang up at any moment.
            with accepted, suppress(ConnectionError):
                handle(accepted)

        thread = Thread(target=serve)
        thread.start()
        opened.append((listener, thread))
        return path

    yield make
    for listener, thread in opened:
        thread.join(10)
        listener.close()
        assert not thread.is_alive()


# ---- addresses and options --------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "tcp:host", "unix:", "relative", "sim:thing", "a\0b"])
def test_what_is_no_address_is_named(text: str) -> None:
    if text == "relative":
        assert Address.parse(text).path == "relative"
        return
    with pytest.raises(InvalidArgument) as caught:
        Connection(text)
    assert repr(text) in str(caught.value)


def test_addresses_that_contradict_the_transport() -> None:
    with pytest.raises(InvalidArgument, match="memfd"):
        Connection("shm:x", transport="memfd")
    with pytest.raises(InvalidArgument, match="prefix"):
        Connection("/run/vpp/api.sock", transport="shm")
    with pytest.raises(InvalidArgument, match="slash"):
        Connection("shm:a/b")
    with pytest.raises(InvalidArgument, match="'pigeon'"):
        Connection("/x", transport="pigeon")  # type: ignore[arg-type]


def test_the_environment_has_the_default_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAPI_ADDRESS", "shm:somewhere")
    assert Connection().address == Address("shm", prefix="somewhere")
    monkeypatch.delenv("VAPI_ADDRESS")
    assert Connection().address == Address("socket")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": ""}, "1 to 63 bytes: '' has 0"),
        ({"name": "n" * 64}, "has 64"),
        ({"name": "ü" * 32}, "has 64"),
        ({"timeout": -1}, "-1"),
        ({"timeout": float("nan")}, "nan"),
        ({"timeout": "soon"}, "'soon'"),
        ({"mode": "sometimes"}, "'sometimes'"),
        ({"max_outstanding_requests": 0}, "max_outstanding_requests is at least 1, not 0"),
        ({"response_queue_size": 0}, "response_queue_size is at least 1, not 0"),
        ({"response_queue_size": 2**32}, "4294967296"),
        ({"backlog_bytes": -1}, "-1"),
        ({"backlog_bytes": 2**64}, "backlog_bytes is at most"),
        ({"backlog_bytes": 1.5}, "backlog_bytes is a whole number, not 1.5"),
        ({"backlog_bytes": "x"}, "backlog_bytes is a whole number, not 'x'"),
        ({"max_outstanding_requests": True}, "max_outstanding_requests is a whole number"),
        ({"spin": -1}, "spin"),
        ({"name": 5}, "name is a string, not 5"),
        ({"name": b"n"}, "name is a string"),
        ({"name": "\udc80"}, "is no text"),
        ({"name": "a\0b"}, "1 to 63 bytes"),
        ({"mode": []}, "mode is"),
        ({"handle_keepalives": 2}, "handle_keepalives is True or False, not 2"),
        ({"large_over_shm": "no"}, "large_over_shm is True or False"),
        ({"keep_awake": None}, "keep_awake is True or False"),
        ({"bell": 5}, "bell is the path of a socket, not 5"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        Connection("/x", **options)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_the_longest_name_works(address: str, transport: Transport) -> None:
    with Connection(address, transport=transport, name="n" * 63) as connection:
        assert _messages.ping(connection)


# ---- paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["socket", "memfd"])
def test_no_such_path(leak_check: None, tmp_path: Path, transport: Transport) -> None:
    path = tmp_path / "none.sock"
    with pytest.raises(NoSuchPath, match=str(path)) as caught:
        Connection(path, transport=transport).connect()
    assert isinstance(caught.value, FileNotFoundError)


def test_no_such_region(leak_check: None, shm_prefix: str) -> None:
    with pytest.raises(NoSuchPath, match=shm_prefix):
        Connection(f"shm:{shm_prefix}", timeout=0.5).connect()


@pytest.mark.parametrize("transport", ["socket", "memfd"])
def test_not_a_socket(leak_check: None, tmp_path: Path, transport: Transport) -> None:
    path = tmp_path / "file"
    path.write_text("words")
    with pytest.raises(NotASocket, match=str(path)):
        Connection(path, transport=transport).connect()


def test_nobody_listens(leak_check: None, tmp_path: Path) -> None:
    path = str(tmp_path / "left.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    with pytest.raises(ConnectFailed, match=r"left\.sock"):
        Connection(path).connect()


def test_a_path_that_is_too_long_for_a_socket(leak_check: None) -> None:
    with pytest.raises(VapiError, match="x" * 50):
        Connection("/tmp/" + "x" * 200).connect()


def test_no_permission(nobody: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = Path("/tmp") / f"vapitest-locked-{os.getpid()}"
    path = folder / "api.sock"
    folder.mkdir(mode=0o700)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            path.chmod(0)
            with pytest.raises(AccessDenied, match=str(path)) as caught:
                Connection(path).connect()
            assert isinstance(caught.value, PermissionError)
    finally:
        path.unlink()
        folder.rmdir()


def test_no_permission_for_a_region(nobody: None, shm_prefix: str) -> None:
    for name in ("global_vm", "vpe-api"):
        path = Path(f"/dev/shm/{shm_prefix}-{name}")
        path.write_bytes(bytes(8192))
        path.chmod(0)
    with pytest.raises(AccessDenied, match=shm_prefix):
        Connection(f"shm:{shm_prefix}", timeout=0.5).connect()


# ---- servers that are no VPP
# ----------------------------------------------------------------------


Handler = Callable[[socket.socket], None]


def closes(server: socket.socket) -> None:
    server.recv(200)


def says_something_else(server: socket.socket) -> None:
    server.recv(200)
    server.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def claims_gigabytes(server: socket.socket) -> None:
    server.recv(200)
    server.sendall(struct.pack(">QII", 0, 0xFFFFFFF0, 0) + bytes(100))


def lies_about_its_table(server: socket.socket) -> None:
    server.recv(200)
    body = struct.pack(">HIIiIH", 16, 0, 0, 0, 0x80000001, 60000)
    server.sendall(struct.pack(">QII", 0, len(body), 0) + body)


def refuses(server: socket.socket) -> None:
    server.recv(200)
    body = struct.pack(">HIIiIH", 16, 0, 0, -1, 0, 0)
    server.sendall(struct.pack(">QII", 0, len(body), 0) + body)


def knows_nothing(server: socket.socket) -> None:
    server.recv(200)
    body = struct.pack(">HIIiIH", 16, 0, 0, 0, 0x80000001, 1)
    body += struct.pack(">H64s", 17, b"show_version_51077d14")
    server.sendall(struct.pack(">QII", 0, len(body), 0) + body)
    server.recv(200)


@pytest.mark.parametrize("transport", ["socket", "memfd"])
@pytest.mark.parametrize(
    "handler",
    [closes, says_something_else, claims_gigabytes, lies_about_its_table, refuses, knows_nothing],
)
def test_not_a_vpp(
    leak_check: None,
    fake_server: Callable[[Handler], str],
    handler: Handler,
    transport: Transport,
) -> None:
    path = fake_server(handler)
    with pytest.raises(TransportError, match=path):
        Connection(path, transport=transport, timeout=5.0).connect()


def test_a_server_that_says_nothing(
    leak_check: None, fake_server: Callable[[Handler], str]
) -> None:
    path = fake_server(lambda server: bool(server.recv(200)) and bool(server.recv(200)))
    with pytest.raises((Timeout, ConnectFailed), match=path):
        Connection(path, timeout=0.3).connect()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ""),
        (bytes(100), ""),
        (bytes(8192), ""),
        (struct.pack("<Q", 0x20001) + bytes(8184), ""),
        (b"\xff" * 8192, ""),
    ],
    ids=["empty", "too small", "zeros", "wrong version", "ones"],
)
def test_a_region_that_is_no_vpps(
    leak_check: None, shm_prefix: str, content: bytes, words: str
) -> None:
    for name in ("global_vm", "vpe-api"):
        Path(f"/dev/shm/{shm_prefix}-{name}").write_bytes(content)
    with pytest.raises((MapFailed, ConnectFailed), match=shm_prefix):
        Connection(f"shm:{shm_prefix}", timeout=0.3).connect()


# ---- messages
# -------------------------------------------------------------------------------------


def test_sizes_of_zero(connection: Connection) -> None:
    with pytest.raises(InvalidArgument, match="not 0"):
        connection.alloc(0)
    with pytest.raises(InvalidArgument, match="not 0"):
        connection.send_bytes(b"")
    with pytest.raises(InvalidArgument, match="not 9"):
        connection.call(bytes(9))
    with pytest.raises(InvalidArgument, match="not 9"):
        connection.pump(bytes(9), count=1)
    with pytest.raises(InvalidArgument):
        connection.send_many([bytes(10), b""])
    with pytest.raises(InvalidArgument, match="not 0"):
        connection.recv_many(0)
    with pytest.raises(InvalidArgument, match="0"):
        connection.pump(bytes(10), count=1, depth=0)
    assert _messages.ping(connection), "the connection is as it was"


def test_messages_over_the_maximum(connection: Connection) -> None:
    size = connection.max_message_size + 1
    message = _messages.request(connection, _messages.CONTROL_PING).ljust(size, b"\0")
    for use in (
        lambda: connection.alloc(size),
        lambda: connection.send_bytes(message),
        lambda: connection.call(message),
    ):
        with pytest.raises(InvalidArgument, match=str(size)):
            use()
    assert _messages.ping(connection), "the connection is as it was"


def test_the_largest_message(connection: Connection) -> None:
    # Over the socket the embedded peer takes less than we could send.
    size = min(connection.max_message_size, 8 << 20)
    message = _messages.request(connection, _messages.CONTROL_PING).ljust(size, b"\0")
    assert _messages.retval(connection.call(message)) == 0


@pytest.mark.parametrize("given", [5, b"/x", [], 1.5])
def test_what_is_not_even_text(given: object) -> None:
    with pytest.raises(InvalidArgument, match="is not an address"):
        Connection(given)  # type: ignore[arg-type]


def test_more_than_there_can_be(address: str, transport: Transport) -> None:
    for option in ("max_outstanding_requests", "response_queue_size"):
        with pytest.raises(InvalidArgument, match=f"{option}: 1000000000, must be 1 to"):
            Connection(address, transport=transport, **{option: 10**9}).connect()  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", [1e300, 10**400, 2**70, float("inf")])
def test_timeouts_of_any_length(address: str, transport: Transport, timeout: float) -> None:
    with connect(address, transport=transport, timeout=timeout) as client:
        client.api.show_version(_timeout=timeout)
        client.api.sw_interface_dump(_timeout=timeout).all()
        assert client.bulk("control_ping", count=3, timeout=timeout).answered == 3
        with client.pipeline(timeout=timeout) as pipeline:
            called = pipeline.api.show_version()
        called.result(timeout)
        with client.events("sw_interface_event", timeout=timeout) as events:
            client.api.create_loopback()
            client.api.sw_interface_set_flags(sw_if_index=1, flags="admin_up")
            assert events.get(timeout).sw_if_index == 1


def test_numbers_that_are_none(address: str) -> None:
    with connect(address) as client:
        for bad in (0, -1, 2**70, 1.5, "x", True):
            for use in (
                lambda value: client.bulk("control_ping", count=3, depth=value),
                lambda value: client.bulk("control_ping", count=3, batch=value),
                lambda value: client.pipeline(value),
                lambda value: client.events("sw_interface_event", size=value),
                lambda value: client.api.sw_interface_dump().batches(value),
                lambda value: client.connection.recv_bytes(value, 0),
            ):
                with pytest.raises(InvalidArgument, match=r"is a whole number|is at"):
                    use(bad)
        for bad in (-1, float("nan"), "5", []):
            for use in (
                lambda value: client.pipeline(timeout=value),
                lambda value: client.events("sw_interface_event", timeout=value),
                lambda value: client.api.show_version(_timeout=value),
                lambda value: client.api.sw_interface_dump(_timeout=value).all(),
            ):
                with pytest.raises(InvalidArgument, match="timeout is seconds"):
                    use(bad)
        for bad in (None, 5, b"x", []):
            for ask in (client.events, client.api.__getitem__, client.bulk):
                with pytest.raises(InvalidArgument, match="is a string"):
                    ask(bad)  # type: ignore[operator]


def test_asyncio_timeouts_are_numbers(address: str, transport: Transport) -> None:
    async def main() -> None:
        async with aio.connect(address, transport=transport) as vpp:
            for bad in (-1, float("nan"), "5", []):
                with pytest.raises(InvalidArgument, match="timeout is seconds"):
                    await vpp.api.show_version(_timeout=bad)
                with pytest.raises(InvalidArgument, match="timeout is seconds"):
                    await vpp.api.sw_interface_dump(_timeout=bad).all()
                with pytest.raises(InvalidArgument, match="timeout is seconds"):
                    vpp.events("sw_interface_event", timeout=bad)
            for long in (1e300, 10**400, float("inf")):
                await vpp.api.show_version(_timeout=long)
                await vpp.api.sw_interface_dump(_timeout=long).all()

    asyncio.run(main())


@pytest.mark.parametrize("timeout", [-0.1, float("nan"), "1", None])
def test_timeouts_are_numbers(connection: Connection, timeout: float | None) -> None:
    if timeout is None:
        assert connection.wait(0) is False
        return
    for use in (connection.recv, connection.wait):
        with pytest.raises(InvalidArgument, match=r"timeout is seconds"):
            use(timeout)


def test_double_disconnect(connection: Connection) -> None:
    connection.disconnect()
    with pytest.raises(NotConnected, match="not connected any more"):
        connection.disconnect()


def test_packed_messages_stay_inside_their_buffer(connection: Connection) -> None:
    with pytest.raises(InvalidArgument, match="byte 20 of 10"):
        connection.send_packed(bytes(10), [10], [10])
    with pytest.raises(InvalidArgument, match="20 bytes of 10"):
        connection.pump(bytes(10), sizes=[10, 10])
