"""The callback level: who is called, when, with what, and what becomes of the message."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import random
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Queue
from time import monotonic
from typing import Any

import pytest
from _children import freeze
from _interrupts import interrupted

from vapi_cffi import (
    ApiMessage,
    BadMessage,
    Client,
    Connection,
    ConnectionLost,
    Forked,
    InvalidArgument,
    MessageReleased,
    NoResponse,
    NoSuchMessage,
    NotConnected,
    NotSupported,
    Timeout,
    Transport,
    VapiError,
    WouldBlock,
    aio,
    callback,
    connect,
    objects,
)
from vapi_cffi.sim import Peer, Request, SpawnedPeer
from vapi_cffi.sim._peer import ALL_CLIENTS

STREAM_API = """
option version = "1.0.0";
define thing_get { u32 client_index; u32 context; u32 cursor; };
define thing_get_reply { u32 context; i32 retval; u32 cursor; };
define thing_details { u32 context; u32 number; string label[16]; };
service { rpc thing_get returns thing_get_reply stream thing_details; };
define shout { u32 client_index; u32 context; string text[]; };
service { rpc shout returns null; };
autoreply define whisper { u32 client_index; u32 context; string text[]; };
"""


class Calls:
    """A callback that writes down how it was called; replies are kept as values."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, VapiError | None, bool, Any]] = []
        self.views: list[Any] = []

    def __call__(
        self, conn: Connection, context: Any, error: VapiError | None, is_last: bool, reply: Any
    ) -> None:
        assert isinstance(conn, Connection)
        self.views.append(reply)
        self.seen.append((context, error, is_last, callback.keep(reply)))

    @property
    def replies(self) -> list[Any]:
        return [reply for _, _, _, reply in self.seen]


@pytest.fixture
def quick(address: str, transport: Transport) -> Iterator[Connection]:
    """A connection in non-blocking mode."""
    with Connection(
        address, transport=transport, mode="nonblocking", timeout=5.0, max_outstanding_requests=4
    ) as connected:
        yield connected


@pytest.fixture
def things(tmp_path: Path) -> Iterator[Peer]:
    """A peer with a stream."""
    (tmp_path / "thing.api").write_text(STREAM_API)
    with Peer(api=[tmp_path / "thing.api"]) as peer:
        yield peer


def for_ever(function: Callable[[], None]) -> None:
    """Until it raises."""
    while True:
        function()


def ignore(*arguments: object) -> None:
    """For callbacks that do not matter."""


# ---- blocking ------------------------------------------------------------------------------------


def test_a_request_returns_after_its_callback(connection: Connection) -> None:
    calls = Calls()
    callback.show_version(connection, None, calls, "mine")
    ((context, error, is_last, reply),) = calls.seen
    assert (context, error, is_last) == ("mine", None, True)
    assert type(reply).__name__ == "ShowVersionReply"
    assert reply.program == "vpe"
    assert callback.outstanding(connection) == 0


def test_a_dump_ends_with_an_empty_callback(connection: Connection) -> None:
    for _ in range(40):
        callback.create_loopback(connection, None, ignore)
    calls = Calls()
    callback.sw_interface_dump(connection, {}, calls)
    assert len(calls.seen) == 42
    assert [is_last for _, _, is_last, _ in calls.seen] == [False] * 41 + [True]
    assert calls.replies[-1] is None
    assert [item.interface_name for item in calls.replies[1:3]] == ["loop0", "loop1"]
    assert connection.stats["held"] == 0


def test_requests_as_objects_dicts_or_nothing(connection: Connection) -> None:
    callback.create_loopback(connection, None, ignore)
    kind = callback.message_class(connection, "sw_interface_set_flags")
    for request in (kind(sw_if_index=1, flags="admin_up"), {"sw_if_index": 1, "flags": 1}):
        calls = Calls()
        callback.sw_interface_set_flags(connection, request, calls)
        assert calls.replies[0].retval == 0
    with pytest.raises(InvalidArgument, match=r"sw_interface_set_flags\.sw_if_index: expected"):
        callback.sw_interface_set_flags(connection, {"sw_if_index": -1}, ignore)
    with pytest.raises(InvalidArgument, match="takes a SwInterfaceSetFlags, a dict"):
        callback.sw_interface_set_flags(connection, 7, ignore)
    with pytest.raises(InvalidArgument, match="takes a ShowVersion, "):
        callback.show_version(connection, kind(), ignore)
    with pytest.raises(InvalidArgument, match="callback is called"):
        callback.show_version(connection)
    with pytest.raises(InvalidArgument, match="no stream"):
        callback.show_version(connection, None, ignore, None, ignore)
    assert callback.outstanding(connection) == 0


