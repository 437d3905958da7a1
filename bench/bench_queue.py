"""The svm queue itself, in C, one thread: bench_queue.c beside the libsvm of an installed VPP."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from installed import compiled, flags_for
from servers import Measure

ROOT = Path(__file__).resolve().parents[1]
PAIRS = 5_000_000


@pytest.mark.parametrize("client", ["libsvm", "svm_queue"])
def bench_queue(measure: Measure, client: str, tmp_path: Path) -> None:
    if client == "libsvm":
        source = ROOT / "bench" / "bench_queue_vpp.c"
        program = compiled(tmp_path / "bench_queue_vpp", source, flags_for("svm", "vppinfra"))
    else:
        make = ["make", "-s", "-C", str(ROOT / "tests" / "native"), "bench-queue"]
        subprocess.run(make, check=True)
        program = ROOT / "build" / "native" / "bench_queue"
    rates: list[float] = []

    def run() -> None:
        # Each pair is checked by the program, which fails with the first that is wrong.
        done = subprocess.run([program, str(PAIRS)], check=True, capture_output=True, text=True)
        told = re.search(r"([\d.]+) million pairs/s", done.stdout)
        assert told is not None, done.stdout
        rates.append(1e6 * float(told[1]))

    measure(
        run,
        work="svm_queue add + sub, one thread",
        client=client,
        unit="pairs",
        per_round=PAIRS,
        rounds=9,
        warmup=1,
        rates=rates,
    )
