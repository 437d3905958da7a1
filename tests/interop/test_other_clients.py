"""Clients that are not ours talk to the embedded peer over its socket: vpp_papi, and a program
built with VPP's original VAPI.

That program needs an installed VPP, for its headers and libraries: VAPI_TEST_VPP_INSTALL.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vapi_cffi
from vapi_cffi.sim import Peer

HERE = Path(__file__).parent
CC = os.environ.get("CC", "gcc")


@pytest.fixture(scope="module")
def api_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the peer knows, a file for each module, as a VPP installation has them."""
    folder = tmp_path_factory.mktemp("api")
    text = Path(vapi_cffi.__file__).with_name("api").joinpath("definitions.json").read_text("utf-8")
    for document in json.loads(text):
        (folder / f"{document['module']}.api.json").write_text(json.dumps(document), "utf-8")
    return sorted(map(str, folder.iterdir()))


@pytest.fixture
def papi(api_files: list[str], peer: Peer) -> Iterator[Any]:
    """vpp_papi, connected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about its use of Python
        from vpp_papi import VPPApiClient

        client = VPPApiClient(apifiles=api_files, server_address=peer.socket_path)
        client.connect("papi")
        yield client
        client.disconnect()


def test_papi_version_and_ping(papi: Any) -> None:
    version = papi.api.show_version()
    assert (version.retval, version.program) == (0, "vpe")
    assert version.version.startswith("26.06")
    ping = papi.api.control_ping()
    assert (ping.retval, ping.vpe_pid) == (0, os.getpid())


def test_papi_dump(papi: Any) -> None:
    created = papi.api.create_loopback()
    assert created.retval == 0
    interfaces = {i.sw_if_index: i.interface_name for i in papi.api.sw_interface_dump()}
    assert interfaces[0] == "local0"
    assert interfaces[created.sw_if_index] == "loop0"


def test_papi_event(papi: Any) -> None:
    events: queue.Queue[tuple[str, int, int]] = queue.Queue()

    def on_event(name: str, event: Any) -> None:
        events.put((name, event.sw_if_index, int(event.flags)))

    papi.register_event_callback(on_event)
    assert papi.api.want_interface_events(enable_disable=1, pid=os.getpid()).retval == 0
    index = papi.api.create_loopback().sw_if_index
    assert papi.api.sw_interface_set_flags(sw_if_index=index, flags=1).retval == 0
    # As VPP does: one when it is there, one when it and its link are up.
    assert events.get(timeout=10) == ("sw_interface_event", index, 0)
    assert events.get(timeout=10) == ("sw_interface_event", index, 3)


def test_papi_is_a_client_among_others(papi: Any, peer: Peer) -> None:
    """Known by its name, and gone when it disconnects."""
    assert [client.name for client in peer.clients] == ["papi"]
    papi.disconnect()
    with vapi_cffi.Connection(peer.address(), timeout=10) as other:
        assert other.is_connected
        assert "papi" not in [client.name for client in peer.clients]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with VPP's VAPI."""
    place = os.environ.get("VAPI_TEST_VPP_INSTALL")
    if place is None:
        pytest.skip("no VPP's VAPI: set VAPI_TEST_VPP_INSTALL to where VPP is installed")
    if shutil.which(CC) is None:
        pytest.skip("needs a C compiler")
    program = tmp_path_factory.mktemp("original") / "original_vapi"
    libraries = next(Path(place).rglob("libvapiclient.so")).parent
    done = subprocess.run(
        [
            *(CC, "-O1", "-march=x86-64-v2", f"-I{place}/include", HERE / "original_vapi.c"),
            *("-o", program, f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lvapiclient"),
            *("-lvlibmemoryclient", "-lsvm", "-lvppinfra"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return program


def test_the_original_vapi(original: Path, peer: Peer) -> None:
    done = subprocess.run(
        [original, str(peer.socket_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"version 0 vpe 26\.06\S* 1", lines[0]), lines
    assert lines[1:4] == [f"ping 0 {os.getpid()}", "interface 0 local0", "interfaces end"]
    assert sorted(lines[4:]) == ["event 0 1", "flags 0", "wanted 0"]
