"""vppcfg 1.2.4, unchanged: what it prints and writes through vpp_papi and through the drop-in is
the same. With a live VPP all its commands, without one those that need none.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from papi.conftest import CORPUS

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        importlib.util.find_spec("vppcfg") is None, reason="vppcfg is not installed"
    ),
    pytest.mark.skipif(not CORPUS.exists(), reason=f"no JSON of VPP 26.06 in {CORPUS}"),
]

CONFIGURATION = """\
loopbacks:
  loop0:
    description: "Core: first"
    mtu: 1500
    addresses: [ 10.0.1.1/24, "2001:db8:1::1/64" ]
  loop1:
    mtu: 2000
    mac: "02:fe:00:00:00:aa"
    addresses: [ 10.0.2.1/24 ]
bridgedomains:
  bd10:
    description: "Bridge 10"
    mtu: 2000
    bvi: loop1
    interfaces: [ vxlan_tunnel1 ]
vxlan_tunnels:
  vxlan_tunnel1:
    local: 10.0.1.1
    remote: 192.0.2.2
    vni: 101
interfaces:
  vxlan_tunnel1:
    mtu: 2000
"""
#: Lines of the output that hold a time.
_TIMES = re.compile(r"^-- .*$", re.MULTILINE)


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    file = tmp_path / "vppcfg.yaml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    return file


def run(way: str, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, what was logged, and the file that was written."""
    script = Path(sys.executable).with_name("vppcfg")
    begin = [str(script)] if way == "vpp_papi" else ["-m", "vapi_cffi.papi", str(script)]
    output = folder / "output"
    output.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, *begin, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=folder,
        env={**os.environ, "VPP_API_DIR": str(CORPUS)},
    )
    written = output.read_text("utf-8") if output.exists() else ""
    text = re.sub(r"context=\d+", "context=N", done.stdout + done.stderr)
    return done.returncode, _TIMES.sub("", text), _TIMES.sub("", written)


def test_without_a_vpp(configuration: Path, tmp_path: Path) -> None:
    for arguments in (
        ("check", "-c", str(configuration)),
        ("plan", "--novpp", "-c", str(configuration), "-o", "output"),
    ):
        theirs, ours = (run(way, tmp_path, *arguments) for way in ("vpp_papi", "drop-in"))
        assert ours == theirs
        assert ours[0] == 0, ours
    assert "create loopback interface instance 0" in ours[2]


@pytest.mark.live
def test_with_a_vpp(configuration: Path, tmp_path: Path, live_socket: str) -> None:
    at = ("-a", live_socket)
    nothing = tmp_path / "nothing.yaml"
    nothing.write_text("loopbacks: {}\n", encoding="utf-8")
    plans = {}
    for way in ("vpp_papi", "drop-in"):
        plans[way] = [
            run(way, tmp_path, "dump", *at, "-o", "output"),
            run(way, tmp_path, "plan", "-c", str(configuration), *at, "-o", "output"),
            run(way, tmp_path, "plan", "-c", str(configuration), *at, "-j", str(CORPUS)),
        ]
    assert plans["drop-in"] == plans["vpp_papi"]
    assert {code for code, _, _ in plans["drop-in"]} == {0}
    if live_socket != "/run/vpp/api.sock":
        pytest.skip("the rest needs VPP at /run/vpp/api.sock: vppcfg's apply looks nowhere else")
    applied = {}
    for way in ("vpp_papi", "drop-in"):
        applied[way] = [
            run(way, tmp_path, "apply", "-c", str(configuration), *at),
            run(way, tmp_path, "dump", *at, "-o", "output"),
            run(way, tmp_path, "plan", "-c", str(configuration), *at, "-o", "output"),
            run(way, tmp_path, "apply", "-c", str(nothing), *at),
            run(way, tmp_path, "dump", *at, "-o", "output"),
        ]
    assert applied["drop-in"] == applied["vpp_papi"]
