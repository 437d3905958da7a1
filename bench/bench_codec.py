"""What the codec costs, without anybody to talk to: a message of 28 fields, and rows of routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench_bulk import columns, template
from clients import ours
from servers import Measure, Server

from vapi_cffi import MACAddress
from vapi_cffi._columns import Reading
from vapi_cffi._rows import Rows

COUNT = 1000
DETAILS = "decoding sw_interface_details"


def details(server: Server) -> tuple[Any, list[bytes]]:
    """The codec, and messages that all differ."""
    with ours(server, "socket") as client:
        codec = client.message_codec("sw_interface_details")
    messages = [
        codec.encode(
            7,
            {
                "sw_if_index": n,
                "l2_address": MACAddress(n.to_bytes(6, "big")),
                "interface_name": f"loop{n}",
                "mtu": [9000, 0, 0, 0],
            },
        )
        for n in range(COUNT)
    ]
    return codec, messages


@pytest.mark.parametrize("what", ["objects, unread", "objects, all 28 fields", "columns"])
def bench_details(measure: Measure, server: Server, what: str) -> None:
    if server.name != "peer":
        pytest.skip("nobody is asked")
    codec, messages = details(server)
    names = [item.name for item in codec.fields]
    packed = b"".join(messages)
    reading = Reading(codec, None)

    def unread() -> None:
        assert len(codec.accept_all(messages)) == COUNT

    def read() -> None:
        for item in codec.accept_all(messages):
            for name in names:
                getattr(item, name)
        assert item.sw_if_index == COUNT - 1

    def to_columns() -> None:
        assert int(reading.columns(COUNT, packed)["sw_if_index"][-1]) == COUNT - 1

    runs: dict[str, Callable[[], None]] = {
        "objects, unread": unread,
        "objects, all 28 fields": read,
        "columns": to_columns,
    }
    measure(runs[what], work=DETAILS, client=what, per_round=COUNT, rounds=50)


@pytest.mark.parametrize("kind", ["arrays", "text"])
def bench_rows(measure: Measure, server: Server, kind: str) -> None:
    if server.name != "peer":
        pytest.skip("nobody is asked")
    with ours(server, "socket") as client:
        binding = client.api.ip_route_add_del.binding
    message = binding.encode(None, template(is_add=True))
    given = columns(kind, 20_000)

    def run() -> None:
        rows = sum(batch.count for batch in Rows(binding.codec, message, given, None, 2048))
        assert rows == 20_000

    measure(run, work="encoding ip_route_add_del", client=f"columns, {kind}", per_round=20_000)


def bench_one_by_one(measure: Measure, server: Server) -> None:
    """The same requests, each from keywords."""
    if server.name != "peer":
        pytest.skip("nobody is asked")
    with ours(server, "socket") as client:
        binding = client.api.ip_route_add_del.binding
    paths = binding.codec.cls(**template(is_add=True)).route.paths
    prefixes = columns("text", 2000)["route.prefix"]

    def run() -> None:
        for prefix in prefixes:
            assert binding.encode(
                None, {"is_add": True, "route": {"prefix": prefix, "paths": paths}}
            )

    measure(run, work="encoding ip_route_add_del", client="one by one", per_round=2000, rounds=5)
