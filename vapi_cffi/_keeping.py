"""Messages that are kept after their callback: they stay where they lie, while that is safe.

Over shared memory VPP takes a slot back ten seconds after it first wanted it. So a thread, which
lives only while there are such messages, copies those that were kept for some seconds.
"""

from __future__ import annotations

import os
import weakref
from collections import deque
from threading import Event, RLock, Thread
from time import monotonic

from ._views import SLOT_SECONDS, Lent

#: For how long a kept message stays in VPP's memory.
LEND_SECONDS = 4.0


class _Keeper:
    """The kept messages of a process, oldest first."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._kept: deque[weakref.ref[Lent]] = deque()
        self._thread: Thread | None = None

    def add(self, lent: Lent) -> None:
        """From now on it is copied in time."""
        with self._lock:
            self._forget()
            self._kept.append(weakref.ref(lent))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="vapi-keep", daemon=True)
                self._thread.start()

    def _forget(self) -> None:
        """Those at the front that are of no use any more. Lock."""
        while self._kept:
            oldest = self._kept[0]()
            if oldest is not None and not oldest.released:
                return
            self._kept.popleft()

    def _run(self) -> None:
        wait = Event().wait
        idle = False
        while True:
            wait(LEND_SECONDS / 4)
            with self._lock:
                was_idle, idle = idle, not self.sweep()
                if idle and was_idle:
                    self._thread = None
                    return

    def sweep(self) -> bool:
        """Copies what is due; whether some are left."""
        with self._lock:
            while True:
                self._forget()
                oldest = self._kept[0]() if self._kept else None
                if oldest is None:
                    return bool(self._kept)
                if oldest.until - SLOT_SECONDS + LEND_SECONDS > monotonic():
                    return True
                oldest.settle()
                self._kept.popleft()


_keeper = _Keeper()


def keep(lent: Lent) -> None:
    """Keeps a message until its own `release()`, or the end of all that refers to it."""
    lent.kept = True
    if lent.is_slot:
        _keeper.add(lent)


def _renew() -> None:
    """In a child of fork, which has not got the thread."""
    global _keeper
    _keeper = _Keeper()


os.register_at_fork(after_in_child=_renew)
