"""The svm queue itself, in C: bench_queue.c, one thread."""

from __future__ import annotations

import subprocess
from pathlib import Path

from servers import Measure

ROOT = Path(__file__).resolve().parents[1]
PAIRS = 5_000_000


def bench_queue(measure: Measure) -> None:
    """The start of the process, a millisecond, is in the time."""
    subprocess.run(["make", "-s", "-C", str(ROOT / "tests" / "native"), "bench-queue"], check=True)
    program = [ROOT / "build" / "native" / "bench_queue", str(PAIRS)]
    measure(
        lambda: subprocess.run(program, check=True, stdout=subprocess.DEVNULL),
        work="svm_queue add + sub, one thread",
        client="svm_queue",
        unit="pairs",
        per_round=PAIRS,
        rounds=7,
        warmup=1,
    )
