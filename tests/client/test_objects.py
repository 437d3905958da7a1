"""The object level: states, memory, and deaths in any order."""

from __future__ import annotations

import copy
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from _children import freeze
from _interrupts import interrupted

from vapi_cffi import (
    Client,
    Connection,
    ConnectionLost,
    InvalidArgument,
    MessageReleased,
    MisuseError,
    NoResponse,
    NoSuchMessage,
    NotConnected,
    Timeout,
    Transport,
    WouldBlock,
    _keeping,
    _views,
    callback,
    objects,
)
from vapi_cffi.objects import Dump, EventRegistration, ResponseState, Stream
from vapi_cffi.objects import Request as OneRequest
from vapi_cffi.sim import Peer, Request, SpawnedPeer

STREAM_API = """
option version = "1.0.0";
define thing_get { u32 client_index; u32 context; u32 cursor; };
define thing_get_reply { u32 context; i32 retval; u32 cursor; };
define thing_details { u32 context; u32 number; string label[16]; };
service { rpc thing_get returns thing_get_reply stream thing_details; };
define shout { u32 client_index; u32 context; string text[]; };
service { rpc shout returns null; };
"""


def loopbacks(conn: Connection | Client, count: int) -> None:
    for _ in range(count):
        with OneRequest(conn, "create_loopback") as request:
            request.execute().wait_for_response()


def dumped(conn: Connection | Client) -> Any:
    dump: Any = Dump(conn, "sw_interface_dump")
    dump.execute().wait_for_response()
    return dump


@pytest.fixture
def things(tmp_path: Path) -> Iterator[Peer]:
    (tmp_path / "thing.api").write_text(STREAM_API)
    with Peer(api=[tmp_path / "thing.api"]) as peer:
        yield peer


# ---- requests ------------------------------------------------------------------------------------


def test_a_request(connection: Connection) -> None:
    request: Any = OneRequest(connection, "show_version")
    assert request.response_state is ResponseState.NOT_READY
    with pytest.raises(MisuseError, match="not there yet"):
        _ = request.response
    with pytest.raises(MisuseError, match="not executed"):
        request.wait_for_response()
    assert request.execute() is request
    assert request.wait_for_response() is ResponseState.READY
    assert request.response.program == "vpe"
    assert request.response is request.response
    assert request.wait_for_response() is ResponseState.READY
    assert request.connection is connection
    assert repr(request) == "<Request show_version, ready>"
    value = copy.copy(request.response)
    view = request.response
    request.close()
    with pytest.raises(MessageReleased):
        _ = view.program
    with pytest.raises(MessageReleased, match="closed"):
        _ = request.response
    assert value.program == "vpe"
    assert connection.stats["held"] == 0


def test_the_request_is_filled_in_and_gone(connection: Connection) -> None:
    loopbacks(connection, 1)
    with OneRequest(connection, "sw_interface_set_flags", sw_if_index=77) as request:
        asked: Any = request.request
        asked.sw_if_index = 1
        asked.flags = "admin_up"
        request.execute()
        with pytest.raises(MessageReleased, match="executed: its request is gone"):
            _ = request.request
        with pytest.raises(MisuseError, match="executed before: make a new object"):
            request.execute()
        request.wait_for_response(timeout=5)
        assert request.response.retval == 0  # type: ignore[attr-defined]
    with pytest.raises(MisuseError, match="closed: make a new object"):
        request.execute()
    request.close()


def test_what_may_be_given(connection: Connection) -> None:
    kind = callback.message_class(connection, "sw_interface_set_flags")
    for request in (kind(sw_if_index=3), kind, "sw_interface_set_flags"):
        OneRequest(connection, request).close()
    assert OneRequest(connection, kind, sw_if_index=4).request.sw_if_index == 4
    for wrong, said in (
        ((connection, 7), "a message, its class or its name, not 7"),
        ((connection, "sw_interface_dump"), "is no request: use Dump"),
        ((connection, "show_version", 7), "callback is called with the object"),
        ((None, "show_version"), "expected a Connection or a Client"),
    ):
        with pytest.raises(InvalidArgument, match=said):
            OneRequest(*wrong)
    with pytest.raises(InvalidArgument, match="no field 'nonsense'"):
        OneRequest(connection, "show_version", nonsense=1)
    with pytest.raises(InvalidArgument, match="not both"):
        OneRequest(connection, kind(), sw_if_index=1)
    with pytest.raises(InvalidArgument, match="is no dump: use Request"):
        Dump(connection, "show_version")
    with pytest.raises(NoSuchMessage):
        OneRequest(connection, "show_versio")