def test_unknown_requests(connection: Connection) -> None:
    with pytest.raises(NoSuchMessage, match="did you mean"):
        callback.show_versio(connection, None, ignore)
    with pytest.raises(NoSuchMessage, match="is no request"):
        callback.show_version_reply(connection, None, ignore)
    with pytest.raises(NoSuchMessage):
        callback.set_event_cb(connection, "no_such_event", ignore)
    with pytest.raises(InvalidArgument, match="expected a Connection or a Client"):
        callback.show_version(None, None, ignore)


def test_a_stream_has_two_callbacks(things: Peer) -> None:
    @things.on("thing_get")
    def answer(request: Request) -> list[bytes]:
        details = [request.details("thing_details", number=n, label=f"n{n}") for n in range(3)]
        return [*details, request.reply(0, cursor=3)]

    with Connection(things.address()) as connection:
        reply, details = Calls(), Calls()
        callback.thing_get(connection, None, reply, "r", details, "d")
        assert [item.label for item in details.replies] == ["n0", "n1", "n2"]
        assert {entry[:3] for entry in details.seen} == {("d", None, False)}
        assert reply.seen[0][:3] == ("r", None, True)
        assert reply.replies[0].cursor == 3
        with pytest.raises(InvalidArgument, match="details_callback is called"):
            callback.thing_get(connection, None, reply)


def test_what_is_not_answered_has_no_callback(things: Peer) -> None:
    things.record()
    with Connection(things.address()) as connection:
        callback.shout(connection, {"text": "hey"})
        with pytest.raises(InvalidArgument, match="not answered"):
            callback.shout(connection, None, ignore)
        callback.show_version(connection, None, ignore)
        assert "shout" in [request.name for request in things.recorded()]


# ---- views ---------------------------------------------------------------------------------------


def test_a_view_is_gone_when_the_callback_returns(connection: Connection) -> None:
    kept: list[Any] = []

    def look(conn: object, context: object, error: object, is_last: bool, reply: Any) -> None:
        if reply is None:
            return
        assert isinstance(reply, ApiMessage)
        assert type(reply) is not type(callback.keep(reply))
        assert reply == callback.keep(reply) == copy.deepcopy(reply)
        assert reply.interface_name == "local0"
        with pytest.raises(AttributeError, match="copy"):
            reply.sw_if_index = 7
        reply.mtu.append(3)  # what a field gives out is a value
        kept.extend((reply, copy.copy(reply), reply.mtu, reply.l2_address))

    callback.sw_interface_dump(connection, None, look)
    view, value, mtu, mac = kept
    for name in type(view).__api__.slots:
        with pytest.raises(MessageReleased, match="released"):
            getattr(view, name)
    assert repr(view) == "<SwInterfaceDetails, released>"
    with pytest.raises(MessageReleased):
        copy.copy(view)
    assert value.interface_name == "local0"
    assert (len(mtu), len(mac.packed)) == (4, 6)
    assert connection.stats["held"] == 0


def test_views_have_every_field_as_values_have(connection: Connection) -> None:
    """Arrays, unions, text and structs of the messages that the peer sends."""
    callback.create_loopback(connection, None, ignore)
    seen: set[str] = set()

    def compare(conn: object, context: object, error: object, is_last: bool, view: Any) -> None:
        if view is not None:
            value = copy.copy(view)
            for name in type(view).__api__.by_name:
                assert getattr(view, name) == getattr(value, name), name
            assert repr(view) == repr(value)
            seen.add(type(view).__name__)

    callback.sw_interface_dump(connection, None, compare)
    callback.cli_inband(connection, {"cmd": "show version"}, compare)
    callback.ip_route_dump(connection, {"table": {"table_id": 0}}, compare)
    callback.ip_table_dump(connection, None, compare)
    assert {"SwInterfaceDetails", "CliInbandReply"} <= seen


def test_a_message_that_is_too_short_is_an_error(things: Peer) -> None:
    @things.on("show_version")
    def answer(request: Request) -> bytes:
        return request.reply()[:20]

    with Connection(things.address()) as connection:
        calls = Calls()
        callback.show_version(connection, None, calls)
        ((_, error, is_last, reply),) = calls.seen
        assert isinstance(error, BadMessage)
        assert (is_last, reply) == (True, None)
        assert "show_version_reply.program" in str(error)


