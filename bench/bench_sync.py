"""One request, one answer, then the next: control_ping."""

from __future__ import annotations

from clients import ours, papi, raw
from servers import Measure, Server

from vapi_cffi import Transport

WORK = "control_ping, one after the other"


def bench_client(measure: Measure, server: Server, transport: Transport) -> None:
    with ours(server, transport) as client:
        ping = client.api.control_ping

        def once() -> None:
            assert ping().retval == 0

        measure(once, work=WORK, server=server, over=transport, rounds=100, iterations=200)


def bench_connection(measure: Measure, server: Server, transport: Transport) -> None:
    with raw(server, transport) as (_, once):
        measure(
            once,
            work=WORK,
            client="vapi_cffi.Connection",
            server=server,
            over=transport,
            rounds=100,
            iterations=200,
        )


def bench_papi(measure: Measure, server: Server) -> None:
    with papi(server) as client:

        def once() -> None:
            assert client.api.control_ping().retval == 0

        measure(
            once,
            work=WORK,
            client="vpp_papi",
            server=server,
            over="socket",
            rounds=50,
            iterations=20,
        )
