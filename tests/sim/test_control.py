"""A peer that other processes tell what to do: by the control socket, bare, and as `Peer.spawn()`
uses it."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vapi_cffi
from vapi_cffi import Client
from vapi_cffi.sim import Control, Peer, SpawnedPeer

PLUGIN = """
option version = "1.0.0";
enum mood : u8 { MOOD_GOOD = 1, MOOD_BAD = 2, };
autoreply define pet_feed { u32 client_index; u32 context; string name[16]; u8 chip[4]; };
define pet_dump { u32 client_index; u32 context; };
define pet_details { u32 context; string name[16]; vl_api_mood_t mood; };
define pet_get { u32 client_index; u32 context; u32 cursor; };
define pet_get_reply { u32 context; i32 retval; u32 cursor; };
autoreply define want_pet_events { u32 client_index; u32 context; bool enable; u32 pid; };
define pet_event { u32 client_index; u32 pid; vl_api_mood_t mood; };
service {
  rpc pet_get returns pet_get_reply stream pet_details;
  rpc want_pet_events returns want_pet_events_reply events pet_event;
};
"""


class Line:
    """What a test in another language has: a socket, and lines of JSON."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(path)
        self._lines = self._socket.makefile("rb")

    def send(self, line: bytes) -> dict[str, Any]:
        self._socket.sendall(line + b"\n")
        answer: dict[str, Any] = json.loads(self._lines.readline())
        return answer

    def __call__(self, do: str, **members: Any) -> dict[str, Any]:
        answer = self.send(json.dumps({"do": do, **members}).encode())
        assert answer.pop("ok") is True, answer
        return answer

    def error(self, do: str, **members: Any) -> tuple[str, str]:
        answer = self.send(json.dumps({"do": do, **members}).encode())
        assert answer.pop("ok") is False, answer
        return answer["error"], answer["text"]

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "pet.api"
    path.write_text(PLUGIN, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def process(api: Path) -> Iterator[SpawnedPeer]:
    with Peer.spawn(api=[api]) as running:
        yield running


@pytest.fixture
def spawned(process: SpawnedPeer) -> Iterator[SpawnedPeer]:
    """One process for all tests of this file, clean for each."""
    process.record()
    process.requests.clear()
    yield process
    for name in ("pet_feed", "pet_dump", "pet_get", "want_pet_events"):
        process.off(name)


@pytest.fixture
def client(spawned: SpawnedPeer) -> Iterator[Client]:
    with vapi_cffi.connect(spawned.address(), timeout=10.0, name="agent") as connected:
        yield connected


@pytest.fixture
def line(spawned: SpawnedPeer) -> Iterator[Line]:
    assert spawned.control_path is not None
    opened = Line(spawned.control_path)
    yield opened
    opened.close()


def outcome(call: Any, **fields: Any) -> int:
    return int(call.raw(**fields).retval)


# ---- from Python ---------------------------------------------------------------------------------


def test_steps(spawned: SpawnedPeer, client: Client) -> None:
    script = spawned.on("pet_feed").reply(retval=-56).reply(-1).times(2).passthrough()
    assert [outcome(client.api.pet_feed, name="tom") for _ in range(5)] == [-56, -1, -1, 0, 0]
    assert script.requests == 5
    spawned.off("pet_feed")
    assert outcome(client.api.pet_feed) == 0
    assert script.requests == 5


def test_behind_times_the_peer_answers_by_itself(spawned: SpawnedPeer, client: Client) -> None:
    spawned.on("pet_feed").reply(-9).times(1).delay(0.05)
    assert [outcome(client.api.pet_feed) for _ in range(2)] == [-9, 0]


def test_rows(spawned: SpawnedPeer, client: Client) -> None:
    kind = client.message_class("pet_details")
    spawned.on("pet_dump").details([kind(name="rex", mood="bad"), {"name": "tom", "mood": 1}])
    assert [(pet.name, pet.mood) for pet in client.api.pet_dump()] == [("rex", 2), ("tom", 1)]
    spawned.on("pet_get").details([{"name": "a"}], retval=-165, cursor=5).details([{"name": "b"}])
    assert [pet.name for pet in client.api.pet_get()] == ["a", "b"]
    assert [request.cursor for request in spawned.requests["pet_get"]] == [0, 5]


def test_lost_answers_and_lost_connections(spawned: SpawnedPeer, client: Client) -> None:
    spawned.on("pet_feed").drop().times(1).passthrough()
    with pytest.raises((vapi_cffi.NoResponse, vapi_cffi.Timeout)):
        client.api.pet_feed(name="rex", _timeout=0.2)
    assert outcome(client.api.pet_feed) == 0
    spawned.on("pet_feed").disconnect()
    with pytest.raises(vapi_cffi.ConnectionLost):
        client.api.pet_feed(name="rex")
    spawned.off("pet_feed")
    with vapi_cffi.connect(spawned.address(), name="again") as again:
        again.api.pet_feed(name="rex")
        (found,) = [info for info in spawned.clients if info.name == "again"]
        assert (found.pid, found.transport) == (os.getpid(), "socket")
        spawned.disconnect(found.client_id)
        with pytest.raises(vapi_cffi.ConnectionLost):
            again.api.pet_feed(name="rex")


def test_requests(spawned: SpawnedPeer, client: Client) -> None:
    client.api.pet_feed(name="rex", chip=b"\1\2\3\4")
    client.api.pet_dump().all()
    assert spawned.requests.names[-2:] == ["pet_feed", "pet_dump"]
    (message,) = spawned.requests["pet_feed"]
    assert (message.name, message.chip) == ("rex", b"\1\2\3\4")
    assert spawned.requests[-2].args == message
    assert len(spawned.requests) == len(list(spawned.requests)) == len(spawned.requests.names)
    timer = threading.Timer(0.05, client.api.pet_feed, kwargs={"name": "tom"})
    timer.start()
    assert [pet.name for pet in spawned.requests.wait("pet_feed", 2)] == ["rex", "tom"]
    timer.join()
    with pytest.raises(vapi_cffi.Timeout, match=r"2 pet_feed of 3 came within 0\.1 s; there were"):
        spawned.requests.wait("pet_feed", 3, timeout=0.1)
    spawned.requests.clear()
    assert spawned.requests["pet_feed"] == []
    spawned.record(0)
    with pytest.raises(ValueError, match="nothing is recorded"):
        len(spawned.requests)


def test_events(spawned: SpawnedPeer, client: Client) -> None:
    with pytest.raises(vapi_cffi.Timeout, match=r"by want_pet_events within 0\.05 s"):
        spawned.send_event("pet_event", _timeout=0.05)
    got: list[int] = []

    def agent() -> None:
        with client.events("pet_event") as events:
            got.append(events.get(timeout=10).mood)

    thread = threading.Thread(target=agent)
    thread.start()
    assert spawned.send_event("pet_event", mood="bad") == 1  # waits for the agent
    thread.join(10)
    assert got == [2]
    with client.events("sw_interface_event") as events:
        assert spawned.send_event("sw_interface_event", sw_if_index=3, flags="link_up") == 1
        event = events.get(timeout=10)
        assert (event.sw_if_index, event.flags) == (3, 2)


def test_looking_in_and_beginning_anew(spawned: SpawnedPeer) -> None:
    with vapi_cffi.connect(spawned.address()) as client:
        client.api.create_loopback()
        assert spawned.stats["interfaces"] == 1
        spawned.restart()
        with pytest.raises(vapi_cffi.ConnectionLost):
            client.api.create_loopback()
    assert spawned.stats["restarts"] >= 1
    assert spawned.stats["interfaces"] == 0


def test_what_is_wrong_is_said_as_by_a_peer_of_this_process(spawned: SpawnedPeer) -> None:
    with pytest.raises(KeyError, match="no message 'pet_fed': did you mean 'pet_feed'"):
        spawned.on("pet_fed")
    with pytest.raises(KeyError, match="did you mean 'pet_dump'"):
        spawned.requests["pet_dmp"]
    with pytest.raises(KeyError, match="did you mean 'pet_feed'"):
        spawned.off("pet_fed")
    with pytest.raises(vapi_cffi.InvalidArgument, match="no field 'retvl': did you mean 'retval'"):
        spawned.on("pet_feed").reply(retvl=-1)
    with pytest.raises(vapi_cffi.InvalidArgument, match="expected at least 1"):
        spawned.on("pet_feed").reply().times(0)
    with pytest.raises(vapi_cffi.InvalidArgument, match="did you mean 'mood'"):
        spawned.send_event("pet_event", moods=1)
    with pytest.raises(vapi_cffi.NotSupported, match=r"pet_feed: a function .*sim\.Peer"):
        spawned.on("pet_feed").call(lambda request: 0)
    with pytest.raises(vapi_cffi.NotSupported, match="pet_feed: a function"):
        spawned.on("pet_feed")(lambda request: 0)
    with pytest.raises(vapi_cffi.InvalidArgument, match="no command 'recrod': did you mean"):
        spawned.ask("recrod")


def test_a_peer_that_is_gone(api: Path) -> None:
    peer = SpawnedPeer(api=[api])
    with pytest.raises(vapi_cffi.NotConnected, match="record: the peer does not run"):
        peer.record()
    with peer:
        path = Path(str(peer.control_path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        script = peer.on("pet_feed").reply()
        peer.kill()
        with pytest.raises(vapi_cffi.SocketFailure, match="then: control socket"):
            script.times(1)
    assert not path.parent.exists()


# ---- from anywhere -------------------------------------------------------------------------------


def test_lines_of_json(line: Line, client: Client) -> None:
    steps = [{"reply": {"retval": -56}, "times": 2}, {"reply": {"retval": -1}, "delay": 0.05}]
    number = line("on", message="pet_feed", steps=steps)["script"]
    assert [outcome(client.api.pet_feed, name="rex") for _ in range(4)] == [-56, -56, -1, -1]
    line("then", script=number, steps=[{"times": 2}, {"passthrough": True}])
    assert outcome(client.api.pet_feed, chip=b"\1\2\3\4") == 0
    assert line("script", script=number) == {"message": "pet_feed", "requests": 5}
    first, *_, last = line("requests", message="pet_feed")["requests"]
    assert first["fields"] == {"name": "rex", "chip": "0x00000000"}
    assert last["fields"]["chip"] == "0x01020304"
    assert (first["name"], first["transport"]) == ("pet_feed", "socket")
    assert line("off", message="pet_feed") == {}
    line("on", message="pet_get", steps=[{"details": [{"name": "a"}], "reply": {"retval": 0}}])
    assert [pet.name for pet in client.api.pet_get()] == ["a"]
    assert [item["name"] for item in line("requests")["requests"]][-1] == "pet_get"
    assert len(line("wait", message="pet_get")["requests"]) == 1
    # Dumps may go by a connection of their own.
    (info,) = [one for one in line("clients")["clients"] if one["client_id"] == last["client_id"]]
    line("on", message="pet_feed", steps=[{"drop": True, "times": 1}, {"disconnect": True}])
    with client.events("pet_event") as events:
        assert line("event", message="pet_event", fields={"mood": "MOOD_BAD"}) == {"count": 1}
        assert events.get(timeout=10).mood == 2
        assert line("event", message="pet_event", to=info["client_id"]) == {"count": 1}
        assert events.get(timeout=10).mood == 0
    line("clear")
    assert line("requests") == {"requests": []}


def test_bad_lines(line: Line, client: Client) -> None:
    assert line.send(b"{nonsense")["text"].startswith("not a line of JSON: ")
    assert line.send(b"[1]")["text"].startswith("expected an object in one line")
    assert line.send(b"{}")["text"].startswith("no command None: there are on, then, ")
    bad: list[tuple[dict[str, Any], str]] = [
        ({"do": "on"}, "on: 'message' is missing"),
        ({"do": "on", "message": 7}, "on: message: 7, expected a text"),
        ({"do": "on", "message": "pet_feed", "step": []}, "no 'step': did you mean 'steps'?"),
        ({"do": "then", "script": 0, "steps": []}, "then: script: there is no 0"),
        ({"do": "wait", "message": "pet_feed", "timeout": -1}, "timeout: -1, expected seconds"),
        ({"do": "wait", "message": "pet_feed", "count": True}, "count: True, expected an integer"),
        ({"do": "requests", "form": "xml"}, "form: 'xml', expected fields or data"),
        ({"do": "record", "max_bytes": -1}, "max_bytes: -1, expected 0 or more"),
        ({"do": "event", "message": "pet_event", "fields": {"mood": "sad"}}, "pet_event.mood"),
        ({"do": "clients", "all": True}, "clients: no 'all'"),
    ]
    for command, text in bad:
        error, said = line.error(**command)
        assert error == "InvalidArgument"
        assert text in said, said
    assert line.error("on", message="pet_fed")[0] == "UnknownNameError"
    steps: list[tuple[Any, str]] = [
        ("drop", "pet_feed: 'drop' is no step"),
        ({}, "a step is one of reply, details, drop, disconnect, passthrough; it has none"),
        ({"drop": True, "reply": {}}, "it has ['reply', 'drop']"),
        ({"drop": False}, "drop: False, expected true"),
        ({"drop": 1}, "drop: 1, expected true"),
        ({"reply": {"retvl": 1}}, "did you mean 'retval'"),
        ({"reply": {}, "times": 0}, "times(0), expected at least 1"),
        ({"reply": {}, "delay": -1}, "delay(-1), expected seconds"),
        ({"reply": {}, "time": 1}, "no 'time': did you mean 'times'?"),
        ({"details": []}, "pet_feed is no dump and no stream"),
    ]
    for step, text in steps:
        # A good step before it must not be taken either.
        good = {"reply": {"retval": -5}}
        _, said = line.error("on", message="pet_feed", steps=[good, step])
        assert text in said, said
        assert outcome(client.api.pet_feed) == 0


def test_who_hangs_up_waits_no_longer(api: Path) -> None:
    """An event that nobody waits for any more is not sent to who comes later."""
    with Peer(api=[api], transports=["socket"]) as peer:
        control = Control(peer).start()
        impatient = Line(control.path)
        impatient("stats")
        (serving,) = control._serving
        command = {"do": "event", "message": "pet_event", "timeout": 60}
        impatient._socket.sendall(json.dumps(command).encode() + b"\n")
        impatient.close()
        serving.join(20)
        assert not serving.is_alive()
        with (
            vapi_cffi.connect(peer.address()) as client,
            client.events("pet_event") as events,
        ):
            client.api.pet_feed()
            assert events.pending() == 0
        assert control.close()


def test_who_waits_does_not_hold_up_the_end(api: Path, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with Peer(api=[api], transports=["socket"]) as peer:
        peer.record()
        control = Control(peer, str(path)).start()
        waiting = Line(str(path))
        waiting("stats")
        command = {"do": "wait", "message": "pet_feed", "timeout": 60}
        waiting._socket.sendall(json.dumps(command).encode() + b"\n")
        assert control.close()
        assert control.close()
        assert not path.exists()
        waiting.close()


def test_a_place_for_the_socket(api: Path, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with Peer(transports=["socket"]) as peer:
        first = Control(peer, str(path)).start()
        with pytest.raises(
            OSError, match=r"control socket .*control\.sock: Address already in use"
        ):
            Control(peer, str(path)).start()
        assert first.close()
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(path))
        assert path.is_socket()
        second = Control(peer, str(path)).start()
        line = Line(str(path))
        line("stats")
        line.close()
        assert second.close()
        with pytest.raises(OSError, match="control socket /nowhere/c: No such file"):
            Control(peer, "/nowhere/c").start()


@pytest.mark.parametrize("program", ["vapi_cffi.cli sim", "vapi_cffi.sim"])
def test_programs(program: str, tmp_path: Path, shm_prefix: str) -> None:
    control, path = tmp_path / "control.sock", tmp_path / "api.sock"
    module, *command = program.split()
    options = ["--control", str(control), "--socket", str(path), "--shm-prefix", shm_prefix]
    with subprocess.Popen(
        [sys.executable, "-m", module, *command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        while str(control) not in (said := running.stdout.readline()):
            assert said, running.communicate()
        line = Line(str(control))
        line("on", message="create_loopback", steps=[{"reply": {"retval": -56}}])
        with vapi_cffi.connect(f"shm:{shm_prefix}") as client:
            assert outcome(client.api.create_loopback) == -56
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=30)
        line.close()
    assert (running.returncode, errors) == (0, "")
    assert not control.exists()
    assert not path.exists()
