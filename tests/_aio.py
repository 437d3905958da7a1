"""Coroutines with an asyncio client, run to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from vapi_cffi import Transport, aio

Main = Callable[[aio.Client], Awaitable[Any]]
#: Runs a coroutine function with a client over one transport; options as of `aio.connect`.
Talk = Callable[..., Any]


def talk_to(
    address: str,
    transport: Transport,
    main: Main,
    new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
    **options: Any,
) -> Any:
    """What a coroutine returns that was given a client."""

    async def run() -> Any:
        options.setdefault("timeout", 5.0)
        async with aio.connect(address, transport=transport, **options) as vpp:
            return await main(vpp)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(run())
