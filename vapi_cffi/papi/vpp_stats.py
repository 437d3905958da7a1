"""VPP's statistics segment: counters that are read from shared memory, without a message.

VPP changes the segment under the reader: an epoch number tells when, and what was read meanwhile is
read again. Everything found in it is checked to lie within it.
"""

from __future__ import annotations

import mmap
import os
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ._stats_ring import StatsRingBuffer
from ._stats_values import (
    CombinedList,
    SimpleList,
    StatsCombinedList,
    StatsHistogramLog2,
    StatsSimpleList,
    StatsTuple,
)

__all__ = (
    "CombinedList",
    "SimpleList",
    "StatsCombinedList",
    "StatsEntry",
    "StatsHistogramLog2",
    "StatsRingBuffer",
    "StatsSimpleList",
    "StatsTuple",
    "StatsVector",
    "VPPStats",
)

T = TypeVar("T")

_VERSION = 2
_SCALAR, _SIMPLE, _COMBINED, _NAMES, _EMPTY, _SYMLINK, _HISTOGRAM, _RING, _GAUGE = range(1, 10)
#: Type, padding, value or pointer, name.
_ENTRY = struct.Struct("I4xQ128s")
_VALUE = struct.Struct("I4xQ")
_LENGTH = struct.Struct("I")
_PAUSE = 0.0005


class _Changed(OSError):
    """VPP changed the segment while it was read."""


def _read(stats: Any, start: int, size: int) -> bytes:
    """Bytes of the segment `statseg` of `size`. Errors: OSError beyond its end."""
    if start < 0 or start + size > stats.size:
        raise _Changed(f"{size} bytes at {start} overrun the stats segment")
    return bytes(stats.statseg[start : start + size])


class StatsVector:
    """A vector of VPP: `fmt` is one element, in letters of `struct`. Errors: OSError if it is not
    within the segment."""

    def __init__(self, stats: VPPStats, ptr: int, fmt: str) -> None:
        self.struct = struct.Struct(fmt)
        self.elementsize = self.struct.size
        self.vec_start = ptr - stats.base
        self.vec_len: int = _LENGTH.unpack(_read(stats, self.vec_start - 8, 4))[0]
        self._stats = stats
        if self.vec_start + self.vec_len * self.elementsize > stats.size:
            raise OSError("Vector overruns stats segment")

    def offset(self, index: int) -> int:
        """Where an element is in the segment."""
        if index >= self.vec_len:
            raise OSError("Index beyond end of vector")
        at: int = self.vec_start + index * self.elementsize
        return at

    def __len__(self) -> int:
        return self.vec_len

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        data = _read(self._stats, self.vec_start, self.vec_len * self.elementsize)
        return self.struct.iter_unpack(data)

    def __getitem__(self, index: int) -> Any:
        found = self.struct.unpack(_read(self._stats, self.offset(index), self.elementsize))
        return found[0] if len(found) == 1 else found


class StatsEntry:
    """An entry of the directory: a counter of some kind."""

    def __init__(self, stattype: int, statvalue: int, index: int) -> None:
        self.type = stattype
        self.value = statvalue
        self.index = index

    def get_counter(self, stats: VPPStats) -> Any:
        """Its value; None for kinds that have none."""
        read = _KINDS.get(self.type)
        return None if read is None else read(self, stats)

    def _scalar(self, stats: VPPStats) -> int:
        # VPP changes it in place, in the directory.
        at = StatsVector(stats, stats.directory_vector, _ENTRY.format).offset(self.index)
        value: int = _VALUE.unpack(_read(stats, at, _VALUE.size))[1]
        return value

    def _simple(self, stats: VPPStats) -> StatsSimpleList:
        return StatsSimpleList(
            [value for (value,) in StatsVector(stats, ptr, "Q")] if ptr else []
            for (ptr,) in StatsVector(stats, self.value, "P")
        )

    def _combined(self, stats: VPPStats) -> StatsCombinedList:
        return StatsCombinedList(
            list(map(StatsTuple, StatsVector(stats, ptr, "QQ"))) if ptr else []
            for (ptr,) in StatsVector(stats, self.value, "P")
        )

    def _names(self, stats: VPPStats) -> list[str]:
        found = []
        for (ptr,) in StatsVector(stats, self.value, "P"):
            if ptr:
                text = StatsVector(stats, ptr, "c")
                raw = stats.read(text.vec_start, text.vec_len)
                found.append(raw.split(b"\0", 1)[0].decode("ascii", "replace"))
        return found

    def _symlink(self, stats: VPPStats) -> Any:
        index, column = struct.unpack("II", struct.pack("Q", self.value))
        target = stats.directory[stats.directory_by_idx[index]]
        return target.get_counter(stats)[:, column]

    def _ring(self, stats: VPPStats) -> StatsRingBuffer:
        return StatsRingBuffer(stats, self.value)

    def _histogram(self, stats: VPPStats) -> StatsHistogramLog2:
        bins, least = [], 0
        for (ptr,) in StatsVector(stats, self.value, "P"):
            numbers = [value for (value,) in StatsVector(stats, ptr, "Q")] if ptr else []
            least = numbers[0] if numbers else least
            bins.append(numbers[1:])
        return StatsHistogramLog2(bins, least)


