"""`vapi doctor`: what is wrong with a place."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from vapi_cffi import TRANSPORTS
from vapi_cffi.cli import _doctor
from vapi_cffi.sim import SpawnedPeer

from .conftest import Done, Vapi  # type: ignore[import-not-found]


def bad(done: Done) -> list[dict[str, str]]:
    """The findings that are bad, of `-o json`."""
    return [finding for finding in json.loads(done.out) if finding["state"] == "bad"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_healthy_place(vapi: Vapi, transport: str) -> None:
    done = vapi("doctor", "-a", vapi.peer.address(transport), "-t", transport)
    assert done.code == 0, done.out
    assert f"connect over {transport}: vpe 26.06" in done.out
    assert "BAD" not in done.out
    assert "requests are described" in done.out


def test_sim(vapi: Vapi) -> None:
    assert "an embedded peer" in vapi.ok("doctor", "-a", "sim:")


def test_nothing_there(vapi: Vapi, tmp_path: Path) -> None:
    done = vapi("doctor", "-a", str(tmp_path / "api.sock"), "-o", "json")
    assert done.code == 3
    first, second = bad(done)
    assert "is not there" in first["text"]
    assert vapi.peer.socket_path in first["advice"], "sockets of VPPs are pointed out"
    assert second["what"] == "connect over socket"
    done = vapi("doctor", "-a", "/nowhere/api.sock", "-o", "json")
    assert bad(done)[0]["text"] == "there is no directory /nowhere"


def test_no_socket(vapi: Vapi, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert "is no socket" in bad(vapi("doctor", "-a", str(file), "-o", "json"))[0]["text"]
    done = vapi("doctor", "-a", str(tmp_path), "-o", "json")
    assert bad(done)[0]["advice"] == "name the api.sock in it"
    long = str(tmp_path / ("x" * 200))
    assert "at most 107" in bad(vapi("doctor", "-a", long, "-o", "json"))[0]["text"]


def test_left_over_socket(vapi: Vapi, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    done = vapi("doctor", "-a", str(path), "-o", "json")
    assert done.code == 3
    assert "nobody listens" in bad(done)[0]["text"]


def test_somebody_who_does_not_answer(vapi: Vapi, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(4)
        done = vapi("doctor", "-a", str(path), "--timeout", "0.2", "-o", "json")
    (finding,) = bad(done)
    assert finding["what"] == "connect over socket"
    assert "somebody accepts and does not answer" in finding["advice"]


def test_regions(vapi: Vapi) -> None:
    done = vapi("doctor", "-a", "shm:vapi-nobody", "-o", "json")
    assert done.code == 3
    first = bad(done)[0]
    assert first["text"] == "/dev/shm/vapi-nobody-global_vm is not there"
    assert f"shm:{vapi.peer.shm_prefix}" in first["advice"]


def test_regions_of_a_vpp_that_was_killed(vapi: Vapi, own_peer_process: SpawnedPeer) -> None:
    where = own_peer_process.address("shm")
    own_peer_process.kill()
    done = vapi("doctor", "-a", where, "--timeout", "0.2", "-o", "json")
    (finding,) = bad(done)
    assert "was VPP killed?" in finding["text"]
    assert "VPP was killed and left them" in finding["advice"]


def test_permissions(vapi: Vapi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As somebody who is not root sees it."""
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        path.chmod(0o660)
        allowed = os.access
        monkeypatch.setattr(
            os, "access", lambda where, mode: str(where) != str(path) and allowed(where, mode)
        )
        found = {finding.what: finding for finding in _doctor._path(str(path))}
        assert found["path"].state == "bad"
        # Nobody should join root's group for this.
        advice = "usermod -aG" if path.stat().st_gid else "set unix { gid"
        assert advice in found["path"].advice
        path.chmod(0o600)
        found = {finding.what: finding for finding in _doctor._path(str(path))}
        assert "run as its owner" in found["path"].advice
        monkeypatch.setattr(
            os, "access", lambda where, mode: str(where) != str(tmp_path) and allowed(where, mode)
        )
        found = {finding.what: finding for finding in _doctor._path(str(path))}
        assert f"chmod o+x {tmp_path}" in found["path"].advice
    assert stat.S_ISSOCK(path.stat().st_mode)
