"""Work in a thread, and a coroutine that gives it up: what was done is always undone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from vapi_cffi.aio import _waiting
from vapi_cffi.aio._waiting import in_thread

NewLoop = Callable[[], asyncio.AbstractEventLoop]


class Work:
    """Blocks until it is let go, and knows what became of it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.may_end = threading.Event()
        self.undone = threading.Event()
        self.undos = 0

    def do(self) -> str:
        assert self.may_end.wait(10)
        if self.error is not None:
            raise self.error
        return "done"

    def undo(self) -> None:
        self.undos += 1
        self.undone.set()

    def end(self) -> None:
        """Returns when its thread has ended, having posted its outcome to the loop."""
        self.may_end.set()
        for thread in threading.enumerate():
            if thread.name == "test-work":
                thread.join(10)
                assert not thread.is_alive()

    async def wait(self) -> str:
        return await in_thread(asyncio.get_running_loop(), self.do, "test-work", undo=self.undo)


@pytest.fixture
def run(new_loop: NewLoop) -> Callable[..., None]:
    def run(main: Callable[[], object]) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main())  # type: ignore[arg-type]

    return run


def test_its_result_and_its_error(run: Callable[..., None]) -> None:
    async def main() -> None:
        work = Work()
        work.may_end.set()
        assert await work.wait() == "done"
        assert work.undos == 0
        fails = Work(ValueError("no"))
        fails.may_end.set()
        with pytest.raises(ValueError, match=r"^no$"):
            await fails.wait()
        assert fails.undos == 0

    run(main)


def test_given_up_before_it_ends(run: Callable[..., None]) -> None:
    async def main() -> None:
        for error, undos in ((None, 1), (ValueError("no"), 0)):
            work = Work(error)
            task = asyncio.create_task(work.wait())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert work.undos == 0
            work.end()
            assert work.undos == undos

    run(main)


@pytest.mark.parametrize("steps", [0, 1], ids=["not yet told", "told"])
def test_given_up_when_it_has_ended(run: Callable[..., None], steps: int) -> None:
    async def main() -> None:
        work = Work()
        task = asyncio.create_task(work.wait())
        await asyncio.sleep(0)
        work.end()
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert work.undone.wait(10)
        assert work.undos == 1

    run(main)


@pytest.mark.parametrize("first", ["work", "loop"])
def test_the_loop_ends(new_loop: NewLoop, first: str) -> None:
    """With the outcome among what it does not do any more, or before there is one."""
    work = Work()
    loop = new_loop()
    coroutine = work.wait()

    async def begin() -> None:
        with suppress(StopIteration):
            coroutine.send(None)
        if first == "work":
            work.end()

    loop.run_until_complete(begin())
    loop.close()
    if first == "loop":
        work.end()
    coroutine.close()
    assert work.undone.wait(10)
    assert work.undos == 1


def test_it_ends_while_it_is_given_up(
    run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just after the coroutine has said so: one of the two undoes it, not both."""
    work = Work()

    class Interrupted:
        """A lock that the coroutine loses to the thread as soon as it lets go."""

        def __init__(self) -> None:
            self._lock = threading.Lock()

        def __enter__(self) -> None:
            self._lock.acquire()

        def __exit__(self, *_: object) -> None:
            self._lock.release()
            if threading.current_thread() is threading.main_thread():
                work.end()

    async def main() -> None:
        task = asyncio.create_task(work.wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        work.end()
        assert work.undos == 1

    monkeypatch.setattr(_waiting, "Lock", Interrupted)
    run(main)


def test_interrupted_while_it_begins(
    run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a second Ctrl-C, say, which asyncio makes an exception at once."""
    work = Work()

    class Interrupted(threading.Thread):
        def start(self) -> None:
            super().start()
            raise KeyboardInterrupt

    async def main() -> None:
        coroutine = work.wait()
        with pytest.raises(KeyboardInterrupt):
            coroutine.send(None)
        work.end()
        assert work.undos == 1

    monkeypatch.setattr(_waiting, "Thread", Interrupted)
    run(main)