_KINDS: dict[int, Callable[[StatsEntry, VPPStats], Any]] = {
    _SCALAR: StatsEntry._scalar,
    _SIMPLE: StatsEntry._simple,
    _COMBINED: StatsEntry._combined,
    _NAMES: StatsEntry._names,
    _SYMLINK: StatsEntry._symlink,
    _HISTOGRAM: StatsEntry._histogram,
    _RING: StatsEntry._ring,
    _GAUGE: StatsEntry._scalar,
}


class VPPStats:
    """The counters of a VPP, by name; connects when they are first asked for.

    >>> stats = VPPStats("/run/vpp/stats.sock")                             # doctest: +SKIP
    >>> stats["/if/rx"][:, 1].sum_packets()
    17

    timeout: seconds that VPP may take to answer, and to end a change of the segment.
    Errors: the OSError of the system if there is no such socket; TimeoutError.
    """

    default_socketname = "/run/vpp/stats.sock"
    shared_headerfmt = struct.Struct("QPQQP")
    elementfmt = _ENTRY.format

    def __init__(self, socketname: str = default_socketname, timeout: float = 10) -> None:
        self.socketname = socketname
        self.timeout = timeout
        self.directory: dict[str, StatsEntry] = {}
        self.directory_by_idx: dict[int, str] = {}
        self.connected = False
        self.size = 0
        self.last_epoch = 0
        self.statseg: Any = None

    # ---- life ----------------------------------------------------------------------------------

    def connect(self) -> None:
        """Maps the segment. Idempotent."""
        if self.connected:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as way:
            way.settimeout(self.timeout)
            way.connect(self.socketname)
            _, descriptors, _, _ = socket.recv_fds(way, 1024, 1)
        if not descriptors:
            raise OSError(f"{self.socketname} handed out no segment")
        try:
            self.size = os.fstat(descriptors[0]).st_size
            self.statseg = mmap.mmap(descriptors[0], self.size, mmap.MAP_SHARED, mmap.PROT_READ)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if self.version != _VERSION:
            version, self.size = self.version, 0
            self.statseg.close()
            raise OSError(f"Incompatible stat segment version {version}, expected {_VERSION}")
        self.connected = True
        self.refresh()

    def disconnect(self) -> None:
        """Unmaps it. Idempotent."""
        if self.connected:
            self.connected = False
            self.statseg.close()

    def read(self, start: int, size: int) -> bytes:
        """Bytes of the segment. Errors: OSError beyond its end."""
        return _read(self, start, size)

    def _header(self, index: int) -> int:
        value: int = self.shared_headerfmt.unpack(self.read(0, self.shared_headerfmt.size))[index]
        return value

    @property
    def version(self) -> int:
        """Of the segment's layout."""
        return self._header(0)

    @property
    def base(self) -> int:
        """The address that VPP has the segment at."""
        return self._header(1)

    @property
    def epoch(self) -> int:
        """Grows with each change of the directory."""
        return self._header(2)

    @property
    def in_progress(self) -> int:
        """Whether VPP changes the directory right now."""
        return self._header(3)

    @property
    def directory_vector(self) -> int:
        """Address of the directory."""
        return self._header(4)

    # ---- reading -------------------------------------------------------------------------------

    def _steadily(self, read: Callable[[], T], blocking: bool = True) -> T:
        """What `read` gives, while VPP does not change the segment: tried until the timeout, or
        once. Errors: OSError, TimeoutError."""
        deadline = time.monotonic() + self.timeout
        while True:
            reason: OSError = _Changed("Optimistic lock failed, retry")
            epoch = self.epoch
            if not self.in_progress:
                try:
                    found = read()
                    if not self.in_progress and self.epoch == epoch:
                        return found
                except OSError as error:
                    reason = error
            if not blocking:
                raise reason
            if time.monotonic() > deadline:
                raise TimeoutError(f"VPP changes its statistics without end: {reason}") from reason
            time.sleep(_PAUSE)

    def refresh(self, blocking: bool = True) -> None:
        """Reads the directory anew."""

        def read() -> None:
            self.last_epoch = self.epoch
            by_name, by_index = {}, {}
            entries = StatsVector(self, self.directory_vector, self.elementfmt)
            for index, (kind, value, raw) in enumerate(entries):
                name = raw.split(b"\0", 1)[0].decode("ascii", "replace")
                by_name[name] = StatsEntry(kind, value, index)
                by_index[index] = name
            self.directory, self.directory_by_idx = by_name, by_index

        self._steadily(read, blocking)

    def _current(self, blocking: bool = True) -> None:
        self.connect()
        if self.last_epoch != self.epoch:
            self.refresh(blocking)

    def get_counter(self, name: str, blocking: bool = True) -> Any:
        """A counter by name. Errors: KeyError."""

        def read() -> Any:
            if self.last_epoch != self.epoch:
                self.refresh(blocking)
            return self.directory[name].get_counter(self)

        self.connect()
        return self._steadily(read, blocking)

    def __getitem__(self, name: str) -> Any:
        return self.get_counter(name)

    def __iter__(self) -> Iterator[tuple[str, StatsEntry]]:
        return iter(self.directory.items())

    def get_err_counter(self, name: str, blocking: bool = True) -> int:
        """The sum of an error counter over all threads."""
        total: int = self.get_counter(name, blocking).sum()
        return total

    def ls(self, patterns: str | list[str]) -> list[str]:
        """Names that begin as one of these regular expressions says."""
        self._current()
        several = patterns if isinstance(patterns, list | tuple) else [patterns]
        known = [re.compile(pattern) for pattern in several]
        return [name for name in self.directory if any(one.match(name) for one in known)]

    def dump(self, counters: list[str], blocking: bool = True) -> dict[str, Any]:
        """Counters by name."""
        return {name: self.get_counter(name, blocking) for name in counters}

    def set_errors(self, blocking: bool = True) -> dict[str, int]:
        """Error counters that are not 0."""
        self._current(blocking)
        found = {}
        for name in [name for name in self.directory if name.startswith("/err/")]:
            try:
                total = self.get_err_counter(name, blocking)
            except KeyError:
                continue  # it went away
            if total:
                found[name] = total
        return found

    def set_errors_str(self, blocking: bool = True) -> str:
        """The same as text."""
        errors = self.set_errors(blocking)
        lines = [f"{name:<60}{errors[name]:>10}" for name in sorted(errors)]
        return "\n".join(["ERRORS:", *lines, ""])

    # ---- rings ---------------------------------------------------------------------------------

    def get_ring_buffer(self, name: str, blocking: bool = True) -> StatsRingBuffer:
        """A ring by name. Errors: KeyError, ValueError for what is none."""
        found = self.get_counter(name, blocking)
        if not isinstance(found, StatsRingBuffer):
            raise ValueError(f"{name!r} is not a ring buffer")
        return found

    def poll_ring_buffer(
        self, name: str, thread_index: int = 0, timeout: float | None = None, callback: Any = None
    ) -> list[bytes]:
        """`poll_for_data` of a ring."""
        return self.get_ring_buffer(name).poll_for_data(thread_index, timeout, callback)

    async def poll_ring_buffer_async(
        self, name: str, thread_index: int = 0, timeout: float | None = None, callback: Any = None
    ) -> list[bytes]:
        """`poll_for_data_async` of a ring."""
        ring = self.get_ring_buffer(name)
        return await ring.poll_for_data_async(thread_index, timeout, callback)

    def get_ring_buffer_schema(
        self, name: str, thread_index: int = 0
    ) -> tuple[bytes | None, int, int]:
        """`get_schema` of a ring."""
        return self.get_ring_buffer(name).get_schema(thread_index)

    def get_ring_buffer_schema_string(
        self, name: str, thread_index: int = 0
    ) -> tuple[str | bytes | None, int, int]:
        """`get_schema_string` of a ring."""
        return self.get_ring_buffer(name).get_schema_string(thread_index)
