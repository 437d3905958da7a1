"""The command line on a live VPP; skipped where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import vapi_cffi
from vapi_cffi.cli import _counters

from .conftest import Vapi  # type: ignore[import-not-found]

pytestmark = pytest.mark.live


@pytest.fixture
def live(vapi: Vapi, live_socket: str, monkeypatch: pytest.MonkeyPatch) -> Vapi:
    """`vapi` with the live VPP's address in the environment."""
    monkeypatch.setenv("VAPI_ADDRESS", live_socket)
    return vapi


@pytest.fixture
def loopback(live: Vapi) -> Iterator[int]:
    """An interface that is gone afterwards."""
    index = live.loopback()
    yield index
    live.ok("call", "delete_loopback", f"sw_if_index={index}")


def test_call_dump_and_cli(live: Vapi, loopback: int) -> None:
    live.ok("call", "sw_interface_set_flags", f"sw_if_index={loopback}", "flags=admin_up")
    live.ok("call", "sw_interface_tag_add_del", f"sw_if_index={loopback}", "tag=x", "is_add=true")
    live.ok(
        *("call", "sw_interface_add_del_address", f"sw_if_index={loopback}"),
        *("is_add=true", "prefix=10.77.0.1/24"),
    )
    where = f"sw_if_index == {loopback} and 'admin_up' in flags"
    (row,) = json.loads(live.ok("dump", "sw_interface_dump", "-w", where, "--json"))
    assert row["tag"] == "x"
    assert row["interface_name"] in live.ok("cli", "show interface")
    out = live.ok("dump", "ip_route_v2_dump", "-w", "route.prefix == '10.77.0.1/32'")
    assert f"sw_if_index {loopback} local" in out
    assert "unknown input" in live("cli", "show nonsense").error


def test_state(live: Vapi, loopback: int, tmp_path: Path) -> None:
    file = str(tmp_path / "before.json")
    live.ok("snapshot", file)
    assert live.ok("diff", file) == ""
    live.ok("call", "sw_interface_set_mtu", f"sw_if_index={loopback}", "mtu=1400")
    done = live("diff", file)
    assert done.code == 1
    assert "mtu: [9000, 0, 0, 0] -> [1400, 0, 0, 0]" in done.out


def test_bulk(live: Vapi, loopback: int, tmp_path: Path) -> None:
    rows = [f"10.{78 + (i >> 8)}.{i & 255}.0/24,{loopback},10.77.0.2" for i in range(1000)]
    head = "route.prefix,route.paths[0].sw_if_index,route.paths[0].nh.address.ip4"
    file = tmp_path / "routes.csv"
    file.write_text("\n".join([head, *rows, ""]))
    command = ("bulk", "ip_route_add_del_v2", "-c", str(file))
    assert live.ok(*command, "is_add=true").startswith("1,000 answered; 0 failed")
    where = f"any(p.sw_if_index == {loopback} for p in route.paths)"
    found = live.ok("dump", "ip_route_v2_dump", "-w", where, "-c", "route.prefix").splitlines()
    assert "10.80.7.0/24" in found
    assert live.ok(*command, "is_add=false").startswith("1,000 answered; 0 failed")


def test_top_counts_the_messages_of_others(live: Vapi, live_socket: str) -> None:
    with vapi_cffi.connect(live_socket, name="looking") as looking:

        def made() -> _counters.Made:
            said = looking.api.cli_inband(cmd="show api ring-stats").reply
            found = _counters.messages_made(said)
            assert found is not None
            return found

        with vapi_cffi.connect(live_socket, name="other") as other:
            before = made()
            for _ in range(1000):
                other.api.show_version()
            # Others may be there, too.
            assert 1000 <= made().since(before) < 2000


def test_top_and_doctor(live: Vapi, loopback: int) -> None:
    found = json.loads(live.ok("top", "-n1", "-i0.1", "--json"))
    assert found["api"]["clients"] >= 1
    assert found["api"]["loops_per_s"] > 0
    assert found["api"]["messages_per_s"] >= 0
    (row,) = (one for one in found["interfaces"] if one["sw_if_index"] == loopback)
    assert row["rx_packets_per_s"] == 0
    assert "BAD" not in live.ok("doctor")
