"""Signals that come in the middle of something."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager


@contextmanager
def alarm(seconds: float, handler: Callable[..., object], interval: float = 0.0) -> Iterator[None]:
    """Calls the handler after that much of the block, and again after each interval. Afterwards the
    alarm is again that of pytest's timeout."""
    timeout = signal.getitimer(signal.ITIMER_REAL)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, interval)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timeout)


def interrupted(seconds: float) -> AbstractContextManager[None]:
    """As by Ctrl-C. What expects KeyboardInterrupt goes around it: on a busy machine it may come
    before the block has got far."""
    return alarm(seconds, signal.default_int_handler)
