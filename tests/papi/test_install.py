"""Three ways in: an import, a command before the program, a call before its imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vapi_cffi import papi
from vapi_cffi.sim import SpawnedPeer

PROGRAM = """
import sys
import vpp_papi
from vpp_papi import VPPApiClient, VppEnum, vpp_papi as inner
from vpp_papi.macaddress import mac_pton
from vpp_papi.vpp_stats import VPPStats
from vpp_papi.vpp_transport_socket import VppTransportSocketIOError
import vpp_papi.vpp_serializer, vpp_papi.vpp_format, vpp_papi.vpp_papi_async

assert inner.VPPApiClient is VPPApiClient
client = VPPApiClient(bootstrapapi=True, server_address=sys.argv[1])
client.connect("program")
print(vpp_papi.__name__, __name__, sys.argv[2:], client.api.show_version().program)
client.disconnect()
"""


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        check=False,
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM, encoding="utf-8")
    return file


def test_a_file(program: Path, peer_process: SpawnedPeer) -> None:
    done = run("-m", "vapi_cffi.papi", str(program), peer_process.socket_path, "-x", "y")
    assert done.stdout == "vapi_cffi.papi __main__ ['-x', 'y'] vpe\n", done.stderr


def test_a_module(program: Path, peer_process: SpawnedPeer) -> None:
    done = run(
        "-m", "vapi_cffi.papi", "-m", "program", peer_process.socket_path, cwd=program.parent
    )
    assert done.stdout == "vapi_cffi.papi __main__ [] vpe\n", done.stderr


def test_code_and_console_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("-m", "vapi_cffi.papi", "-c", "import vpp_papi; print(vpp_papi.__version__)")
    assert done.stdout == "2.4.2\n", done.stderr
    script = tmp_path / "some-tool"
    script.write_text("#!/usr/bin/env python3\nimport vpp_papi; print(vpp_papi.__name__)\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert run("-m", "vapi_cffi.papi", "some-tool").stdout == "vapi_cffi.papi\n"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["no-such-program"], "no such file, and no such command"),
        (["-m"], "-m needs something to run"),
        (["/bin/true"], "is not a Python program"),
        ([], "usage:"),
    ],
)
def test_what_cannot_be_run(arguments: list[str], why: str) -> None:
    done = run("-m", "vapi_cffi.papi", *arguments)
    assert done.returncode == 2
    assert why in done.stdout + done.stderr


def test_exceptions_come_out(tmp_path: Path) -> None:
    file = tmp_path / "fails.py"
    file.write_text("raise SystemExit(7)")
    assert run("-m", "vapi_cffi.papi", str(file)).returncode == 7


def test_install_from_code(program: Path, peer_process: SpawnedPeer) -> None:
    code = (
        "import sys, runpy; from vapi_cffi import papi; papi.install(); papi.install();"
        f"sys.argv[1:] = [{peer_process.socket_path!r}];"
        f"runpy.run_path({str(program)!r}, run_name='x')"
    )
    assert run("-c", code).stdout == "vapi_cffi.papi x [] vpe\n"


def test_uninstall() -> None:
    before = sys.modules.get("vpp_papi")
    papi.install()
    try:
        import vpp_papi

        assert vpp_papi is papi
        with pytest.raises(ModuleNotFoundError):
            import vpp_papi.no_such_module
    finally:
        papi.uninstall()
        papi.uninstall()
    assert "vpp_papi" not in sys.modules
    if before is not None:
        sys.modules["vpp_papi"] = before
