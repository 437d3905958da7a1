"""One embedded peer, as a process of its own, for all benchmarks; warnings about a noisy host."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from vapi_cffi import TRANSPORTS, Transport
from vapi_cffi.sim import Peer, SpawnedPeer


@pytest.fixture(scope="session")
def peer() -> Iterator[SpawnedPeer]:
    """Where all clients connect to."""
    with Peer.spawn() as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each transport in turn."""
    value: Transport = request.param
    return value


def pytest_report_header() -> str:
    """What the numbers depend on."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    noisy = "; NOISY: others are at work, run again when they are not" if load > cores / 2 else ""
    return f"bench: {cores} cores, load {load:.1f}{noisy}"
