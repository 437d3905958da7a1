# SPDX-License-Identifier: Apache-2.0
"""VPP's own VAPI test programs, unchanged, with our headers, bindings and library, on a live VPP.

Besides the variables of tests/conftest.py: VAPI_TEST_VPP_SOURCE, VPP's source tree (its programs
are compiled where they are), and VAPI_TEST_VPP_INSTALL, where it is installed (its API files, and
vppinfra for the part of the C program that uses VPP's vectors).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CC = os.environ.get("CC", "gcc")
CXX = os.environ.get("CXX", "g++")
#: Checks that each program has in 26.06.
PROGRAMS = {"vapi_c_test.c": 20, "vapi_cpp_test.cpp": 6}

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        any(shutil.which(tool) is None for tool in ("make", CC, CXX)),
        reason="needs make, a C and a C++ compiler",
    ),
]


def place(variable: str) -> str:
    value = os.environ.get(variable)
    if value is None:
        pytest.skip(f"needs {variable}")
    return value


def run(*command: object) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=300, check=False, cwd=ROOT
    )
    assert done.returncode == 0, f"{command[0]}: {(done.stdout + done.stderr)[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, and bindings from the JSON of the installed VPP and the test's own fake one,
    whose CRCs are invented."""
    to = tmp_path_factory.mktemp("vapi")
    source = Path(place("VAPI_TEST_VPP_SOURCE")) / "src" / "vpp-api" / "vapi"
    api = Path(place("VAPI_TEST_VPP_INSTALL")) / "share" / "vpp" / "api"
    run("make", "-C", ROOT / "csrc", "-j2", "libvapi", f"BUILD={to / 'lib'}")
    run(
        *(sys.executable, "-m", "generator", "--c", to, "--cpp", to, "--no-cache"),
        *("--trust-file-crc", "--trust-crc", api, source / "fake.api.json"),
    )
    return to


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("program", PROGRAMS)
def test_vpp_s_own_program(program: str, work: Path) -> None:
    """Over the socket and over shared memory: every check passes."""
    socket, prefix = place("VAPI_TEST_VPP_SOCKET"), place("VAPI_TEST_VPP_SHM_PREFIX")
    install = Path(place("VAPI_TEST_VPP_INSTALL"))
    source = Path(place("VAPI_TEST_VPP_SOURCE")) / "src" / "vpp-api" / "vapi" / program
    built = work / source.stem
    is_c = source.suffix == ".c"
    libraries = next(install.rglob("libvppinfra.so")).parent  # lib, or below it
    run(
        *(CC if is_c else CXX, "-O1", "-march=x86-64-v2" if is_c else "-std=c++17"),
        # It includes <fake.api.vapi.h> without a directory.
        *(f"-I{work}", f"-I{work / 'vapi'}", f"-I{ROOT / 'csrc' / 'include'}"),
        *([f"-I{install / 'include'}"] if is_c else []),
        *(source, "-o", built, f"-L{work / 'lib'}", "-lvapiclient"),
        *(f"-Wl,-rpath,{work / 'lib'}", "-lcheck", "-lsubunit", "-lm", "-lrt", "-lpthread"),
        *([f"-L{libraries}", "-lvlibapi", "-lvppinfra"] if is_c else []),
        f"-Wl,-rpath,{libraries}",
    )
    for kind, address in (("uds", socket), ("shm", prefix)):
        output = run(built, "vapi client", address, kind)
        last = output.strip().split("\n")[-1]
        expected = rf"100%: Checks: {PROGRAMS[program]}, Failures: 0, Errors: 0"
        assert re.fullmatch(expected, last), output[-4000:]