# ---- non-blocking --------------------------------------------------------------------------------


def test_nothing_is_called_before_somebody_dispatches(quick: Connection) -> None:
    calls = Calls()
    for number in range(4):
        callback.show_version(quick, None, calls, number)
    assert callback.outstanding(quick) == 4
    with pytest.raises(WouldBlock, match="4 requests are outstanding"):
        callback.show_version(quick, None, calls)
    assert calls.seen == []
    callback.dispatch_one(quick, timeout=5)
    assert [context for context, *_ in calls.seen] == [0]
    assert callback.dispatch(quick, timeout=5) == 3
    assert [context for context, *_ in calls.seen] == [0, 1, 2, 3]
    with pytest.raises(WouldBlock, match="nothing is there"):
        callback.dispatch_one(quick)
    with pytest.raises(Timeout, match=r"nothing for 0\.01 s"):
        callback.dispatch_one(quick, timeout=0.01)
    assert callback.dispatch(quick) == 0


def test_a_descriptor_says_when_to_dispatch(quick: Connection) -> None:
    import select

    calls = Calls()
    callback.show_version(quick, None, calls)
    deadline = monotonic() + 5
    while not calls.seen and monotonic() < deadline:
        assert select.select([quick.fileno()], [], [], 5)[0]
        callback.dispatch(quick)
    assert len(calls.seen) == 1


def test_a_thread_of_its_own_dispatches(quick: Connection) -> None:
    done: Queue[object] = Queue()
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                callback.dispatch_one(quick, timeout=0.2)
            except Timeout:
                continue

    def answered(conn: Any, context: object, error: object, is_last: bool, reply: Any) -> None:
        done.put((context, threading.current_thread() is server))

    server = threading.Thread(target=serve)
    server.start()
    try:
        for number in range(50):
            while True:
                try:
                    callback.control_ping(quick, None, answered, number)
                    break
                except WouldBlock:
                    assert done.get(timeout=5)[1] is True  # type: ignore[index]
    finally:
        while callback.outstanding(quick):
            done.get(timeout=5)
        stop.set()
        server.join(10)
    assert not server.is_alive()


def test_an_unanswered_request_stays_outstanding(quick: Connection, peer: Peer) -> None:
    calls = Calls()
    callback.show_version(quick, None, calls)
    callback.dispatch(quick, timeout=5)  # definitions are loaded, it is known
    with peer.faults.stalled():
        callback.show_version(quick, None, calls, "late")
        with pytest.raises(Timeout):
            callback.dispatch(quick, timeout=0.05)
        assert callback.outstanding(quick) == 1
    callback.dispatch(quick, timeout=5)
    assert calls.seen[-1][:3] == ("late", None, True)


# ---- losses --------------------------------------------------------------------------------------


def test_a_lost_answer_is_no_response(quick: Connection, peer: Peer) -> None:
    calls = Calls()
    callback.show_version(quick, None, ignore)
    callback.dispatch(quick, timeout=5)
    peer.faults.drop("show_version_reply", 2)
    peer.flush()
    callback.show_version(quick, None, calls, "a")
    callback.show_version(quick, None, calls, "b")
    callback.control_ping(quick, None, calls, "c")
    callback.dispatch(quick, timeout=5)
    assert [(context, is_last) for context, _, is_last, _ in calls.seen] == [
        ("a", True),
        ("b", True),
        ("c", True),
    ]
    assert [type(error) for _, error, _, _ in calls.seen] == [NoResponse, NoResponse, type(None)]
    assert "show_version: VPP answered a later request" in str(calls.seen[0][1])


def test_a_blocking_call_gives_up_in_time(connection: Connection, peer: Peer) -> None:
    calls = Calls()
    connection.options = type(connection.options)(timeout=0.2)
    callback.show_version(connection, None, ignore)
    peer.faults.drop("show_version_reply", 1)
    peer.flush()
    began = monotonic()
    with pytest.raises(Timeout, match=r"show_version: no answer for 0\.\d+ s"):
        callback.show_version(connection, None, calls)
    assert monotonic() - began < 3
    assert callback.outstanding(connection) == 0
    callback.control_ping(connection, None, ignore)
    assert calls.seen == []


