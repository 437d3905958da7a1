"""`vapi call`, `vapi dump`, `vapi get`, `vapi cli` and `vapi api` on a server."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from vapi_cffi import TRANSPORTS
from vapi_cffi.cli import _output

from .conftest import Vapi  # type: ignore[import-not-found]


def test_call_prints_the_answer(vapi: Vapi) -> None:
    assert "version: 26.06" in vapi.ok("call", "show_version")
    found = json.loads(vapi.ok("call", "show_version", "--json"))
    assert found["retval"] == 0
    assert found["program"] == "vpe"
    assert "\nprogram: vpe\n" in vapi.ok("call", "show_version", "-o", "yaml")
    header, row = csv.reader(io.StringIO(vapi.ok("call", "show_version", "-o", "csv")))
    assert dict(zip(header, row, strict=True))["program"] == "vpe"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_transport(vapi: Vapi, transport: str) -> None:
    address = vapi.peer.address(transport)
    out = vapi.ok("call", "show_version", "-a", address, "-t", transport, "--timeout", "5")
    assert "vpe" in out


def test_call_takes_json_from_standard_input(vapi: Vapi) -> None:
    index = vapi.loopback()
    vapi.ok(
        *("call", "sw_interface_set_mtu", "-"),
        stdin=json.dumps({"sw_if_index": index, "mtu": [1234]}),
    )
    where = f"sw_if_index == {index}"
    assert "1234" in vapi.ok("dump", "sw_interface_dump", "-w", where)


def test_definitions_may_be_given(vapi: Vapi, tmp_path: Path) -> None:
    own = tmp_path / "empty.api"
    own.write_text('option version = "1.0.0";\n')
    assert "vpe" in vapi.ok("call", "show_version", "--api", str(own))


def test_an_api_file_that_is_wrong(vapi: Vapi, tmp_path: Path) -> None:
    """One line, and no traceback, wherever such a file may be given."""
    path = tmp_path / "bad.api"
    path.write_text("define x { u32 client_index; nosuch y; };")
    for words in (("sim", "--api"), ("call", "show_version", "--api")):
        done = vapi(*words, str(path))
        assert done.code == 2
        assert done.error.startswith(f"vapi: {path}:1:")
        assert "unknown type 'nosuch'" in done.error


def test_vpp_says_no(vapi: Vapi) -> None:
    done = vapi("call", "sw_interface_set_flags", "sw_if_index=4711")
    assert done.code == 1
    assert "INVALID_SW_IF_INDEX (-2)" in done.error


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("call", "show_versoin"), 1, "there is no message 'show_versoin': did you mean 'show_ver"),
        (("call", "qqqq"), 1, "there is no message 'qqqq'"),
        (("call", "sw_interface_details"), 1, "use `vapi dump sw_interface_dump`"),
        (("dump", "show_version_reply"), 1, "use `vapi call show_version`"),
        (("dump", "sw_interface_event"), 1, "is an event: use `vapi watch sw_interface_event`"),
        (("call", "sw_interface_dump"), 2, "use `vapi dump sw_interface_dump`"),
        (("dump", "show_version"), 2, "use `vapi call show_version`"),
        (("call", "show_version", "x=1"), 2, "show_version has no fields"),
        (("dump", "sw_interface_dump", "--columns", "mtus"), 2, "did you mean 'mtu'?"),
        (("dump", "sw_interface_dump", "--sort", "-nope"), 2, "has no field 'nope'"),
        (("dump", "sw_interface_dump", "--where", "a b"), 2, "--where 'a b'"),
        (("dump", "sw_interface_dump", "--limit", "-1"), 2, "--limit"),
        (("dump", "sw_interface_dump", "-o", "xml"), 2, "'xml'"),
        (("call", "sw_interface_tag_add_del", "@/nowhere"), 2, "/nowhere"),
        (("call", "sw_interface_tag_add_del", "-"), 2, "standard input is not JSON"),
        (("cal",), 2, "no such command 'cal'; did you mean 'call'?"),
    ],
)
def test_errors(vapi: Vapi, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = vapi(*arguments)
    assert words in done.error
    assert done.code == code


def test_dump_as_a_table(vapi: Vapi) -> None:
    index = vapi.loopback("mac_address=02:fe:00:00:00:77")
    lines = vapi.ok("dump", "sw_interface_dump").splitlines()
    assert lines[0].split()[:2] == ["sw_if_index", "interface_name"]
    row = next(line for line in lines if line.split()[0] == str(index))
    assert "02:fe:00:00:00:77" in row
    assert "\x1b" not in "".join(lines)


def test_columns_conditions_order_and_limit(vapi: Vapi) -> None:
    indexes = [vapi.loopback() for _ in range(3)]
    vapi.ok("call", "sw_interface_set_mtu", f"sw_if_index={indexes[1]}", "mtu[0]=1234")
    where = f"sw_if_index in {indexes}"
    out = vapi.ok(
        *("dump", "sw_interface_dump", "--columns", "mtu[0],sw_if_index", "-c", "interface_name"),
        *("--where", where, "--sort", "mtu[0],-sw_if_index"),
    )
    rows = [line.split() for line in out.splitlines()]
    assert rows[0] == ["mtu[0]", "sw_if_index", "interface_name"]
    assert [row[1] for row in rows[1:]] == [str(indexes[i]) for i in (1, 2, 0)]
    assert rows[1][0] == "1234"
    limited = vapi.ok("dump", "sw_interface_dump", "--where", where, "--limit", "2", "-o", "json")
    assert [row["sw_if_index"] for row in json.loads(limited)] == indexes[:2]
    two = vapi.ok("dump", "sw_interface_dump", "-w", where, "-w", "mtu[0] == 1234", "--json")
    assert [row["sw_if_index"] for row in json.loads(two)] == indexes[1:2]


def test_dump_in_other_forms(vapi: Vapi) -> None:
    index = vapi.loopback()
    chosen = ("-w", f"sw_if_index == {index}", "-c", "sw_if_index,mtu,flags")
    assert json.loads(vapi.ok("dump", "sw_interface_dump", *chosen, "-o", "json")) == [
        {"sw_if_index": index, "mtu": [9000, 0, 0, 0], "flags": 0}
    ]
    assert vapi.ok("dump", "sw_interface_dump", *chosen, "-o", "yaml") == (
        f"- sw_if_index: {index}\n  mtu:\n    - 9000\n    - 0\n    - 0\n    - 0\n  flags: 0\n"
    )
    assert vapi.ok("dump", "sw_interface_dump", *chosen, "-o", "csv") == (
        f'sw_if_index,mtu,flags\n{index},"[9000, 0, 0, 0]",0\n'
    )
    nothing = ("dump", "sw_interface_dump", "-w", "sw_if_index == 9999", "-o")
    assert vapi.ok(*nothing, "json") == "[]\n"
    assert vapi.ok(*nothing, "yaml") == "[]\n"
    assert vapi.ok(*nothing, "table").splitlines()[0].startswith("sw_if_index")
    whole = next(csv.reader(io.StringIO(vapi.ok(*nothing, "csv"))))
    assert whole[:2] == ["sw_if_index", "sup_sw_if_index"]
    assert whole[-1] == "tag", "csv has all columns"


def test_routes(vapi: Vapi) -> None:
    index = vapi.loopback()
    vapi.ok(
        *("call", "ip_route_add_del_v2", "is_add=true", "route.prefix=10.7.0.0/16"),
        *(f"route.paths[0].sw_if_index={index}", "route.paths[0].nh.address.ip4=10.0.0.2"),
    )
    out = vapi.ok("dump", "ip_route_v2_dump", "-w", "route.prefix in '10.7.0.0/16'")
    assert out.splitlines()[1].split(None, 3) == [
        *("0", "10.7.0.0/16"),
        out.splitlines()[1].split()[2],
        f"[via 10.0.0.2 sw_if_index {index}]",
    ]


def test_many_rows_are_aligned_without_rich(vapi: Vapi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_output, "_MANY_ROWS", 1)
    monkeypatch.setattr(_output, "is_plain", lambda: False)
    out = vapi.ok("dump", "sw_interface_dump", "-c", "interface_name,sw_if_index")
    assert out.splitlines()[0] == "interface_name  sw_if_index"
    assert out.splitlines()[1] == "local0                    0"


def test_a_narrow_terminal_shows_what_fits_and_says_what_not(
    vapi: Vapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_output, "width", lambda: 40)
    done = vapi("dump", "sw_interface_dump")
    assert done.out.splitlines()[0].startswith("sw_if_index  interface_name")
    assert all(len(line) <= 40 for line in done.out.splitlines())
    assert done.err.startswith("not shown: ")
    assert "tag" in done.err


def test_cli(vapi: Vapi) -> None:
    assert "local0" in vapi.ok("cli", "show interface")
    assert "local0" in vapi.ok("cli", "show", "interface")
    both = vapi.ok("cli", "show interface", "show version")
    assert "local0" in both
    assert "vpe" in both
    assert "local0" in vapi.ok("cli", "-", stdin="# comment\nshow interface\n\n")
    (answer,) = json.loads(vapi.ok("cli", "show version", "-o", "json"))
    assert answer["command"] == "show version"
    assert "vpe" in answer["reply"]
    done = vapi("cli", "show nonsense")
    assert done.code == 1
    assert "'show nonsense'" in done.error


def test_api_of_a_server(vapi: Vapi, tmp_path: Path) -> None:
    listed = vapi.ok("api", "ls", "--match", "show_version*").splitlines()
    assert [line.split()[:2] for line in listed] == [
        ["show_version", "51077d14"],
        ["show_version_reply", "c919bde1"],
    ]
    shown = vapi.ok("api", "show", "create_loopback")
    assert "vl_api_mac_address_t mac_address" in shown
    assert "of this VPP" in shown
    done = vapi("api", "show", "create_lopback")
    assert done.code == 1
    assert "did you mean 'create_loopback'" in done.error
    assert "0 messages added" in vapi.ok("api", "diff", "live", "live")
    file = tmp_path / "one.api"
    file.write_text(
        'option version = "1.0.0";\n'
        "autoreply define do_it\n{\n  u32 client_index;\n  u32 context;\n  u32 value;\n};\n"
    )
    done = vapi("api", "diff", "live", str(file))
    assert done.code == 1
    assert "do_it" in done.out
    assert vapi("api", "ls", "-a", "/nowhere/api.sock").code == 3


def test_get_follows_a_stream(vapi: Vapi, tmp_path: Path) -> None:
    """A stream of a plugin of our own: the peer ends it with its reply."""
    from vapi_cffi.sim import SpawnedPeer

    file = tmp_path / "mine.api"
    file.write_text(
        'option version = "1.0.0";\n'
        "service {\n  rpc graph_node_get returns graph_node_get_reply stream thing_details;\n};\n"
        "define graph_node_get\n{\n  u32 client_index;\n  u32 context;\n  u32 cursor;\n"
        "  u32 index;\n  string name[64];\n};\n"
        "define graph_node_get_reply\n{\n  u32 context;\n  i32 retval;\n};\n"
        "service {\n  rpc thing_get returns thing_get_reply stream thing_details;\n};\n"
        "define thing_get\n{\n  u32 client_index;\n  u32 context;\n  u32 cursor;\n};\n"
        "define thing_get_reply\n{\n  u32 context;\n  i32 retval;\n  u32 cursor;\n};\n"
        "define thing_details\n{\n  u32 context;\n  u32 number;\n};\n"
    )
    with SpawnedPeer(str(tmp_path / "api.sock"), api=[str(file)]) as peer:
        out = vapi.ok("get", "thing_get", "cursor=-1", "-a", peer.address())
        assert out.strip() == "number"
        done = vapi("call", "thing_get", "-a", peer.address())
        assert "use `vapi get thing_get`" in done.error
        everything = ("cursor=-1", "index=-1")
        assert vapi.ok("get", "graph_node_get", *everything, "name=x", "-a", peer.address())
        done = vapi("get", "graph_node_get", *everything, "-a", peer.address())
        assert "could stop VPP: cursor must be" in done.error
