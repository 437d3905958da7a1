"""Programs that tests run as processes of their own, and what they wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def child(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Runs a Python program; killed at the end of the block if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    """The next line of output of a child; AssertionError with its errors when it ended instead."""
    assert process.stdout is not None
    text = process.stdout.readline()
    if not text:
        _, errors = process.communicate(timeout=10)
        raise AssertionError(f"the child ended with {process.returncode}: {errors}")
    return text.strip()


def freeze(pid: int) -> None:
    """Stops a child, as a debugger does; returns when all of its threads stand still."""
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
