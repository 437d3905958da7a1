"""How coroutines wait: for a mailbox, or for work that blocks."""

from __future__ import annotations

import math
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Waker:
    """Wakes coroutines, where threads have an `Event`."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: list[Future[bool]] = []

    def set(self) -> None:
        """All that wait now go on."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            resolve(waiter, True)

    async def wait(self, loop: AbstractEventLoop, timeout: float) -> bool:
        """Until `set`; False when the time (seconds) was over before."""
        waiter: Future[bool] = loop.create_future()
        self._waiters.append(waiter)
        timer = None if timeout == math.inf else loop.call_later(timeout, resolve, waiter, False)
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()
            with suppress(ValueError):  # set() has taken it off
                self._waiters.remove(waiter)


def resolve(waiter: Future[bool], value: bool) -> None:
    """Ends a wait, unless something else has."""
    if not waiter.done():
        waiter.set_result(value)


async def in_thread(
    loop: AbstractEventLoop,
    work: Callable[[], T],
    name: str,
    undo: Callable[[], object] | None = None,
) -> T:
    """The result of work that blocks, done in a thread of its own: connecting and closing, which
    are rare. A coroutine that is cancelled leaves it to finish by its own deadline; then `undo`
    takes back what it did."""
    outcome: Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if outcome.done():
            if error is None and undo is not None:
                Thread(target=undo, name=name).start()
        elif error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as caught:  # noqa: BLE001 - raised where it is waited for
            error = caught
        try:
            loop.call_soon_threadsafe(tell, result, error)
        except RuntimeError:  # the loop was closed meanwhile
            if error is None and undo is not None:
                undo()

    Thread(target=run, name=name, daemon=True).start()
    return await outcome
