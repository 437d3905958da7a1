"""Counters of interfaces and of the main loop, from what VPP's command line prints.

The API has no message for them; VPP's statistics segment is another interface than the API. The
texts are for people, so whatever is not there is simply missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_INTERFACE = re.compile(r"(\S+)\s+(\d+)\s+(?:up|down)\s+\S+\s*(.*)")
_COUNTER = re.compile(r"\s*(\S.*?)\s+(\d+)\s*")
_RING = re.compile(r"\s*vlib\s+\d+\s+\d+\s+(-?\d+)\s")
_FALLBACK = re.compile(r"(-?\d+) ring miss fallback allocations")
_LOOPS = re.compile(r"vector rate ([0-9.e+]+)(?:\s+loops/sec ([0-9.e+]+))?")


@dataclass(frozen=True, slots=True)
class Counters:
    """One interface: its index, and counters by their names, as "rx packets"."""

    name: str
    index: int
    values: dict[str, int] = field(default_factory=dict)

    def drops(self) -> int:
        """Everything that did not go through."""
        return sum(self.values.get(name, 0) for name in ("drops", "tx-error", "rx-error"))


def interfaces(reply: str) -> Iterator[Counters]:
    """From the answer to `show interface`."""
    current: Counters | None = None
    for line in reply.splitlines():
        rest = line
        begins = _INTERFACE.match(line)
        if begins is not None:
            if current is not None:
                yield current
            current = Counters(begins[1], int(begins[2]))
            rest = begins[3]
        counter = _COUNTER.fullmatch(rest)
        if counter is not None and current is not None:
            current.values[counter[1]] = int(counter[2])
    if current is not None:
        yield current


def main_loop(reply: str) -> tuple[float | None, float | None]:
    """Vector rate and loops a second of the first thread, from the answer to `show runtime`."""
    found = _LOOPS.search(reply)
    if found is None:
        return None, None
    return float(found[1]), None if found[2] is None else float(found[2])


def api_clients(reply: str) -> int | None:
    """How many clients there are, from the answer to `show api clients`: a list of those in shared
    memory and one of those on sockets, each with a head."""
    if "Name" not in reply:
        return None
    lines = [line.strip() for line in reply.splitlines()]
    # "(nil)" is the socket that VPP listens on.
    heads = ("Name ", "Socket clients", "Shared memory clients", "No ", "(nil)")
    ends = "messages with missing clients"
    return sum(
        bool(line) and not line.startswith(heads) and not line.endswith(ends) for line in lines
    )


@dataclass(frozen=True, slots=True)
class Made:
    """How many messages VPP has made to send them: replies, rows, events, to all of its clients.

    VPP takes each from a ring of shared memory, whatever transport it goes out by, or from the heap
    where no ring has room; what clients make is counted apart, and not for sockets."""

    rings: dict[tuple[str, int], int]
    """By segment and ring; those of a client go with it."""
    heap: int

    def since(self, before: Made) -> int:
        """How many were made in between. A counter that fell began anew."""
        there = {**self.rings, ("", 0): self.heap}
        then = {**before.rings, ("", 0): before.heap}
        return sum(
            now - then.get(ring, 0) if now >= then.get(ring, 0) else now
            for ring, now in there.items()
        )


def messages_made(reply: str) -> Made | None:
    """From the answer to `show api ring-stats`; None if that is not what it is."""
    rings: dict[tuple[str, int], int] = {}
    heap: int | None = None
    segment, names, number = "", 0, 0
    for line in reply.splitlines():
        ring, fallback = _RING.match(line), _FALLBACK.match(line)
        if line.endswith(" rings:"):
            # Two clients may have one name.
            segment, names, number = f"{names} {line}", names + 1, 0
        elif ring is not None:
            # Counters have 32 bits, and are printed with a sign.
            rings[segment, number] = int(ring[1]) % (1 << 32)
            number += 1
        elif fallback is not None:
            heap = int(fallback[1]) % (1 << 32)
    return None if heap is None else Made(rings, heap)
