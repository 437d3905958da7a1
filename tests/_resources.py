"""What a process has open."""

from __future__ import annotations

import gc
import os
from operator import le
from pathlib import Path
from time import monotonic, sleep

#: Descriptors, threads and shared mappings.
Resources = tuple[int, int, int]


def open_files() -> set[str]:
    """What the descriptors of this process lead to."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:
            continue  # the one of the listing itself
    return found


def resources() -> Resources:
    """How many descriptors, threads and shared mappings this process has."""
    gc.collect()
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    shared = sum(" rw-s " in line for line in maps)
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), shared


def check_no_more_than(before: Resources) -> None:
    """Fails when there is more now; fewer is what an earlier test left, and somebody tidied up
    meanwhile. A thread that was joined counts until the kernel has put it away, for which it may
    take a second on a busy machine: that is waited for."""
    deadline = monotonic() + 20
    while (now := resources())[1] > before[1] and monotonic() < deadline:
        sleep(0.005)
    assert all(map(le, now, before)), f"descriptors, threads, mappings: {now}, were {before}"


def resident_kib() -> int:
    """Memory of this process."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")
