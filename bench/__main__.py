"""`python -m bench`, or `make bench`: runs the benchmarks and prints their table.

    python -m bench                      # everything, against the embedded peer
    python -m bench sync dump            # bench_sync.py and bench_dump.py
    python -m bench --json out.json --chart out.svg

With VAPI_TEST_VPP_SOCKET (and VAPI_TEST_VPP_SHM_PREFIX) everything is also measured on that VPP, in
the same run. `--from FILE` prints the table of an earlier run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import report

HERE = Path(__file__).parent


def _files(names: list[str]) -> list[str]:
    known = {path.stem.removeprefix("bench_"): str(path) for path in HERE.glob("bench_*.py")}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(unknown)}: there are {', '.join(sorted(known))}")
    return [known[name] for name in names or sorted(known)]


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the numbers")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw them, as SVG")
    parser.add_argument("--from", dest="earlier", type=Path, metavar="FILE")
    parser.add_argument("--server", choices=("peer", "VPP"), help="measure on this one only")
    parser.add_argument("--quick", action="store_true", help="one round each: does it run?")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.earlier or given.json or Path(folder, "bench.json")
        code = 0
        if given.earlier is None:
            command = [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *("--benchmark-only", "--benchmark-columns=median", "--benchmark-warmup=off"),
                f"--benchmark-json={path}",
                *(["--quick"] if given.quick else []),
                *(["-k", given.server] if given.server else []),
                *_files(given.names),
            ]
            # The table goes to standard output, how it is getting on to standard error.
            code = subprocess.run(
                command, check=False, stdout=sys.stderr, cwd=HERE.parent
            ).returncode
        if not path.exists() or not path.stat().st_size:
            return code or 1
        measured = report.read(path)
    found = report.rows(measured)
    print(f"{report.host(measured)}\nmedians; spread: interquartile range of the runs\n")
    print(report.table(found))
    if given.chart is not None:
        given.chart.write_text(report.chart(found, "Benchmarks"), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