def test_everybody_is_told_of_a_lost_connection(
    own_peer_process: SpawnedPeer, transport: Transport
) -> None:
    where = own_peer_process.address(transport)
    calls = Calls()
    with Connection(where, transport=transport, mode="nonblocking", timeout=3) as connection:
        callback.show_version(connection, None, ignore)
        callback.dispatch(connection, timeout=3)
        freeze(own_peer_process.pid)
        for number in range(3):
            callback.show_version(connection, None, calls, number)
        own_peer_process.kill()
        with pytest.raises(ConnectionLost):
            callback.dispatch(connection, timeout=5)
        assert [type(error) for _, error, _, _ in calls.seen] == [ConnectionLost] * 3
        assert callback.outstanding(connection) == 0
    with pytest.raises(NotConnected):
        callback.dispatch(connection)


def test_killed_at_random_moments(own_peer_process: SpawnedPeer, transport: Transport) -> None:
    """Whatever happens is an exception of the tree, in time, and every request is told once."""
    moment = random.Random(transport).uniform(0, 0.03)
    where = own_peer_process.address(transport)
    with Connection(where, transport=transport, timeout=5) as connection:
        calls = Calls()
        sent = 0
        callback.show_version(connection, None, ignore)
        killer = threading.Timer(moment, own_peer_process.kill)
        killer.start()
        began = monotonic()
        with suppress(VapiError):
            while monotonic() - began < 10:
                sent += 1
                callback.sw_interface_dump(connection, None, calls)
        assert monotonic() - began < 10
        killer.join()
        ends = [error for _, error, is_last, _ in calls.seen if is_last]
        assert len(ends) in (sent, sent - 1)
        assert all(error is None for error in ends[: sent - 1])


def test_after_a_reconnect_everything_goes_on(peer: Peer) -> None:
    events = Calls()

    def seen(conn: object, context: object, event: Any) -> None:
        events.seen.append((context, None, False, event.sw_if_index))

    calls = Calls()
    with Connection(peer.address(), timeout=3) as connection:
        callback.set_event_cb(connection, "sw_interface_event", seen)
        callback.show_version(connection, None, calls)
        peer.restart()
        with pytest.raises(ConnectionLost):
            callback.show_version(connection, None, calls)
        connection.connect()
        callback.show_version(connection, None, calls)
        assert calls.seen[-1][1] is None
        peer.event("sw_interface_event", to=ALL_CLIENTS, sw_if_index=3)
        callback.dispatch_one(connection)
        assert events.replies == [3]


# ---- callbacks that fail, call, disconnect -------------------------------------------------------


def test_an_exception_comes_out_and_the_rest_stays(quick: Connection) -> None:
    calls = Calls()

    def fail(*arguments: object) -> None:
        raise LookupError("not my day")

    callback.control_ping(quick, None, calls, 1)
    callback.control_ping(quick, None, fail)
    callback.control_ping(quick, None, calls, 3)
    with pytest.raises(LookupError, match="not my day"):
        callback.dispatch(quick, timeout=5)
    assert callback.outstanding(quick) == 1
    callback.dispatch(quick, timeout=5)
    assert [context for context, *_ in calls.seen] == [1, 3]
    assert quick.stats["held"] == 0


def test_a_dump_goes_on_after_an_exception(connection: Connection) -> None:
    for _ in range(3):
        callback.create_loopback(connection, None, ignore)
    calls = Calls()

    def fail_once(conn: Any, context: object, error: Any, is_last: bool, reply: Any) -> None:
        calls(conn, context, error, is_last, reply)
        if len(calls.seen) == 2:
            raise KeyError("two")

    with pytest.raises(KeyError, match="two"):
        callback.sw_interface_dump(connection, None, fail_once)
    assert len(calls.seen) == 2
    callback.dispatch(connection)
    assert len(calls.seen) == 5
    assert calls.seen[-1][2] is True


def test_callbacks_may_call(connection: Connection) -> None:
    inner = Calls()

    def again(conn: Any, context: object, error: Any, is_last: bool, reply: Any) -> None:
        version = reply.version
        callback.control_ping(conn, None, inner)
        assert reply.version == version  # still there

    callback.show_version(connection, None, again)
    assert len(inner.seen) == 1


