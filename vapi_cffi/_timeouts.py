"""Time: seconds for the program, nanoseconds for the C core, and the slices in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import TIMEOUT_MAX
from time import monotonic_ns

from ._errors import InvalidArgument, Timeout

#: For ever, as the C core counts.
FOREVER_NS = 2**64 - 1
_FOREVER = FOREVER_NS // 10**9
#: A wait goes into C for at most this long: a signal that arrives in the moment between Python's
#: last look and C's sleep (nothing else would notice it) is served after that.
SLICE_NS = 100_000_000

EAGAIN = 2


def to_ns(timeout: float, name: str = "timeout") -> int:
    """Seconds as nanoseconds; `math.inf`, and what does not fit, waits for ever.

    >>> to_ns(0.5), to_ns(math.inf) == FOREVER_NS
    (500000000, True)
    """
    try:
        if timeout >= 0:
            return FOREVER_NS if timeout >= _FOREVER else round(timeout * 1e9)
    except TypeError:
        pass  # said below, with the value
    raise InvalidArgument(f"{name} is seconds, at least 0 (or math.inf), not {timeout!r}")


def named(error: Timeout, what: str) -> Timeout:
    """The same, and what was waited for."""
    return Timeout(f"{what}: {error.text.removeprefix('call: ')}", code=error.code)


@contextmanager
def naming(what: str) -> Iterator[None]:
    """A `Timeout` that comes out of the block says what was waited for."""
    try:
        yield
    except Timeout as error:
        raise named(error, what) from None


def seconds(timeout: float, name: str = "timeout") -> float:
    """The same seconds, once they are known to be a timeout. Errors: `InvalidArgument`."""
    return math.inf if to_ns(timeout, name) == FOREVER_NS else float(timeout)


def patience(left: float) -> float | None:
    """Seconds for a wait of `threading`, which does not take just any number."""
    return None if left >= TIMEOUT_MAX else left


def wait_in_slices(attempt: Callable[[int], int], timeout_ns: int) -> int:
    """Calls `attempt(slice_ns)` until it returns something other than VAPI_EAGAIN.

    Returns VAPI_EAGAIN itself once the time is over. Between slices Python handles signals: what a
    handler raises (KeyboardInterrupt) comes out of here.
    """
    deadline = monotonic_ns() + timeout_ns
    left = timeout_ns
    while True:
        code = attempt(left if left < SLICE_NS else SLICE_NS)
        if code != EAGAIN:
            return code
        left = deadline - monotonic_ns()
        if left <= 0:
            return code
