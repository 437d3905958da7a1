"""connect() and client.api, over all three transports."""

from __future__ import annotations

import inspect
import json
import math
import os
import pickle
import pydoc
import threading
import typing
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

import vapi_cffi
from vapi_cffi import (
    ApiError,
    BadMessage,
    Client,
    ConnectFailed,
    Forked,
    InvalidArgument,
    MessageUnavailable,
    NoSuchMessage,
    NotConnected,
    Timeout,
    Transport,
    VapiError,
    connect,
)
from vapi_cffi.sim import Peer, Request


def test_first_call(client: Client, transport: Transport) -> None:
    reply = client.api.show_version()
    assert reply.retval == 0
    assert reply.program == "vpe"
    assert type(reply).__name__ == "ShowVersionReply"
    assert client.transport == transport
    assert client.is_connected


def test_leaves_nothing_behind(leak_check: None, address: str, transport: Transport) -> None:
    with connect(address, transport=transport) as client:
        client.api.show_version()
        client.api.sw_interface_dump().all()
    with pytest.raises(NotConnected):
        client.api.show_version()


def test_close_is_idempotent(client: Client) -> None:
    client.close()
    client.close()
    assert not client.is_connected


def test_arguments_are_natural_values(client: Client) -> None:
    created = client.api.create_loopback(mac_address="02:fe:00:00:00:42")
    index = created.sw_if_index
    client.api.sw_interface_set_flags(sw_if_index=index, flags="admin_up")
    client.api.sw_interface_add_del_address(sw_if_index=index, is_add=True, prefix="10.1.2.3/24")
    (found,) = client.api.sw_interface_dump(sw_if_index=index)
    assert found.l2_address == "02:fe:00:00:00:42"
    assert found.flags & 1
    (address,) = client.api.ip_address_dump(sw_if_index=index)
    assert address.prefix == IPv4Interface("10.1.2.3/24")


def test_a_request_object_instead_of_keywords(client: Client) -> None:
    request = client.api.create_loopback.request(mac_address="02:fe:00:00:00:43")
    index = client.api.create_loopback(request).sw_if_index
    (found,) = client.api.sw_interface_dump(sw_if_index=index)
    assert found.l2_address == "02:fe:00:00:00:43"
    with pytest.raises(InvalidArgument, match="takes one CreateLoopback, or keywords, not 5"):
        client.api.create_loopback(5)


