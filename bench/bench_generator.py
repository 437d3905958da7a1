"""The generator: the package's own API files to all outputs, and with nothing changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from servers import Measure

import vapi_cffi

API = Path(vapi_cffi.__file__).with_name("api")
#: VPP's own, where they are at hand; then the numbers are of 152 files.
ALL = Path(__file__).resolve().parents[2] / "shared" / "vpp-26.06"
SOURCE = ALL if ALL.is_dir() else API
FILES = len([*SOURCE.rglob("*.api.json"), *SOURCE.rglob("*.api")])
WORK = f"generator, {FILES} files, five outputs"


def generate(folder: Path) -> None:
    outputs = [
        part for name in ("c", "cpp", "python", "json", "api") for part in (f"--{name}", name)
    ]
    command = [sys.executable, "-m", "vapi_cffi.generator", *outputs, str(SOURCE)]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    assert len([*folder.rglob("*.vapi.h")]) >= 8


def bench_anew(measure: Measure, tmp_path: Path) -> None:
    def clean() -> None:
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()

    measure(
        lambda: generate(tmp_path),
        work=WORK,
        client="anew",
        per_round=FILES,
        unit="files",
        setup=clean,
        rounds=3,
        warmup=0,
    )


def bench_unchanged(measure: Measure, tmp_path: Path) -> None:
    generate(tmp_path)
    measure(
        lambda: generate(tmp_path),
        work=WORK,
        client="nothing changed",
        per_round=FILES,
        unit="files",
        rounds=5,
        warmup=1,
    )
