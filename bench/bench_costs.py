"""Where the nanoseconds of a call go: each step by itself, in this process."""

from __future__ import annotations

import pytest
from clients import ours
from servers import Measure, Server

from vapi_cffi._ffi import lib

WORK = "a step of a call"
ROUNDS = {"rounds": 30, "iterations": 5000, "unit": "steps"}


def bench_python_call(measure: Measure) -> None:
    """The yardstick: a function of Python that does nothing."""

    def nothing() -> None:
        return None

    measure(nothing, work=WORK, client="a Python call", **ROUNDS)


def bench_crossing(measure: Measure, server: Server) -> None:
    """Into C and back, through CFFI."""
    if server.name != "peer":
        pytest.skip("nobody is asked")
    with ours(server, "socket") as client, client.connection._inside() as ctx:
        cross = lib.vapi_is_connected

        def once() -> None:
            cross(ctx)

        assert cross(ctx)
        measure(once, work=WORK, client="into C and back", **ROUNDS)


@pytest.mark.parametrize(
    "step",
    [
        "encode control_ping",
        "encode ip_route_add_del from dicts",
        "accept control_ping_reply",
        "accept it and read its retval",
    ],
)
def bench_steps(measure: Measure, server: Server, step: str) -> None:
    """Encoding a request with little in it and one with much, and accepting an answer."""
    if server.name != "peer":
        pytest.skip("nobody is asked")
    with ours(server, "socket") as client:
        ping = client.message_codec("control_ping")
        route = client.message_codec("ip_route_add_del")
        reply = client.message_codec("control_ping_reply")
        data = reply.encode(1, {"vpe_pid": 7})
        path = {"sw_if_index": 1, "weight": 1}
        fields = {"is_add": True, "route": {"prefix": "10.0.0.0/24", "paths": [path]}}
        steps = {
            "encode control_ping": lambda: ping.encode(1, {}),
            "encode ip_route_add_del from dicts": lambda: route.encode(1, fields),
            "accept control_ping_reply": lambda: reply.accept(data),
            "accept it and read its retval": lambda: reply.accept(data).retval,
        }
        assert len(steps["encode control_ping"]()) == 10
        assert steps["accept it and read its retval"]() == 0
        slow = "dicts" in step
        rounds = {**ROUNDS, "iterations": 200} if slow else ROUNDS
        measure(steps[step], work=WORK, client=step, **rounds)
