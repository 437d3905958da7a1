"""The receiving half of a connection."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty
from typing import Any, TypeVar

from ._arguments import whole
from ._buffers import Message
from ._context import Context, Slot
from ._errors import check
from ._ffi import ffi, lib
from ._sending import failure
from ._timeouts import EAGAIN, SLICE_NS, to_ns, wait_in_slices

_NULL = ffi.NULL
_buffer = ffi.buffer
_free_many = lib.vapi_free_many
_recv_many = lib.vapi_recv_many

T = TypeVar("T")

#: Most messages that one call receives.
MAX_BATCH = 4096


class Receiving:
    """recv, recv_many, recv_bytes, dispatch, wait."""

    _context: Any

    def recv(self, timeout: float | None = None) -> Message:
        """Receives one message, lent without a copy: release it soon, best with `with`.

        `timeout` in seconds; None: the connection's, or not at all in non-blocking mode.
        Errors: `Timeout`, `WouldBlock` when nothing is there and none was to be waited for,
        `ConnectionLost`, `NotConnected`.

        >>> with connection.recv(timeout=1.0) as message:     # doctest: +SKIP
        ...     print(message.id, len(message))
        """
        context: Context = self._context
        return _receive(context, context.timeout_ns if timeout is None else to_ns(timeout))

    def recv_many(self, limit: int = 64, timeout: float | None = None) -> list[Message]:
        """Receives what is there, up to `limit` messages, in one crossing; waits for the first
        only.

        Never empty. Errors as `recv`.
        """
        return self._batch(limit, timeout, _lend)

    def recv_bytes(self, limit: int = 64, timeout: float | None = None) -> list[bytes]:
        """As `recv_many`, but copies: nothing to release, and the fastest for small messages."""
        return self._batch(limit, timeout, _copy)

    def _batch(
        self,
        limit: int,
        timeout: float | None,
        collect: Callable[[Context, Any, Any, int], list[T]],
    ) -> list[T]:
        whole("limit", limit, 1, MAX_BATCH)
        context: Context = self._context
        timeout_ns = context.timeout_ns if timeout is None else to_ns(timeout)
        try:
            slot = context.take()
        except Empty:
            slot = context.more()
        count = slot.count
        try:
            bodies, sizes = slot.room(limit)
            code = _wait_many(context, slot, limit, timeout_ns)
            if code:
                raise failure(code, context, timeout_ns, "recv")
            return collect(context, bodies, sizes, count[0])
        finally:
            if count[0]:
                _free_many(slot.ctx, slot.bodies, count[0])
                count[0] = 0
                slot.bodies[0] = _NULL
            context.put(slot)

    def dispatch(
        self,
        callback: Callable[[Message], object],
        limit: int | None = None,
        timeout: float | None = None,
    ) -> int:
        """Receives messages and gives each to `callback`, until none is there; returns how many.

        Waits for the first one (see `recv` for `timeout`), and returns 0 when none came in time.
        `limit`: at most that many. The message is released when the callback returns: used later it
        raises. An exception of the callback comes out as it is; messages behind it stay queued.
        The callback may send, receive, and disconnect (which ends the dispatch).
        """
        done = 0
        context: Context = self._context
        timeout_ns = context.timeout_ns if timeout is None else to_ns(timeout)
        while limit is None or done < limit:
            if done and context.closing:
                break  # by the callback
            try:
                message = _receive(context, 0 if done else timeout_ns)
            except (BlockingIOError, TimeoutError):
                break
            with message:
                done += 1
                callback(message)
        return done

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until a message is there (True) or the time is over (False).

        Errors: `ConnectionLost`, `NotConnected`.
        """
        context: Context = self._context
        timeout_ns = context.timeout_ns if timeout is None else to_ns(timeout)
        try:
            slot = context.take()
        except Empty:
            slot = context.more()

        def attempt(slice_ns: int) -> int:
            context.refuse_if_closing()
            return lib.vapi_wait_until(slot.ctx, slice_ns)  # type: ignore[no-any-return]

        try:
            code = wait_in_slices(attempt, timeout_ns)
            if code not in (0, EAGAIN):
                check(code, slot.ctx)
            return code == 0
        finally:
            context.put(slot)


def _receive(context: Context, timeout_ns: int) -> Message:
    try:
        slot = context.take()
    except Empty:
        slot = context.more()
    bodies = slot.bodies
    try:
        code = _recv_many(
            slot.ctx,
            bodies,
            slot.sizes,
            1,
            slot.count,
            timeout_ns if timeout_ns < SLICE_NS else SLICE_NS,
        )
        if code:
            if code == EAGAIN and timeout_ns:
                code = _wait_many(context, slot, 1, timeout_ns)
            if code:
                raise failure(code, context, timeout_ns, "recv")
        # First no longer ours, then the message's: a signal in between leaks it, and frees nothing
        # twice.
        body = bodies[0]
        bodies[0] = _NULL
        return Message(context, body, slot.sizes[0])
    finally:
        if bodies[0]:
            _free_many(slot.ctx, bodies, 1)
            bodies[0] = _NULL
        context.put(slot)


def _wait_many(context: Context, slot: Slot, limit: int, timeout_ns: int) -> int:
    def attempt(slice_ns: int) -> int:
        if context.closing:
            context.refuse_if_closing()
        return _recv_many(  # type: ignore[no-any-return]
            slot.ctx, slot.bodies, slot.sizes, limit, slot.count, slice_ns
        )

    return wait_in_slices(attempt, timeout_ns)


def _lend(context: Context, bodies: Any, sizes: Any, count: int) -> list[Message]:
    messages = []
    for index in range(count):
        body = bodies[index]
        bodies[index] = _NULL  # see _receive
        messages.append(Message(context, body, sizes[index]))
    return messages


def _copy(context: Context, bodies: Any, sizes: Any, count: int) -> list[bytes]:
    return [_buffer(bodies[index], sizes[index])[:] for index in range(count)]
