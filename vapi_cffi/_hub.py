"""What arrives and was not asked for by `Connection.call`: details of dumps, answers, events.

Every waiter has a `Mailbox`. Whoever waits first receives for all (the leader), in batches, and
puts each message into the box that it belongs to; the others sleep until their box has something,
or until the leader leaves and one of them takes its place. So no thread of ours is needed, and no
message crosses threads that need not.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Set
from copy import copy
from threading import Event, Lock
from time import monotonic
from typing import Any

from ._connection import Connection
from ._errors import ConnectionLost, Timeout, VapiError
from ._timeouts import patience, seconds

log = logging.getLogger("vapi_cffi")

#: Messages that one crossing brings at most.
BATCH = 512
#: Who receives looks this often whether it still should (`Connection` looks for signals as often).
_SLICE = 0.1


class Mailbox:
    """Messages for one waiter. `ids`: the two-byte numbers of messages that it takes."""

    __slots__ = ("context", "error", "ids", "items", "put", "wake")

    def __init__(self, ids: Iterable[bytes], context: bytes = b"", wake: Any = None) -> None:
        self.ids: Set[bytes] = frozenset(ids)
        self.context = context
        self.items: deque[bytes] = deque()
        self.put: Callable[[bytes], None] = self.items.append
        self.wake: Any = Event() if wake is None else wake  # or the waker of an event loop
        self.error: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        """Ends the wait for it."""
        self.error = error
        self.wake.set()


class Hub:
    """The mailboxes of one connection."""

    def __init__(self, connection: Connection, *, timeout: float, context: Any = None) -> None:
        self.connection = connection
        #: What it receives from, and nothing else: another hub has what comes after it.
        self._epoch: Any = context
        self.timeout = timeout
        self.unclaimed = 0
        #: Takes what has no mailbox, if it wants it: the table of callbacks.
        self.beside: Callable[[bytes], bool] | None = None
        self._lock = Lock()
        self._leading = False
        self._followers: dict[Mailbox, None] = {}
        self._pending: dict[bytes, Mailbox] = {}
        self._far: dict[bytes, int] = {}
        self._events: dict[bytes, tuple[Mailbox, ...]] = {}

    # ---- mailboxes -----------------------------------------------------------------------------

    def open(self, ids: Iterable[bytes], context_offsets: Iterable[int] = ()) -> Mailbox:
        """A mailbox for answers with a context of its own, which it has until `close`.

        `context_offsets`: of the same messages as `ids`, where they are not all 2.
        """
        ids = tuple(ids)
        with self._lock:
            for number, offset in zip(ids, context_offsets, strict=False):
                if offset != 2:
                    self._far[number] = offset
            context = self.connection.new_context()
            box = self._pending[context] = Mailbox(ids, context)
        return box

    def lend(self, box: Mailbox, count: int) -> list[bytes]:
        """That many contexts more for a mailbox, each until `forget`."""
        with self._lock:
            found = [self.connection.new_context() for _ in range(count)]
            self._pending.update(dict.fromkeys(found, box))
        return found

    def look_at(self, number: bytes, offset: int) -> None:
        """Messages of that number have their context at `offset`."""
        if offset != 2:
            with self._lock:
                self._far[number] = offset

    def forget(self, context: bytes) -> None:
        """No more answers with a context: those that still come are dropped."""
        self._pending.pop(context, None)

    def close(self, box: Mailbox) -> None:
        """No more answers for it: those that still come are dropped."""
        self._pending.pop(box.context, None)

    def subscribe(self, number: bytes, box: Mailbox) -> None:
        """From now on every message of that number that is no answer goes into the box too."""
        with self._lock:
            self._events[number] = (*self._events.get(number, ()), box)

    def unsubscribe(self, number: bytes, box: Mailbox) -> None:
        """Ends it."""
        with self._lock:
            left = tuple(item for item in self._events.get(number, ()) if item is not box)
            self._events[number] = left

    def fail(self, error: BaseException) -> None:
        """The connection is gone: all waits end with this."""
        with self._lock:
            boxes = {*self._pending.values(), *(b for some in self._events.values() for b in some)}
            boxes.update(self._followers)
        for box in boxes:
            box.fail(error)

    # ---- receiving -----------------------------------------------------------------------------

    def wait(
        self,
        box: Mailbox,
        timeout: float | None = None,
        receive: Callable[[float], None] | None = None,
    ) -> None:
        """Returns when there is something in the box. `timeout`: seconds, None: the client's.

        `receive(seconds)`: brings and routes messages, if the caller is the one to do so.
        Errors: `Timeout`, what the box failed with, `ConnectionLost`, `NotConnected`.
        """
        if box.items:
            return
        limit = self.timeout if timeout is None else seconds(timeout)
        deadline = monotonic() + limit
        bring = receive or self._receive
        try:
            while not box.items:
                if box.error is not None:
                    raise box.error
                left = max(deadline - monotonic(), 0.0)
                if self._enter(box):
                    try:
                        bring(min(left, _SLICE))
                    finally:
                        with self._lock:
                            self._leading = False
                else:
                    box.wake.wait(patience(left))
                if left == 0.0 and not box.items:
                    raise Timeout(f"no answer for {limit:.3g} s")
        finally:
            self._leave(box)

    def _enter(self, box: Mailbox) -> bool:
        """True: the caller leads. False: it sleeps until its box is woken, which it may be
        already."""
        with self._lock:
            box.wake.clear()
            if box.items or box.error is not None:
                box.wake.set()
                return False
            if not self._leading:
                self._leading = True
                self._followers.pop(box, None)
                return True
            self._followers[box] = None
            return False

    def _leave(self, box: Mailbox) -> None:
        """Passes the lead on, if nobody has it."""
        with self._lock:
            self._followers.pop(box, None)
            if not self._leading and self._followers:
                next(iter(self._followers)).wake.set()

    def _receive(self, timeout: float) -> None:
        """One batch, if one comes in time."""
        context = self.connection._context
        if self._epoch is not None and context is not self._epoch:
            if context.closing:
                context.take()  # raises: it was closed, or lost
            raise ConnectionLost("the connection was lost, or made anew, meanwhile")
        try:
            batch = self.connection.recv_bytes(BATCH, timeout)
        except (TimeoutError, BlockingIOError):
            return
        self.route(batch)

    def route(self, batch: Iterable[bytes]) -> None:
        """Puts messages into their boxes, and wakes who waits for them."""
        pending = self._pending
        touched: set[Mailbox] = set()
        last: Mailbox | None = None
        for data in batch:
            box = pending.get(data[2:6])
            if box is None or data[:2] not in box.ids:
                self._other(data)
                continue
            box.put(data)
            if box is not last:
                touched.add(box)
                last = box
        # After the last put: whoever was quick has emptied its box and sleeps again.
        for box in touched:
            box.wake.set()

    def claim(self, data: bytes, *, taken: bool) -> None:
        """One message that was received for the table of callbacks. `taken`: whether that has it;
        an event is also ours then."""
        box = self._pending.get(data[2:6])
        if box is not None and data[:2] in box.ids:
            box.put(data)
            box.wake.set()
        else:
            self._other(data, taken=taken)

    def _other(self, data: bytes, *, taken: bool | None = None) -> None:
        """Answers whose context is elsewhere, and events. `taken`: whether the callbacks have it,
        if they were asked."""
        number = data[:2]
        offset = self._far.get(number)
        if offset is not None:
            box = self._pending.get(data[offset : offset + 4])
            if box is not None and number in box.ids:
                box.put(data)
                box.wake.set()
                return
        if taken is None and self.beside is not None:
            taken = self.beside(data)
        boxes = self._events.get(number, ())
        for box in boxes:
            box.put(data)
            box.wake.set()
        if not boxes and not taken:
            self.unclaimed += 1

    def relieve(self) -> None:
        """For who received past the hub: events that came meanwhile go to their boxes, unless
        somebody is at it."""
        with self._lock:
            if self._leading or not self._events:
                return
            self._leading = True
        try:
            self.drain()
        finally:
            with self._lock:
                self._leading = False
                if self._followers:
                    next(iter(self._followers)).wake.set()

    def drain(self) -> None:
        """Routes what is there, without waiting; for event loops."""
        try:
            while True:
                batch = self.connection.recv_bytes(BATCH, 0)
                self.route(batch)
                if len(batch) < BATCH:
                    return
        except (TimeoutError, BlockingIOError):
            return


def lost(error: VapiError) -> VapiError:
    """The same error for another waiter: an exception object has one traceback."""
    return copy(error)
