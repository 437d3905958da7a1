"""Dumps on sockets of their own: what a slow loop has not read stays in VPP."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest
from _waiting import until

from vapi_cffi import (
    Client,
    ConnectionLost,
    Forked,
    InvalidArgument,
    NotConnected,
    Timeout,
    Transport,
    VapiError,
    _collecting,
    connect,
)
from vapi_cffi.sim import Peer, SpawnedPeer

#: So many interfaces that their details do not fit into the buffers of a socket.
MANY = 5000
#: Messages that one look at a socket may bring more than the loop has seen.
AHEAD = 1500


@pytest.fixture
def many(address: str, transport: Transport) -> Iterator[Client]:
    """A client of a peer with many interfaces; patient, as the machine may be busy."""
    with connect(address, transport=transport, timeout=60.0) as client:
        assert client.bulk("create_loopback", count=MANY - 1).ok
        yield client


# ---- slow loops ----------------------------------------------------------------------------------


def test_a_slow_loop_leaves_the_rest_in_vpp(many: Client) -> None:
    before = many.stats["received"]
    seen = calls = 0
    for item in many.api.sw_interface_dump():
        assert item.sw_if_index == seen
        seen += 1
        if seen % 500 == 1:
            assert many.api.show_version().retval == 0  # answered at once
            calls += 1
            stats = many.stats
            assert stats["backlog_bytes"] == 0
            assert stats["received"] - before <= seen + calls + AHEAD
    assert seen == MANY
    assert many.stats["dropped"] == 0


def test_a_reader_that_pauses(many: Client) -> None:
    """For longer than VPP is trusted to keep what comes on a connection itself."""
    dump = iter(many.api.sw_interface_dump())
    assert next(dump).sw_if_index == 0
    before = many.stats["received"]
    sleep(1.3)
    assert many.stats["received"] - before <= 10  # but for signs of life
    assert many.stats["backlog_bytes"] == 0
    assert sum(1 for _ in dump) == MANY - 1


def test_batches_of_columns(many: Client) -> None:
    before, seen = many.stats["received"], 0
    for columns in many.api.sw_interface_dump().batches(600, ["sw_if_index"]):
        assert list(columns["sw_if_index"]) == list(range(seen, seen + columns.rows))
        seen += columns.rows
        many.api.control_ping()
        assert many.stats["received"] - before <= seen + seen // 600 + AHEAD
    assert seen == MANY


def test_two_at_once_and_one_in_another(many: Client) -> None:
    api = many.api
    pairs = list(zip(api.sw_interface_dump(), api.sw_interface_dump(), strict=True))
    assert len(pairs) == MANY
    assert all(one.sw_if_index == other.sw_if_index for one, other in pairs)
    seen = 0
    for outer in api.sw_interface_dump():
        for inner in api.sw_interface_dump():
            seen += 1
            if inner.sw_if_index == 300:
                break
        if outer.sw_if_index == 10:
            break
    assert seen == 11 * 301
    assert api.show_version().retval == 0


@pytest.mark.parametrize("sockets", [0, 1, 2])
def test_more_dumps_than_sockets(
    peer: Peer, transport: Transport, address: str, sockets: int
) -> None:
    with connect(address, transport=transport, dump_sockets=sockets, timeout=60.0) as client:
        assert client.bulk("create_loopback", count=999).ok
        dumps = [client.api.sw_interface_dump() for _ in range(4)]
        for rows in zip(*dumps, strict=True):
            assert len({row.sw_if_index for row in rows}) == 1
        assert client.connection.dump_sockets is not None
        assert len(client.connection.dump_sockets) == sockets
        assert len(list(client.api.sw_interface_dump())) == 1000
    with pytest.raises(InvalidArgument, match="dump_sockets is 0 to 64, not 65"):
        connect(address, transport=transport, dump_sockets=65)


def test_all_over_shared_memory(peer: Peer) -> None:
    for transport in ("memfd", "shm"):
        where = peer.address(transport)
        with connect(where, transport=transport, large_over_shm=True) as client:
            assert len(list(client.api.sw_interface_dump())) == 1
            assert client.connection.dump_sockets is not None
            assert len(client.connection.dump_sockets) == 0


def test_many_threads(many: Client) -> None:
    found: list[int] = []

    def read(number: int) -> None:
        for item in many.api.sw_interface_dump():
            if item.sw_if_index == 100 * number:
                break
            many.api.control_ping()
        found.append(sum(1 for _ in many.api.sw_interface_dump()))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [MANY] * 16


# ---- the file ------------------------------------------------------------------------------------


def spooled(folder: Path) -> int:
    """Bytes in files of this process that lie in a directory and have no name there."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            leads_to = os.readlink(f"/proc/self/fd/{number}")
            if leads_to.startswith(f"{folder}/") and leads_to.endswith(" (deleted)"):
                found += os.stat(f"/proc/self/fd/{number}").st_size
        except FileNotFoundError:
            continue  # of the listing itself, or closed meanwhile
    return found


