"""How coroutines wait: for a mailbox, or for work that blocks."""

from __future__ import annotations

import math
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import TypeVar

from .._aside import begin

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
    lock = Lock()
    is_done = is_given_up = False

    def tell(result: T | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        nonlocal is_done
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as caught:  # noqa: BLE001 - raised where it is waited for
            error = caught
        with lock:
            is_done = error is None
            if not is_given_up:
                with suppress(RuntimeError):  # the loop is closed: who waits is going to give up
                    loop.call_soon_threadsafe(tell, result, error)
                return
        if is_done and undo is not None:
            undo()

    try:
        Thread(target=run, name=name, daemon=True).start()  # waits for it, and may be interrupted
        return await outcome
    except BaseException:
        # Also when it is done: a loop that ends tells nobody any more, and who is cancelled between
        # being told and going on never learns of it.
        with lock:
            is_given_up = True
            has_effect = is_done  # once let go of the lock, the work that ends undoes itself
        if has_effect and undo is not None:
            begin(undo, name)
        raise
