"""Where the clients of a benchmark connect: the embedded peer, and a live VPP if one is named."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vapi_cffi
from vapi_cffi import TRANSPORTS, Transport
from vapi_cffi.sim import Peer

#: The fixture `measure` of conftest.py.
Measure = Callable[..., Any]


@dataclass(frozen=True)
class Server:
    """`apifiles`: the definitions of what it speaks, for vpp_papi."""

    name: str
    socket_path: str
    shm_prefix: str | None
    apifiles: tuple[str, ...]

    @property
    def transports(self) -> tuple[Transport, ...]:
        """Those that it is known to offer."""
        return tuple(t for t in TRANSPORTS if t != "shm" or self.shm_prefix is not None)

    def address(self, transport: Transport) -> str:
        """What a client connects to."""
        return f"shm:{self.shm_prefix}" if transport == "shm" else self.socket_path


def is_live() -> bool:
    """Whether VAPI_TEST_VPP_SOCKET (and VAPI_TEST_VPP_SHM_PREFIX) name a VPP."""
    return bool(os.environ.get("VAPI_TEST_VPP_SOCKET"))


@contextmanager
def live() -> Iterator[Server]:
    """That VPP."""
    path = os.environ["VAPI_TEST_VPP_SOCKET"]
    with vapi_cffi.connect(path, name="bench") as client:
        theirs = json.loads(client.api.get_api_json().json)
    # VPP leaves out what one must know before one can ask for it.
    theirs += [each for each in _built_in() if each["module"] == "memclnt"]
    with _files(theirs) as files:
        yield Server("VPP", path, os.environ.get("VAPI_TEST_VPP_SHM_PREFIX"), files)


@contextmanager
def embedded() -> Iterator[Server]:
    """The embedded peer, as a process of its own."""
    with Peer.spawn() as peer, _files(_built_in()) as files:
        _apart(peer.pid)
        prefix = peer.address("shm").removeprefix("shm:")
        yield Server("peer", peer.socket_path, prefix, files)


def _built_in() -> list[Any]:
    """The definitions that come with the package."""
    path = Path(vapi_cffi.__file__).with_name("api") / "definitions.json"
    found: list[Any] = json.loads(path.read_text("utf-8"))
    return found


@contextmanager
def _files(documents: list[Any]) -> Iterator[tuple[str, ...]]:
    """Documents as files."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, document in enumerate(documents):
            path = Path(folder, f"{number}.api.json")
            path.write_text(json.dumps(document), encoding="utf-8")
            files.append(str(path))
        yield tuple(files)


def _apart(peer_pid: int) -> None:
    """The client on the first core, the peer on the others, as a VPP would be: who shares a core
    with whom must not be left to chance."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, cores[:1])
        for thread in os.listdir(f"/proc/{peer_pid}/task"):
            os.sched_setaffinity(int(thread), cores[1:])
