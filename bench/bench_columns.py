"""A dump of many routes: to columns, in batches, to objects; and interfaces to columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from bench_bulk import columns, template
from clients import loopbacks, ours, papi
from servers import Measure, Server

from vapi_cffi import Client, Transport

ROUTES = 20_000
WORK = "dump of 20,000 routes"


@contextmanager
def routes(client: Client) -> Iterator[None]:
    """That many more in the FIB."""
    with loopbacks(client, 1) as (loop,):
        for is_add in (True, False):
            asked = template(loop, is_add=is_add)
            client.bulk("ip_route_add_del", asked, columns("arrays")).raise_for_errors()
            if is_add:
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
    with ours(server, "socket") as client, routes(client), papi(server) as other:

        def run() -> None:
            found = other.api.ip_route_v2_dump(src=0, table={"table_id": 0, "is_ip6": False})
            assert len(found) >= ROUTES

        measure(
            run,
            work=WORK,
            client="vpp_papi",
            server=server,
            over="socket",
            per_round=ROUTES,
            unit="routes",
            rounds=2,
            warmup=0,
        )


def bench_interfaces(measure: Measure, server: Server, transport: Transport) -> None:
    count = 1000
    with ours(server, transport) as client, loopbacks(client, count) as made:
        dump = client.api.sw_interface_dump()

        def run() -> None:
            assert set(dump.columns()["sw_if_index"].tolist()) >= set(made)

        measure(
            run,
            work="dump of 1000 interfaces to columns",
            server=server,
            over=transport,
            per_round=count,
            unit="interfaces",
        )
