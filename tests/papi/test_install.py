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


AS_MAIN = """
import atexit, os, pickle, sys, threading
import __main__

FILE = __file__

class Thing:
    pass

def at_exit():
    print(FILE, sys.argv[0], type(pickle.loads(pickle.dumps(Thing()))) is Thing)

def later():
    threading.main_thread().join()
    print(Thing.__module__, __main__.Thing is Thing)

if __name__ == "__main__":
    atexit.register(at_exit)
    threading.Thread(target=later).start()
"""


def test_the_program_is_main_until_the_end(tmp_path: Path) -> None:
    file = tmp_path / "as_main.py"
    file.write_text(AS_MAIN, encoding="utf-8")
    done = run("-m", "vapi_cffi.papi", "as_main.py", cwd=tmp_path)
    assert done.stdout == f"__main__ True\n{file} as_main.py True\n", done.stderr
    assert done.stdout == run("as_main.py", cwd=tmp_path).stdout
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "other.py").write_text(
        "import vpp_papi\nNAME = vpp_papi.__name__\n", encoding="utf-8"
    )
    (folder / "__main__.py").write_text("import other; print(other.NAME)\n", encoding="utf-8")
    assert run("-m", "vapi_cffi.papi", str(folder)).stdout == "vapi_cffi.papi\n"


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