def test_retvals_are_errors(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.api.sw_interface_set_flags(sw_if_index=9999, flags=1)
    error = caught.value
    assert (error.retval, error.symbol) == (-2, "INVALID_SW_IF_INDEX")
    assert (error.message, error.reply.retval) == ("sw_interface_set_flags", -2)
    assert str(error) == (
        "sw_interface_set_flags: there is no interface with that sw_if_index: "
        "INVALID_SW_IF_INDEX (-2)"
    )
    again = pickle.loads(pickle.dumps(error))
    assert (again.retval, str(again)) == (-2, str(error))


def test_retvals_without_errors(address: str, transport: Transport) -> None:
    with connect(address, transport=transport, raise_on_error=False) as client:
        assert client.api.sw_interface_set_flags(sw_if_index=9999).retval == -2
    with connect(address, transport=transport) as client:
        assert client.api.sw_interface_set_flags.raw(sw_if_index=9999).retval == -2


def test_wrong_arguments_are_named(client: Client) -> None:
    with pytest.raises(InvalidArgument, match=r"sw_interface_set_flags\.flags: expected a member"):
        client.api.sw_interface_set_flags(sw_if_index=1, flags="sideways")
    with pytest.raises(InvalidArgument, match="did you mean 'sw_if_index'"):
        client.api.sw_interface_set_flags(sw_if_idx=1)
    with pytest.raises(InvalidArgument, match="did you mean '_timeout'"):
        client.api.show_version(timeout=1)
    with pytest.raises(InvalidArgument, match="'context': it is filled in"):
        client.api.show_version(context=1)
    request = client.api.create_loopback.request()
    with pytest.raises(InvalidArgument, match=r"or keywords, not both \(mac_address\)"):
        client.api.create_loopback(request, mac_address="02:fe:00:00:00:01")
    with pytest.raises(InvalidArgument, match=r"\.mtu: expected at most 4 values, not 5: \[1, 2,"):
        client.api.sw_interface_set_mtu(sw_if_index=0, mtu=[1, 2, 3, 4, 5])


def test_unknown_messages(client: Client) -> None:
    with pytest.raises(AttributeError, match="did you mean 'show_version'"):
        _ = client.api.show_versoin
    with pytest.raises(NoSuchMessage, match="it is what 'show_version' is answered with"):
        _ = client.api.show_version_reply
    with pytest.raises(NoSuchMessage, match="it is what 'sw_interface_dump' brings"):
        _ = client.api.sw_interface_details
    with pytest.raises(NoSuchMessage, match=r"use client\.events\('sw_interface_event'\)"):
        _ = client.api.sw_interface_event
    assert not hasattr(client.api, "acl_add_replace")
    assert not hasattr(client.api, "__wrapped__")


def test_completion_and_help(client: Client) -> None:
    names = dir(client.api)
    assert {"show_version", "sw_interface_dump", "create_loopback"} <= set(names)
    assert "show_version_reply" not in names
    function = client.api.sw_interface_set_flags
    text = pydoc.plain(pydoc.render_doc(function))
    assert "Sets an interface up or down." in text or "sw_interface_set_flags" in text
    assert "sw_if_index: int" in text
    assert "Reply: SwInterfaceSetFlagsReply" in text
    assert {"sw_if_index", "flags", "_timeout"} <= set(inspect.signature(function).parameters)
    nested = pydoc.plain(pydoc.render_doc(client.api.ip_route_add_del))
    for line in (
        "route: IpRoute",
        "    n_paths: int  (the length of paths, filled in)",
        "    paths: list[FibPath]",
        "            FIB_API_PATH_TYPE_DROP",
        "            address: AddressUnion  (one of:)",
        "                ip4: IPv4Address",
    ):
        assert f"\n        {line}\n" in nested
    request = client.api.ip_route_add_del.request
    assert list(inspect.signature(request).parameters) == ["is_add", "is_multipath", "route"]
    assert "route\n |      IpRoute" in pydoc.plain(pydoc.render_doc(request))


def test_cli(client: Client) -> None:
    assert client.cli("show version").startswith("vpe v")
    with pytest.raises(ApiError, match="cli_inband: unknown input `show nonsense'"):
        client.cli("show nonsense")


def test_a_peer_of_ones_own() -> None:
    with connect("sim:") as client:
        assert client.api.control_ping().vpe_pid > 0


def test_what_was_tried_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = str(tmp_path / "nothing.sock")
    with pytest.raises(ConnectFailed, match=missing):
        connect(missing)
    monkeypatch.setenv("VAPI_ADDRESS", missing)
    with pytest.raises(ConnectFailed, match=rf"{missing} \(as VAPI_ADDRESS says\): "):
        connect()
    monkeypatch.delenv("VAPI_ADDRESS")
    # Whether there is a VPP or not.
    with pytest.raises(VapiError, match=r"^connect to \S+ \(VAPI_ADDRESS is not set\): "):
        connect(timeout=0)


def test_what_is_no_function_is_refused_at_once(address: str) -> None:
    with pytest.raises(InvalidArgument, match="on_reconnect is a function, not 'restore'"):
        connect(address, reconnect=True, on_reconnect="restore")  # type: ignore[arg-type]


def test_classes_tell_the_types_of_what_they_have(client: Client) -> None:
    for cls in (
        client.api.ip_route_add_del.request,
        client.message_class("sw_interface_event"),
        type(client.api.sw_interface_dump().all()[0].flags),
        vapi_cffi.ApiUnion,
        vapi_cffi.ApiEnum,
    ):
        assert "ClassVar" not in str(typing.get_type_hints(cls))


def test_an_option_that_does_not_exist(address: str) -> None:
    with pytest.raises(TypeError, match="no option 'tmeout': did you mean 'timeout'"):
        connect(address, tmeout=1.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="has no option 'x': there are name, "):
        connect(address, x=1)  # type: ignore[call-arg]


def test_a_timeout_of_one_call(client: Client, peer: Peer) -> None:
    client.api.show_version()
    waits = pytest.raises(Timeout, match=r"^show_version: no answer for 0\.05 s$")
    with peer.faults.stalled(), waits:
        client.api.show_version(_timeout=0.05)
    assert client.api.show_version(_timeout=math.inf).retval == 0


@pytest.mark.parametrize("large_over_shm", [True, False])
def test_threads_share_a_client(address: str, transport: Transport, large_over_shm: bool) -> None:
    """Each gets its own answers: of calls, and of dumps that one of them receives for all."""
    with connect(
        address, transport=transport, timeout=5.0, large_over_shm=large_over_shm
    ) as client:
        share(client)


def share(client: Client) -> None:
    """16 threads, 20 rounds of a dump and a call each."""
    wrong: list[object] = []
    for _ in range(5):
        client.api.create_loopback()

    def work(number: int) -> None:
        try:
            for _ in range(20):
                found = client.api.sw_interface_dump().all()
                if [item.sw_if_index for item in found] != list(range(6)):
                    wrong.append(found)
                reply = client.api.sw_interface_set_flags.raw(sw_if_index=1000 + number)
                if reply.retval != -2:
                    wrong.append(reply)
        except vapi_cffi.VapiError as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_child_may_not_use_it(client: Client) -> None:
    client.api.show_version()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            client.api.show_version()
            os.write(writer, b"it worked")
        except Forked:
            os.write(writer, b"Forked")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    assert os.read(reader, 100) == b"Forked"
    os.close(reader)
    assert client.api.show_version().retval == 0


def test_all_names_are_exported() -> None:
    for name in ("Client", "Dump", "Stream", "Events", "Listener", "MACAddress", "connect"):
        assert name in vapi_cffi.__all__
        assert getattr(vapi_cffi, name).__module__ == "vapi_cffi"


# ---- definitions ---------------------------------------------------------------------------------


def documents(**changes: object) -> str:
    """A file with show_version in it, perhaps with another CRC, and a message nobody has."""
    crc = {"crc": "0x51077d14"} | changes
    head = [["u16", "_vl_msg_id"], ["u32", "client_index"], ["u32", "context"]]
    reply = [["u16", "_vl_msg_id"], ["u32", "context"], ["i32", "retval"]]
    texts = [["string", name, 32] for name in ("mine", "version", "build_date")]
    texts.append(["string", "build_directory", 256])
    return json.dumps(
        {
            "messages": [
                ["show_version", *head, crc],
                [
                    "show_version_reply",
                    *reply,
                    *texts,
                    {"crc": "0xc919bde1"},
                ],
                ["warp_drive", *head, {"crc": "0x00000001"}],
                ["warp_drive_reply", *reply, {"crc": "0xe8d4e804"}],
            ],
            "services": {
                "show_version": {"reply": "show_version_reply"},
                "warp_drive": {"reply": "warp_drive_reply"},
            },
        }
    )


def test_definitions_of_a_directory_come_first(peer: Peer, tmp_path: Path) -> None:
    (tmp_path / "own.api.json").write_text(documents())
    with connect(peer.address(), definitions=tmp_path) as client:
        assert client.api.show_version().mine == "vpe"
        assert client.api.sw_interface_dump().all()  # VPP's own fill the rest in
        with pytest.raises(NoSuchMessage, match="'warp_drive': its plugin is not loaded"):
            _ = client.api.warp_drive
        assert "warp_drive" not in dir(client.api)


def test_another_crc_names_both(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.api.json").write_text(documents(crc="0xdeadbeef"))
    with connect(peer.address(), definitions=tmp_path) as client:
        assert client.api.show_version().version  # the server knows better
        monkeypatch.setattr(client.sources, "_others", lambda connection: [])
        client.sources.forget_server()
        del client.api.__dict__["show_version"]
        with pytest.raises(MessageUnavailable, match="CRC 51077d14, the definitions have deadbeef"):
            _ = client.api.show_version


def test_definitions_of_api_files(peer: Peer, cache: Path) -> None:
    """Our own `.api` files; the generator reads them."""
    folder = Path(vapi_cffi.__file__).parent / "api"
    with connect(peer.address(), definitions=[str(folder / "vpe.api")]) as client:
        assert client.api.show_version().program == "vpe"
        scope, _ = client.sources.find(client.connection, "show_version")
        assert list(scope.set.callers()) == ["show_version", "show_vpe_system_time"]


def test_definitions_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no such file"):
        connect("sim:", definitions=tmp_path / "nothing")
    with pytest.raises(InvalidArgument, match="has no"):
        connect("sim:", definitions=tmp_path)
    (tmp_path / "bad.api.json").write_text("{")
    with pytest.raises(InvalidArgument, match="is not JSON"):
        connect("sim:", definitions=tmp_path)
    with pytest.raises(InvalidArgument, match="definitions are paths"):
        connect("sim:", definitions=5)  # type: ignore[arg-type]


def test_the_reply_of_another_message(client: Client, peer: Peer) -> None:
    """As 15 of VPP 26.06: what has the context of a request, and is a reply, is its answer."""

    @peer.on("sw_interface_set_flags")
    def answer(request: Request) -> bytes:
        return request.details("sw_interface_set_mtu_reply", retval=-7)

    @peer.on("sw_interface_set_mtu")
    def wrong(request: Request) -> bytes:
        return request.details("create_loopback_reply", sw_if_index=5)

    with pytest.raises(ApiError, match=r"sw_interface_set_flags: .*-7"):
        client.api.sw_interface_set_flags(sw_if_index=0)
    reply = client.api.sw_interface_set_flags.raw(sw_if_index=0)
    assert isinstance(reply, client.api.sw_interface_set_flags.reply)
    assert reply.retval == -7
    with pytest.raises(BadMessage, match=r"sw_interface_set_mtu: .*CreateLoopbackReply\(.*=5"):
        client.api.sw_interface_set_mtu(sw_if_index=0)
    result = client.bulk("sw_interface_set_flags", columns={"sw_if_index": [0, 1]})
    assert list(result.retvals) == [-7, -7]
    with client.pipeline() as p:
        calls = [p.api.sw_interface_set_flags(sw_if_index=0), p.api.sw_interface_set_mtu()]
    assert [type(call.exception()) for call in calls] == [ApiError, BadMessage]


def test_an_event_with_the_bytes_of_a_context(client: Client, peer: Peer) -> None:
    """Its client_index is where answers have the context."""

    @peer.on("sw_interface_set_flags")
    def answer(request: Request) -> list[bytes]:
        event, reply = peer.encode("sw_interface_event", sw_if_index=3), request.reply(retval=0)
        return [event[:2] + reply[2:6] + event[6:], reply]

    with client.events("sw_interface_event") as events:
        assert client.api.sw_interface_set_flags(sw_if_index=0).retval == 0
        assert events.get(timeout=10).sw_if_index == 3
