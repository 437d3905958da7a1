"""Rates of a connection, measured: for `vapi bench`, the demo, and bench/. Correctness is asserted
in each, so that a wrong answer is never a fast one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter

from ._connection import Connection
from ._errors import BadMessage
from ._messages import CONTROL_PING, CONTROL_PING_REPLY, request

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` messages in `seconds`."""

    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def sync(connection: Connection, seconds: float, progress: Progress | None = None) -> Rate:
    """Round trips of control_ping, one after the other, for about so long."""
    ping = request(connection, CONTROL_PING)
    reply_id = connection.find(CONTROL_PING_REPLY)
    call = connection.call
    size = len(call(ping, reply_id))
    total, chunk, spent = 0, 50, 0.0
    while spent < seconds:
        started = perf_counter()
        for _ in range(chunk):
            if len(call(ping, reply_id)) != size:
                raise BadMessage("control_ping_reply changed its size")
        took = perf_counter() - started
        spent += took
        total += chunk
        # About ten chunks a run, so that the clock and the bar cost nothing.
        chunk = max(50, int(chunk * seconds / 10 / took) if took else chunk * 2)
        if progress is not None:
            progress(min(spent, seconds))
    return Rate(total, spent)


def latencies(connection: Connection, count: int) -> list[float]:
    """Seconds of each of `count` round trips."""
    ping = request(connection, CONTROL_PING)
    reply_id = connection.find(CONTROL_PING_REPLY)
    call = connection.call
    times = []
    for _ in range(count):
        started = perf_counter()
        call(ping, reply_id)
        times.append(perf_counter() - started)
    return times


def spread(times: list[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    return median(times), quantiles(times, n=100)[98] if len(times) > 1 else times[0]


def pipelined(
    connection: Connection, depth: int, seconds: float, progress: Progress | None = None
) -> Rate:
    """Requests with `depth` of them in flight, for about so long."""
    ping = request(connection, CONTROL_PING)
    reply_id = connection.find(CONTROL_PING_REPLY)
    total, chunk, spent = 0, 20 * depth, 0.0
    while spent < seconds:
        started = perf_counter()
        result = connection.pump(
            ping, count=chunk, depth=depth, reply_id=reply_id, keep_retvals=False
        )
        took = perf_counter() - started
        if not result.ok:
            raise BadMessage(f"{result.received} of {chunk} pings answered, {result.failed} badly")
        spent += took
        total += chunk
        chunk = max(depth, int(chunk * seconds / 10 / took))
        if progress is not None:
            progress(min(spent, seconds))
    return Rate(total, spent)


def one_by_one(connection: Connection, depth: int, seconds: float) -> Rate:
    """As `pipelined`, through send_many and recv_bytes: what a program pays that looks at each."""
    ping = request(connection, CONTROL_PING)
    reply_id = connection.find(CONTROL_PING_REPLY).to_bytes(2, "big")
    batch = [ping] * depth
    total, started = 0, perf_counter()
    while perf_counter() - started < seconds:
        connection.send_many(batch)
        left = depth
        while left:
            for reply in connection.recv_bytes(left):
                left -= reply[:2] == reply_id
        total += depth
    return Rate(total, perf_counter() - started)
