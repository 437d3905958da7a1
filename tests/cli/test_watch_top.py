"""`vapi watch` and `vapi top`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from time import monotonic

import pytest
from _children import line

import vapi_cffi
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
    assert done.code == 1
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
    assert found["api"]["clients"] >= 1
    assert found["api"]["messages_per_s"] == 0  # to others: there are none
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
    assert _counters.api_clients(f"{clients}3 messages with missing clients\n") == 1
    assert _counters.api_clients(f"{clients}               (nil)       12\n") == 1
    assert _counters.api_clients("") is None


RINGS = """\
Main API segment rings:
   Owner     Size   Nitems     Hits   Misses
    vlib       72     1024       {}        1
    vlib      264      128       20        0
    clnt     1032     1024     9000        0
{} ring miss fallback allocations
0 application restarts, 0 reclaimed msgs, 0 garbage collects
vapi segment rings:
   Owner     Size   Nitems     Hits   Misses
    vlib       72     1024       {}        0
"""


def test_messages_are_counted_where_vpp_makes_them() -> None:
    def made(*numbers: object) -> _counters.Made:
        found = _counters.messages_made(RINGS.format(*numbers))
        assert found is not None
        return found

    before = made(100, 0, 7)
    # Not what clients make, and not what one ring had no room for before another one had.
    assert made(100, 0, 7).since(before) == 0
    assert made(130, 2, 8).since(before) == 33
    # Counters have 32 bits, and VPP prints them with a sign.
    assert made(-1, 0, 7).since(made((1 << 31) - 1, 0, 7)) == 1 << 31
    # A client's segment that is new began with nothing; one that went takes its numbers with it.
    assert made(100, 0, 3).since(before) == 3
    main = _counters.messages_made(RINGS.partition("vapi segment")[0].format(101, 0))
    assert main is not None
    assert main.since(before) == 1
    assert before.since(main) == 107
    assert _counters.messages_made("Shared memory segment not initialized...\n") is None


@pytest.mark.parametrize("transport", ["socket", "memfd", "shm"])
def test_messages_are_counted_over_every_transport(
    vapi: Vapi, transport: vapi_cffi.Transport
) -> None:
    with (
        vapi_cffi.connect(vapi.peer.address()) as looking,
        vapi_cffi.connect(vapi.peer.address(transport), transport=transport) as other,
    ):

        def made() -> _counters.Made:
            said = looking.api.cli_inband(cmd="show api ring-stats").reply
            found = _counters.messages_made(said)
            assert found is not None
            return found

        before = made()
        for _ in range(300):
            other.api.show_version()
        # And the answer that brought the first numbers, and those that woke the peer.
        assert 301 <= made().since(before) < 400


def test_top_shows_what_others_are_sent(vapi: Vapi) -> None:
    """A client that never stops asking, and top beside it."""
    with vapi_cffi.connect(vapi.peer.address(), name="other") as other:
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                other.api.show_version()

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            (line,) = vapi.ok("top", "-n1", "-i0.5", "--json").splitlines()
        finally:
            stop.set()
            asking.join(20)
        api = json.loads(line)["api"]
        assert api["clients"] >= 2
        assert api["messages_per_s"] > 10


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
