"""A dump of many routes: to columns, in batches, to objects; and interfaces to columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from bench_bulk import PAPI_ROUTES, ROUTES, emptied, program
from clients import loopbacks, ours, papi
from installed import run_vapi, vapi_of
from servers import Measure, Server

from vapi_cffi import Client, Transport

WORK = "dump of 100,000 routes"
INTERFACES = 1000


@contextmanager
def routes(client: Client, count: int = ROUTES) -> Iterator[None]:
    """That many in the FIB."""
    with emptied(client):
        program(client, is_add=True, count=count)
        yield


@pytest.mark.parametrize("form", ["columns", "columns, some", "batches", "objects", "fields read"])
def bench_routes(measure: Measure, server: Server, transport: Transport, form: str) -> None:
    """Over shared memory dumps go by socket: `large_over_shm` would put this VPP at risk."""
    with ours(server, transport) as client, routes(client):
        dump = client.api.ip_route_v2_dump()

        def run() -> None:
            if form == "columns":
                rows = dump.columns().rows
            elif form == "columns, some":
                rows = dump.columns(["route.prefix"]).rows
            elif form == "batches":
                rows = sum(part.rows for part in dump.batches(4096))
            elif form == "objects":
                rows = len(dump.all())
            else:
                rows = len({item.route.prefix for item in dump})
            assert rows >= ROUTES

        measure(
            run,
            work=WORK,
            client=f"vapi_cffi, {form}",
            server=server,
            over=transport,
            per_round=ROUTES,
            unit="routes",
            rounds=7,
            warmup=1,
        )


def bench_papi(measure: Measure, server: Server) -> None:
    with ours(server, "socket") as client, routes(client, PAPI_ROUTES), papi(server) as other:

        def run() -> None:
            found = other.api.ip_route_v2_dump(src=0, table={"table_id": 0, "is_ip6": False})
            assert len(found) >= PAPI_ROUTES

        measure(
            run,
            work=WORK,
            client="vpp_papi",
            server=server,
            over="socket",
            per_round=PAPI_ROUTES,
            unit="routes",
            rounds=3,
            warmup=1,
        )


def bench_interfaces(measure: Measure, server: Server, transport: Transport) -> None:
    with ours(server, transport) as client, loopbacks(client, INTERFACES) as made:
        dump = client.api.sw_interface_dump()

        def run() -> None:
            assert set(dump.columns()["sw_if_index"].tolist()) >= set(made)

        measure(
            run,
            work="dump of 1000 interfaces to columns",
            server=server,
            over=transport,
            per_round=INTERFACES,
            unit="interfaces",
        )


@pytest.mark.parametrize("mode", ["routes", "interfaces"])
@pytest.mark.parametrize("over", ["socket", "shm"])
@pytest.mark.parametrize("client", ["VAPI C", "vapi_cffi, C API"])
def bench_vapi(
    measure: Measure,
    server: Server,
    request: pytest.FixtureRequest,
    mode: str,
    over: Transport,
    client: str,
) -> None:
    """bench_vapi.c, whose callbacks only count.

    The original crashes when the first client that a VPP had by shared memory was not one of the
    classic kind: so that is what comes before it here.
    """
    dumps, is_original = vapi_of(request, client, server, over)
    rates: list[float] = []
    with ours(server, over) as own, there(own, mode):
        count = ROUTES if mode == "routes" else INTERFACES

        def run() -> None:
            rate, lost = run_vapi(dumps, mode, server, over, 0, count, original=is_original)
            assert not lost
            rates.append(rate)

        measure(
            run,
            work=WORK if mode == "routes" else "dump of 1000 interfaces to columns",
            client=client,
            server=server,
            over=over,
            per_round=count,
            unit=mode,
            rounds=5,
            warmup=1,
            rates=rates,
        )


def there(client: Client, mode: str) -> AbstractContextManager[object]:
    """What such a dump finds."""
    return routes(client) if mode == "routes" else loopbacks(client, INTERFACES)
