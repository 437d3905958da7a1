"""Very many requests: routes by bulk, different ones by pipeline, beside vpp_papi's two modes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from clients import loopbacks, ours, papi
from servers import Measure, Server

from vapi_cffi import Client, Transport

np = pytest.importorskip("numpy")

ROUTES = 20_000
PAPI_ROUTES = 2_000
FIRST = 0x0A000000
WORK = "ip_route_add_del, half add and half delete"


def template(sw_if_index: int, *, is_add: bool) -> dict[str, Any]:
    """The request but for the prefix."""
    paths = [{"sw_if_index": sw_if_index, "weight": 1}]
    return {"is_add": is_add, "route": {"paths": paths}}


def texts(count: int) -> list[str]:
    """As many /32 prefixes."""
    numbers = range(FIRST, FIRST + count)
    return [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}/32" for n in numbers]


def columns(kind: str) -> dict[str, Any]:
    """The prefixes, as programs may have them."""
    if kind == "text":
        return {"route.prefix": texts(ROUTES)}
    return {
        "route.prefix.address": np.arange(FIRST, FIRST + ROUTES, dtype=np.uint32),
        "route.prefix.len": 32,
    }


def in_fib(client: Client) -> set[str]:
    return set(client.api.ip_route_v2_dump().columns(["route.prefix"]).texts("route.prefix"))


@pytest.mark.parametrize("kind", ["arrays", "text"])
def bench_routes(measure: Measure, server: Server, transport: Transport, kind: str) -> None:
    """Each answer is checked, and each route in the FIB."""
    with ours(server, transport) as client, loopbacks(client, 1) as (loop,):
        given = columns(kind)

        def run(is_add: bool) -> None:
            asked = template(loop, is_add=is_add)
            result = client.bulk("ip_route_add_del", asked, given, depth=256)
            assert result.raise_for_errors().answered == ROUTES

        wanted = set(texts(ROUTES))
        run(True)
        assert in_fib(client) >= wanted
        run(False)
        assert not in_fib(client) & wanted

        def both() -> None:
            run(True)
            run(False)

        measure(
            both,
            work=WORK,
            client=f"vapi_cffi, {kind}",
            server=server,
            over=transport,
            depth=256,
            per_round=2 * ROUTES,
            rounds=7,
            warmup=1,
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
def bench_papi_routes(measure: Measure, server: Server, mode: str) -> None:
    with ours(server, "socket") as client, loopbacks(client, 1) as (loop,):
        path = {
            "sw_if_index": loop, "table_id": 0, "rpf_id": 0, "weight": 1, "preference": 0,
            "type": 0, "flags": 0, "proto": 0, "nh": {"address": {"ip4": "0.0.0.0"}},
            "n_labels": 0, "label_stack": [{}] * 16,
        }  # fmt: skip
        prefixes = texts(PAPI_ROUTES)

        def routes(other: Any, is_add: bool) -> None:
            for prefix in prefixes:
                other.api.ip_route_add_del(
                    is_add=is_add,
                    is_multipath=False,
                    route={"table_id": 0, "prefix": prefix, "n_paths": 1, "paths": [path]},
                )

        def run(work: Callable[[], None]) -> None:
            measure(
                work,
                work=WORK,
                client=f"vpp_papi, {mode}",
                server=server,
                over="socket",
                depth=1 if mode == "sync" else PAPI_ROUTES,
                per_round=2 * PAPI_ROUTES,
                rounds=3,
                warmup=1,
            )

        def both(other: Any, wait: Callable[[int], None]) -> None:
            for is_add in (True, False):
                routes(other, is_add)
                wait(PAPI_ROUTES)

        if mode == "sync":
            with papi(server) as other:
                run(lambda: both(other, lambda _: None))
        else:
            with papi_async(server) as (other, wait):
                run(lambda: both(other, wait))


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
