"""A thousand requests at once, each a coroutine, over one connection."""

from __future__ import annotations

import asyncio

import uvloop
from servers import Measure, Server

from vapi_cffi import Transport, aio

AT_ONCE = 1000
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def bench_gather(measure: Measure, server: Server, transport: Transport) -> None:
    gather(measure, server, transport, "asyncio")


def bench_gather_uvloop(measure: Measure, server: Server, transport: Transport) -> None:
    gather(measure, server, transport, "uvloop")


def gather(measure: Measure, server: Server, transport: Transport, loop: str) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        client = runner.run(connected(server, transport))

        async def many() -> None:
            replies = await asyncio.gather(*[client.api.control_ping() for _ in range(AT_ONCE)])
            assert len(replies) == AT_ONCE
            assert replies[-1].retval == 0

        measure(
            lambda: runner.run(many()),
            work=f"asyncio, {AT_ONCE} control_pings at once",
            client=f"vapi_cffi.aio, {loop}",
            server=server,
            over=transport,
            depth=AT_ONCE,
            per_round=AT_ONCE,
        )
        runner.run(client.close())


async def connected(server: Server, transport: Transport) -> aio.Client:
    return await aio.connect(server.address(transport), transport=transport, name="bench")
