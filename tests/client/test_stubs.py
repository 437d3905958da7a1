"""`vapi stubs`: types for what a server offers."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from vapi_cffi.cli._group import group

ROOT = Path(__file__).parents[2]

PROGRAM = """
import vapi_cffi
import vapi_cffi.aio
from vapi_cffi import objects

with vapi_cffi.connect("sim:") as client:
    reveal_type(client.api.show_version().version)
    for interface in client.api.sw_interface_dump():
        reveal_type(interface.mtu)
    reveal_type(client.api.create_loopback.raw(mac_address="02:00:00:00:00:01"))
    client.api.control_ping()
    client.api.create_loopback(mac_addres="x")
    client.api.no_such_thing()
    with objects.Stream(client, "thing_get") as request:
        reveal_type(request.response)
    events = objects.EventRegistration(client, "sw_interface_event")

async def main() -> None:
    async with vapi_cffi.aio.connect("sim:") as vpp:
        reveal_type(await vpp.api.show_version())
        reveal_type([item.sw_if_index async for item in vpp.api.sw_interface_dump()])
"""

WANTED = [
    'note: Revealed type is "str"',
    'note: Revealed type is "list[int]"',
    'note: Revealed type is "vapi_cffi_api.interface.CreateLoopbackReply"',
    'error: Unexpected keyword argument "mac_addres" for "__call__" of "Asked"; '
    'did you mean "mac_address"?  [call-arg]',
    'error: "Api" has no attribute "no_such_thing"  [attr-defined]',
    'note: Revealed type is "Any"',
    'note: Revealed type is "vapi_cffi_api.vpe.ShowVersionReply"',
    'note: Revealed type is "list[int]"',
]


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A folder with the stubs of an embedded peer."""
    said = run(tmp_path)
    assert "files" in said
    return tmp_path


def run(folder: Path) -> str:
    result = CliRunner().invoke(
        group, ["stubs", "-a", "sim:", "-o", str(folder)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_what_is_written(stubs: Path) -> None:
    package = stubs / "vapi_cffi_api"
    for file in package.glob("*.pyi"):
        ast.parse(file.read_text())
    text = (package / "interface.pyi").read_text()
    assert "def sw_interface_set_flags(" in text
    assert "-> Awaitable[SwInterfaceSetFlagsReply]" in text
    assert "Callbacks" not in text
    assert "def control_ping(" in "".join(file.read_text() for file in package.glob("*.pyi"))
    assert (package / "py.typed").exists()


def test_writing_again_changes_what_changed(stubs: Path) -> None:
    package = stubs / "vapi_cffi_api"
    (package / "gone_plugin.pyi").write_text("")
    (package / "vpe.pyi").write_text("")
    assert ", 1 of them new or changed" in run(stubs)
    assert not (package / "gone_plugin.pyi").exists()
    assert (package / "vpe.pyi").read_text()


@pytest.mark.long
def test_mypy_reads_them(stubs: Path) -> None:
    pytest.importorskip("mypy")
    (stubs / "program.py").write_text(PROGRAM)
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "program.py"],
        cwd=stubs,
        env=os.environ | {"MYPYPATH": f"{stubs}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    found = [line.partition(": ")[2] for line in result.stdout.splitlines()]
    assert [line for line in found if "defined in" not in line][:-1] == WANTED, result.stdout
