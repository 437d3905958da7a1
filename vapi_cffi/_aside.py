"""Work that blocks in C, done where signals need not be seen."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread, current_thread, main_thread


def begin(work: Callable[[], object], name: str) -> Thread | None:
    """Starts a thread for work that ends by its own deadline, whoever waits for it or not. None: it
    is done, as at the end of the interpreter there are no new threads."""
    thread = Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        work()
        return None
    return thread


def wait_for(work: Callable[[], object], name: str) -> None:
    """Does it. In the main thread, where Python handles signals, by another: Ctrl-C ends the wait,
    and leaves the work to come to its own end."""
    if current_thread() is not main_thread():
        work()
    elif (thread := begin(work, name)) is not None:
        thread.join()
