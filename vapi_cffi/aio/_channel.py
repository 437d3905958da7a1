"""Requests and answers of one connection, on one event loop.

Requests that are made in one turn of the loop leave together: `submit` only queues them, and a
callback at the end of the turn sends all of them in one crossing into C, as many as there is room
for (`window` of them may be in flight). Answers come in batches as well, when the loop sees that
the connection's descriptor is readable. There is no task, no thread and no timer a request.
"""

from __future__ import annotations

import logging
import math
import os
from asyncio import AbstractEventLoop, Future, InvalidStateError, TimerHandle, _get_running_loop
from collections import deque
from collections.abc import Callable, Iterable
from sys import byteorder
from typing import TYPE_CHECKING, Any

from .._errors import MisuseError, NotConnected, Timeout, VapiError
from .._ffi import lib
from .._hub import BATCH, Hub, Mailbox, lost
from .._table import CONTROL_PING, CONTROL_PING_REPLY
from .._timeouts import seconds
from ._waiting import Waker, resolve

if TYPE_CHECKING:
    from .._api import Binding
    from .._connection import Connection

log = logging.getLogger("vapi_cffi")

_new_context = lib.vapi_gen_req_context
#: How many numbers there are.
_CONTEXTS = 1 << 31
#: Batches that one look receives before others in the loop have their turn.
_BATCHES_A_LOOK = 4
#: Seconds after which a send that found no room is tried again, should no answer come before.
_RETRY = 0.001
#: Seconds that the loop stands still for an answer through shared memory.
_GLANCE = 50e-6
#: Requests that were sent within this part of a timeout share a deadline.
_SLICE = 1 / 50

#: Who waits for one answer: its future, what it answers, whether a negative retval is no error,
#: and whether it has a timer of its own.
Call = tuple["Future[Any]", "Binding", bool, bool]
#: A message that waits to be sent, with its context, and whoever waits for its answer.
Queued = tuple[bytes, bytes, Call | None]