def test_each_of_very_many_callbacks_may_call(connection: Connection, peer: Peer) -> None:
    """The next one waits until this one has returned, instead of running in its call."""
    for _ in range(150):
        callback.create_loopback(connection, None, ignore)
    inside, seen, asked = 0, [], []

    def called(conn: Connection, index: int) -> None:
        nonlocal inside
        inside += 1
        callback.show_version(conn, None, lambda *arguments: asked.append(inside))
        inside -= 1
        seen.append(index)

    def interface(conn: Connection, arg: Any, error: Any, is_last: bool, details: Any) -> None:
        if details is not None:
            called(conn, details.sw_if_index)

    callback.sw_interface_dump(connection, None, interface)
    assert seen == list(range(151))

    callback.set_event_cb(
        connection, "sw_interface_event", lambda conn, arg, event: called(conn, event.sw_if_index)
    )
    callback.want_interface_events(connection, {"enable_disable": 1}, ignore)
    for number in range(150):
        peer.event("sw_interface_event", sw_if_index=number)
    peer.flush()
    while len(seen) < 301:
        callback.dispatch_one(connection, timeout=10)
    assert seen[151:] == list(range(150))
    assert set(asked) == {1}


def test_callbacks_may_disconnect(connection: Connection) -> None:
    def leave(conn: Any, *rest: object) -> None:
        conn.disconnect()

    callback.show_version(connection, None, leave)
    assert not connection.is_connected
    with pytest.raises(NotConnected):
        callback.show_version(connection, None, leave)


# ---- events --------------------------------------------------------------------------------------


def test_events(connection: Connection, peer: Peer) -> None:
    seen: list[tuple[Any, ...]] = []

    def told(conn: object, context: object, event: Any) -> None:
        seen.append((context, event.sw_if_index, type(event).__name__))

    def any_told(conn: object, context: object, name: str, event: Any) -> None:
        seen.append((context, name, event.sw_if_index))

    callback.want_interface_events(connection, {"enable_disable": 1}, ignore)
    callback.set_sw_interface_event_event_cb(connection, told, "own")
    callback.set_generic_event_cb(connection, any_told, "any")
    peer.event("sw_interface_event", sw_if_index=5)
    callback.dispatch_one(connection)
    callback.clear_event_cb(connection, "sw_interface_event")
    peer.event("sw_interface_event", sw_if_index=6)
    callback.dispatch_one(connection)
    callback.clear_generic_event_cb(connection)
    peer.event("sw_interface_event", sw_if_index=7)
    callback.set_event_cb(
        connection, callback.message_class(connection, "sw_interface_event"), told, "class"
    )
    peer.event("sw_interface_event", sw_if_index=8)
    callback.dispatch_one(connection)
    assert seen[:2] == [
        ("own", 5, "SwInterfaceEvent"),
        ("any", "sw_interface_event", 6),
    ]
    assert seen[2][1:] in ((7, "SwInterfaceEvent"), (8, "SwInterfaceEvent"))


def test_a_late_answer_is_no_event(quick: Connection, peer: Peer) -> None:
    """Not even for who wants them all."""
    seen: list[str] = []
    callback.set_generic_event_cb(quick, lambda *arguments: seen.append(arguments[2]))
    callback.show_version(quick, None, ignore)
    callback.dispatch(quick, timeout=5)
    ping = quick.find("control_ping_51077d14").to_bytes(2, "big")
    quick.send_bytes(ping + quick.client_index + bytes(4))
    callback.control_ping(quick, None, ignore)
    callback.dispatch(quick, timeout=5)
    assert seen == []


# ---- beside others -------------------------------------------------------------------------------


def test_beside_calls_of_the_connection(quick: Connection) -> None:
    calls = Calls()
    ping = quick.find("control_ping_51077d14").to_bytes(2, "big") + bytes(8)
    callback.show_version(quick, None, calls)
    assert quick.call(ping)[6:10] == bytes(4)
    callback.dispatch(quick, timeout=5)
    assert len(calls.seen) == 1


def test_beside_a_client(client: Client, peer: Peer) -> None:
    """Its dumps, calls and events, while requests of ours are outstanding, and the other way."""
    calls = Calls()
    seen: Queue[int] = Queue()
    with client.on("sw_interface_event", lambda event: seen.put(event.sw_if_index)):
        for _ in range(20):
            callback.show_version(client, None, calls)
            assert len(client.api.sw_interface_dump().all()) == 1
            callback.sw_interface_dump(client, None, calls)
            peer.event("sw_interface_event", sw_if_index=5)
        assert [seen.get(timeout=5) for _ in range(20)] == [5] * 20
    assert len(calls.seen) == 60
    assert client.stats["unclaimed"] == 0


