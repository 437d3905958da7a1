"""Fixtures: the embedded peer, temporary places, a live VPP if there is one, and a check for
leaks."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from _resources import check_no_more_than, open_files, resources
from hypothesis import HealthCheck, settings

from vapi_cffi import TRANSPORTS, Connection, Transport
from vapi_cffi.sim import Peer, SpawnedPeer

_numbers = count()

# How long hypothesis takes says how busy the machine is, nothing about this code.
settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")


def pytest_configure() -> None:
    """A shell without job control has what it starts in the background ignore Ctrl-C: it is tested
    here."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each transport in turn."""
    value: Transport = request.param
    return value


@pytest.fixture
def shm_prefix() -> Iterator[str]:
    """A prefix that nobody else has; what is left under it afterwards is removed."""
    prefix = f"vapitest-{os.getpid()}-{next(_numbers)}"
    yield prefix
    for path in Path("/dev/shm").glob(f"{prefix}-*"):
        path.unlink()


@pytest.fixture
def peer(tmp_path: Path, shm_prefix: str) -> Iterator[Peer]:
    """An embedded peer in this process, on a socket and in classic shared memory."""
    with Peer(socket_path=str(tmp_path / "api.sock"), shm_prefix=shm_prefix) as running:
        yield running


@pytest.fixture
def address(peer: Peer, transport: Transport) -> str:
    """Where the peer is, for the transport of this test."""
    return peer.address(transport)


@pytest.fixture
def connection(address: str, transport: Transport) -> Iterator[Connection]:
    """A connection to the peer over each transport."""
    with Connection(address, transport=transport, timeout=5.0, name="test") as connected:
        yield connected


@pytest.fixture(scope="session")
def peer_process() -> Iterator[SpawnedPeer]:
    """An embedded peer as a process of its own, one for all tests."""
    with SpawnedPeer() as running:
        yield running


@pytest.fixture
def own_peer_process() -> Iterator[SpawnedPeer]:
    """One that a test may kill."""
    with SpawnedPeer() as running:
        yield running


@pytest.fixture
def leak_check() -> Iterator[None]:
    """Fails when the test leaves descriptors, threads or shared mappings behind.

    Must be the first fixture that a test asks for, so that it looks after all others are gone.
    """
    before, files = resources(), open_files()
    yield
    try:
        check_no_more_than(before)
    except AssertionError as error:
        error.add_note(f"new: {sorted(open_files() - files)}")
        raise


@pytest.fixture
def live_socket() -> str:
    """The socket of a running VPP."""
    path = os.environ.get("VAPI_TEST_VPP_SOCKET")
    if not path:
        pytest.skip("no live VPP: set VAPI_TEST_VPP_SOCKET to its api.sock")
    return path


@pytest.fixture
def live_shm_prefix() -> str:
    """The prefix of a running VPP's shared memory; "-" stands for none."""
    prefix = os.environ.get("VAPI_TEST_VPP_SHM_PREFIX")
    if prefix is None:
        pytest.skip("no live VPP: set VAPI_TEST_VPP_SHM_PREFIX to its api-segment prefix")
    return prefix


@pytest.fixture
def live(transport: Transport, request: pytest.FixtureRequest) -> Callable[..., Connection]:
    """Makes connections to the live VPP over each transport."""
    if transport == "shm":
        address = f"shm:{request.getfixturevalue('live_shm_prefix')}"
    else:
        address = f"unix:{request.getfixturevalue('live_socket')}"

    def make(**options: object) -> Connection:
        return Connection(address, transport=transport, **options)  # type: ignore[arg-type]

    return make
