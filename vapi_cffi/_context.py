"""The owner of one `vapi_ctx_t`: who is inside it, and when it may be closed and freed.

The C core asks that nobody is inside a context while it is closed. So every call takes a *slot*
first (which also holds the memory for what C writes back, so that a call allocates nothing), and
returns it afterwards. Whoever closes the context collects all slots, after which nobody can be
inside.

A context lives as long as its connection, its messages, or a call on it; the last one frees it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic
from types import FrameType
from typing import Any, NoReturn

from ._aside import wait_for
from ._errors import ConnectionLost, Forked, NotConnected, VapiError, check
from ._ffi import ffi, lib

log = logging.getLogger("vapi_cffi")

#: How long a close waits for calls in other threads, which return as soon as they are interrupted.
LEAVE_SECONDS = 10.0


class Slot:
    """One call's place in a context, and the memory for what C writes back.

    A slot that is lost (an exception from a signal handler between taking it and the next line)
    is replaced when it is collected, by a fresh one: its memory may hold what was not ours any
    more.
    """

    __slots__ = ("__weakref__", "_home", "answer", "bodies", "count", "ctx", "short", "sizes")

    def __init__(self, ctx: Any, home: SimpleQueue[Slot]) -> None:
        self.ctx = ctx
        self._home = home
        self.bodies = ffi.new("void *[64]")
        self.sizes = ffi.new("uint32_t[64]")
        self.answer = ffi.new("vapi_answer_t *")
        self.short = ffi.buffer(self.answer.bytes)
        self.count = ffi.new("uint32_t[1]")

    def __del__(self) -> None:
        home = getattr(self, "_home", None)
        if home is not None:
            home.put(Slot(self.ctx, home))

    def room(self, count: int) -> tuple[Any, Any]:
        """`bodies` and `sizes`, for at least so many messages."""
        if len(self.sizes) < count:
            self.sizes = ffi.new("uint32_t[]", count)
            self.bodies = ffi.new("void *[]", count)
        return self.bodies, self.sizes

    def retire(self) -> None:
        """No replacement any more."""
        del self._home


class NoContext:
    """Stands where a context would be when there is none: every call raises the reason."""

    __slots__ = ("_error", "_text")

    closing = True
    timeout_ns = call_ns = 0

    def __init__(self, text: str, error: type[VapiError] = NotConnected) -> None:
        self._text = text
        self._error = error

    def take(self) -> NoReturn:
        raise self._error(self._text)


class Context:
    """A connected `vapi_ctx_t`, freed with the last reference to this object."""

    __slots__ = (
        "__weakref__",
        "_lock",
        "_made",
        "_queue",
        "call_ns",
        "closing",
        "ctx",
        "put",
        "take",
        "timeout_ns",
    )

    def __init__(self, timeout_ns: int, call_ns: int) -> None:
        result = ffi.new("vapi_ctx_t *")
        check(lib.vapi_ctx_alloc(result))
        self.ctx = result[0]
        self.timeout_ns = timeout_ns  # of sends and receives that are given none
        self.call_ns = call_ns  # of requests with their answer, which wait in both modes
        self.closing = False
        self._lock = Lock()
        self._made = 0
        self._queue: SimpleQueue[Slot] = SimpleQueue()
        self.put = self._queue.put
        self.take: Callable[[], Slot] = self._queue.get_nowait

    def __del__(self) -> None:
        ctx = getattr(self, "ctx", None)
        if ctx is not None:
            self.retire_slots()
            lib.vapi_ctx_free(ctx)

    def more(self) -> Slot:
        """A new slot, when all others are in use."""
        with self._lock:
            if self.closing:
                raise NotConnected("the connection was closed")
            self._made += 1
        return Slot(self.ctx, self._queue)

    def free(self, body: Any) -> None:
        """Gives a received or allocated message back; from any thread, also after the close."""
        lib.vapi_msg_free(self.ctx, body)

    def refuse_if_closing(self) -> None:
        """For calls that came back from a wait: ends them when the connection is being closed."""
        if self.closing:
            raise NotConnected("the connection was closed while this call waited")

    def shut(self, refusal: NoContext) -> bool:
        """Lets nobody in any more, and says why; False when somebody did so before."""
        with self._lock:
            if self.closing:
                return False
            self.closing = True
        self.take = refusal.take
        return True

    def disconnect(self) -> None:
        """After `shut`: waits until everybody is out, and disconnects. Ctrl-C ends the wait, and
        the rest goes on by itself."""
        if self.empty():
            wait_for(self.part, "vapi-disconnect")

    def empty(self) -> bool:
        """After `shut`: waits until everybody is out, and says whether that is so.

        When this very thread is inside (a callback, or a signal handler), the call that it is in
        ends with NotConnected, and the last reference to go frees the context instead.
        """
        deadline = monotonic() + LEAVE_SECONDS
        slots: list[Slot] = []
        try:
            while len(slots) < self._made:
                try:
                    slots.append(
                        self._queue.get(timeout=0.02 if slots or self._made > 1 else 0.005)
                    )
                    continue
                except Empty:
                    lib.vapi_interrupt(self.ctx)
                if self._is_inside():
                    return False
                if monotonic() > deadline:
                    log.warning("a call did not leave the connection; it is freed when it does")
                    return False
        finally:
            for slot in slots:
                slot.retire()
        return True

    def part(self) -> None:
        """When it is empty: says goodbye to VPP, for at most a few seconds."""
        code = lib.vapi_disconnect(self.ctx)
        if code:
            log.debug("disconnect: %s", ffi.string(lib.vapi_error_text(self.ctx)).decode())

    def retire_slots(self) -> None:
        """Ends the slots that are at home, so that they are not replaced for ever."""
        while True:
            try:
                self._queue.get_nowait().retire()
            except Empty:
                return

    def _is_inside(self) -> bool:
        """Whether a call of this thread, further up the stack, holds a slot of this context."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            local = frame.f_locals
            if local.get("context") is self and isinstance(local.get("slot"), Slot):
                return True
            frame = frame.f_back
        return False


NEVER_CONNECTED = NoContext("not connected: call connect() first")
DISCONNECTED = NoContext("not connected any more: disconnect() was called")
CLOSED = NoContext("the connection was closed")
REPLACED = NoContext(
    "this was meant for the VPP before: the connection was lost, and made anew since",
    ConnectionLost,
)
#: Between the loss of a connection and the next that works.
LOST = NoContext("the connection was lost, and is not back", ConnectionLost)
IN_CHILD = NoContext("this connection belongs to the parent process: connect anew", Forked)
