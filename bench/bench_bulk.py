"""Very many requests: routes by bulk, different ones by pipeline, beside vpp_papi's two modes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from clients import ours, papi
from installed import run_vapi, vapi_of
from servers import Measure, Server

from vapi_cffi import Client, Transport

np = pytest.importorskip("numpy")

ROUTES = 100_000
PAPI_ROUTES = 2_000
FIRST = 0x0A000000
WORK = {True: "ip_route_add_del, additions", False: "ip_route_add_del, deletions"}
#: As bench_vapi.c has it.
DROP = {"sw_if_index": 0xFFFFFFFF, "type": "DROP"}


def template(*, is_add: bool) -> dict[str, Any]:
    """The request but for the prefix."""
    return {"is_add": is_add, "route": {"paths": [DROP]}}


def texts(count: int) -> list[str]:
    """As many /32 prefixes."""
    numbers = range(FIRST, FIRST + count)
    return [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}/32" for n in numbers]


def columns(kind: str, count: int = ROUTES) -> dict[str, Any]:
    """The prefixes, as programs may have them."""
    if kind == "text":
        return {"route.prefix": texts(count)}
    return {
        "route.prefix.address": np.arange(FIRST, FIRST + count, dtype=np.uint32),
        "route.prefix.len": 32,
    }


def in_fib(client: Client) -> int:
    """How many of the /32 of this benchmark VPP has."""
    return len(numbers_in_fib(client))


def numbers_in_fib(client: Client) -> Any:
    """Their addresses."""
    found = client.api.ip_route_v2_dump().columns(["route.prefix"])
    numbers = found["route.prefix.address"][:, :4].copy().view(">u4").ravel()
    own = (numbers >= FIRST) & (numbers < FIRST + ROUTES) & (found["route.prefix.len"] == 32)
    return np.unique(numbers[own & (found["route.prefix.af"] == 0)]).astype(np.uint32)


def program(client: Client, *, is_add: bool, count: int = ROUTES) -> None:
    """Adds or deletes the routes: what comes before a round, and after the last."""
    asked, given = template(is_add=is_add), columns("arrays", count)
    client.bulk("ip_route_add_del", asked, given).raise_for_errors()


@contextmanager
def emptied(client: Client) -> Iterator[None]:
    """A FIB without these routes, before and after."""
    wipe(client)
    try:
        yield
    finally:
        wipe(client)


def wipe(client: Client) -> None:
    """Deletes what there is of these routes; a client that failed has left some."""
    there = numbers_in_fib(client)
    given = {"route.prefix.address": there, "route.prefix.len": 32}
    if len(there):
        client.bulk("ip_route_add_del", template(is_add=False), given).raise_for_errors()


@pytest.mark.parametrize("kind", ["arrays", "text"])
@pytest.mark.parametrize("is_add", [True, False])
def bench_routes(
    measure: Measure, server: Server, transport: Transport, kind: str, is_add: bool
) -> None:
    """Each answer is checked, and each route in the FIB."""
    with ours(server, transport) as client, emptied(client):
        given = columns(kind)

        def run() -> None:
            result = client.bulk("ip_route_add_del", template(is_add=is_add), given, depth=256)
            assert result.raise_for_errors().answered == ROUTES

        measure(
            run,
            setup=lambda: wipe(client) if is_add else program(client, is_add=True),
            work=WORK[is_add],
            client=f"vapi_cffi, {kind}",
            server=server,
            over=transport,
            depth=256,
            per_round=ROUTES,
            rounds=7,
            warmup=1,
        )
        assert in_fib(client) == (ROUTES if is_add else 0)


@pytest.mark.parametrize("client", ["VAPI C", "vapi_cffi, C API"])
@pytest.mark.parametrize("over", ["socket", "shm"])
def bench_vapi_routes(
    measure: Measure,
    server: Server,
    request: pytest.FixtureRequest,
    client: str,
    over: Transport,
) -> None:
    """bench_vapi.c, which adds the same routes. What the original loses is in its rate, too."""
    adds, is_original = vapi_of(request, client, server, over)
    rates: list[float] = []
    with ours(server, "socket") as own, emptied(own):

        def run() -> None:
            rate, lost = run_vapi(adds, "route", server, over, 256, ROUTES, original=is_original)
            assert is_original or not lost
            assert in_fib(own) == ROUTES
            rates.append(rate)

        measure(
            run,
            setup=lambda: wipe(own),
            work=WORK[True],
            client=client,
            server=server,
            over=over,
            depth=256,
            per_round=ROUTES,
            rounds=5,
            warmup=1,
            rates=rates,
        )


@contextmanager
def papi_async(server: Server) -> Iterator[tuple[Any, Callable[[int], None]]]:
    """vpp_papi that does not wait for each answer, and a wait for so many more."""
    with papi(server) as client:
        client.disconnect()
        answers, arrived = 0, threading.Condition()

        def answered(name: str, reply: Any) -> None:
            nonlocal answers
            if name != "ip_route_add_del_reply":
                return  # to its goodbye, say
            assert reply.retval == 0
            with arrived:
                answers += 1
                arrived.notify()

        client.register_event_callback(answered)
        client.connect("bench-papi-async", do_async=True)

        def wait(count: int) -> None:
            nonlocal answers
            with arrived:
                assert arrived.wait_for(lambda: answers >= count, timeout=60), answers
                answers -= count

        yield client, wait


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("is_add", [True, False])
def bench_papi_routes(measure: Measure, server: Server, mode: str, is_add: bool) -> None:
    path = {
        "sw_if_index": DROP["sw_if_index"], "table_id": 0, "rpf_id": 0, "weight": 1,
        "preference": 0, "type": 6, "flags": 0, "proto": 0, "nh": {"address": {"ip4": "0.0.0.0"}},
        "n_labels": 0, "label_stack": [{}] * 16,
    }  # fmt: skip
    prefixes = texts(PAPI_ROUTES)

    def routes(other: Any, wait: Callable[[int], None], is_add: bool) -> None:
        for prefix in prefixes:
            other.api.ip_route_add_del(
                is_add=is_add,
                is_multipath=False,
                route={"table_id": 0, "prefix": prefix, "n_paths": 1, "paths": [path]},
            )
        wait(PAPI_ROUTES)

    def run(other: Any, wait: Callable[[int], None]) -> None:
        measure(
            lambda: routes(other, wait, is_add),
            setup=lambda: routes(other, wait, not is_add),
            work=WORK[is_add],
            client=f"vpp_papi, {mode}",
            server=server,
            over="socket",
            depth=1 if mode == "sync" else PAPI_ROUTES,
            per_round=PAPI_ROUTES,
            rounds=3,
            warmup=1,
        )
        if is_add:
            routes(other, wait, False)

    with ours(server, "socket") as client, emptied(client):
        program(client, is_add=True, count=PAPI_ROUTES)
        if mode == "sync":
            with papi(server) as other:
                run(other, lambda _: None)
        else:
            with papi_async(server) as (other, wait):
                run(other, wait)


def bench_pipeline(measure: Measure, server: Server, transport: Transport) -> None:
    """Two kinds of requests in turn, each with its result."""
    count = 5000
    with ours(server, transport) as client:

        def run() -> None:
            with client.pipeline(depth=256) as p:
                for _ in range(count // 2):
                    p.api.control_ping()
                    p.api.show_version()
            assert all(call.result().retval == 0 for call in p.calls)

        measure(
            run,
            work="pipeline of control_ping and show_version",
            server=server,
            over=transport,
            depth=256,
            per_round=count,
            rounds=7,
        )