def test_vpp_is_rid_of_what_is_not_read(
    many: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    size = 200  # of each, at least
    dump = iter(many.api.sw_interface_dump())
    assert next(dump).sw_if_index == 0
    until(lambda: spooled(tmp_path) > (MANY - AHEAD) * size)
    assert not list(tmp_path.glob("vapi*"))
    assert [item.sw_if_index for item in dump] == list(range(1, MANY))
    assert spooled(tmp_path) == 0
    assert len(list(many.api.sw_interface_dump())) == MANY


def test_the_file_has_a_limit(
    peer: Peer, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with connect(peer.address(transport), transport=transport, backlog_bytes=600_000) as client:
        assert client.bulk("create_loopback", count=MANY - 1).ok
        dump = iter(client.api.sw_interface_dump())
        assert next(dump).sw_if_index == 0
        until(lambda: spooled(tmp_path) > 300_000)
        sleep(0.2)  # in which all of it would come
        assert spooled(tmp_path) <= 600_000
        assert [item.sw_if_index for item in dump] == list(range(1, MANY))


def test_without_a_place_for_it(
    many: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made elsewhere."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    dump = iter(many.api.sw_interface_dump())
    next(dump)
    sleep(0.1)
    assert sum(1 for _ in dump) == MANY - 1


# ---- sockets -------------------------------------------------------------------------------------


def test_a_socket_is_used_again(client: Client, peer: Peer) -> None:
    client.api.create_loopback()
    for _ in range(50):
        assert client.api.sw_interface_dump().first() is not None
        assert len(list(client.api.sw_interface_dump())) == 2
    sockets = client.connection.dump_sockets
    assert sockets is not None
    assert 1 <= len(sockets) <= 2  # a first() that the peer was slow for leaves one behind
    assert client.api.sw_interface_dump().all()
    sent = client.stats["sent"]
    client.connection.close()
    assert client.stats["sent"] >= sent >= 2 * 100


def test_a_large_rest_is_not_kept_for_us(
    many: Client, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_collecting, "_LAST_LOOKS", 1)  # what is large begins with the second
    many.api.sw_interface_dump().all()  # over shared memory: opens the way for that
    before = len(peer.clients)
    for _ in range(20):
        for item in many.api.sw_interface_dump():
            if item.sw_if_index == 3:
                break
    until(lambda: len(peer.clients) == before)
    assert len(many.connection.dump_sockets or ()) == 0
    assert many.api.show_version().retval == 0


def test_what_was_sent_before_comes_before(client: Client) -> None:
    """Also what nobody waits for the answer of."""
    connection = client.connection
    request = client.api.create_loopback.binding.encode(None, {})
    message = request[:2] + connection.client_index + request[6:]
    for number in range(1, 100):
        if number % 2:
            connection.send_bytes(message)
        else:
            connection.send_many([message])
        assert len(list(client.api.sw_interface_dump())) == 1 + number


def test_vpp_closes_an_idle_one(client: Client, peer: Peer) -> None:
    list(client.api.sw_interface_dump())
    mine = {info.client_id for info in peer.clients}
    list(client.api.sw_interface_dump())
    for ident in sorted(mine)[-1:]:
        peer.disconnect(ident)
    until(lambda: len(peer.clients) < len(mine))
    assert len(list(client.api.sw_interface_dump())) == 1
    assert client.api.show_version().retval == 0


def test_vpp_closes_one_in_use(many: Client, peer: Peer) -> None:
    many.api.sw_interface_dump().all()
    before = {info.client_id for info in peer.clients}
    dump = iter(many.api.sw_interface_dump())
    next(dump)
    (its_own,) = {info.client_id for info in peer.clients} - before
    peer.disconnect(its_own)
    with suppress(ConnectionLost):
        assert len(list(dump)) == MANY - 1  # all of it may have been here already
    assert many.is_connected
    assert many.api.show_version().retval == 0  # the others go on
    assert len(list(many.api.sw_interface_dump())) == MANY


# ---- ends ----------------------------------------------------------------------------------------


def test_no_answer_in_time(many: Client, peer: Peer) -> None:
    for sockets in range(2):  # with one to be opened, and with one that is open
        dump = iter(many.api.sw_interface_dump(_timeout=0.2))
        if sockets:
            list(many.api.sw_interface_dump())
        started = monotonic()
        with (
            peer.faults.stalled(),
            pytest.raises(Timeout, match=r"sw_interface_dump: no answer for 0\.2 s"),
        ):
            next(dump)
        assert monotonic() - started < 5
    assert len(list(many.api.sw_interface_dump())) == MANY


def test_closing_ends_it(many: Client, peer: Peer) -> None:
    outcome: list[BaseException] = []
    started = threading.Event()

    def read() -> None:
        try:
            for _ in many.api.sw_interface_dump(_timeout=60):
                peer.faults.stall(None)
                started.set()
        except VapiError as error:
            outcome.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    assert started.wait(20)
    try:
        many.close()
        thread.join(20)
        assert not thread.is_alive()
    finally:
        peer.faults.resume()
    assert [type(error) for error in outcome] == [NotConnected]
    with pytest.raises(NotConnected):
        list(many.api.sw_interface_dump())


@pytest.mark.parametrize("after", [0, 1, 100, 3000])
def test_a_peer_that_is_killed(
    own_peer_process: SpawnedPeer, transport: Transport, after: int
) -> None:
    where = own_peer_process.address(transport)
    with connect(where, transport=transport, timeout=3.0) as client:
        assert client.bulk("create_loopback", count=MANY - 1).ok
        dump = iter(client.api.sw_interface_dump())
        for _ in range(after):
            next(dump)
        own_peer_process.kill()
        began = monotonic()
        with suppress(VapiError):
            # All of it may have been here already.
            assert len(list(dump)) == MANY - after
        with pytest.raises(VapiError):
            list(client.api.sw_interface_dump())
        assert monotonic() - began < 20


def read_for_ever(client: Client) -> None:
    while True:
        list(client.api.sw_interface_dump())


def test_it_comes_back(peer: Peer, transport: Transport) -> None:
    with connect(
        peer.address(transport), transport=transport, reconnect=True, timeout=2.0
    ) as client:
        list(client.api.sw_interface_dump())
        peer.restart()
        with pytest.raises((ConnectionLost, Timeout)):
            read_for_ever(client)
        client.wait_connected(20)
        assert len(list(client.api.sw_interface_dump())) == 1


def test_nothing_is_left(leak_check: None, many: Client) -> None:
    dump = iter(many.api.sw_interface_dump())
    next(dump)
    list(many.api.sw_interface_dump())
    many.close()
    del dump
    gc.collect()


def test_a_child_does_no_harm(many: Client) -> None:
    dump = iter(many.api.sw_interface_dump())
    next(dump)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        said = b"nothing"
        try:
            try:
                list(dump)
            except Forked:
                said = b"Forked"
            try:
                next(iter(many.api.sw_interface_dump()))
            except Forked:
                said += b" twice"
            os.write(writer, said)
            many.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 100) == b"Forked twice"
    os.close(reader)
    os.close(writer)
    assert sum(1 for _ in dump) == MANY - 1
    assert len(list(many.api.sw_interface_dump())) == MANY


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    """Those that close sockets end by themselves."""
    yield
    until(lambda: not any(t.name.startswith("vapi-dump") for t in threading.enumerate()))
