"""The embedded peer from Python: life, handlers, events, looking in, faults, definitions."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import os
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _resources import open_files
from vapi_cffi.generator import ApiError, load

from vapi_cffi import TRANSPORTS, InvalidArgument, Transport, aio, connect
from vapi_cffi.sim import ALL_CLIENTS, Peer, Request, SpawnedPeer
from vapi_cffi.sim._definitions import to_text

_spec = importlib.util.spec_from_file_location("bare", Path(__file__).with_name("_bare_client.py"))
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
BareClient: Any = _module.BareClient

API = Path(__file__).parents[2] / "vapi_cffi" / "api"


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


@pytest.fixture
def client(peer: Peer) -> Iterator[Any]:
    bare = BareClient(peer.socket_path)
    yield bare
    bare.close()


def test_definitions_json_is_what_the_api_files_say() -> None:
    model = load([API])
    files = sorted(model.files, key=lambda item: (item.module != "memclnt", item.module))
    assert (API / "definitions.json").read_text() == to_text(files) + "\n"


def test_the_address_is_one_that_it_has() -> None:
    with Peer(transports=["shm"]) as peer, connect(peer.address()) as client:
        assert client.api.control_ping().retval == 0
        with pytest.raises(ValueError, match="does not offer 'socket'"):
            peer.address("socket")
    with Peer() as peer:
        assert peer.address() == peer.address("socket") == f"unix:{peer.socket_path}"


def test_life_leaves_nothing_behind() -> None:
    gc.collect()  # what others forgot is not closed meanwhile, and its numbers taken
    files = open_files()
    peer = Peer()
    with peer:
        assert peer.is_running
        path = Path(str(peer.socket_path))
        shm = Path("/dev/shm", f"{peer.shm_prefix}-vpe-api")
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert stat.S_IMODE(shm.stat().st_mode) == 0o660
    assert not path.exists()
    assert not path.parent.exists()
    assert not shm.exists()
    assert open_files() <= files
    peer.close()
    with pytest.raises(ValueError, match="closed"):
        peer.start()


def test_stops_and_starts_again() -> None:
    peer = Peer()
    for _ in range(3):
        peer.start()
        client = BareClient(peer.socket_path)
        client.call("control_ping")
        client.close()
        peer.stop()
        assert not peer.is_running
    peer.close()


def test_memclnt_has_its_fixed_ids(client: Any) -> None:
    assert client.table["control_ping_51077d14"] == 23
    assert client.table["get_api_json_reply_ea715b59"] == 28


def test_default_reply_is_zeros(client: Any) -> None:
    assert client.call("show_threads")[6:] == bytes(8)


def test_dump_without_rows_ends_with_the_ping(client: Any) -> None:
    client.request("ip_dump", b"\0")
    client.call("control_ping")


def test_api_json_is_served(peer: Peer, client: Any) -> None:
    data = client.call("get_api_json")
    (size,) = struct.unpack_from(">I", data, 10)
    documents = json.loads(data[14 : 14 + size])
    assert "memclnt" in [item["module"] for item in documents]
    assert data[14:] == peer.definitions.json_text


def test_handler_answers_in_every_form(peer: Peer, client: Any) -> None:
    @peer.on("ip_table_allocate")
    def allocate(request: Request) -> int | bytes:
        assert request["context"] == 7
        if request.data[10:14] == bytes(4):
            return -3
        return request.reply(table=bytes([1, 2, 3]))

    @peer.on("ip_dump")
    def rows(request: Request) -> Iterator[bytes]:
        for _ in range(3):
            yield request.details("ip_details", is_ipv6=1)

    size = peer.definitions.message("ip_table_allocate").size - 10
    assert client.call("ip_table_allocate", bytes(size))[6:10] == struct.pack(">i", -3)
    assert client.call("ip_table_allocate", b"\1" * size)[6:13] == bytes([0, 0, 0, 0, 1, 2, 3])
    client.request("ip_dump", b"\0")
    client.request("control_ping")
    for _ in range(3):
        client.expect("ip_details")
    client.expect("control_ping_reply")
    peer.off("ip_dump")
    client.request("ip_dump", b"\0")
    client.call("control_ping")


def test_string_fields(peer: Peer, client: Any) -> None:
    @peer.on("cli_inband")
    def cli(request: Request) -> bytes:
        command = request["cmd"]
        assert isinstance(command, bytes)
        return request.reply(reply=command.upper())

    data = client.call("cli_inband", struct.pack(">I", 4) + b"show")
    assert data[10:] == struct.pack(">I", 4) + b"SHOW"


def test_failing_handler_answers_and_is_raised_at_the_end() -> None:
    def ask_a_failing_handler() -> None:
        with Peer() as peer:

            @peer.on("show_version")
            def version(request: Request) -> int:
                return 1 // 0

            client = BareClient(peer.socket_path)
            assert client.call("show_version")[6:10] == struct.pack(">i", -1)
            client.close()

    with pytest.raises(ZeroDivisionError):
        ask_a_failing_handler()


def test_events(peer: Peer, client: Any) -> None:
    client.call("want_interface_events", struct.pack(">II", 1, 0))
    peer.event("sw_interface_event", sw_if_index=3, flags=1, count=1000)
    for _ in range(1000):
        assert client.expect("sw_interface_event")[10:14] == struct.pack(">I", 3)
    peer.event("sw_interface_event", to=ALL_CLIENTS, deleted=1)
    assert client.expect("sw_interface_event")[18] == 1
    with pytest.raises(InvalidArgument, match="nonsense"):
        peer.event("sw_interface_event", nonsense=1)
    with pytest.raises(KeyError, match="no message"):
        peer.event("no_such_event")


def test_looking_in(peer: Peer, client: Any) -> None:
    (info,) = peer.clients
    assert (info.name, info.pid, info.transport) == ("bare", os.getpid(), "socket")
    peer.record()
    client.call("control_ping")
    client.call("show_version")
    assert [request.name for request in peer.recorded()] == ["control_ping", "show_version"]
    assert peer.stats["received_socket"] == 3
    peer.disconnect(info.client_id)
    with pytest.raises(EOFError):
        client.recv()


def test_faults(peer: Peer, client: Any) -> None:
    peer.faults.trickle(1)
    client.call("control_ping")
    peer.faults.trickle(0)
    peer.faults.drop("control_ping_reply", 1)
    peer.flush()
    client.request("control_ping", context=1)
    client.call("control_ping")
    with peer.faults.stalled():
        client.request("control_ping")
        client.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv()
    client.socket.settimeout(10)
    client.expect("control_ping_reply")
    peer.restart()
    with pytest.raises(EOFError):
        client.recv()
    again = BareClient(peer.socket_path)
    again.call("control_ping")
    again.close()


def test_definitions_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "sample.api").write_text(
        'option version = "1.2.3";\n'
        "autoreply define sample_set { u32 client_index; u32 context; u8 on; };\n"
        "define sample_get { u32 client_index; u32 context; };\n"
        "define sample_get_reply { u32 context; i32 retval; u32 n; u16 values[n]; };\n"
    )
    with Peer(api=[tmp_path]) as peer:
        client = BareClient(peer.socket_path)
        assert client.call("sample_set", b"\1")[6:] == bytes(4)
        assert client.call("sample_get")[6:] == bytes(8)
        first = client.table[peer.definitions.message("sample_set").name_crc]
        assert first > 28
        client.call("show_version")
        client.close()


@pytest.mark.parametrize("make", [Peer, Peer.spawn])
def test_definitions_of_the_user_import_others(make: Any, tmp_path: Path) -> None:
    """Types of VPP, say, which are somewhere else."""
    (tmp_path / "vpp" / "vnet").mkdir(parents=True)
    (tmp_path / "vpp" / "vnet" / "colour.api").write_text("typedef colour { u8 rgb[3]; };\n")
    file = tmp_path / "sample.api"
    file.write_text(
        'import "vnet/colour.api";\n'
        "autoreply define sample_set { u32 client_index; u32 context; vl_api_colour_t to; };\n"
    )
    with make(api=[file], include=[tmp_path / "vpp"]) as peer:
        client = BareClient(peer.socket_path)
        assert client.call("sample_set", b"rgb")[6:] == bytes(4)
        assert peer.definitions.message("sample_set").name_crc in client.table
        client.close()
    with pytest.raises(ApiError, match=r"cannot find import 'vnet/colour\.api'"):
        Peer(api=[file])


def test_answers_that_have_their_context_further_on(tmp_path: Path) -> None:
    """As dev_create_port_if_reply of VPP, and half of the upf plugin."""
    file = tmp_path / "sample.api"
    file.write_text(
        "define far { u32 client_index; u32 context; };\n"
        "define far_reply { u32 client_index; u32 context; u32 n; i32 retval; string s[]; };\n"
        "define row_dump { u32 client_index; u32 context; };\n"
        "define row_details { u32 client_index; u32 context; u8 n; };\n"
    )
    with Peer(api=[file]) as peer:
        peer.on("row_dump").details([{"n": 1}, {"n": 2}])
        for transport in TRANSPORTS:
            with connect(peer.address(transport), transport=transport) as client:
                assert client.api.far().s == ""  # by C
                peer.on("far").reply(n=7).times(1)
                assert client.api.far().n == 7
                assert [row.n for row in client.api.row_dump()] == [1, 2]

            async def program(transport: Transport = transport) -> None:
                async with aio.connect(peer.address(transport), transport=transport) as client:
                    both = await asyncio.gather(client.api.far(), client.api.far.raw())
                    assert [reply.s for reply in both] == ["", ""]
                    assert [row.n async for row in client.api.row_dump()] == [1, 2]

            asyncio.run(program())


def test_bad_arguments(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("somebody's")
    with pytest.raises(OSError, match="file"):
        Peer(socket_path=str(file)).start()
    assert file.read_text() == "somebody's"
    with pytest.raises(OSError, match="x/y"):
        Peer(shm_prefix="x/y").start()
    with pytest.raises(OSError, match="missing"):
        Peer(socket_path=str(tmp_path / "missing" / "api.sock")).start()
    with pytest.raises(OSError, match=r"long|name"):
        Peer(socket_path=str(tmp_path / ("x" * 200))).start()


def test_spawned_peer_ends_with_its_files() -> None:
    with Peer.spawn() as spawned:
        client = BareClient(spawned.socket_path)
        client.call("control_ping")
        client.close()
        path, shm = (
            Path(str(spawned.socket_path)),
            Path("/dev/shm", f"{spawned.shm_prefix}-vpe-api"),
        )
        assert path.exists()
        assert shm.exists()
    assert not path.exists()
    assert not shm.exists()
    spawned = SpawnedPeer(str(path.parent / "no" / "such" / "place"))
    with pytest.raises(OSError, match="did not start"):
        spawned.start()


def test_spawned_peer_ends_with_its_parent() -> None:
    program = (
        "from vapi_cffi.sim import Peer; import os, signal\n"
        "s = Peer.spawn(); print(s.pid, s.socket_path, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert run.returncode == -signal.SIGKILL
    pid, path = run.stdout.split()
    try:
        descriptor = os.pidfd_open(int(pid))
    except ProcessLookupError:
        pass
    else:
        import select

        assert select.select([descriptor], [], [], 10)[0]
        os.close(descriptor)
    assert not Path(path).exists()
