"""docs/testing.md, done as it says: its files, and pytest with the plugin as it is installed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from _pages import blocks, write_files

import vapi_cffi
from vapi_cffi.sim import Peer
from vapi_cffi.sim._commands import Commands

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def run_pytest(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers", *options],
        cwd=folder,
        env={**os.environ, "VAPI_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    files = write_files(PAGE, tmp_path)
    assert len(files) == 6
    said = run_pytest(tmp_path)
    assert said.startswith("0\n"), said
    assert "12 passed" in said, said


@pytest.mark.vapi_peer(transports=["socket"])
def test_the_fixture_is_there_in_this_run_too(vapi_peer: object) -> None:
    assert "running" in repr(vapi_peer)


def test_every_command_of_the_page_works() -> None:
    (commands,) = (block.text.splitlines() for block in blocks(PAGE) if block.language == "json")
    with Peer.spawn() as peer, vapi_cffi.connect(peer.address()) as client:
        client.api.want_interface_events(enable_disable=1)
        path = peer.control_path
        assert path is not None
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(20)
            control.connect(path)
            lines = control.makefile("rb")
            for command in commands:
                control.sendall(command.encode() + b"\n")
                assert json.loads(lines.readline())["ok"], command
            lines.close()
        done = {json.loads(command)["do"] for command in commands}
    assert done == set(Commands(Peer())._known)
