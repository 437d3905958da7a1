"""When a process that only serves is to end."""

from __future__ import annotations

import os
import select
import signal


def wait_for_end(parent: int | None = None) -> None:
    """Returns at SIGTERM or SIGINT, or when the parent ends; all without polling."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    if parent is not None:
        poll.register(os.pidfd_open(parent), select.POLLIN)
    poll.poll()
