"""Views of memory that is not Python's: received messages, and messages to be filled in and sent.

A received message is lent by VPP (over shared memory it is a slot of VPP's own rings).
`Message.data` is a read-only view of it with no copy. `release()` takes that view away: touching it
raises ValueError
from then on. A slice that somebody made of the view cannot be taken away; the memory then goes back
with the last slice. So nothing can read memory that is VPP's again, and nothing leaks.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from ._context import Context
from ._errors import MessageReleased
from ._ffi import ffi, lib

_buffer = ffi.buffer
_gc = ffi.gc
_free = lib.vapi_msg_free


class Message:
    """A received message, borrowed until `release()`, the end of a `with` block, or its collection.

    >>> with connection.recv() as message:        # doctest: +SKIP
    ...     message.id, len(message), bytes(message.data[2:6])

    Release messages soon: over shared memory VPP takes a slot back after ten seconds, and after
    many unreleased ones the C core hands out copies. Messages may outlive their connection.
    """

    __slots__ = ("__weakref__", "_body", "_context", "_owned", "_size", "_view")

    def __init__(self, context: Context, body: Any, size: int) -> None:
        self._context = context
        self._body = body
        self._size = size
        self._view: memoryview | None = None
        self._owned: Any = None

    @property
    def data(self) -> memoryview:
        """The whole message, u16 number first, in network order: read-only, without a copy.

        Errors: `MessageReleased` after `release()`.
        """
        view = self._view
        if view is None:
            if self._body is None:
                raise MessageReleased("the message was released, its memory is VPP's again")
            # Views keep `_owned` alive, and its end frees the message: never while a view lives.
            self._owned = _gc(self._body, self._context.free)
            view = self._view = memoryview(_buffer(self._owned, self._size)).toreadonly()
        return view

    @property
    def id(self) -> int:
        """VPP's number of the message; `Connection.message_table` has the names."""
        return int.from_bytes(self.data[:2], "big")

    def release(self) -> None:
        """Gives the memory back; `data` and this object are of no use afterwards. Idempotent."""
        body, self._body = self._body, None
        if body is None:
            return
        view = self._view
        if view is None:
            _free(self._context.ctx, body)
            return
        self._view = None
        self._owned = None
        with suppress(BufferError):  # an array lies over it: the memory goes back with that
            view.release()

    def detach(self) -> None:
        """As `release()`, but views that others still read stay valid: the memory goes back with
        the last of them."""
        if self._view is None:
            self.release()
        self._body = self._view = self._owned = None

    def __bytes__(self) -> bytes:
        return self.data.tobytes()

    def __len__(self) -> int:
        if self._body is None:
            raise MessageReleased("the message was released, its memory is VPP's again")
        return self._size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def __del__(self) -> None:
        if getattr(self, "_body", None) is not None:
            self.release()

    def __repr__(self) -> str:
        if self._body is None:
            return "<Message, released>"
        return f"<Message {self.id}, {self._size} bytes>"


class Buffer:
    """Memory for one message that will be sent, zeroed; over shared memory a slot of the arena.

    >>> buffer = connection.alloc(10)             # doctest: +SKIP
    >>> buffer.data[0:2] = (23).to_bytes(2, "big")
    >>> connection.send(buffer)

    After `send`, `send2` or `release` it is VPP's: `data` raises `MessageReleased` and older views
    of it raise ValueError. Slices of `data` must be gone by then, or sending raises BufferError.
    """

    __slots__ = ("__weakref__", "_alive", "_body", "_context", "_size", "_view")

    def __init__(self, context: Context, body: Any, size: int) -> None:
        self._context = context
        self._body = body
        self._size = size
        self._open()

    def _open(self) -> None:
        # Every view keeps this cdata object alive, so its weak reference tells whether one is left.
        token = ffi.cast("char *", self._body)
        self._alive = weakref.ref(token)
        self._view = memoryview(_buffer(token, self._size))

    @property
    def data(self) -> memoryview:
        """The memory of the message, writable.

        Errors: `MessageReleased` when it was sent or released.
        """
        if self._body is None:
            raise MessageReleased("the buffer was sent or released, its memory is VPP's")
        return self._view

    def _surrender(self) -> Any:
        """The memory, with no view left that could write to it; BufferError when there is one."""
        if self._body is None:
            raise MessageReleased("the buffer was sent or released before")
        self._view.release()
        if self._alive() is not None:
            self._open()
            raise BufferError("a slice of the buffer's data is still in use: delete it first")
        body, self._body = self._body, None
        return body

    def _restore(self, body: Any) -> None:
        """After a send that did not take it."""
        self._body = body
        self._open()

    def release(self) -> None:
        """Gives it back unsent. Idempotent. While a slice of `data` lives, the memory stays."""
        body, self._body = self._body, None
        if body is None:
            return
        with suppress(BufferError):  # an array lies over it, and keeps the token alive
            self._view.release()
        token = self._alive()
        if token is None:
            _free(self._context.ctx, body)
        else:
            weakref.finalize(token, self._context.free, body).atexit = False

    def __len__(self) -> int:
        return self._size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def __del__(self) -> None:
        if getattr(self, "_body", None) is not None:
            self.release()
