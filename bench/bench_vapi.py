"""VAPI's C API, ours beside the original: bench_vapi.c, compiled against both.

The original is measured where VAPI_TEST_VPP_INSTALL names an installation of VPP, and a VPP runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import Measure, Server

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "bench" / "bench_vapi.c"
#: mode, transport, depth, and how many requests keep it busy for a while.
JOBS = [
    ("sync", "uds", 1, 50_000),
    ("sync", "shm", 1, 50_000),
    ("pipe", "uds", 256, 300_000),
    ("pipe", "shm", 512, 1_000_000),
    ("route", "uds", 256, 100_000),
    ("route", "shm", 256, 100_000),
]
WORK = {"sync": "one after the other", "pipe": "many in flight", "route": "ip_route_add_del"}
#: What the original makes of 50,000 calls to a VPP that sleeps takes too long.
SLOW = ("VAPI C", "sync", "shm")


def compiled(folder: Path, flags: list[str | Path]) -> Path:
    program = folder / "bench_vapi"
    command = [os.environ.get("CC", "gcc"), "-O2", "-march=x86-64-v2", SOURCE, *flags]
    subprocess.run([*map(str, command), "-pthread", "-o", str(program)], check=True)
    return program


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = os.environ.get("VAPI_TEST_VPP_INSTALL")
    if not place:
        pytest.skip("no VPP's VAPI: set VAPI_TEST_VPP_INSTALL to where VPP is installed")
    libraries = next(Path(place).rglob("libvapiclient.so")).parent
    names = ["-lvapiclient", "-lvlibmemoryclient", "-lsvm", "-lvppinfra"]
    flags = [f"-I{place}/include", f"-L{libraries}", f"-Wl,-rpath,{libraries}", *names]
    return compiled(tmp_path_factory.mktemp("original"), flags)


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ours")
    api = ROOT / "vapi_cffi" / "api"
    generate = [
        sys.executable,
        "-m",
        "vapi_cffi.generator",
        "--c",
        "gen",
        f"-I{api}",
        api / "ip.api",
    ]
    subprocess.run([*map(str, generate)], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    install = [
        "make",
        "-s",
        "-C",
        str(ROOT / "csrc"),
        "install-c",
        f"PREFIX={folder}/c",
        "DESTDIR=",
    ]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    library = next(Path(folder, "c").rglob("libvapiclient.a"))
    return compiled(folder, [f"-I{folder}/gen", f"-I{folder}/c/include", library])


@pytest.mark.parametrize(("mode", "way", "depth", "count"), JOBS)
@pytest.mark.parametrize("client", ["VAPI C", "vapi_cffi, C API"])
def bench_c_api(
    measure: Measure,
    server: Server,
    request: pytest.FixtureRequest,
    client: str,
    mode: str,
    way: str,
    depth: int,
    count: int,
) -> None:
    if client == "VAPI C" and server.name == "peer":
        pytest.skip("the original wants a VPP")
    transport = "socket" if way == "uds" else "shm"
    if transport not in server.transports:
        pytest.skip("VAPI_TEST_VPP_SHM_PREFIX is not set")
    program = request.getfixturevalue("original" if client == "VAPI C" else "ours")
    if (client, mode, way) == SLOW:
        count //= 20
    address = server.socket_path if way == "uds" else server.shm_prefix
    rates: list[float] = []

    def run() -> None:
        arguments = [program, "x", mode, way, address, str(depth), str(count)]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode and client == "VAPI C":
            pytest.skip(f"the original ended with {done.returncode}: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        rate, lost = done.stdout.split()[-2:]
        # The original loses requests over the socket; its rate counts them all the same.
        assert client == "VAPI C" or lost == "0", done.stdout
        rates.append(float(rate))

    what = WORK[mode] if mode == "route" else f"control_ping, {WORK[mode]}"
    measure(
        run,
        work=f"C: {what}",
        client=client,
        server=server,
        over=transport,
        depth=depth,
        per_round=count,
        rounds=5,
        warmup=1,
        rates=rates,
    )
