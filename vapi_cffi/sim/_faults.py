"""Ways to misbehave, for tests of clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._ffi import lib

if TYPE_CHECKING:
    from ._peer import Peer

FOREVER = 0xFFFFFFFFFFFFFFFF
ALWAYS = 0xFFFFFFFF


class Faults:
    """`peer.faults`: each call takes effect at once and lasts until it is taken back."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def stall(self, seconds: float | None) -> None:
        """Serves nobody for that long; None: until `resume()`."""
        ns = FOREVER if seconds is None else int(seconds * 1e9)
        self._peer.check(lib.peer_fault_stall(self._peer.handle, ns), "stall")

    def resume(self) -> None:
        """Ends a stall."""
        self._peer.check(lib.peer_fault_stall(self._peer.handle, 0), "resume")

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Serves nobody inside the block."""
        self.stall(None)
        try:
            yield
        finally:
            self.resume()

    def trickle(self, size: int = 1) -> None:
        """Writes to sockets that many bytes at a time; 0: as many as fit."""
        lib.peer_fault_trickle(self._peer.handle, size)

    def close_after(self, size: int) -> None:
        """Closes the socket that is written to when this many more bytes are out; 0: never."""
        lib.peer_fault_close_after(self._peer.handle, size)

    def drop(self, message: str, count: int = ALWAYS) -> None:
        """The next `count` messages of this name are lost instead of sent; 0: none any more."""
        msg_id = self._peer.msg_id(message)
        self._peer.check(lib.peer_fault_drop(self._peer.handle, msg_id, count), "drop")

    def miss_rings(self, count: int = ALWAYS) -> None:
        """The next `count` shared-memory replies come from the heap; 0: none any more."""
        lib.peer_fault_miss(self._peer.handle, count)