def test_events_reach_both_levels(client: Client, peer: Peer) -> None:
    seen: list[int] = []
    with client.events("sw_interface_event") as events:
        callback.set_event_cb(
            client,
            "sw_interface_event",
            lambda conn, context, event: seen.append(event.sw_if_index),
        )
        peer.event("sw_interface_event", sw_if_index=7)
        callback.dispatch_one(client, timeout=5)
        assert events.get(timeout=5).sw_if_index == 7
        peer.event("sw_interface_event", sw_if_index=8)
        assert events.get(timeout=5).sw_if_index == 8
        callback.dispatch(client)
    assert seen == [7, 8]


def test_a_client_that_reconnects(peer: Peer) -> None:
    calls = Calls()
    with connect(peer.address(), reconnect=True, timeout=5) as client:
        callback.show_version(client, None, calls)
        peer.restart()
        with pytest.raises(VapiError):
            for_ever(lambda: callback.show_version(client, None, calls))
        client.wait_connected(10)
        callback.show_version(client, None, calls)
        assert calls.seen[-1][1] is None


def test_threads(connection: Connection) -> None:
    """Each blocking call returns with its own callback done, whichever thread ran it."""
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(40):
                calls = Calls()
                if turn % 8:
                    callback.control_ping(connection, None, calls, (number, turn))
                else:
                    callback.sw_interface_dump(connection, None, calls, (number, turn))
                assert calls.seen[-1][:3] == ((number, turn), None, True)
        except (VapiError, AssertionError) as error:
            failed.append(error)

    callback.show_version(connection, None, ignore)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    assert callback.outstanding(connection) == 0
    assert connection.stats["held"] == 0


def test_ctrl_c_ends_a_call(connection: Connection, peer: Peer) -> None:
    callback.show_version(connection, None, ignore)
    calls = Calls()
    with peer.faults.stalled():
        began = monotonic()
        with pytest.raises(KeyboardInterrupt), interrupted(0.1):
            callback.show_version(connection, None, calls)
        assert monotonic() - began < 4
    callback.dispatch(connection)
    assert len(calls.seen) == 1


def test_definitions_from_files(peer: Peer, tmp_path: Path) -> None:
    own = Path(__file__).resolve().parents[2] / "vapi_cffi" / "api"
    with Connection(peer.address()) as connection:
        callback.use(connection, own)
        peer.record()
        calls = Calls()
        callback.show_version(connection, None, calls)
        assert calls.replies[0].program == "vpe"
        assert "get_api_json" not in [request.name for request in peer.recorded()]
    with connect(peer.address()) as client, pytest.raises(InvalidArgument, match="client"):
        callback.use(client.connection, own)


def test_an_asyncio_client_is_refused(peer: Peer) -> None:
    """Its loop receives; two who receive would take each other's messages away."""

    async def program() -> None:
        async with aio.connect(peer.address()) as asked:
            with pytest.raises(NotSupported, match="in its loop"):
                callback.show_version(asked, None, ignore)  # type: ignore[arg-type]
            with pytest.raises(NotSupported, match="in its loop"):
                objects.show_version(asked)
            assert (await asked.api.show_version()).retval == 0

    asyncio.run(program())


def turns(connection: Connection, count: int) -> int:
    """Pings; the bytes that Python holds afterwards."""
    for _ in range(count):
        callback.control_ping(connection, None, ignore)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_nothing_is_left_behind(leak_check: None, peer: Peer, transport: Transport) -> None:
    """Nor does memory grow."""
    with Connection(peer.address(transport), transport=transport, timeout=5) as connection:
        callback.set_event_cb(connection, "sw_interface_event", ignore)
        callback.show_version(connection, None, ignore)
        tracemalloc.start()
        try:
            before = turns(connection, 200)
            assert turns(connection, 500) - before < 20_000
        finally:
            tracemalloc.stop()
        context = weakref.ref(connection._context)
    del connection
    gc.collect()
    assert context() is None


def test_a_child_may_not(connection: Connection) -> None:
    callback.show_version(connection, None, ignore)
    child = os.fork()
    if not child:
        code = 1
        try:
            callback.show_version(connection, None, ignore)
        except Forked:
            code = 0
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    callback.show_version(connection, None, ignore)


def test_the_module_names_what_it_does_not_have() -> None:
    from typing import cast

    missing = cast("Callable[..., object]", callback)
    with pytest.raises(AttributeError):
        _ = missing._nothing_like_it


def test_functions_say_what_they_take() -> None:
    assert "Sends show_version, and calls back" in str(callback.show_version.__doc__)
    about = callback.set_sw_interface_event_event_cb.__doc__
    assert "for each sw_interface_event from now on" in str(about)
