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
    """`apifiles`: what vpp_papi is given, as the peer speaks less than it asks a VPP for; empty:
    it may ask the server itself."""

    name: str
    socket_path: str
    shm_prefix: str | None
    apifiles: tuple[str, ...] = ()

    @property
    def transports(self) -> tuple[Transport, ...]:
        """Those that it is known to offer."""
        return tuple(t for t in TRANSPORTS if t != "shm" or self.shm_prefix is not None)

    def address(self, transport: Transport) -> str:
        """What a client connects to."""
        return f"shm:{self.shm_prefix}" if transport == "shm" else self.socket_path


def live() -> Server | None:
    """The VPP that VAPI_TEST_VPP_SOCKET and VAPI_TEST_VPP_SHM_PREFIX name."""
    path = os.environ.get("VAPI_TEST_VPP_SOCKET")
    if not path:
        return None
    return Server("VPP", path, os.environ.get("VAPI_TEST_VPP_SHM_PREFIX"))


@contextmanager
def embedded() -> Iterator[Server]:
    """The embedded peer, as a process of its own."""
    text = Path(vapi_cffi.__file__).with_name("api").joinpath("definitions.json").read_text("utf-8")
    with Peer.spawn() as peer, tempfile.TemporaryDirectory() as folder:
        files = []
        for number, document in enumerate(json.loads(text)):
            path = Path(folder, f"{number}.api.json")
            path.write_text(json.dumps(document), encoding="utf-8")
            files.append(str(path))
        prefix = peer.address("shm").removeprefix("shm:")
        yield Server("peer", peer.socket_path, prefix, tuple(files))
