"""Dumps on sockets of their own: nothing is read there but what the coroutine asks for next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from .._collecting import Collector, Packed
from .._context import Context
from .._errors import ConnectionLost, Timeout
from .._ffi import ffi, lib
from .._timeouts import to_ns
from ._waiting import in_thread

if TYPE_CHECKING:
    from .._dump_sockets import DumpSockets
    from ._channel import Channel


async def take_socket(channel: Channel, limit: float) -> Context | None:
    """One for a dump; None: it must come over the connection. Errors: as of `DumpSockets.take`."""
    sockets = channel.connection.dump_sockets
    if sockets is None or not sockets.may_open:
        return None
    await channel.settle(limit)
    context = sockets.take_idle()
    if context is not None or not sockets.may_open:
        return context
    try:
        return await _open(channel, sockets, limit)
    except ConnectionLost:
        await channel.ping(limit)  # it is gone for all, or only did not let us in
        return None


async def _open(channel: Channel, sockets: DumpSockets, limit: float) -> Context | None:
    """Waits for VPP in a thread."""
    found: list[Context | None] = []

    def undo() -> None:
        if found[0] is not None:
            sockets.give_back(found[0], is_clean=True)

    sockets.opening += 1
    try:
        await in_thread(
            channel.in_loop(),
            lambda: found.append(sockets.take(to_ns(limit))),
            "vapi-dump-connect",
            undo=undo,
        )
    finally:
        sockets.opening -= 1
    return found[0]


async def collected(
    channel: Channel, collector: Collector, beside: Context, *, limit: float
) -> AsyncGenerator[Packed, None]:
    """The details as they come, `limit` seconds after each other at most; gives the socket back.

    Errors: `Timeout`, `ConnectionLost`, `NotConnected`.
    """
    tap, is_left = channel.connection.tap, False
    try:
        if tap is not None:
            tap.write("sent", collector.question.request)
        fd = _descriptor(beside)
        while collector.end is None:
            packed = collector.look()
            if packed is None:
                if not await channel.readable(fd, limit):
                    raise Timeout(f"no answer for {limit:g} s")
                continue
            if tap is not None:
                tap.brought(collector, packed)
            if packed.count:
                is_left = True
                yield packed
                is_left = False
            await asyncio.sleep(0)  # however fast they come, others have their turn
        if tap is not None:
            tap.ended(collector)
    except ConnectionLost:
        # Not only this socket, most likely: then the connection has the better words.
        await channel.ping(limit)
        raise
    finally:
        _leave(channel.connection.dump_sockets, collector, beside, is_left)


def _leave(
    sockets: DumpSockets | None, collector: Collector, beside: Context, is_left: bool
) -> None:
    """Gives the socket back. `is_left`: by a loop that wants no more of what is mostly here."""
    is_clean = collector.end is not None or (is_left and collector.look_for_the_end(0))
    if is_clean or not is_left:
        collector.close()
    if sockets is not None:
        last = None if is_clean or not is_left else collector.look_for_the_end
        sockets.give_back(beside, is_clean=is_clean, last=last)


def _descriptor(context: Context) -> int:
    fd = ffi.new("int *")
    lib.vapi_get_fd(context.ctx, fd)
    return int(fd[0])