class Channel(Hub):
    """The hub of an event loop. Everything here runs in the loop's thread."""

    def __init__(
        self,
        connection: Connection,
        *,
        timeout: float,
        window: int,
        on_loss: Callable[[VapiError], object],
    ) -> None:
        super().__init__(connection, timeout=timeout)
        self.window = window
        self.loop: AbstractEventLoop | None = None
        self.client_index = 0
        #: Why nothing can be sent, while that is so.
        self.broken: VapiError | None = NotConnected("not connected: use `async with`, or await it")
        self._on_loss = on_loss
        self._context: Any = None  # keeps what `_new_context` counts in
        self._fd, self._pid = -1, 0
        self._calls: dict[bytes, Call] = {}
        self.out: deque[Queued] = deque()
        self.queued = self.out.append
        self._scheduled = False
        #: Whether requests of this turn of the loop are queued already, and the connection is well.
        self.is_turning = False
        self._deadlines: deque[tuple[float, int]] = deque()  # of the contexts up to one
        self._last_sent = 0
        self._heard = 0.0
        self._glances = connection.transport != "socket"
        self._glancing = False
        self._timer: TimerHandle | None = None
        #: Another object whenever something was sent that nobody waits for the answer of.
        self._loose: object = None
        self._settled: object = None  # its value before the last ping
        #: Who waits for a descriptor beside that of the connection.
        self._watching: dict[int, Future[bool]] = {}

    # ---- life ----------------------------------------------------------------------------------

    def attach(self, loop: AbstractEventLoop) -> None:
        """The connection is there: begins to watch it."""
        self.loop = loop
        self._context = self.connection._context
        self.client_index = int.from_bytes(self.connection.client_index, "big")
        self._fd, self._pid = self.connection.fileno(), os.getpid()
        self._heard = loop.time()
        self.broken = None
        self._far.clear()  # after a reconnect the numbers are others
        loop.add_reader(self._fd, self._readable)

    def detach(self, error: VapiError) -> None:
        """The connection is gone, or is about to be: all that wait end with this."""
        # A child of a fork shares its parent's epoll, and must not touch it.
        if (
            self.broken is None
            and self.loop is not None
            and not self.loop.is_closed()
            and self._pid == os.getpid()
        ):
            self.loop.remove_reader(self._fd)
        self.broken = error
        self.is_turning = False
        self.fail(error)

    def fail(self, error: BaseException) -> None:
        waiting = [*self._calls.values(), *(call for _, _, call in self.out if call is not None)]
        self._calls.clear()
        self.out.clear()
        self._deadlines.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        watching = [*self._watching]
        ended = [*(call[0] for call in waiting), *(self._unwatch(fd) for fd in watching)]
        for future in ended:
            if future is not None and not future.done():
                future.set_exception(lost(error) if isinstance(error, VapiError) else error)
        super().fail(error)

    def in_loop(self) -> AbstractEventLoop:
        """The loop. Errors: `NotConnected`; `MisuseError` for a caller in another loop, or none."""
        if self.loop is None:
            raise lost(self.broken) if self.broken is not None else NotConnected("not connected")
        if _get_running_loop() is not self.loop:
            if self.broken is None:
                self.connection.fileno()  # says so in the child of a fork
            raise MisuseError(
                "an asyncio client is used by the event loop that connected it, and by no other "
                "loop or thread: make one for each, or take vapi_cffi.connect()"
            )
        return self.loop

    # ---- sending -------------------------------------------------------------------------------

    def next_context(self) -> bytes:
        """The four bytes of a context that no other request of this connection has."""
        while True:
            key: bytes = _new_context(self._context.ctx).to_bytes(4, byteorder)
            if key not in self._calls and key not in self._pending:
                return key

    def submit(
        self,
        binding: Binding,
        message: bytes,
        key: bytes,
        *,
        raw: bool = False,
        timeout: float | None = None,
    ) -> Future[Any]:
        """Queues a request with one answer, which the future will have. `key`: its context."""
        loop = self.loop
        assert loop is not None
        timeout = None if timeout is None else seconds(timeout)
        future: Future[Any] = loop.create_future()
        if self.broken is not None:
            future.set_exception(lost(self.broken))
            return future
        call = (future, binding, raw, timeout is not None)
        self.out.append((key, message, call))
        if timeout is not None and timeout != math.inf:
            timer = loop.call_later(timeout, self._too_late, key, call, timeout)
            future.add_done_callback(lambda _: timer.cancel())
        self._schedule()
        self.is_turning = self._scheduled
        return future

    def post(self, *messages: bytes) -> None:
        """Queues messages that have no single answer, in order. Errors: why there is no
        connection."""
        if self.broken is not None:
            raise lost(self.broken)
        self.out.extend((b"", message, None) for message in messages)
        self._loose = object()
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and self.loop is not None:
            self._scheduled = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Sends what was made in this turn, and what found no room before."""
        self._scheduled = self.is_turning = False
        out, calls = self.out, self._calls
        if not out or self.broken is not None:
            return
        room = self.window - len(calls) - len(self._pending)
        if len(out) <= room:
            taken = list(out)
            out.clear()
        else:
            taken = self._next(room)
        batch: list[bytes] = []
        for key, message, call in taken:
            if call is not None:
                if call[0].done():  # cancelled before it left
                    continue
                calls[key] = call
            batch.append(message)
        if len(batch) < len(taken):
            taken = [item for item in taken if item[2] is None or not item[2][0].done()]
        if batch:
            try:
                sent = self.connection.send_many(batch, 0)
                if log.isEnabledFor(logging.DEBUG):
                    self._say("sent", batch[:sent])
            except VapiError as error:
                self._refused(error, taken)
                return
            if sent < len(batch):
                self._put_back(taken[sent:])
                del taken[sent:]
            last = next((item[0] for item in reversed(taken) if item[0]), None)
            if last is not None:
                self._last_sent = _number(last)
        self._set_deadline()
        if self._glances and calls and not self._glancing:
            self._glance()

    def flush_early(self) -> None:
        """Sends what there is, though more is being made. The end of the turn sends the rest."""
        self._flush()
        self._scheduled = self.is_turning = self.broken is None

    def _next(self, room: int) -> list[Queued]:
        """What may leave now, that there is not room for all."""
        out, taken = self.out, []
        while out:
            call = out[0][2]
            if call is not None and not call[0].done():
                if room <= 0:
                    break
                room -= 1
            taken.append(out.popleft())
        return taken

    def _put_back(self, items: list[Queued]) -> None:
        """There was no room for these; they are tried again soon."""
        assert self.loop is not None
        for item in reversed(items):
            self._calls.pop(item[0], None)
            self.out.appendleft(item)
        self._scheduled = True
        self.loop.call_later(_RETRY, self._flush)

    def _refused(self, error: VapiError, items: list[Queued]) -> None:
        """They could not be sent: the connection is gone, or one of them is at fault."""
        if isinstance(error, ConnectionError | NotConnected):
            self._on_loss(error)
        elif len(items) > 1:
            # One by one, so that only the one to blame has the error.
            for item in items:
                try:
                    self.connection.send_bytes(item[1], 0)
                except VapiError as its_own:
                    self._refused(its_own, [item])
            return
        for key, message, call in items:
            self._calls.pop(key, None)
            if call is None:
                log.warning("message %d was not sent: %s", int.from_bytes(message[:2]), error)
            elif not call[0].done():
                call[0].set_exception(lost(error))

    # ---- receiving -----------------------------------------------------------------------------

    def _readable(self) -> None:
        """The descriptor says that something is there."""
        for _ in range(_BATCHES_A_LOOK):
            if self._bring(0) < BATCH:
                break
        if self.out:
            self._schedule()

    def _glance(self) -> None:
        """Over shared memory an answer is there within microseconds, sooner than a descriptor can
        tell: looks for as long as that, and again as long as they come."""
        assert self.loop is not None
        self._glancing = False
        if self.broken is None and self._bring(_GLANCE):
            if self.out:
                self._schedule()
            elif self._calls:
                self._glancing = True
                self.loop.call_soon(self._glance)

    def _bring(self, timeout: float) -> int:
        """One batch, if there is one: its size."""
        assert self.loop is not None
        try:
            batch = self.connection.recv_bytes(BATCH, timeout)
            self._heard = self.loop.time()
            if log.isEnabledFor(logging.DEBUG):
                self._say("received", batch)
            self.route(batch)
            return len(batch)
        except (TimeoutError, BlockingIOError):
            return 0
        except VapiError as error:
            self._on_loss(error)
            return 0

    def _say(self, what: str, batch: Iterable[bytes]) -> None:
        """A line for each message: its name and size, and nothing that is in it."""
        table = self.connection.message_table
        for data in batch:
            number = int.from_bytes(data[:2], "big")
            try:
                name = table.name(number).rpartition("_")[0]
            except KeyError:
                name = f"message {number}"
            log.debug("%s %s, %d bytes", name, what, len(data))

    def route(self, batch: Iterable[bytes]) -> None:
        calls = self._calls
        take = calls.pop
        others: list[bytes] = []
        for data in batch:
            call = take(data[2:6], None)
            if call is None:
                others.append(data)
                continue
            future, binding, _, _ = call
            if data[:2] != binding.reply_key:
                if binding.is_reply(data):
                    _answer(call, data)
                else:  # an event whose client_index looks like a context
                    calls[data[2:6]] = call
                    others.append(data)
                continue
            at = binding.retval_offset
            try:
                # As `_answer`, which is for whatever is unusual.
                if at is None or data[at] < 128:
                    future.set_result(binding.accept(data))
                    continue
            except (InvalidStateError, LookupError, VapiError):
                pass
            _answer(call, data)
        if others:
            super().route(others)

    def _other(self, data: bytes, *, taken: bool | None = None) -> None:
        offset = self._far.get(data[:2])
        if offset is not None:
            key = data[offset : offset + 4]
            call = self._calls.get(key)
            if call is not None and call[1].reply_key == data[:2]:
                del self._calls[key]
                _answer(call, data)
                return
        super()._other(data, taken=taken)

    # ---- mailboxes -----------------------------------------------------------------------------

    def open(self, ids: Iterable[bytes], context_offsets: Iterable[int] = ()) -> Mailbox:
        ids = tuple(ids)
        for number, offset in zip(ids, context_offsets, strict=False):
            self.look_at(number, offset)
        context = self.next_context()
        box = self._pending[context] = Mailbox(ids, context, Waker())
        return box

    def close(self, box: Mailbox) -> None:
        super().close(box)
        if self.out:
            self._schedule()

    async def filled(self, box: Mailbox, timeout: float | None = None) -> None:
        """Returns when there is something in the box. Errors: `Timeout`, what it failed with."""
        limit = self.timeout if timeout is None else seconds(timeout)
        loop = self.in_loop()
        deadline = loop.time() + limit
        while not box.items:
            if box.error is not None:
                raise lost(box.error) if isinstance(box.error, VapiError) else box.error
            if not await box.wake.wait(loop, max(deadline - loop.time(), 0.0)) and not box.items:
                raise Timeout(f"no answer for {limit:g} s")

    # ---- dumps on sockets of their own ----------------------------------------------------------

    async def ping(self, timeout: float | None = None) -> None:
        """Asks VPP for a sign of life, behind all that was asked before. Errors: as of `filled`."""
        number = self.connection.find(CONTROL_PING).to_bytes(2, "big")
        reply = self.connection.find(CONTROL_PING_REPLY).to_bytes(2, "big")
        self.in_loop()
        box = self.open((reply,))
        try:
            self.post(number + self.connection.client_index + box.context)
            loose = self._loose
            await self.filled(box, timeout)
        finally:
            self.close(box)
        self._settled = loose

    async def settle(self, timeout: float | None = None) -> None:
        """Returns when VPP has handled whatever was asked until now: what is asked by another way
        then comes after it. Errors: as of `filled`."""
        if self.out or self._calls or self._loose is not self._settled:
            await self.ping(timeout)

    async def readable(self, fd: int, timeout: float) -> bool:
        """Until something is there on a descriptor beside the connection's; False when the time
        (seconds) was over before. Errors: why there is no connection any more."""
        loop = self.in_loop()
        if self.broken is not None:
            raise lost(self.broken)
        future: Future[bool] = loop.create_future()
        self._watching[fd] = future
        loop.add_reader(fd, resolve, future, True)
        timer = None if timeout == math.inf else loop.call_later(timeout, resolve, future, False)
        try:
            return await future
        finally:
            if timer is not None:
                timer.cancel()
            self._unwatch(fd)

    def _unwatch(self, fd: int) -> Future[bool] | None:
        """No more looks at a descriptor, which may be closed now; who waited for it."""
        future = self._watching.pop(fd, None)
        if future is not None and self._pid == os.getpid() and not future.get_loop().is_closed():
            future.get_loop().remove_reader(fd)
        return future

    # ---- deadlines -----------------------------------------------------------------------------

    def _set_deadline(self) -> None:
        """What was sent until now is to be answered within the timeout.

        A deadline is shared by all that was sent within a fiftieth of the timeout, so that there
        are few of them, and one timer.
        """
        if self.timeout == math.inf:
            return
        assert self.loop is not None
        now, deadlines = self.loop.time(), self._deadlines
        latest = now + self.timeout * (1 + _SLICE)
        if deadlines and now + self.timeout <= deadlines[-1][0]:
            deadlines[-1] = deadlines[-1][0], self._last_sent
        else:
            deadlines.append((latest, self._last_sent))
        if self._timer is None:
            self._timer = self.loop.call_at(deadlines[0][0], self._at_deadline)

    def _at_deadline(self) -> None:
        assert self.loop is not None
        self._timer = None
        now, deadlines = self.loop.time() + 1e-3, self._deadlines
        while deadlines and deadlines[0][0] <= now:
            deadline, last = deadlines.popleft()
            for key, call in [*self._calls.items()]:
                if (last - _number(key)) % _CONTEXTS >= _CONTEXTS // 2:
                    break  # it was sent later
                if not call[3] or call[0].cancelled():
                    self._too_late(key, call, self.timeout)
            if self._heard < deadline - self.timeout * (1 + _SLICE):
                # Not a word since: what could not even be sent need not wait any longer.
                for key, _, queued in [*self.out]:
                    if queued is not None and not queued[3]:
                        self._too_late(key, queued, self.timeout)
        if not self._calls and not self.out:
            deadlines.clear()
        if deadlines:
            self._timer = self.loop.call_at(deadlines[0][0], self._at_deadline)
        if self.out:
            self._schedule()

    def _too_late(self, key: bytes, call: Call, timeout: float) -> None:
        """An answer that comes now is dropped."""
        if self._calls.get(key) is call:
            del self._calls[key]
            self._loose = object()
        if not call[0].done():
            call[0].set_exception(Timeout(f"{call[1].name}: no answer for {timeout:g} s"))


def _number(key: bytes) -> int:
    """The number of a context: each request has one more than that before it."""
    return int.from_bytes(key, byteorder) % _CONTEXTS


def _answer(call: Call, data: bytes) -> None:
    """Gives an answer to who waits for it."""
    future, binding, raw, _ = call
    if future.done():
        return  # it was cancelled
    try:
        if data[:2] != binding.reply_key:
            data = binding.translated(data)
        reply = binding.accept(data)
    except VapiError as error:
        future.set_exception(error)
        return
    at = binding.retval_offset
    if at is not None and data[at] > 127 and not raw and binding.client.raise_on_error:
        future.set_exception(binding.error(reply))
    else:
        future.set_result(reply)