def test_factories_know_what_suits(connection: Connection) -> None:
    with objects.show_version(connection) as request:
        assert isinstance(request, OneRequest)
    with objects.sw_interface_dump(connection, {"sw_if_index": 1}) as dump:
        assert isinstance(dump, Dump)
        assert dump.request.sw_if_index == 1  # type: ignore[attr-defined]


def test_callbacks_get_the_object(connection: Connection) -> None:
    loopbacks(connection, 2)
    seen: list[tuple[Any, int, bool]] = []

    def told(dump: Any) -> None:
        seen.append((dump.response_state, len(dump.result_set), dump.result_set.complete))

    with Dump(connection, "sw_interface_dump", told) as dump:
        dump.execute().wait_for_response()
    assert seen == [
        (ResponseState.NOT_READY, 1, False),
        (ResponseState.NOT_READY, 2, False),
        (ResponseState.NOT_READY, 3, False),
        (ResponseState.READY, 3, True),
    ]

    def fail(request: Any) -> None:
        raise LookupError("not my day")

    with OneRequest(connection, "show_version", fail) as request:
        with pytest.raises(LookupError, match="not my day"):
            request.execute().wait_for_response()
        assert request.response_state is ResponseState.READY


def test_several_at_once(connection: Connection) -> None:
    """Whoever waits brings the answers of all."""
    requests: list[Any] = [OneRequest(connection, "show_version").execute() for _ in range(20)]
    dump: Any = Dump(connection, "sw_interface_dump").execute()
    last: Any = OneRequest(connection, "control_ping").execute()
    last.wait_for_response()
    assert {item.response_state for item in requests} == {ResponseState.READY}
    assert dump.result_set.complete
    assert {item.response.program for item in requests} == {"vpe"}


def test_nonblocking(address: str, transport: Transport) -> None:
    with Connection(
        address, transport=transport, mode="nonblocking", max_outstanding_requests=1
    ) as connection:
        first: Any = OneRequest(connection, "show_version").execute()
        second: Any = OneRequest(connection, "control_ping")
        with pytest.raises(WouldBlock):
            second.execute()
        first.wait_for_response(timeout=5)
        second.execute().wait_for_response(timeout=5)
        assert second.response.retval == 0


# ---- results -------------------------------------------------------------------------------------


def test_a_result_set(connection: Connection) -> None:
    loopbacks(connection, 3)
    with Dump(connection, "sw_interface_dump") as dump:
        found: Any = dump.result_set
        assert (len(found), list(found), found.complete) == (0, [], False)
        dump.execute().wait_for_response()
        assert (len(found), found.complete) == (4, True)
        assert [item.interface_name for item in found] == ["local0", "loop0", "loop1", "loop2"]
        assert found[-1].interface_name == "loop2"
        first = found[0]
        found.free_response(first)
        with pytest.raises(MessageReleased):
            _ = first.interface_name
        with pytest.raises(InvalidArgument, match="this result set has no"):
            found.free_response(first)
        for item in found:  # freeing on the way
            assert item.interface_name.startswith("loop")
            found.free_response(item)
        assert len(found) == 0
        found.free_all()
        assert repr(found) == "<ResultSet of 0, complete>"
    assert connection.stats["held"] == 0


def test_a_stream_has_both(things: Peer) -> None:
    @things.on("thing_get")
    def answer(request: Request) -> list[bytes]:
        details = [request.details("thing_details", number=n, label=f"n{n}") for n in range(3)]
        return [*details, request.reply(-165, cursor=3)]

    with Connection(things.address()) as connection:
        stream: Any = Stream(connection, "thing_get")
        stream.execute().wait_for_response()
        assert [item.label for item in stream.result_set] == ["n0", "n1", "n2"]
        assert (stream.response.retval, stream.response.cursor) == (-165, 3)
        stream.close()
        assert len(stream.result_set) == 0
        with pytest.raises(InvalidArgument, match="use the callback level"):
            OneRequest(connection, "shout")
        with pytest.raises(InvalidArgument, match="is no stream: use Request"):
            Stream(connection, "show_version")
        with pytest.raises(InvalidArgument, match="not answered"):
            objects.shout(connection)


