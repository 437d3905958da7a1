# SPDX-License-Identifier: Apache-2.0
"""Builds the C tests of tests/native and runs each program as one test.

``VAPI_NATIVE_VARIANTS`` chooses the builds: ``plain`` (default), ``asan`` (with UBSan and the leak
checker), ``tsan``, separated by blanks. One program by hand: ``make -C tests/native check-NAME``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parent / "native"
ROOT = NATIVE.parent.parent
BUILD = ROOT / "build" / "native"
PROGRAMS = sorted(path.stem for path in NATIVE.glob("test_*.c"))
VARIANTS = os.environ.get("VAPI_NATIVE_VARIANTS", "plain").split()
SKIPPED = 77
BUILD_SECONDS, RUN_SECONDS = 600, 1800
# What each variant needs besides; the Makefile has the same for its own targets.
ENVIRONMENT = {
    "plain": {},
    "asan": {
        "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "CHECK_SCALE": "4",
    },
    "tsan": {"TSAN_OPTIONS": "halt_on_error=1", "CHECK_SCALE": "10"},
    "coverage": {"CHECK_SCALE": "4"},
}
# Minutes on a busy machine, and `make sanitize` runs the plain builds, too.
LONG = {"test_peer_scribble", "test_page_carve"}
# For programs that the Makefile does not run under ThreadSanitizer.
TSAN_PROGRAMS = {"test_svm_queue", "test_msg_ring"}

pytestmark = [
    pytest.mark.skipif(
        shutil.which("make") is None or shutil.which(os.environ.get("CC", "gcc")) is None,
        reason="needs make and a C compiler",
    ),
    # The first one compiles csrc, and each C test of a program has a deadline of its own.
    pytest.mark.timeout(BUILD_SECONDS + RUN_SECONDS),
]


def runs_in(program: str, variant: str) -> bool:
    return variant != "tsan" or program in TSAN_PROGRAMS or program.endswith("_threads")


def build(program: str, variant: str) -> Path:
    target = BUILD / variant / program
    jobs = str(min(os.cpu_count() or 1, 4))
    made = subprocess.run(
        ["make", "-C", str(NATIVE), "-j", jobs, str(target)],
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if made.returncode != 0:
        pytest.fail(f"{program} does not build:\n{made.stdout[-2000:]}{made.stderr[-4000:]}")
    return target


@pytest.mark.parametrize(
    ("program", "variant"),
    [
        pytest.param(
            program,
            variant,
            id=f"{program.removeprefix('test_')}-{variant}",
            marks=[pytest.mark.long] if program in LONG else [],
        )
        for variant in VARIANTS
        for program in PROGRAMS
        if runs_in(program, variant)
    ],
)
def test_program(program: str, variant: str) -> None:
    target = build(program, variant)
    # Each C test has a deadline of its own; this one is for the harness.
    done = subprocess.run(
        [str(target)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=RUN_SECONDS,
        env={**os.environ, **ENVIRONMENT[variant]},
        check=False,
    )
    if done.returncode == SKIPPED:
        pytest.skip(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "skipped")
    if done.returncode != 0:
        failures = [line for line in done.stdout.splitlines() if not line.startswith("ok")]
        pytest.fail("\n".join(failures) + "\n" + done.stderr[-6000:])
    assert ", 0 failed" in done.stdout
