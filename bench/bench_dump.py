"""A dump of a thousand interfaces, as objects."""

from __future__ import annotations

from clients import loopbacks, ours, papi
from servers import Measure, Server

from vapi_cffi import Transport

INTERFACES = 1000
WORK = "dump of 1000 interfaces to objects"


def bench_objects(measure: Measure, server: Server, transport: Transport) -> None:
    with ours(server, transport) as client, loopbacks(client, INTERFACES):
        dump = client.api.sw_interface_dump()

        def read() -> None:
            assert len(dump.all()) > INTERFACES

        measure(read, work=WORK, server=server, over=transport, per_round=INTERFACES)


def bench_objects_and_their_fields(measure: Measure, server: Server, transport: Transport) -> None:
    with ours(server, transport) as client, loopbacks(client, INTERFACES) as made:
        dump = client.api.sw_interface_dump()

        def read() -> None:
            names = {item.sw_if_index: item.interface_name for item in dump}
            assert all(names[index].startswith("loop") for index in made)

        measure(
            read,
            work=WORK,
            client="vapi_cffi, fields read",
            server=server,
            over=transport,
            per_round=INTERFACES,
        )


def bench_papi(measure: Measure, server: Server) -> None:
    with ours(server, "socket") as client, loopbacks(client, INTERFACES), papi(server) as other:

        def read() -> None:
            assert len(other.api.sw_interface_dump()) > INTERFACES

        measure(
            read,
            work=WORK,
            client="vpp_papi",
            server=server,
            over="socket",
            per_round=INTERFACES,
            rounds=5,
            warmup=1,
        )
