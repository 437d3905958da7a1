"""The asyncio client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from vapi_cffi.papi.vpp_papi import VPPApiError, VPPValueError
from vapi_cffi.papi.vpp_papi_async import VPPApiClient
from vapi_cffi.sim import Peer, Request, SpawnedPeer

Body = Callable[[VPPApiClient, "asyncio.Queue[Any]"], Awaitable[None]]


def with_client(address: str, body: Body, **arguments: Any) -> None:
    """Runs a coroutine with a connected client and its queue of events."""

    async def main() -> None:
        client = VPPApiClient(server_address=address, **arguments)
        events: asyncio.Queue[Any] = asyncio.Queue()
        assert await client.connect("test", events) == 0
        try:
            await asyncio.wait_for(body(client, events), 20)
        finally:
            assert await client.disconnect() == 0

    asyncio.run(main())


def test_replies_and_dumps(address: str) -> None:
    async def body(client: VPPApiClient, events: Any) -> None:
        assert (await client.api.show_version()).program == "vpe"
        assert (await client.api.control_ping(context=99)).context == 99
        assert (await client.api.sw_interface_set_flags(sw_if_index=99)).retval < 0
        end, details = await client.api.sw_interface_dump()
        assert type(end).__name__ == "control_ping_reply"
        assert [one.interface_name for one in details] == ["local0"]
        assert end.context == details[0].context
        assert repr(client.api.show_version).startswith("<FuncWrapper(func=<show_version(")

    with_client(address, body)


def test_a_reply_with_its_context_further_on(tmp_path: Path) -> None:
    """As dev_create_port_if_reply of VPP."""
    file = tmp_path / "far.api"
    file.write_text(
        "define far { u32 client_index; u32 context; };\n"
        "define far_reply { u32 client_index; u32 context; i32 retval; };\n"
    )

    async def body(client: VPPApiClient, events: Any) -> None:
        both = await asyncio.gather(client.api.far(), client.api.far())
        assert [reply.retval for reply in both] == [0, 0]
        assert events.empty()

    with Peer(api=[file]) as peer:
        with_client(peer.socket_path, body)


def test_the_reply_of_another_message(peer: Peer) -> None:
    @peer.on("sw_interface_set_flags")
    def answer(request: Request) -> bytes:
        return request.details("sw_interface_set_mtu_reply", retval=-7)

    async def body(client: VPPApiClient, events: Any) -> None:
        reply = await client.api.sw_interface_set_flags(sw_if_index=0, flags=1)
        assert type(reply).__name__ == "sw_interface_set_mtu_reply"
        assert reply.retval == -7
        assert events.empty()

    with_client(peer.socket_path, body)


def test_many_at_once(peer: Peer) -> None:
    async def body(client: VPPApiClient, events: Any) -> None:
        replies = await asyncio.gather(*[client.api.control_ping() for _ in range(3000)])
        assert {reply.retval for reply in replies} == {0}
        assert len({reply.context for reply in replies}) == 3000
        dumps = await asyncio.gather(*[client.api.sw_interface_dump() for _ in range(20)])
        assert all(len(details) == 1 for _, details in dumps)

    with_client(peer.socket_path, body)


def test_events_go_to_the_queue(peer: Peer) -> None:
    async def body(client: VPPApiClient, events: Any) -> None:
        await client.api.want_interface_events(enable_disable=1, pid=1)
        await client.api.sw_interface_set_flags(sw_if_index=0, flags=1)
        event = await events.get()
        assert (type(event).__name__, event.sw_if_index) == ("sw_interface_event", 0)

    with_client(peer.socket_path, body)


def test_wrong_arguments(peer: Peer) -> None:
    async def body(client: VPPApiClient, events: Any) -> None:
        with pytest.raises(VPPValueError, match="Invalid argument"):
            client.api.show_version(wrong=1)
        with pytest.raises(ValueError, match="sw_if_index"):
            client.api.sw_interface_set_flags(sw_if_index="x")
        with pytest.raises(AttributeError):
            _ = client.api.no_such_message
        assert client.get_field_options("show_version", "context") is None
        assert client.validate_message_table(["show_version_51077d14", "x_0"]) == ["x_0"]

    with_client(peer.socket_path, body)


def test_no_answer(peer: Peer) -> None:
    async def body(client: VPPApiClient, events: Any) -> None:
        peer.on("show_version").drop()
        with pytest.raises(TimeoutError):
            await client.api.show_version()
        with pytest.raises(TimeoutError):
            await client.api.show_version(_timeout=0.05)
        assert (await client.api.control_ping(_timeout=10)).retval == 0

    with_client(peer.socket_path, body, read_timeout=0.3)


def test_a_peer_that_dies(own_peer_process: SpawnedPeer) -> None:
    async def body(client: VPPApiClient, events: Any) -> None:
        await client.api.show_version()
        own_peer_process.kill()
        with pytest.raises(OSError, match=r"(?i)lost|gone|closed|reset"):
            await client.api.show_version()

    with_client(own_peer_process.socket_path, body)


def test_life(tmp_path: Any) -> None:
    async def main() -> None:
        client = VPPApiClient(server_address=str(tmp_path / "none"))
        with pytest.raises(VPPApiError, match="Not connected"):
            _ = client.api
        assert await client.connect("x", None) == -1
        assert not client.connected
        assert await client.disconnect() == 0
        assert "read_timeout=5" in repr(client)

    asyncio.run(main())
