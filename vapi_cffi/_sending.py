"""The sending half of a connection."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from operator import add
from queue import Empty
from typing import Any

from ._buffers import Buffer
from ._context import Context
from ._errors import ConnectionLost, InvalidArgument, Timeout, WouldBlock, error_for
from ._ffi import ffi, lib
from ._timeouts import EAGAIN, to_ns, wait_in_slices

Bytes = bytes | bytearray | memoryview

_send_bytes = lib.vapi_send_bytes
_from_buffer = ffi.from_buffer
_LOST: int = lib.VAPI_ECONNRESET


def failure(code: int, context: Context, timeout_ns: int, what: str) -> BaseException:
    """What a code from a call with a timeout means: not now, not in time, or worse."""
    if code == EAGAIN:
        if timeout_ns == 0:
            return WouldBlock(f"{what}: not now", code=code)
        return Timeout(f"{what}: nothing for {timeout_ns / 1e9:g} s", code=code)
    return error_for(code, context.ctx)


class Sending:
    """alloc, send, send2, send_bytes, send_many."""

    _context: Any
    #: Another object whenever something was sent that nobody waits for the answer of.
    _loose: object = None

    def alloc(self, size: int, timeout: float | None = None, _within: Any = None) -> Buffer:
        """Memory for a message of `size` bytes, zeroed, to be filled in place and sent.

        Over shared memory it is a slot that VPP reads in place; the call waits for one to become
        free, up to `timeout` seconds (None: the connection's, or not at all in non-blocking mode).
        Errors: `InvalidArgument` for a size of 0 or over the maximum; `WouldBlock`, `Timeout` when
        none becomes free; `ConnectionLost`.
        """
        # `_within`: the connection that the numbers in a message are for.
        context: Context = _within or self._context
        timeout_ns = context.timeout_ns if timeout is None else to_ns(timeout)
        slot = enter(context)
        try:
            most = lib.vapi_max_msg_size(slot.ctx)
            if not 0 < size <= most:
                raise InvalidArgument(f"a message has 1 to {most} bytes, not {size}")
            found: list[Any] = []

            def attempt(slice_ns: int) -> int:
                context.refuse_if_closing()
                found[:] = map(lib.vapi_msg_alloc_until, (slot.ctx,), (size,), (slice_ns,))
                if found[0]:
                    return 0
                return EAGAIN if lib.vapi_is_connected(slot.ctx) else _LOST

            code = wait_in_slices(attempt, timeout_ns)
            if code == _LOST:
                raise ConnectionLost("alloc: the connection to VPP is lost", code=code)
            if code:
                raise failure(code, context, timeout_ns, f"alloc of {size} bytes")
            return Buffer(context, found[0], size)
        finally:
            context.put(slot)

    def send(self, buffer: Buffer, timeout: float | None = None) -> None:
        """Sends a message from `alloc()`, which is VPP's afterwards; on errors it stays yours.

        Errors: `WouldBlock` (no room, non-blocking), `Timeout`, `ConnectionLost`, `MessageReleased`
        for a buffer that was sent before, BufferError while a slice of its data lives.
        """
        self._send_buffers((buffer,), timeout)

    def send2(self, first: Buffer, second: Buffer, timeout: float | None = None) -> None:
        """Sends both, next to each other, or neither: a dump and the control ping that ends it."""
        if first is second:
            raise InvalidArgument("send2 needs two buffers, not the same one twice")
        self._send_buffers((first, second), timeout)

    def _send_buffers(self, buffers: tuple[Buffer, ...], timeout: float | None) -> None:
        context: Context = self._context
        timeout_ns = context.timeout_ns if timeout is None else to_ns(timeout)
        slot = enter(context)
        bodies: list[Any] = []
        outcome: list[int] = []
        try:
            for buffer in buffers:
                if buffer._context is not context:
                    raise InvalidArgument("the buffer belongs to another connection")
                bodies.append(buffer._surrender())
            call = lib.vapi_send_until if len(bodies) == 1 else lib.vapi_send2_until

            def attempt(slice_ns: int) -> int:
                context.refuse_if_closing()
                # In one step for signals: should a handler raise right after the call, `outcome`
                # tells whether the memory is still ours.
                outcome.extend(map(call, (slot.ctx,), *((body,) for body in bodies), (slice_ns,)))
                return outcome[-1]

            code = wait_in_slices(attempt, timeout_ns)
            if code:
                raise failure(code, context, timeout_ns, "send")
        finally:
            if not outcome or outcome[-1]:
                for buffer, body in zip(buffers, bodies, strict=False):
                    buffer._restore(body)
            self._loose = object()
            context.put(slot)

    def send_bytes(self, message: Bytes, timeout: float | None = None, _within: Any = None) -> None:
        """Sends a copy of a message: u16 number first, in network order.

        Requests carry `client_index` at offset 2 and a context of your choice (the top bit is the
        library's) at offset 6. Errors as `send`; `InvalidArgument` for 0 bytes or too many.
        """
        context: Context = _within or self._context
        timeout_ns = context.timeout_ns if timeout is None else to_ns(timeout)
        slot = enter(context)
        try:
            ctx = slot.ctx
            source = message if type(message) is bytes else _from_buffer(message)
            size = len(source)
            code = _send_bytes(ctx, source, size, 0)
            if code == EAGAIN and timeout_ns:

                def attempt(slice_ns: int) -> int:
                    context.refuse_if_closing()
                    return _send_bytes(ctx, source, size, slice_ns)  # type: ignore[no-any-return]

                code = wait_in_slices(attempt, timeout_ns)
            if code:
                if not size or size > lib.vapi_max_msg_size(ctx) > 0:
                    raise InvalidArgument(
                        f"a message has 1 to {lib.vapi_max_msg_size(ctx)} bytes, not {size}"
                    )
                raise failure(code, context, timeout_ns, "send")
        finally:
            self._loose = object()
            context.put(slot)

    def send_many(
        self, messages: Sequence[Bytes], timeout: float | None = None, _within: Any = None
    ) -> int:
        """Sends copies of all messages, in order, in few crossings; returns how many went out.

        In blocking mode that is all of them, or `Timeout` when no room came up for so long. In
        non-blocking mode it is as many as there was room for.
        """
        sizes = array("I", map(len, messages))
        offsets = array("I", accumulate(sizes, initial=0))
        packed = b"".join(messages)
        return self.send_packed(packed, offsets, sizes, timeout=timeout, _within=_within)

    def send_packed(
        self,
        packed: Bytes,
        offsets: Sequence[int] | array[int],
        sizes: Sequence[int] | array[int],
        *,
        timeout: float | None = None,
        _within: Any = None,
    ) -> int:
        """`send_many` for messages that lie in one buffer: message i has sizes[i] bytes at
        offsets[i].

        Arrays of type "I" (or NumPy's uint32) are used as they are.
        """
        context: Context = _within or self._context
        timeout_ns = context.timeout_ns if timeout is None else to_ns(timeout)
        total = len(sizes)
        source = _from_buffer(packed)
        at, length = u32_array(offsets), u32_array(sizes)
        end = max(map(add, offsets, sizes), default=0)
        if end > len(source):
            raise InvalidArgument(f"a message would end at byte {end} of {len(source)}")
        slot = enter(context)
        try:
            done = 0
            count = slot.count

            def attempt(slice_ns: int) -> int:
                nonlocal done
                context.refuse_if_closing()
                code: int = lib.vapi_send_many(
                    slot.ctx, source, at + done, length + done, total - done, count, slice_ns
                )
                done += count[0]
                return code

            while done < total:
                before = done
                code = wait_in_slices(attempt, timeout_ns)
                if code == EAGAIN and timeout_ns == 0:
                    break
                if code and (code != EAGAIN or done == before):
                    raise failure(code, context, timeout_ns, f"send, {done} of {total} sent")
            return done
        finally:
            self._loose = object()
            context.put(slot)


def u32_array(values: Sequence[int] | array[int]) -> Any:
    """Numbers as a C array: the same memory where they are one, a copy otherwise."""
    kind = values.typecode if isinstance(values, array) else getattr(values, "dtype", None)
    if kind in ("I", "uint32"):
        return _from_buffer("uint32_t[]", values)
    return ffi.new("uint32_t[]", list(values))


def enter(context: Context) -> Any:
    """A slot of a context; raises when it is not connected."""
    try:
        return context.take()
    except Empty:
        return context.more()
