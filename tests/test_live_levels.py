"""Every level against a running VPP, with bindings generated for it; what they say is compared with
what VPP's own command line says."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from vapi_cffi.generator.output import Request, generate

from vapi_cffi import Connection, Transport, aio, callback, connect, objects

pytestmark = pytest.mark.live

Make = Callable[..., Connection]
SHARED = Path(__file__).resolve().parents[2] / "shared" / "vpp-26.06"


@pytest.fixture(scope="module")
def bindings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Of all of VPP 26.06."""
    if not SHARED.exists():
        pytest.skip(f"no API files of VPP in {SHARED}")
    folder = tmp_path_factory.mktemp("live")
    generate(Request(paths=(SHARED,), targets={"python": folder / "livebindings"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module("livebindings")


def fine(conn: object, context: Any, error: Any, is_last: bool, reply: Any) -> None:
    """A callback for requests that must succeed; puts the index of an interface where wanted."""
    assert error is None
    assert reply.retval == 0
    if context is not None:
        context.append(reply.sw_if_index)


def cli(connection: Connection, command: str) -> str:
    with objects.Request(connection, "cli_inband", cmd=command) as request:
        request.execute().wait_for_response()
        text: str = request.response.reply  # type: ignore[attr-defined]
    return text


def test_callbacks(live: Make, bindings: Any) -> None:
    calls = bindings.callback
    with live() as connection:
        made: list[int] = []
        details: list[Any] = []
        events: list[Any] = []

        def detail(conn: object, context: Any, error: Any, is_last: bool, item: Any) -> None:
            if item is not None:
                context.append(callback.keep(item))

        calls.create_loopback(connection, None, fine, made)
        (index,) = made
        try:
            calls.sw_interface_dump(connection, None, detail, details)
            assert all(isinstance(item, bindings.interface.SwInterfaceDetails) for item in details)
            name = next(item.interface_name for item in details if item.sw_if_index == index)
            assert name in cli(connection, "show interface")
            calls.set_sw_interface_event_event_cb(
                connection, lambda conn, context, event: events.append(callback.keep(event))
            )
            pid = os.getpid()
            calls.want_interface_events(connection, {"enable_disable": 1, "pid": pid}, fine)
            up = bindings.interface.SwInterfaceSetFlags(sw_if_index=index, flags="admin_up")
            calls.sw_interface_set_flags(connection, up, fine)
            while not any(event.sw_if_index == index and event.flags & 1 for event in events):
                callback.dispatch_one(connection, timeout=5)
            line = next(x for x in cli(connection, "show interface").splitlines() if name in x)
            assert line.split()[2] == "up"
        finally:
            calls.delete_loopback(connection, {"sw_if_index": index}, fine)
        assert name not in cli(connection, "show interface")
        assert connection.stats["bad"] == 0


def test_objects(live: Make, bindings: Any) -> None:
    make = bindings.objects
    with live() as connection:
        with make.create_loopback(connection) as request:
            request.execute().wait_for_response()
            index = request.response.sw_if_index
        try:
            with make.sw_interface_dump(connection, {"sw_if_index": index}) as dump:
                dump.execute().wait_for_response()
                (found,) = dump.result_set
                assert found.interface_name in cli(connection, "show interface")
            with make.ip_path_mtu_get(connection, {"cursor": 2**32 - 1}) as stream:
                stream.execute().wait_for_response()
                assert stream.response.retval == 0
                assert stream.result_set.complete
            kind = bindings.interface.SwInterfaceEvent
            with (
                objects.EventRegistration(connection, kind) as events,
                make.want_interface_events(
                    connection, {"enable_disable": 1, "pid": os.getpid()}
                ) as want,
                make.sw_interface_set_flags(
                    connection, {"sw_if_index": index, "flags": "admin_up"}
                ) as up,
            ):
                want.execute()
                up.execute().wait_for_response(timeout=5)
                assert want.response.retval == up.response.retval == 0
                events.wait(timeout=5)
                assert any(event.sw_if_index == index for event in events.result_set)
        finally:
            with make.delete_loopback(connection, {"sw_if_index": index}) as request:
                request.execute().wait_for_response()
                assert request.response.retval == 0
        assert connection.stats["bad"] == 0


def test_calls_and_coroutines(
    transport: Transport, live: Make, bindings: Any, request: pytest.FixtureRequest
) -> None:
    address = str(live().address)
    options: dict[str, Any] = {"transport": transport, "definitions": bindings.DEFINITIONS}
    with connect(address, **options) as client:
        api = bindings.typed(client)
        assert type(api.show_version()) is not None
        assert api.show_version().version in client.cli("show version")
        lines = client.cli("show ip pmtu").splitlines()
        for item in api.ip_path_mtu_get(cursor=2**32 - 1):
            assert any(str(item.pmtu.nh) in line for line in lines)

    async def program() -> None:
        async with aio.connect(address, **options) as asked:
            api = bindings.typed_async(asked)
            one, two = await asyncio.gather(api.show_version(), api.control_ping())
            assert isinstance(one, bindings.vpe.ShowVersionReply)
            assert two.retval == 0
            names = [item.interface_name async for item in api.sw_interface_dump()]
            assert "local0" in names

    asyncio.run(program())


def test_many_that_stay_lent(live: Make) -> None:
    """VPP's rings are not starved by results that nobody reads: pings go on, from another client
    as well."""
    with live() as connection, live() as other:
        kept: list[Any] = []
        for _ in range(500):
            request: Any = objects.Request(connection, "show_version").execute()
            request.wait_for_response()
            kept.append(request)
        assert connection.stats["held"] <= 32
        for _ in range(500):
            callback.control_ping(other, None, fine)
        assert {item.response.program for item in kept} == {"vpe"}
        for item in kept:
            item.close()
        assert connection.stats["held"] == 0
