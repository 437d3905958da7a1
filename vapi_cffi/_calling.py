"""Requests with one answer: one at a time (`call`), or very many (`pump`)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from queue import Empty
from time import monotonic_ns
from typing import Any

from ._context import Context, Slot
from ._errors import InvalidArgument, Timeout, error_for
from ._ffi import ffi, lib
from ._sending import Bytes, u32_array
from ._timeouts import EAGAIN, SLICE_NS, to_ns, wait_in_slices

_NULL = ffi.NULL
_call = lib.vapi_call_answer
_from_buffer = ffi.from_buffer

#: The retval of a request that VPP skipped.
LOST = -(2**31)


@dataclass(frozen=True, slots=True)
class PumpResult:
    """What became of many requests.

    retvals: of each answer, in the order of the requests (`LOST` where VPP sent none); empty when
    they were not asked for. `sent` is less than `count` only after `stop_on_error`.
    """

    count: int
    sent: int
    received: int
    failed: int
    lost: int
    retvals: array[int]

    @property
    def ok(self) -> bool:
        """Everything was sent, answered, and answered well."""
        return self.received == self.count and not self.failed and not self.lost


class Calling:
    """call, pump."""

    _context: Any
    _loose: object

    def call(
        self,
        request: Bytes,
        reply_id: int = 0,
        context_offset: int = 2,
        timeout: float | None = None,
        _within: Any = None,
    ) -> bytes:
        """Sends a request and returns its answer, whatever else arrives in between.

        The request's client_index and context are filled in. `reply_id`: number of the expected
        answer, 0 takes any with the context, which is at `context_offset` of it. `timeout`:
        seconds, None for the connection's (also in non-blocking mode: a call waits by its nature).
        Many threads may call at once.
        Errors: `Timeout` (a late answer is dropped), `NoResponse`, `ConnectionLost`,
        `NotConnected`.

        >>> ping = connection.find("control_ping_51077d14")             # doctest: +SKIP
        >>> connection.call(ping.to_bytes(2, "big") + bytes(8))[6:10]   # retval
        b'\\x00\\x00\\x00\\x00'
        """
        # `_within`: the connection that the numbers in the request are for (`Binding`).
        context: Context = _within or self._context
        try:
            slot = context.take()
        except Empty:
            slot = context.more()
        try:
            source: Any = request if type(request) is bytes else _from_buffer(request)
            timeout_ns = context.call_ns if timeout is None else to_ns(timeout)
            size = _call(
                slot.ctx,
                source,
                len(source),
                reply_id,
                context_offset,
                slot.answer,
                timeout_ns if timeout_ns < SLICE_NS else SLICE_NS,
            )
            if size > 0:
                return slot.short[:size]  # type: ignore[no-any-return]
            return _finish(size, context, slot, source, reply_id, context_offset, timeout_ns)
        except BaseException:
            self._loose = object()
            _give_up(slot)
            raise
        finally:
            context.put(slot)

    def pump(
        self,
        requests: Sequence[Bytes] | Bytes,
        *,
        count: int | None = None,
        sizes: Sequence[int] | array[int] | None = None,
        depth: int = 256,
        reply_id: int = 0,
        context_offset: int = 2,
        retval_offset: int = 6,
        stop_on_error: bool = False,
        keep_retvals: bool = True,
        timeout: float | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> PumpResult:
        """Sends very many requests with one answer each, `depth` of them in flight.

        `requests`: a sequence of messages; or one message and `count`, to send it so often; or
        messages packed behind each other and their `sizes`. client_index and context are filled in.
        `retval_offset`: of the i32 retval in the answers, 0 if they have none. `stop_on_error`:
        send no more after a negative retval. `timeout`: seconds without any progress (None: the
        connection's). `progress`: called about ten times a second with the number of answers.
        Errors: `Timeout`, `ConnectionLost`; what was answered until then is lost with them.

        >>> result = connection.pump(ping, count=1_000_000)             # doctest: +SKIP
        >>> result.ok
        True
        """
        context: Context = self._context
        timeout_ns = context.call_ns if timeout is None else to_ns(timeout)
        pump = ffi.new("vapi_pump_t *")
        if isinstance(requests, (bytes, bytearray, memoryview)):
            packed: Any = requests
            if sizes is None:
                count = 1 if count is None else count
                each = array("I", [len(packed)]) * count
                at = array("I", bytes(4 * count))
            else:
                each = array("I", sizes)
                at = array("I", accumulate(each, initial=0))
                count = len(each)
                if at[-1] > len(packed):
                    raise InvalidArgument(f"sizes sum to {at[-1]} bytes of {len(packed)}")
        else:
            packed = b"".join(requests)
            each = array("I", map(len, requests))
            at = array("I", accumulate(each, initial=0))
            count = len(each)
        if depth < 1 or count < 0:
            raise InvalidArgument(f"depth and count must not be {depth!r} and {count!r}")
        if count and min(each) < 10:
            raise InvalidArgument(f"a request has at least 10 bytes, not {min(each)}")
        source, c_at, c_sizes = _from_buffer(packed), u32_array(at), u32_array(each)
        retvals = array("i", bytes(4 * count)) if keep_retvals else array("i")
        c_retvals = _from_buffer("int32_t[]", retvals, require_writable=True)
        pump.bytes = ffi.cast("const uint8_t *", source)
        pump.offsets, pump.sizes = c_at, c_sizes
        pump.count, pump.depth = count, depth
        pump.reply_id, pump.context_offset, pump.retval_offset = (
            reply_id,
            context_offset,
            retval_offset,
        )
        pump.stop_on_error = stop_on_error
        pump.retvals = c_retvals if keep_retvals else _NULL
        try:
            slot = context.take()
        except Empty:
            slot = context.more()
        try:
            _run(context, slot, pump, timeout_ns, progress)
        finally:
            # C still knows the memory of a pump that did not come to its end.
            if pump.handle:
                self._loose = object()
                lib.vapi_pump_cancel(slot.ctx, pump)
            context.put(slot)
        return PumpResult(count, pump.sent, pump.received, pump.failed, pump.lost, retvals)


def _finish(
    size: int,
    context: Context,
    slot: Slot,
    request: Any,
    reply_id: int,
    context_offset: int,
    timeout_ns: int,
) -> bytes:
    """Goes on with a call after its first slice, until it has its answer; or raises."""
    answer = slot.answer

    def attempt(slice_ns: int) -> int:
        nonlocal size
        context.refuse_if_closing()
        size = _call(slot.ctx, request, len(request), reply_id, context_offset, answer, slice_ns)
        return max(-size, 0)

    code = max(-size, 0)
    if code == EAGAIN:
        code = wait_in_slices(attempt, timeout_ns - min(timeout_ns, SLICE_NS))
    if code == EAGAIN:
        context.refuse_if_closing()
        raise Timeout(f"call: no answer for {timeout_ns / 1e9:g} s", code=code)
    if code:
        most = lib.vapi_max_msg_size(slot.ctx)
        if code == lib.VAPI_EINVAL and not 10 <= len(request) <= most > 0:
            raise InvalidArgument(f"a request has 10 to {most} bytes, not {len(request)}")
        raise error_for(code, slot.ctx)
    if size > 0:
        return slot.short[:size]  # type: ignore[no-any-return]
    data: bytes = ffi.buffer(answer.reply, answer.size)[:]
    _give_up(slot)
    return data


def _give_up(slot: Slot) -> None:
    """Ends what a call has left in its slot: an answer that is awaited, or one that was long."""
    answer = slot.answer
    if answer.resume:
        lib.vapi_call_cancel(slot.ctx, answer.resume)
        answer.resume = _NULL
    if answer.reply:
        lib.vapi_msg_free(slot.ctx, answer.reply)
        answer.reply = _NULL


def _run(
    context: Context,
    slot: Slot,
    pump: Any,
    timeout_ns: int,
    progress: Callable[[int], object] | None,
) -> None:
    """Pumps to the end, with a look around ten times a second."""
    seen, moved_at = -1, monotonic_ns()
    while True:
        code = lib.vapi_pump(slot.ctx, pump, min(timeout_ns, SLICE_NS))
        if code not in (0, EAGAIN):
            error = error_for(code, slot.ctx)
            error.text += f" ({pump.received} of {pump.count} requests were answered)"
            raise error
        if progress is not None:
            progress(pump.received)
        if code == 0:
            return
        context.refuse_if_closing()
        now = monotonic_ns()
        if pump.received + pump.lost != seen:
            seen, moved_at = pump.received + pump.lost, now
        elif now - moved_at >= timeout_ns:
            raise Timeout(
                f"pump: no answer for {timeout_ns / 1e9:g} s, after {pump.received} of {pump.count}"
            )
