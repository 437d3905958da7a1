"""Answers of many messages, and messages that nobody asked for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from vapi_cffi import (
    ApiError,
    Client,
    InvalidArgument,
    NoSuchMessage,
    NotConnected,
    Timeout,
    connect,
)
from vapi_cffi._events import Policy
from vapi_cffi.sim import Peer, Request

STREAM_API = """
option version = "1.0.0";
define thing_get { u32 client_index; u32 context; u32 cursor; u8 many; };
define thing_get_reply { u32 context; i32 retval; u32 cursor; };
define thing_details { u32 context; u32 number; string label[16]; };
service { rpc thing_get returns thing_get_reply stream thing_details; };
"""


def loopbacks(client: Client, count: int) -> list[int]:
    return [client.api.create_loopback().sw_if_index for _ in range(count)]


# ---- dumps ---------------------------------------------------------------------------------------


def test_a_dump_streams(client: Client) -> None:
    made = loopbacks(client, 20)
    names = [item.interface_name for item in client.api.sw_interface_dump()]
    assert names == ["local0", *(f"loop{number}" for number in range(len(made)))]
    assert len(client.api.sw_interface_dump().all()) == 21


def test_each_loop_asks_anew(client: Client) -> None:
    dump = client.api.sw_interface_dump()
    assert len(dump.all()) == 1
    loopbacks(client, 1)
    assert len(dump.all()) == 2


def test_first_drops_the_others(client: Client) -> None:
    loopbacks(client, 10)
    first = client.api.sw_interface_dump().first()
    assert first is not None
    assert first.interface_name == "local0"
    assert client.api.sw_interface_dump(sw_if_index=9999).first() is None
    assert len(client.api.sw_interface_dump().all()) == 11


def test_calls_inside_of_a_dump(client: Client) -> None:
    loopbacks(client, 5)
    seen = 0
    for item in client.api.sw_interface_dump():
        if item.sw_if_index == 0:
            continue  # 0 asks for all
        inner = client.api.sw_interface_dump(sw_if_index=item.sw_if_index).all()
        assert [one.sw_if_index for one in inner] == [item.sw_if_index]
        client.api.sw_interface_set_flags(sw_if_index=item.sw_if_index, flags=1)
        seen += 1
    assert seen == 5


def test_a_dump_that_is_not_answered(client: Client, peer: Peer) -> None:
    dump = client.api.sw_interface_dump(_timeout=0.05)
    waits = pytest.raises(Timeout, match=r"^sw_interface_dump: no answer for 0\.05 s$")
    with peer.faults.stalled(), waits:
        dump.all()
    assert len(client.api.sw_interface_dump().all()) == 1


def test_wrong_arguments_are_said_at_once(client: Client) -> None:
    with pytest.raises(InvalidArgument, match="sw_interface_dump has no field"):
        client.api.sw_interface_dump(nonsense=1)


# ---- streams -------------------------------------------------------------------------------------


@pytest.fixture
def things(tmp_path: Path) -> Callable[[], Peer]:
    (tmp_path / "thing.api").write_text(STREAM_API)
    return lambda: Peer(api=[tmp_path / "thing.api"])


def test_a_stream_goes_on_at_its_cursor(things: Callable[[], Peer]) -> None:
    asked: list[int] = []
    with things() as peer, connect(peer.address()) as client:

        @peer.on("thing_get")
        def answer(request: Request) -> list[bytes]:
            cursor = request["cursor"]
            assert isinstance(cursor, int)
            asked.append(cursor)
            found = [
                request.details("thing_details", number=number, label=f"n{number}")
                for number in range(cursor, min(cursor + 4, 10))
            ]
            last = cursor + 4 >= 10
            return [*found, request.reply(0 if last else -165, cursor=cursor + 4)]

        stream = client.api.thing_get(many=3)
        assert [(item.number, item.label) for item in stream] == [
            (number, f"n{number}") for number in range(10)
        ]
        assert asked == [0, 4, 8]
        assert stream.reply.cursor == 12


def test_a_stream_that_fails(things: Callable[[], Peer]) -> None:
    with things() as peer, connect(peer.address()) as client:

        @peer.on("thing_get")
        def answer(request: Request) -> int:
            return -7

        with pytest.raises(ApiError, match=r"thing_get: .*INVALID_VALUE \(-7\)"):
            client.api.thing_get().all()
        client.raise_on_error = False
        stream = client.api.thing_get()
        assert stream.all() == []
        assert stream.reply.retval == -7


# ---- events --------------------------------------------------------------------------------------


def test_events_come(client: Client) -> None:
    with client.events("sw_interface_event") as events:
        (index,) = loopbacks(client, 1)
        client.api.sw_interface_set_flags(sw_if_index=index, flags="admin_up")
        seen = events.get(timeout=5)
        while not seen.flags:
            seen = events.get(timeout=5)
        assert seen.sw_if_index == index
        assert "IF_STATUS_API_FLAG_ADMIN_UP" in repr(seen.flags)
        while events.pending():
            events.get()
        with pytest.raises(Timeout, match=r"^sw_interface_event: no answer for 0\.05 s$"):
            events.get(timeout=0.05)
    with pytest.raises(NotConnected, match="closed"):
        events.get()
    assert list(events) == []


def test_unsubscribed_when_closed(client: Client, peer: Peer) -> None:
    with client.events("sw_interface_event"):
        pass
    before = client.stats["received"]
    loopbacks(client, 3)
    client.api.sw_interface_dump().all()
    assert client.stats["unclaimed"] == 0
    assert client.stats["received"] - before == 3 + 4 + 1


KEPT: dict[Policy, range] = {"drop_oldest": range(5, 8), "drop_newest": range(3)}


@pytest.mark.parametrize("policy", KEPT)
def test_a_slow_reader_loses_and_knows(client: Client, peer: Peer, policy: Policy) -> None:
    with client.events("sw_interface_event", size=3, policy=policy) as events:
        for number in range(8):
            peer.event("sw_interface_event", sw_if_index=number)
        peer.flush()
        assert events.pending() == 3
        assert events.dropped == 5
        assert client.stats["events_dropped"] == 5
        assert [events.get(timeout=5).sw_if_index for _ in range(3)] == list(KEPT[policy])


def test_several_readers_get_each_event(client: Client, peer: Peer) -> None:
    with client.events("sw_interface_event") as one, client.events("sw_interface_event") as two:
        peer.event("sw_interface_event", sw_if_index=7)
        assert one.get(timeout=5).sw_if_index == two.get(timeout=5).sw_if_index == 7


def test_pending_and_dropped_look_themselves(client: Client, peer: Peer) -> None:
    """Nobody else does, between calls: a program that polls would never see an event."""
    with client.events("sw_interface_event", size=1) as events:
        for number in range(2):
            peer.event("sw_interface_event", sw_if_index=number)
        peer.flush()
        assert client.stats["events_dropped"] == 1
        assert events.pending() == 1
        assert events.get(timeout=0).sw_if_index == 1


def test_a_listener_ends_itself(client: Client, peer: Peer) -> None:
    ended: Queue[Any] = Queue()

    def once(event: Any) -> None:
        listener.close()
        ended.put(event.sw_if_index)

    listener = client.on("sw_interface_event", once)
    for number in range(2):
        peer.event("sw_interface_event", sw_if_index=number)
    assert ended.get(timeout=10) == 0
    listener.close()
    assert not listener.is_running
    assert ended.empty()


def test_a_callback_closes_the_client(client: Client, peer: Peer) -> None:
    """Two of them at once: neither may wait for the thread of the other."""
    met, ended = threading.Barrier(2), Queue[None]()

    def end(event: Any) -> None:
        met.wait(10)
        client.close()
        ended.put(None)

    listeners = [client.on("sw_interface_event", end) for _ in range(2)]
    peer.event("sw_interface_event", sw_if_index=1)
    for _ in listeners:
        ended.get(timeout=10)
    for listener in listeners:
        listener.close()
    assert not client.is_connected


def test_a_loop_ends_when_another_thread_closes(client: Client) -> None:
    events = client.events("sw_interface_event")
    waiting = threading.Event()
    seen: list[object] = []

    def read() -> None:
        waiting.set()
        seen.extend(events)

    reader = threading.Thread(target=read)
    reader.start()
    waiting.wait()
    client.api.show_version()
    events.close()
    reader.join(10)
    assert not reader.is_alive()


def test_callbacks(client: Client, peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    seen: Queue[int] = Queue()

    def callback(event: object) -> None:
        number: int = event.sw_if_index  # type: ignore[attr-defined]
        seen.put(number)
        if number == 1:
            raise RuntimeError("not my day")

    with client.on("sw_interface_event", callback), caplog.at_level(logging.CRITICAL):
        for number in (1, 2):
            peer.event("sw_interface_event", sw_if_index=number)
        assert [seen.get(timeout=5), seen.get(timeout=5)] == [1, 2]


def test_dumps_go_on_while_somebody_waits_for_events(client: Client, peer: Peer) -> None:
    """Who waits for events receives the details of others, and passes them on."""
    seen: Queue[int] = Queue()
    with client.on("sw_interface_event", lambda event: seen.put(event.sw_if_index)):
        for _ in range(30):
            assert len(client.api.sw_interface_dump().all()) == 1
        peer.event("sw_interface_event", sw_if_index=5)
        assert seen.get(timeout=5) == 5


def test_events_that_cannot_be(client: Client) -> None:
    with pytest.raises(NoSuchMessage):
        client.events("no_such_event")
    with pytest.raises(InvalidArgument, match="no request asks for show_version_reply"):
        client.events("show_version_reply")
    with pytest.raises(InvalidArgument, match="size"):
        client.events("sw_interface_event", size=0)
    with pytest.raises(InvalidArgument, match="policy"):
        client.events("sw_interface_event", policy="panic")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="name of an event"):
        client.events()


def test_a_callback_must_be_one(client: Client) -> None:
    with pytest.raises(InvalidArgument, match="called with each event, it cannot be 5"):
        client.on("sw_interface_event", 5)  # type: ignore[arg-type]
    with client.on("sw_interface_event", print) as listener:
        assert repr(listener) == "<Listener of <Events sw_interface_event, 0 waiting>>"
