"""`vapi watch` and `vapi top`."""

from __future__ import annotations

import json
import subprocess
import sys
from time import monotonic

import pytest
from _children import line

from vapi_cffi.cli import _counters

from .conftest import Vapi  # type: ignore[import-not-found]


def watching(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "vapi_cffi.cli", "watch", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("output", ["table", "json", "yaml", "csv"])
def test_events_are_printed_as_they_come(vapi: Vapi, output: str) -> None:
    """Changes are made until the first one is seen: only then is the subscription there."""
    index = vapi.loopback()
    with watching("sw_interface_event", "--count", "2", "--for", "30", "-o", output) as process:
        deadline = monotonic() + 30
        up = False
        while process.poll() is None and monotonic() < deadline:
            up = not up
            vapi.ok("call", "sw_interface_set_flags", f"sw_if_index={index}", f"flags={int(up)}")
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert err == ""
    if output == "json":
        events = [json.loads(text) for text in out.splitlines()]
        assert [event["event"] for event in events] == ["sw_interface_event"] * 2
        assert {event["sw_if_index"] for event in events} == {index}
        assert all("T" in event["time"] for event in events)
    elif output == "csv":
        head, *rows = out.splitlines()
        assert head == "time,event,pid,sw_if_index,flags,deleted"
        assert len(rows) == 2
    elif output == "yaml":
        assert out.count("---\n") == 2
        assert out.count(f"sw_if_index: {index}\n") == 2
    else:
        assert out.count(f"sw_interface_event sw_if_index={index} flags=") == 2


def test_watch_ends_in_time(vapi: Vapi) -> None:
    assert vapi.ok("watch", "sw_interface_event", "--for", "0.05") == ""
    done = vapi("watch", "sw_interface_event", "--for", "0.05", "--count", "1")
    assert done.code == 4


def test_watch_lists_and_refuses(vapi: Vapi) -> None:
    assert "sw_interface_event\n" in vapi.ok("watch", "--list")
    done = vapi("watch", "sw_interface_evnt")
    assert "did you mean 'sw_interface_event'?" in done.error
    assert done.code == 2
    assert "--list" in vapi("watch").error
    done = vapi("watch", "sw_interface_event", "enabel=1")
    assert "want_interface_events has no field 'enabel'" in done.error
    assert "csv" in vapi("watch", "a", "b", "-o", "csv").error


def test_top_in_a_pipe(vapi: Vapi) -> None:
    vapi.loopback()
    out = vapi.ok("top", "--count", "2", "--interval", "0.05")
    assert "\x1b" not in out
    assert out.count("round trip") == 2
    assert all(len(text) <= 80 for text in out.splitlines())
    assert "loop0" in out
    (found,) = (json.loads(text) for text in vapi.ok("top", "-n1", "-i0.05", "--json").splitlines())
    assert found["api"]["round_trip_us"] > 0
    assert {"name", "sw_if_index", "state", "rx_packets_per_s"} <= set(found["interfaces"][0])


SHOW_INTERFACE = """\
              Name               Idx    State  MTU (L3/IP4/IP6/MPLS)     Counter          Count
GigabitEthernet0/8/0              1      up          9000/0/0/0     rx packets                   10
                                                                    rx bytes                    840
                                                                    drops                         3
                                                                    tx-error                      1
local0                            0     down          0/0/0/0       drops                         2
loop0                             12     up          9000/0/0/0
"""


def test_counters_are_read_from_vpps_words() -> None:
    found = {one.name: one for one in _counters.interfaces(SHOW_INTERFACE)}
    assert {name: one.index for name, one in found.items()} == {
        "GigabitEthernet0/8/0": 1,
        "local0": 0,
        "loop0": 12,
    }
    assert found["GigabitEthernet0/8/0"].values["rx bytes"] == 840
    assert found["GigabitEthernet0/8/0"].drops() == 4
    assert found["loop0"].values == {}
    assert _counters.main_loop(
        "Time 46.3, 10 sec internal node vector rate 1.50 loops/sec 1534217.77\n"
    ) == (1.5, 1534217.77)
    assert _counters.main_loop("") == (None, None)
    clients = "Socket clients\n                Name  Fildesc\n                vapi       13\n"
    assert _counters.api_clients(clients) == 1
    assert _counters.api_clients("Shared memory clients\n Name PID\n a 1\n b 2\n" + clients) == 3
    assert _counters.api_clients("") is None


def test_a_pipe_sees_events_at_once(vapi: Vapi) -> None:
    """No buffer holds a line back while the program goes on watching."""
    index = vapi.loopback()
    with watching("sw_interface_event", "--for", "60") as process:
        deadline = monotonic() + 30
        seen = ""
        try:
            from select import select

            up = False
            while not seen and monotonic() < deadline:
                up = not up
                vapi.ok(
                    "call", "sw_interface_set_flags", f"sw_if_index={index}", f"flags={int(up)}"
                )
                if select([process.stdout], [], [], 0)[0]:
                    seen = line(process)
        finally:
            process.terminate()
            process.communicate(timeout=10)
    assert f"sw_if_index={index}" in seen
