"""Shell completion: what bash, zsh and fish are told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vapi_cffi import connect

from .conftest import Vapi  # type: ignore[import-not-found]


def offered(
    vapi: Vapi, monkeypatch: pytest.MonkeyPatch, line: str, shell: str = "zsh"
) -> list[str]:
    """The candidates for a line, which ends at the cursor."""
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    monkeypatch.setenv("COMP_WORDBREAKS", " \t\n\"'><=;|&(:")
    monkeypatch.setenv("_VAPI_COMPLETE", f"{shell}_complete")
    done = vapi()
    monkeypatch.delenv("_VAPI_COMPLETE")
    return [item for item in done.out.splitlines() if item]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("vapi du", ["plain\tdump"]),
        ("vapi call show_vers", ["plain\tshow_version"]),
        ("vapi call sw_interface_add_del_addr", ["plain\tsw_interface_add_del_address"]),
        ("vapi call sw_interface_du", []),
        ("vapi dump sw_interface_du", ["plain\tsw_interface_dump"]),
        ("vapi call sw_interface_set_mtu m", ["open\tmtu="]),
        ("vapi call ip_route_add_del_v2 ro", ["open\troute."]),
        ("vapi call ip_route_add_del_v2 route.pr", ["open\troute.prefix="]),
        ("vapi call ip_route_add_del_v2 route.paths[0].nh.a", ["open\troute.paths[0].nh.address."]),
        ("vapi call ip_route_add_del_v2 route.paths[0].nh.address.ip4", None),
        ("vapi call sw_interface_set_flags flags=adm", ["plain\tflags=admin_up"]),
        (
            "vapi call sw_interface_set_flags flags=admin_up|li",
            ["plain\tflags=admin_up|link_up"],
        ),
        ("vapi call sw_interface_add_del_address is_add=t", ["plain\tis_add=true"]),
        ("vapi dump sw_interface_dump --columns mtu", ["plain\tmtu"]),
        ("vapi dump sw_interface_dump --columns tag,mtu", ["plain\ttag,mtu"]),
        ("vapi dump sw_interface_dump --sort ta", ["plain\ttag"]),
        ("vapi watch sw_interface_e", ["plain\tsw_interface_event"]),
        ("vapi dump sw_interface_dump -o js", ["plain\tjson"]),
        ("vapi completion ba", ["plain\tbash"]),
        ("vapi call nothing_such x", []),
        ("vapi api show show_versi", ["plain\tshow_version"]),
    ],
)
def test_candidates(
    vapi: Vapi, monkeypatch: pytest.MonkeyPatch, line: str, expected: list[str] | None
) -> None:
    found = offered(vapi, monkeypatch, line)
    if expected is None:
        assert found
        assert all(item.startswith("open\t") for item in found)
    else:
        assert found == expected


def test_bash_is_given_what_follows_its_breaks(vapi: Vapi, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "vapi call sw_interface_set_flags flags=adm"
    assert offered(vapi, monkeypatch, line, "bash") == ["plain\tadmin_up"]
    prefix = vapi.peer.shm_prefix
    line = f"vapi info -a shm:{prefix[:-1]}"
    assert f"plain\t{prefix}" in offered(vapi, monkeypatch, line, "bash")


def test_without_a_server_the_cache_knows(
    vapi: Vapi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAPI_CACHE_DIR", str(tmp_path))
    with connect(vapi.peer.address()) as client:
        client.api.show_version()
    monkeypatch.setenv("VAPI_ADDRESS", "/nowhere/api.sock")
    assert offered(vapi, monkeypatch, "vapi call show_vers") == ["plain\tshow_version"]
    monkeypatch.setenv("VAPI_CACHE_DIR", "")
    assert offered(vapi, monkeypatch, "vapi call show_vers") == ["plain\tshow_version"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_accepted_by_their_shells(vapi: Vapi, shell: str) -> None:
    script = vapi.ok("completion", shell)
    assert "_VAPI_COMPLETE" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    done = subprocess.run(
        [program, "-n"], input=script, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_bash_completes_for_real(vapi: Vapi) -> None:
    """The function of the script, called as bash does."""
    program = shutil.which("bash")
    if program is None:
        pytest.skip("no bash on this machine")
    script = (
        f'vapi() {{ "{sys.executable}" -m vapi_cffi.cli "$@"; }}\n'
        + vapi.ok("completion", "bash")
        + 'compopt() { echo "compopt $*"; }\n'
        'COMP_LINE="vapi call sw_interface_set_mt"; COMP_POINT=${#COMP_LINE}\n'
        "_vapi_completion vapi; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    done = subprocess.run(
        [program, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.splitlines() == ["sw_interface_set_mtu"], done.stderr