def test_unread_results_are_lent_within_bounds(connection: Connection) -> None:
    """VPP's rings are not starved: what is held beyond 32 messages are copies."""
    requests: list[Any] = []
    for _ in range(100):
        request: Any = OneRequest(connection, "show_version").execute()
        request.wait_for_response()
        requests.append(request)
    stats = connection.stats
    assert stats["held"] <= 32
    if connection.transport != "socket":
        assert stats["held"] > 0
        assert stats["copied"] > 0
    assert {item.response.program for item in requests} == {"vpe"}
    requests.clear()
    del request
    gc.collect()
    assert connection.stats["held"] == 0


def test_kept_slots_are_copied_in_time(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VPP takes a slot back after ten seconds."""
    monkeypatch.setattr(_keeping, "LEND_SECONDS", 0.1)
    request: Any = OneRequest(connection, "show_version").execute()
    request.wait_for_response()
    deadline = monotonic() + 5
    while connection.stats["held"] and monotonic() < deadline:
        sleep(0.02)
    assert connection.stats["held"] == 0
    assert request.response.program == "vpe"


def test_a_slot_that_was_not_copied_in_time_is_not_read() -> None:
    lent = _views.Lent(b"bytes", until=monotonic() - 1)
    with pytest.raises(MessageReleased, match="over 10 seconds"):
        _ = lent.data
    lent.settle()
    with pytest.raises(MessageReleased):
        _ = lent.data


# ---- life and death ------------------------------------------------------------------------------


def test_results_stay_when_the_connection_is_closed(address: str, transport: Transport) -> None:
    with Connection(address, transport=transport) as connection:
        loopbacks(connection, 5)
        dump = dumped(connection)
        request: Any = OneRequest(connection, "show_version").execute()
        request.wait_for_response()
    assert [item.sw_if_index for item in dump.result_set] == list(range(6))
    assert request.response.program == "vpe"
    pending: Any = OneRequest
    with pytest.raises(NotConnected):
        pending(connection, "show_version")
    dump.close()
    request.close()


DEATHS = list(permutations(("dump", "request", "view", "connection")))


def test_any_order_of_death(peer: Peer, transport: Transport) -> None:
    for order in DEATHS:
        die(peer, transport, order)


def die(peer: Peer, transport: Transport, order: tuple[str, ...]) -> None:
    connection = Connection(peer.address(transport), transport=transport).connect()
    dump = dumped(connection)
    request: Any = OneRequest(connection, "show_version").execute()
    request.wait_for_response()
    alive: dict[str, Any] = {
        "connection": connection,
        "dump": dump,
        "request": request,
        "view": dump.result_set[0],
    }
    context = weakref.ref(connection._context)
    del connection, dump, request
    for name in order:
        if name == "connection":
            alive[name].close()
        del alive[name]
        if "request" in alive:
            assert alive["request"].response.program == "vpe"
        if "dump" in alive:
            assert alive["dump"].result_set[0].interface_name == "local0"
        if "view" in alive:
            # It ends with its object, which frees it.
            try:
                assert alive["view"].interface_name == "local0"
            except MessageReleased:
                assert "dump" not in alive
    assert context() is None  # nothing refers to itself: the collector is not needed


def test_an_object_that_is_forgotten(connection: Connection) -> None:
    """Its answer is dropped, those of others come."""
    OneRequest(connection, "show_version").execute()
    gc.collect()
    assert callback.outstanding(connection) == 0
    dumped(connection).close()
    assert connection.stats["held"] == 0


def test_closed_while_it_is_under_way(connection: Connection, peer: Peer) -> None:
    callback.show_version(connection, None, lambda *arguments: None)
    with peer.faults.stalled(), OneRequest(connection, "show_version") as request:
        request.execute()
        with pytest.raises(Timeout):
            request.wait_for_response(timeout=0.02)
        assert request.response_state is ResponseState.NOT_READY
    dumped(connection).close()
    assert connection.stats["held"] == 0


def test_a_timeout_may_be_waited_for_again(connection: Connection, peer: Peer) -> None:
    dumped(connection).close()
    with peer.faults.stalled():
        request: Any = OneRequest(connection, "show_version").execute()
        with pytest.raises(Timeout):
            request.wait_for_response(timeout=0.02)
    request.wait_for_response(timeout=5)
    assert request.response.program == "vpe"


def test_no_response(connection: Connection, peer: Peer) -> None:
    dumped(connection).close()
    peer.faults.drop("show_version_reply", 1)
    peer.flush()
    request: Any = OneRequest(connection, "show_version").execute()
    OneRequest(connection, "control_ping").execute().wait_for_response()
    assert request.wait_for_response() is ResponseState.NO_RESPONSE
    assert isinstance(request.error, NoResponse)
    with pytest.raises(NoResponse, match="show_version: VPP answered a later request"):
        _ = request.response


def test_a_lost_connection(own_peer_process: SpawnedPeer, transport: Transport) -> None:
    where = own_peer_process.address(transport)
    with Connection(where, transport=transport, timeout=3) as connection:
        before = dumped(connection)
        freeze(own_peer_process.pid)
        requests: list[Any] = [OneRequest(connection, "show_version").execute() for _ in range(3)]
        own_peer_process.kill()
        with pytest.raises(ConnectionLost):
            requests[0].wait_for_response(timeout=5)
        for request in requests:
            assert request.response_state is ResponseState.NO_RESPONSE
            with pytest.raises(ConnectionLost):
                _ = request.response
        assert before.result_set[0].interface_name == "local0"


def test_ctrl_c(connection: Connection, peer: Peer) -> None:
    dumped(connection).close()
    with peer.faults.stalled():
        request: Any = OneRequest(connection, "show_version").execute()
        with pytest.raises(KeyboardInterrupt), interrupted(0.1):
            request.wait_for_response()
    request.wait_for_response()
    assert request.response.program == "vpe"


def test_threads(connection: Connection) -> None:
    failed: list[BaseException] = []
    loopbacks(connection, 3)

    def work() -> None:
        try:
            for _ in range(25):
                with OneRequest(connection, "show_version") as request:
                    request.execute().wait_for_response()
                    assert request.response.program == "vpe"  # type: ignore[attr-defined]
                dump = dumped(connection)
                assert len(dump.result_set) == 4
        except (AssertionError, RuntimeError, OSError) as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed
    gc.collect()
    assert connection.stats["held"] == 0


def test_with_a_client(client: Client) -> None:
    loopbacks(client, 2)
    with Dump(client, "sw_interface_dump") as dump:
        dump.execute()
        assert len(client.api.sw_interface_dump().all()) == 3  # brings ours along
        dump.wait_for_response()
        assert len(dump.result_set) == 3


# ---- events --------------------------------------------------------------------------------------


def test_events(connection: Connection, peer: Peer) -> None:
    OneRequest(connection, "want_interface_events", enable_disable=1).execute().wait_for_response()
    seen: list[int] = []

    def told(registration: Any) -> None:
        seen.append(len(registration.result_set))

    with EventRegistration(connection, "sw_interface_event", told, size=3) as events:
        for number in range(5):
            peer.event("sw_interface_event", sw_if_index=number)
        while len(seen) < 5:
            callback.dispatch_one(connection, timeout=5)
        found: Any = events.result_set
        assert [item.sw_if_index for item in found] == [2, 3, 4]
        assert (seen, events.dropped) == ([1, 2, 3, 3, 3], 2)
        with pytest.raises(MisuseError, match="has a callback already"):
            EventRegistration(connection, "sw_interface_event")
        found.free_all()
        with pytest.raises(Timeout, match=r"^sw_interface_event: no answer for 0"):
            events.wait(timeout=0.02)
        peer.event("sw_interface_event", sw_if_index=9)
        events.wait(timeout=5)
        assert found[0].sw_if_index == 9
    assert repr(events) == "<EventRegistration sw_interface_event, closed>"
    assert found.complete
    with pytest.raises(NotConnected):
        events.wait()
    kind = callback.message_class(connection, "sw_interface_event")
    EventRegistration(connection, kind).close()
    with pytest.raises(InvalidArgument, match="size"):
        EventRegistration(connection, "sw_interface_event", size=0)
    assert connection.stats["held"] == 0


def test_a_forgotten_registration_ends(connection: Connection) -> None:
    make: Callable[..., Any] = EventRegistration
    make(connection, "sw_interface_event")
    gc.collect()
    EventRegistration(connection, "sw_interface_event").close()
