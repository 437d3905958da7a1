"""client.trace(file), and `vapi trace` which prints it."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vapi_cffi import ApiError, Client, InvalidArgument, MisuseError, aio, connect
from vapi_cffi.cli._group import group
from vapi_cffi.sim import Peer


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_both_directions(client: Client, tmp_path: Path) -> None:
    client.api.show_version()  # not in it
    held = client.api.create_loopback
    held()
    with client.trace(tmp_path / "vpp.trace") as trace:
        index = held(mac_address="02:fe:00:00:00:01").sw_if_index
        with pytest.raises(ApiError):
            client.api.sw_interface_set_flags(sw_if_index=4711, flags="admin_up")
        client.api.sw_interface_dump(sw_if_index=index).all()
        with client.events("sw_interface_event") as events:
            client.api.delete_loopback(sw_if_index=index)
            events.get(timeout=5)
    held()
    found = lines((tmp_path / "vpp.trace").read_text())
    assert trace.count == len(found)
    assert [(line["direction"], line["name"]) for line in found[:7]] == [
        ("sent", "create_loopback"),
        ("received", "create_loopback_reply"),
        ("sent", "sw_interface_set_flags"),
        ("received", "sw_interface_set_flags_reply"),
        ("sent", "sw_interface_dump"),
        ("received", "sw_interface_details"),
        ("received", "control_ping_reply"),
    ]
    assert found[0]["fields"] == {"mac_address": "02:fe:00:00:00:01"}
    assert found[1]["fields"]["sw_if_index"] == index
    assert found[2]["fields"]["flags"] == "IF_STATUS_API_FLAG_ADMIN_UP"
    assert found[3]["fields"]["retval"] == -2
    assert found[5]["size"] > 100
    assert "sw_interface_event" in [line["name"] for line in found]
    assert [line["time"] for line in found] == sorted(line["time"] for line in found)


def test_no_cost_when_off(client: Client) -> None:
    before = dict(vars(client.connection))
    call = client.api.show_version.binding.call
    with client.trace(io.StringIO()):
        assert client.api.show_version.binding.call is not call
        with pytest.raises(MisuseError, match="being traced"):
            client.trace(io.StringIO())
    assert set(vars(client.connection)) == set(before)
    assert client.api.show_version.binding.call == call == client.connection.call
    with pytest.raises(InvalidArgument, match="a path or an open file"):
        client.trace(3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        client.trace("/nowhere/at/all")
    assert client.api.show_version().retval == 0


def test_raw_connection(client: Client) -> None:
    file = io.StringIO()
    connection = client.connection
    ping = connection.find("control_ping_51077d14").to_bytes(2, "big") + connection.client_index
    with client.trace(file):
        connection.send_many([ping + b"\0\0\0\1", ping + b"\0\0\0\2"])
        connection.recv(5.0).release()
        connection.recv_bytes(8, 5.0)
        buffer = connection.alloc(10)
        buffer.data[:] = ping + b"\0\0\0\3"
        connection.send(buffer)
        connection.recv_many(1, 5.0)[0].release()
        assert connection.pump(ping + bytes(4), count=100).ok
        connection.send_bytes(b"\xff\xf0" + bytes(8))
    found = lines(file.getvalue())
    assert [line["name"] for line in found[:6]].count("control_ping") == 3
    assert sorted(line.get("context", 0) for line in found[:6]) == [1, 1, 2, 2, 3, 3]
    assert (found[-3]["direction"], found[-3]["times"]) == ("sent", 100)
    assert (found[-2]["name"], found[-2]["times"]) == ("(any answer)", 100)
    assert found[-2]["fields"] == {"retval": 0}
    assert found[-1]["hex"] == "fff0" + "00" * 8
    assert found[-1]["error"] == "VPP has no message of that number"


def test_bulk(client: Client, tmp_path: Path) -> None:
    """Each request, and how many answers had which retval."""
    made = [client.api.create_loopback().sw_if_index for _ in range(3)]
    with client.trace(tmp_path / "t") as trace:
        asked = [*made, 4711, 4712]
        client.bulk("sw_interface_set_flags", columns={"sw_if_index": asked}, flags="admin_up")
        client.bulk("control_ping", count=5000)
        stopped = client.bulk("sw_interface_set_flags", count=4000, depth=4, stop_on_error=True,
                              sw_if_index=4713)  # fmt: skip
        paths = {"route.paths": [[{}] * (n % 3 + 1) for n in range(9)]}
        client.bulk("ip_route_add_del", {"is_add": True}, paths)
    found = lines((tmp_path / "t").read_text())
    assert trace.count == len(found)
    sent = [line for line in found if line["direction"] == "sent"]
    assert [line["fields"]["sw_if_index"] for line in sent[:5]] == asked
    assert [line["name"] for line in sent[5:5005]] == ["control_ping"] * 5000
    assert len(sent) == 5 + 5000 + stopped.sent + 9
    assert [len(line["fields"]["route"]["paths"]) for line in sent[-9:]] == [1, 2, 3] * 3
    got = [line for line in found if line["direction"] == "received"]
    assert {line["name"] for line in got[:2]} == {"sw_interface_set_flags_reply"}
    assert [(line["times"], line["fields"]["retval"]) for line in got[:2]] == [(2, -2), (3, 0)]
    pings = [line["times"] for line in got if line["name"] == "control_ping_reply"]
    assert sum(pings) == 5000
    failed = run(str(tmp_path / "t"), "--failed")
    assert "sw_interface_set_flags_reply retval=-2 (x 2)" in failed[0]


def test_a_pipeline(client: Client) -> None:
    file = io.StringIO()
    with client.trace(file), client.pipeline(depth=8) as p:
        made = [p.api.create_loopback() for _ in range(30)]
        dump = p.api.sw_interface_dump()
        p.api.sw_interface_set_flags(sw_if_index=4711)
    found = lines(file.getvalue())
    sent = [line["name"] for line in found if line["direction"] == "sent"]
    assert sent == [
        *["create_loopback"] * 30,
        "sw_interface_dump",
        "control_ping",
        "sw_interface_set_flags",
        "control_ping",
    ]
    got = [line for line in found if line["direction"] == "received"]
    assert [line["fields"]["sw_if_index"] for line in got[:30]] == [
        call.result().sw_if_index for call in made
    ]
    assert len(got) == 30 + len(dump.result()) + 1 + 1 + 1
    assert got[-2]["fields"] == {"retval": -2}


def test_asyncio(peer: Peer, tmp_path: Path) -> None:
    async def main() -> None:
        async with aio.connect(peer.address()) as vpp:
            with vpp.trace(tmp_path / "t"):
                await asyncio.gather(vpp.api.show_version(), vpp.api.control_ping())
                await vpp.api.sw_interface_dump().all()
            await vpp.api.show_version()

    asyncio.run(main())
    found = lines((tmp_path / "t").read_text())
    assert [line["name"] for line in found if line["direction"] == "sent"] == [
        "show_version",
        "control_ping",
        "sw_interface_dump",
        "control_ping",
    ]
    assert {line["context"] for line in found if line["name"].startswith("show_version")} == {
        found[0]["context"]
    }


def call_for_ever(client: Client) -> None:
    while True:
        client.api.show_version()


def test_it_goes_on_after_a_reconnect(peer: Peer) -> None:
    file = io.StringIO()
    with connect(peer.address(), reconnect=True) as client, client.trace(file):
        client.api.show_version()
        peer.restart()
        with pytest.raises(ConnectionError):
            call_for_ever(client)
        client.wait_connected(10)
        client.api.control_ping()
    assert lines(file.getvalue())[-1]["name"] == "control_ping_reply"


# ---- vapi trace ----------------------------------------------------------------------------------


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    file = tmp_path / "vpp.trace"
    with connect("sim:") as client, client.trace(file):
        client.api.show_version()
        client.api.sw_interface_set_flags.raw(sw_if_index=9)
        client.api.cli_inband(cmd="show version")
    return file


def run(*arguments: str) -> list[str]:
    result = CliRunner().invoke(group, ["trace", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_printing(recorded: Path) -> None:
    whole = run(str(recorded))
    assert len(whole) == 6
    assert " -> show_version" in whole[0]
    assert " <- show_version_reply retval=0 program=vpe" in whole[1]
    assert 'cmd="show version"' in whole[4]
    assert run(str(recorded), "--no-fields")[5].endswith("<- cli_inband_reply")


def test_choosing(recorded: Path) -> None:
    assert len(run(str(recorded), "--sent")) == 3
    assert len(run(str(recorded), "--received")) == 3
    (failed,) = run(str(recorded), "--failed")
    assert "sw_interface_set_flags_reply retval=-2" in failed
    named = run(str(recorded), "--name", "show_*", "-n", "cli_inband", "--json")
    assert [json.loads(line)["name"] for line in named] == [
        "show_version",
        "show_version_reply",
        "cli_inband",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "not a line of a trace"), ("[1]", "it has no time"), ('{"time": 1}', "no direction")],
)
def test_files_that_are_none(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "x"
    file.write_text(f"\n{text}\n")
    with pytest.raises(InvalidArgument, match=f"x:2: .*{reason}"):
        CliRunner().invoke(group, ["trace", str(file)], catch_exceptions=False)
