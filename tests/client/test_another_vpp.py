"""After a reconnect the VPP may be another one: messages have other numbers, another layout, or are
gone. What was made for the one before must not reach the next as something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _aio import talk_to

from vapi_cffi import (
    Client,
    Connection,
    ConnectionLost,
    InvalidArgument,
    MessageUnavailable,
    NoSuchMessage,
    VapiError,
    aio,
    callback,
    connect,
    objects,
)
from vapi_cffi.sim import Peer

OTHERS = "".join(
    f"autoreply define other{n} {{ u32 client_index; u32 context; }};" for n in range(5)
)
THING = """
autoreply define thing_set { u32 client_index; u32 context; u32 value; };
define thing_dump { u32 client_index; u32 context; u32 value; };
define thing_details { u32 context; u32 value; };
"""
#: The next release: the same names, another layout.
WIDER = THING.replace("u32 value;", "u32 value; u32 more [default=7];")

Start = Callable[..., Peer]


@pytest.fixture
def start(tmp_path: Path, shm_prefix: str) -> Iterator[Start]:
    """Starts a peer with these plugins in the place of the one before."""
    running: list[Peer] = []

    def begin(*plugins: str) -> Peer:
        for peer in running:
            peer.close()
        files = []
        for number, text in enumerate(plugins):
            files.append(tmp_path / f"plugin{number}.api")
            files[-1].write_text(text)
        running[:] = [Peer(str(tmp_path / "api.sock"), shm_prefix, api=files).start()]
        running[0].record()
        return running[0]

    yield begin
    for peer in running:
        peer.close()


def noticed(client: Client) -> None:
    """Returns when the client is back, with the next VPP."""
    with pytest.raises(VapiError):
        ask_for_ever(client)
    client.wait_connected(20)


def ask_for_ever(client: Client) -> None:
    while True:
        client.api.show_version()


def asked(peer: Peer, name: str = "thing_set") -> list[int]:
    return [request.value for request in peer.requests[name]]


def number(connection: Connection, name: str = "thing_set") -> int:
    return next(n for key, n in connection.message_table.items() if key.startswith(f"{name}_"))


def test_other_numbers(start: Start, transport: Any) -> None:
    first = start(THING)
    with connect(first.address(transport), transport=transport, reconnect=True) as client:
        function, dump = client.api.thing_set, client.api.thing_dump(value=3)
        one = objects.Request(client, "thing_set", value=5)
        before = number(client.connection)
        function(value=1)
        second = start(OTHERS, THING)
        noticed(client)
        assert number(client.connection) != before
        function(value=2)
        function.raw(value=4)
        second.on("thing_dump").details([{"value": 33}])
        assert [item.value for item in dump] == [33]
        with one:
            one.execute().wait_for_response()
            assert one.response.retval == 0
        assert client.bulk("thing_set", columns={"value": [6, 7]}).ok
        with client.pipeline() as p:
            p.api.thing_set(value=8)
        callback.thing_set(client.connection, {"value": 9}, lambda *_: None)
        assert asked(second) == [2, 4, 5, 6, 7, 8, 9]
        assert asked(second, "thing_dump") == [3]
        assert not any(name.startswith("other") for name in second.requests.names)


def test_a_pipeline_ends_with_its_vpp(start: Start) -> None:
    first = start(THING)
    with connect(first.address(), reconnect=True) as client:
        pipeline = client.pipeline(depth=64)
        waiting = pipeline.api.thing_set(value=1)
        second = start(OTHERS, THING)
        noticed(client)
        with pytest.raises(ConnectionLost):
            waiting.result()
        with pytest.raises(ConnectionLost, match="thing_set"):
            pipeline.api.thing_set(value=2)
        pipeline.close()
        client.api.thing_set(value=3)
        assert asked(second) == [3]


def test_a_bulk_ends_with_its_vpp(start: Start) -> None:
    """Though the client is back when the next rows come."""
    first = start(THING)
    seconds: list[Peer] = []
    with connect(first.address(), reconnect=True) as client:

        def rows() -> Iterator[dict[str, int]]:
            for value in range(32):
                if value == 16:
                    seconds.append(start(OTHERS, THING))
                    noticed(client)
                yield {"value": value}

        with pytest.raises(ConnectionLost):
            client.bulk("thing_set", columns=rows(), batch=4)
        assert asked(seconds[0]) == []
        assert set(seconds[0].requests.names) <= {"show_version", "get_api_json"}


def test_another_layout(start: Start) -> None:
    first = start(THING)
    with connect(first.address(), reconnect=True) as client:
        function, dump = client.api.thing_set, client.api.thing_dump()
        function(value=1)
        second = start(WIDER)
        noticed(client)
        function(value=2)
        function(value=3, more=4)
        assert [(item.value, item.more) for item in second.requests["thing_set"]] == [
            (2, 7),
            (3, 4),
        ]
        with pytest.raises(
            MessageUnavailable, match=r"thing_dump_\w+; the one that came since has"
        ):
            list(dump)
        assert list(client.api.thing_dump()) == []


def test_gone(start: Start) -> None:
    first = start(THING)
    with connect(first.address(), reconnect=True) as client:
        function, dump = client.api.thing_set, client.api.thing_dump()
        function(value=1)
        second = start(OTHERS)
        noticed(client)
        for use in (
            lambda: function(value=2),
            lambda: function.raw(value=2),
            lambda: list(dump),
            lambda: client.bulk("thing_set", columns={"value": [1]}),
            lambda: client.pipeline().api.thing_set(value=2),
        ):
            with pytest.raises(NoSuchMessage, match="thing_"):
                use()
        assert not any("other" in name for name in second.requests.names)


async def noticed_soon(vpp: aio.Client) -> None:
    with pytest.raises(VapiError):
        await ask_again(vpp)
    await vpp.wait_connected(20)


async def ask_again(vpp: aio.Client) -> None:
    while True:
        await vpp.api.show_version()


def test_asyncio(start: Start, transport: Any) -> None:
    first = start(THING)

    async def main(vpp: aio.Client) -> None:
        function, dump = vpp.api.thing_set, vpp.api.thing_dump(value=3)
        await function(value=1)
        second = start(OTHERS, THING)
        await noticed_soon(vpp)
        await function(value=2)
        second.on("thing_dump").details([{"value": 33}])
        assert [item.value async for item in dump] == [33]
        assert asked(second) == [2]
        assert asked(second, "thing_dump") == [3]
        third = start(WIDER)
        await noticed_soon(vpp)
        await function(value=2)
        assert [item.more for item in third.requests["thing_set"]] == [7]
        with pytest.raises(MessageUnavailable, match="make it anew"):
            await dump.all()
        fourth = start(OTHERS)
        await noticed_soon(vpp)
        for _ in range(2):
            with pytest.raises(NoSuchMessage, match="thing_set"):
                await function(value=2)
            with pytest.raises(NoSuchMessage, match="thing_dump"):
                await dump.all()
        assert not any("other" in name for name in fourth.requests.names)

    talk_to(first.address(transport), transport, main, reconnect=True)


def test_an_object_of_another_release_names_both_crcs(start: Start) -> None:
    address = start(THING).address("socket")
    with connect(address) as client:
        old = client.api.thing_set.request(value=1)
        of_old = client.api.thing_set.binding.codec.name_crc
    second = start(WIDER)
    with connect(address) as client:
        crc = client.api.thing_set.binding.codec.name_crc[-8:]
        said = f"'thing_set' with CRC {crc}, the object is of one with {of_old[-8:]}"
        with pytest.raises(InvalidArgument, match=said):
            client.api.thing_set(old)
        with pytest.raises(InvalidArgument, match=said):
            objects.Factories().thing_set(client, old)
        with pytest.raises(InvalidArgument, match=said):
            callback.thing_set(client.connection, old, lambda *answer: None)
        with client.pipeline() as pipeline, pytest.raises(InvalidArgument, match=said):
            pipeline.api.thing_set(old)
        client.api.thing_set(value=2)
    assert asked(second) == [2]


def test_a_request_first_used_while_the_others_get_their_numbers(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another thread, which need not wait for the thread that brings the client back."""
    with connect(start(THING).address("socket"), reconnect=True) as client:
        binding = client.api.thing_set.binding
        again = binding.resolve

        def resolve() -> None:
            again()
            assert client.api.control_ping().retval == 0

        monkeypatch.setattr(binding, "resolve", resolve)
        second = start(OTHERS, THING)
        noticed(client)
        client.api.thing_set(value=2)
        assert asked(second) == [2]
