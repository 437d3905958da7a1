"""The benchmarks run, check what they measure, and their report says what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=560,
    )


def test_every_benchmark_runs_once(tmp_path: Path) -> None:
    found, chart = tmp_path / "bench.json", tmp_path / "bench.svg"
    done = bench("--quick", "--json", str(found), "--chart", str(chart))
    assert done.returncode == 0, done.stderr[-3000:]
    measured = json.loads(found.read_text("utf-8"))["benchmarks"]
    works = {item["extra_info"]["work"] for item in measured}
    assert len(works) >= 6
    for work in works:
        assert f"### {work}" in done.stdout
        assert work in chart.read_text("utf-8")
    assert "x vpp_papi" in done.stdout


def test_an_unknown_benchmark_is_an_error() -> None:
    done = bench("squeue")
    assert done.returncode == 1
    assert "no benchmark squeue: there are" in done.stderr
