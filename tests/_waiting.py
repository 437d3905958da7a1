"""Waiting for what comes in its own time."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Looks again and again; AssertionError when it is not so in time."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline
        sleep(0.005)
