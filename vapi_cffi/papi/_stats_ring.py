"""Rings of the statistics segment, into which VPP writes entries and which nobody empties: a reader
keeps its own place, and learns by the sequence number what it missed."""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .vpp_stats import VPPStats

log = logging.getLogger("vpp_papi.stats")

_CONFIG = struct.Struct("=7I")
_CONFIG_NAMES = ("entry_size", "ring_size", "n_threads", "schema_size", "schema_version")
_METADATA = struct.Struct("=IIQII")
_METADATA_NAMES = ("head", "schema_version", "sequence", "schema_offset", "schema_size")
_METADATA_STRIDE = 64
#: Reads that VPP disturbed are tried again so often.
_TRIES = 3
#: Seconds between two looks of who polls.
_PAUSE = 0.0005


class StatsRingBuffer:
    """One ring, of several threads of VPP."""

    def __init__(self, stats: VPPStats, ptr: int) -> None:
        self.stats = stats
        self.ring_buffer_ptr = ptr
        self._at = ptr - stats.base
        *config, metadata, data = _CONFIG.unpack(stats.read(self._at, _CONFIG.size))
        self.config = dict(zip(_CONFIG_NAMES, config, strict=True))
        self._metadata_at, self._data_at = self._at + metadata, self._at + data
        #: Where the next entry is read, by thread; and the sequence number before it.
        self.local_tails = [0] * self.config["n_threads"]
        self.last_sequences: list[int | None] = [None] * self.config["n_threads"]

    def get_config(self) -> dict[str, int]:
        """Sizes of an entry (bytes), of the ring (entries) and of the schema; threads."""
        return dict(self.config)

    def _get_thread_metadata(self, thread_index: int) -> dict[str, int]:
        """Where VPP is in the ring of a thread. Errors: IndexError."""
        if not 0 <= thread_index < self.config["n_threads"]:
            raise IndexError(f"Thread index {thread_index} out of range")
        at = self._metadata_at + thread_index * _METADATA_STRIDE
        numbers = _METADATA.unpack(self.stats.read(at, _METADATA.size))
        return dict(zip(_METADATA_NAMES, numbers, strict=True))

    def get_schema(self, thread_index: int = 0) -> tuple[bytes | None, int, int]:
        """What describes the entries: bytes, their number, and a version; None if nothing does."""
        known = self._get_thread_metadata(thread_index)
        size = known["schema_size"]
        if not size:
            return None, 0, 0
        data = self.stats.read(self._at + known["schema_offset"], size)
        return data, size, known["schema_version"]

    def get_schema_string(self, thread_index: int = 0) -> tuple[str | bytes | None, int, int]:
        """The same as text, where it is some."""
        data, size, version = self.get_schema(thread_index)
        try:
            return (None if data is None else data.decode("utf-8")), size, version
        except UnicodeDecodeError:
            return data, size, version

    # Nobody tells VPP what was read, so there is no fill level to be known.
    def get_count(self, thread_index: int = 0) -> int:
        """0."""
        return 0

    def is_empty(self, thread_index: int = 0) -> bool:
        """True."""
        return True

    def is_full(self, thread_index: int = 0) -> bool:
        """False."""
        return False

    def consume_data(self, thread_index: int = 0, max_entries: int | None = None) -> list[bytes]:
        """Entries since the last look, oldest first; at the first look all that are there."""
        found: list[bytes] = []
        for _ in range(_TRIES):
            known = self._get_thread_metadata(thread_index)
            found, upto, is_whole = self._read(known, thread_index, max_entries)
            if is_whole or self._get_thread_metadata(thread_index)["sequence"] == known["sequence"]:
                break
        self.last_sequences[thread_index] = upto
        return found

    def consume_data_batch(
        self, thread_index: int = 0, max_entries: int | None = None, prefetch: bool = True
    ) -> list[bytes]:
        """The same."""
        return self.consume_data(thread_index, max_entries)

    def _read(
        self, known: dict[str, int], thread_index: int, most: int | None
    ) -> tuple[list[bytes], int, bool]:
        """Entries, the sequence number behind them, and whether VPP cannot have overwritten any."""
        size, ring = self.config["entry_size"], self.config["ring_size"]
        sequence, seen = known["sequence"], self.last_sequences[thread_index]
        there = sequence if seen is None else (sequence - seen) % 2**64
        if there > ring:
            if seen is not None:
                log.warning(
                    "%d entries of a ring were overwritten before they were read", there - ring
                )
            there = ring
        count = there if most is None else min(there, most)
        place = (known["head"] - there) % ring if ring else 0
        at = self._data_at + thread_index * ring * size
        found = [self.stats.read(at + (place + i) % ring * size, size) for i in range(count)]
        if ring:
            self.local_tails[thread_index] = (place + count) % ring
        return found, sequence - there + count, not count

    def poll_for_data(
        self,
        thread_index: int = 0,
        timeout: float | None = None,
        callback: Callable[[bytes], object] | None = None,
    ) -> list[bytes]:
        """Waits for entries; with a callback, gives it each until `timeout` seconds are over."""
        deadline = None if not timeout else time.monotonic() + timeout
        while True:
            data = self.consume_data(thread_index)
            if data and callback is None:
                return data
            for entry in data:
                assert callback is not None
                callback(entry)
            if deadline is not None and time.monotonic() > deadline:
                return []
            time.sleep(_PAUSE)

    async def poll_for_data_async(
        self,
        thread_index: int = 0,
        timeout: float | None = None,
        callback: Callable[[bytes], Awaitable[Any]] | None = None,
    ) -> list[bytes]:
        """The same for coroutines."""
        deadline = None if not timeout else time.monotonic() + timeout
        while True:
            data = self.consume_data(thread_index)
            if data and callback is None:
                return data
            for entry in data:
                assert callback is not None
                await callback(entry)
            if deadline is not None and time.monotonic() > deadline:
                return []
            await asyncio.sleep(_PAUSE)

    def __repr__(self) -> str:
        config = self.config
        schema = (
            f", schema_size={config['schema_size']}, schema_version={config['schema_version']}"
            if config["schema_size"]
            else ""
        )
        return (
            f"StatsRingBuffer(entry_size={config['entry_size']}, ring_size={config['ring_size']}, "
            f"n_threads={config['n_threads']}{schema})"
        )
