"""The C programs of this folder, compiled against an installation of VPP or against our C API."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from servers import Server

from vapi_cffi import Transport

ROOT = Path(__file__).resolve().parents[1]
VAPI_SOURCE = ROOT / "bench" / "bench_vapi.c"
#: What bench_vapi.c needs of the API.
DEFINITIONS = ("ip.api", "interface.api")


def compiled(program: Path, source: Path, flags: Iterable[str | Path]) -> Path:
    """A program of one source file. `flags`: where its headers and libraries are."""
    command = [os.environ.get("CC", "gcc"), "-O2", "-march=x86-64-v2", source, *flags]
    subprocess.run([*map(str, command), "-pthread", "-o", str(program)], check=True)
    return program


def flags_for(*libraries: str) -> list[str]:
    """To compile and link with libraries of the VPP that VAPI_TEST_VPP_INSTALL names; skips the
    test where it names none."""
    place = os.environ.get("VAPI_TEST_VPP_INSTALL")
    if not place:
        pytest.skip("no libraries of VPP: set VAPI_TEST_VPP_INSTALL to where VPP is installed")
    found = next(Path(place).rglob(f"lib{libraries[0]}.so"), None)
    if found is None:
        pytest.skip(f"no lib{libraries[0]}.so below {place}")
    where = found.parent
    names = [f"-l{name}" for name in libraries]
    return [f"-I{place}/include", f"-L{where}", f"-Wl,-rpath,{where}", *names]


def original(folder: Path) -> Path:
    """bench_vapi.c with the VAPI of an installed VPP."""
    flags = flags_for("vapiclient", "vlibmemoryclient", "svm", "vppinfra")
    return compiled(folder / "bench_vapi", VAPI_SOURCE, flags)


def ours(folder: Path) -> Path:
    """The same with our C API, and code of our generator."""
    api = ROOT / "vapi_cffi" / "api"
    generator = [sys.executable, "-m", "vapi_cffi.generator", "--c", "gen", f"-I{api}"]
    files = [str(api / name) for name in DEFINITIONS]
    subprocess.run([*generator, *files], cwd=folder, check=True, stdout=subprocess.DEVNULL)
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
    flags = [f"-I{folder}/gen", f"-I{folder}/c/include", library]
    return compiled(folder / "bench_vapi", VAPI_SOURCE, flags)


def vapi_of(
    request: pytest.FixtureRequest, client: str, server: Server, over: Transport
) -> tuple[Path, bool]:
    """bench_vapi with the library that `client` names, and whether that is the original; skips the
    test where it cannot be had."""
    if over not in server.transports:
        pytest.skip("VAPI_TEST_VPP_SHM_PREFIX is not set")
    is_original = client == "VAPI C"
    if is_original and server.name == "peer":
        pytest.skip("the original wants a VPP")
    return request.getfixturevalue("original_vapi" if is_original else "our_vapi"), is_original


def run_vapi(
    program: Path,
    mode: str,
    server: Server,
    transport: Transport,
    depth: int,
    count: int,
    *,
    original: bool,
) -> tuple[float, int]:
    """Runs bench_vapi once: the rate that it measured, and what was lost."""
    way = "uds" if transport == "socket" else "shm"
    address = server.socket_path if way == "uds" else str(server.shm_prefix)
    arguments = [program, "x", mode, way, address, str(depth), str(count)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode and original:
        pytest.skip(f"the original ended with {done.returncode}: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    rate, lost = done.stdout.split()[-2:]
    return float(rate), int(lost)
