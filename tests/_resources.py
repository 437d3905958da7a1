"""What a process has open."""

from __future__ import annotations

import gc
import os
from pathlib import Path


def open_files() -> set[str]:
    """What the descriptors of this process lead to."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:
            continue  # the one of the listing itself
    return found


def resources() -> tuple[int, int, int]:
    """How many descriptors, threads and shared mappings this process has."""
    gc.collect()
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    shared = sum(" rw-s " in line for line in maps)
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), shared


def resident_kib() -> int:
    """Memory of this process."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")
