"""What this process runs out of is an error of the call, and the connection outlives it."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from _resources import open_files

import vapi_cffi
from vapi_cffi import OutOfMemory, SocketFailure, Transport, VapiError, connect
from vapi_cffi.sim import SpawnedPeer

OWN = Path(vapi_cffi.__file__).parent / "api"


@contextmanager
def no_more_files() -> Iterator[None]:
    """Not one descriptor can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open("/dev/null") as lowest:  # the lowest that is free: all below it are in use
        least = lowest.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (least, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_descriptor_to_connect(
    leak_check: None, peer_process: SpawnedPeer, transport: Transport
) -> None:
    where = peer_process.address(transport)
    with no_more_files(), pytest.raises(VapiError, match="open files"):
        connect(where, transport=transport)
    with connect(where, transport=transport) as client:
        client.api.show_version()


def test_no_descriptor_while_connected(
    leak_check: None, peer_process: SpawnedPeer, transport: Transport
) -> None:
    where = peer_process.address(transport)
    # Not asked for, which would open the socket for long answers.
    with connect(where, transport=transport, definitions=OWN) as client:
        version, dump = client.api.show_version, client.api.sw_interface_dump
        version()
        before = open_files()
        with no_more_files():
            for ask in (lambda: dump().all(), lambda: list(dump())):
                if transport == "socket":
                    ask()
                else:  # the socket for dumps cannot be opened
                    with pytest.raises((SocketFailure, OutOfMemory), match="open files"):
                        ask()
            version()
        assert open_files() == before
        assert client.is_connected
        assert len(dump().all()) >= 1
        assert len(list(dump())) >= 1
