"""`python -m bench`: the table of `make bench`, as Markdown; all clients against one peer in one
run.

`--json` prints the numbers instead; `--seconds` sets how long each one is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent))

from clients import Ping, ours, papi

from vapi_cffi import TRANSPORTS, Transport, _measure
from vapi_cffi.sim import Peer, SpawnedPeer

DEPTHS = (64, 256, 512)
#: Each number is the median of so many runs; the spread tells how far to trust it.
RUNS = 5

Result = dict[str, object]


def _rate(once: Ping, seconds: float) -> float:
    """Calls a second."""
    done, started = 0, perf_counter()
    while True:
        for _ in range(20):
            once()
        done += 20
        took = perf_counter() - started
        if took >= seconds:
            return done / took


def _row(name: str, mode: str, transport: str, depth: int, rates: list[float]) -> Result:
    middle = median(rates)
    return {
        "name": name,
        "mode": mode,
        "transport": transport,
        "depth": depth,
        "rate_per_s": round(middle),
        "spread_percent": round(100 * (max(rates) - min(rates)) / middle),
    }


def _papi(peer: SpawnedPeer, seconds: float) -> Result:
    with papi(peer) as (_, once):
        once()
        return _row("vpp_papi", "sync", "socket", 1, [_rate(once, seconds) for _ in range(RUNS)])


def _ours(peer: SpawnedPeer, transport: Transport, seconds: float) -> list[Result]:
    rows = []
    with ours(peer, transport) as (connection, once):
        once()
        rates = [_measure.sync(connection, seconds).per_second for _ in range(RUNS)]
        rows.append(_row("vapi_cffi", "sync", transport, 1, rates))
        for depth in DEPTHS:
            _measure.pipelined(connection, depth, seconds / 5)
            rates = [_measure.pipelined(connection, depth, seconds).per_second for _ in range(RUNS)]
            rows.append(_row("vapi_cffi", "pipelined", transport, depth, rates))
        rates = [_measure.one_by_one(connection, 256, seconds).per_second for _ in range(RUNS)]
        rows.append(_row("vapi_cffi", "bytes", transport, 256, rates))
    return rows


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.5)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with Peer.spawn() as peer:
        results = [_papi(peer, given.seconds)]
        for transport in TRANSPORTS:
            results += _ours(peer, transport, given.seconds)
    if given.json:
        print(json.dumps({"host": platform.platform(), "load": load, "results": results}, indent=2))
        return
    print(f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()};")
    print(f"load before {load:.1f}; control_ping against the embedded peer in another process;")
    print(f"median of {RUNS} runs of {given.seconds:g} s, spread from slowest to fastest.\n")
    base = float(str(results[0]["rate_per_s"]))
    print("| client | transport | mode | in flight | messages/s | spread | beside vpp_papi |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    for row in results:
        rate = float(str(row["rate_per_s"]))
        print(
            f"| {row['name']} | {row['transport']} | {row['mode']} | {row['depth']} "
            f"| {rate:,.0f} | {row['spread_percent']} % | {rate / base:.1f} x |"
        )


if __name__ == "__main__":
    main()
