"""A long dump that comes message by message, as VPP sends it: its reader rests (csrc/gather.h), and
nothing else waits for that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import monotonic

import pytest

from vapi_cffi import Client, NotConnected, callback
from vapi_cffi.sim import Peer

ROUTES = 1500
#: Bytes of one write of the peer: about three routes.
WRITE = 400


@pytest.fixture
def routes(peer: Peer, client: Client) -> Iterator[list[str]]:
    """The prefixes of many routes, of which dumps come slowly from now on."""
    addresses = [f"10.0.{i >> 8}.{i & 255}/32" for i in range(ROUTES)]
    path = {"sw_if_index": 0xFFFFFFFF, "type": "drop"}
    template = {"is_add": True, "route": {"paths": [path]}}
    assert client.bulk("ip_route_add_del", template, {"route.prefix": addresses}).ok
    client.api.ip_route_v2_dump().first()  # a socket for dumps is open
    peer.faults.trickle(WRITE)
    yield addresses
    peer.faults.trickle(0)


def test_all_of_it_comes(client: Client, routes: list[str]) -> None:
    dump = client.api.ip_route_v2_dump()
    found = {str(item.route.prefix) for item in dump.all()}
    assert found >= set(routes)
    assert dump.columns().rows == len(found)
    assert sum(part.rows for part in dump.batches(100)) == len(found)


def test_requests_beside_it_are_answered(client: Client, routes: list[str]) -> None:
    """Behind it, as VPP has it, and without a rest of their own."""
    rows: list[int] = []
    dump = client.api.ip_route_v2_dump()
    reader = threading.Thread(target=lambda: rows.append(dump.columns().rows))
    reader.start()
    answers = 0
    while reader.is_alive() or not answers:
        assert client.api.show_version().program == "vpe"
        answers += 1
    reader.join(10)
    assert rows[0] >= ROUTES
    began = monotonic()
    for _ in range(100):
        client.api.control_ping()
    assert monotonic() - began < 5


def test_callbacks(client: Client, routes: list[str]) -> None:
    found: list[bool] = []

    def on_route(conn: object, context: object, error: object, is_last: bool, it: object) -> None:
        assert error is None
        found.append(is_last)

    callback.ip_route_v2_dump(client, None, on_route)
    assert len(found) > ROUTES
    assert [is_last for is_last in found if is_last] == [True]


def test_closing_ends_it(client: Client, routes: list[str]) -> None:
    raised: list[BaseException] = []
    begun = threading.Event()

    def read_for_ever() -> None:
        while True:
            client.api.ip_route_v2_dump().columns()

    def read() -> None:
        begun.set()
        with pytest.raises(NotConnected) as error:
            read_for_ever()
        raised.append(error.value)

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(10)
    client.api.show_version()  # a dump or more has ended
    client.close()
    reader.join(10)
    assert raised
