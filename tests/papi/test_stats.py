"""The statistics segment: one made here, read by the original and by the drop-in; that of a live
VPP."""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from papi.conftest import original

from vapi_cffi.papi.vpp_stats import VPPStats

BASE = 0x130000000
#: Seconds that VPP may take for a change, in these tests.
PATIENCE = 0.3


class Segment:
    """A segment as VPP lays it out, handed out on a socket."""

    def __init__(self, path: str, size: int = 1 << 16) -> None:
        self._fd = os.memfd_create("stats")
        os.ftruncate(self._fd, size)
        self.memory = mmap.mmap(self._fd, size)
        self._at = 64
        self.entries: list[tuple[int, int, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(path)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                with client:
                    socket.send_fds(client, [b"x"], [self._fd])

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        self.memory.close()
        os.close(self._fd)

    def put(self, data: bytes) -> int:
        """Bytes somewhere; their address."""
        at = self._at
        self.memory[at : at + len(data)] = data
        self._at += (len(data) + 63) // 64 * 64
        return BASE + at

    def vector(self, fmt: str, *items: tuple[Any, ...]) -> int:
        """The address of a vector, with its length before it."""
        body = b"".join(struct.pack(fmt, *item) for item in items)
        return self.put(struct.pack("II", len(items), 0) + body) + 8

    def add(self, name: str, kind: int, value: int) -> int:
        self.entries.append((kind, value, name))
        return len(self.entries) - 1

    def publish(self, *, in_progress: int = 0, version: int = 2, epoch: int = 1) -> None:
        directory = self.vector(
            "I4xQ128s", *((kind, value, name.encode()) for kind, value, name in self.entries)
        )
        self.memory[:40] = struct.pack("QQQQQ", version, BASE, epoch, in_progress, directory)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "stats.sock")


@pytest.fixture
def segment(path: str) -> Iterator[Segment]:
    made = Segment(path)
    rows = [made.vector("Q", (1,), (2,)), made.vector("Q", (10,), (20,))]
    pairs = [made.vector("QQ", (1, 100), (2, 200)), made.vector("QQ", (3, 300), (4, 400))]
    names = [made.vector("c", *((bytes((c,)),) for c in b"local0\0"))]
    made.add("/sys/boottime", 1, 1234)
    made.add("/if/drops", 2, made.vector("Q", *((row,) for row in rows)))
    combined = made.add("/if/rx", 3, made.vector("Q", *((row,) for row in pairs)))
    made.add("/if/names", 4, made.vector("Q", *((name,) for name in names)))
    made.add("/err/lost", 2, made.vector("Q", (made.vector("Q", (7,)),)))
    made.add("/interfaces/local0/rx", 6, combined | 1 << 32)
    histogram = made.vector("Q", (3,), (5,), (6,))
    made.add("/hist", 7, made.vector("Q", (histogram,), (0,)))
    made.add("/gauge", 9, 17)
    made.add("/nothing", 5, 0)
    made.add("/ring", 8, ring(made, 0))
    made.publish()
    yield made
    made.close()


def ring(segment: Segment, sequence: int) -> int:
    """A ring of four entries of eight bytes, with a schema."""
    header, stride = struct.calcsize("7I"), 64
    data_at = 64 + stride
    schema_at = data_at + 4 * 8
    config = struct.pack("7I", 8, 4, 1, 6, 1, 64, data_at).ljust(64, b"\0")
    assert header <= 64
    metadata = struct.pack("=IIQII", sequence % 4, 1, sequence, schema_at, 6).ljust(stride, b"\0")
    newest = [max(n for n in range(4 + sequence) if n % 4 == place) for place in range(4)]
    entries = b"".join(struct.pack("Q", number) for number in newest)
    return segment.put(config + metadata + entries + b"schema")


def test_the_same_as_the_original(segment: Segment, path: str) -> None:
    theirs, ours = original.vpp_stats.VPPStats(path), VPPStats(path)
    for stats in (theirs, ours):
        stats.connect()
    assert ours.ls(".*") == theirs.ls(".*")
    assert ours.ls(["/if/", "/err"]) == theirs.ls(["/if/", "/err"])
    for name in ours.ls(".*"):
        if name != "/ring":
            assert repr(ours[name]) == repr(theirs[name]), name
    assert ours["/if/rx"][1][0]["bytes"] == theirs["/if/rx"][1][0]["bytes"] == 300
    for method in ("packets", "octets", "sum_packets", "sum_octets"):
        assert getattr(ours["/if/rx"][:, 1], method)() == getattr(theirs["/if/rx"][:, 1], method)()
    assert ours["/if/drops"][:, 0].sum() == theirs["/if/drops"][:, 0].sum() == 11
    assert ours["/hist"].sum() == 11
    assert ours["/hist"].bin_count() == 2
    assert ours["/hist"].thread_count() == 2
    assert ours.dump(["/gauge"]) == theirs.dump(["/gauge"]) == {"/gauge": 17}
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    assert (ours.version, ours.epoch) == (theirs.version, theirs.epoch)
    ours.disconnect()
    ours.disconnect()
    theirs.disconnect()


def test_errors_are_summed(segment: Segment, path: str) -> None:
    stats = VPPStats(path)
    with pytest.raises(AttributeError):
        stats.set_errors()  # a list of lists has no sum, as there
    with pytest.raises(KeyError):
        _ = stats["/no/such"]
    stats.disconnect()


def test_a_directory_that_changes(segment: Segment, path: str) -> None:
    stats = VPPStats(path, timeout=PATIENCE)
    assert stats["/gauge"] == 17
    segment.add("/new", 9, 18)
    segment.publish(epoch=2)
    assert stats["/new"] == 18
    segment.publish(epoch=3, in_progress=1)
    with pytest.raises(TimeoutError, match="without end"):
        _ = stats["/new"]
    with pytest.raises(OSError, match="retry"):
        stats.get_counter("/new", blocking=False)
    segment.publish(epoch=4)
    assert stats["/new"] == 18
    stats.disconnect()


@pytest.mark.parametrize("address", [BASE + (1 << 20), BASE - 8, 8])
def test_what_lies_outside_is_refused(segment: Segment, path: str, address: int) -> None:
    segment.add("/wild", 2, address)
    segment.publish()
    stats = VPPStats(path, timeout=PATIENCE)
    with pytest.raises(OSError, match="overrun"):
        stats.get_counter("/wild", blocking=False)
    stats.disconnect()


def test_other_versions_and_no_socket(segment: Segment, path: str, tmp_path: Path) -> None:
    segment.publish(version=3)
    with pytest.raises(OSError, match="version 3, expected 2"):
        VPPStats(path).connect()
    with pytest.raises(FileNotFoundError):
        VPPStats(str(tmp_path / "none")).connect()


def test_rings(segment: Segment, path: str) -> None:
    segment.add("/ring2", 8, ring(segment, 6))
    segment.publish()
    stats = VPPStats(path)
    made = stats.get_ring_buffer("/ring2")
    assert made.get_config()["ring_size"] == 4
    assert made.get_schema_string() == ("schema", 6, 1)
    assert stats.get_ring_buffer_schema("/ring2") == (b"schema", 6, 1)
    assert [struct.unpack("Q", entry)[0] for entry in made.consume_data(max_entries=3)] == [6, 7, 8]
    assert [struct.unpack("Q", entry)[0] for entry in made.consume_data_batch()] == [9]
    assert made.consume_data() == []
    assert made.poll_for_data(timeout=0.01) == []
    assert asyncio.run(stats.poll_ring_buffer_async("/ring", timeout=0.01)) == []
    assert (made.get_count(), made.is_empty(), made.is_full()) == (0, True, False)
    assert repr(made).startswith("StatsRingBuffer(entry_size=8, ring_size=4, n_threads=1, schema")
    with pytest.raises(IndexError):
        made.consume_data(5)
    with pytest.raises(ValueError, match="not a ring"):
        stats.get_ring_buffer("/gauge")
    stats.disconnect()


@pytest.mark.live
def test_a_live_vpp(live_socket: str) -> None:
    path = str(Path(live_socket).with_name("stats.sock"))
    if not Path(path).exists():
        pytest.skip(f"no {path}")
    theirs, ours = original.vpp_stats.VPPStats(path), VPPStats(path)
    for stats in (theirs, ours):
        stats.connect()
    names = ours.ls(".*")
    assert len(names) > 1000
    assert names == theirs.ls(".*")
    steady = [name for name in names if name.startswith(("/if/", "/interfaces/", "/err/"))]
    assert {name: repr(ours[name]) for name in steady} == {
        name: repr(theirs[name]) for name in steady
    }
    assert ours.set_errors() == theirs.set_errors()
    ours.disconnect()
    theirs.disconnect()
