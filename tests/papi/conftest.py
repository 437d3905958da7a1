"""vpp_papi from PyPI and the drop-in, side by side."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import vapi_cffi
from vapi_cffi import papi
from vapi_cffi.sim import Peer, SpawnedPeer

#: JSON of all API files of VPP 26.06, where the workplace has it.
CORPUS = Path(__file__).parents[2].parent / "shared" / "vpp-26.06"


def _original() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about its use of Python
        import vpp_papi
        import vpp_papi.vpp_papi_async
        import vpp_papi.vpp_stats
    return vpp_papi


original = _original()
BOTH = {"vpp_papi": original, "drop-in": papi}


@pytest.fixture(params=BOTH)
def either(request: pytest.FixtureRequest) -> Any:
    """Each of the two, for what both must do."""
    return BOTH[request.param]


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    """The 152 files."""
    files = sorted(str(file) for file in CORPUS.rglob("*.api.json"))
    if not files:
        pytest.skip(f"no JSON of VPP 26.06 in {CORPUS}")
    return files


@pytest.fixture(scope="session")
def apifiles(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the embedded peer knows, as files: the original cannot ask it."""
    folder = tmp_path_factory.mktemp("api")
    text = Path(vapi_cffi.__file__).with_name("api").joinpath("definitions.json").read_text("utf-8")
    for document in json.loads(text):
        target = folder / f"{document['module']}.api.json"
        target.write_text(json.dumps(document), encoding="utf-8")
    return sorted(map(str, folder.glob("*.api.json")))


Connect = Callable[..., Any]


def connected(module: Any, address: str, *, do_async: bool = False, **arguments: Any) -> Any:
    """A connected client of either."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = module.VPPApiClient(server_address=address, **arguments)
        assert client.connect("test", do_async=do_async) == 0
    return client


@pytest.fixture
def connect(peer: Peer, apifiles: list[str]) -> Iterator[Connect]:
    """`connect(module, **arguments)`: a client at a peer of this test, left at the end."""
    clients: list[Any] = []

    def make(module: Any, **arguments: Any) -> Any:
        client = connected(module, peer.socket_path, apifiles=apifiles, **arguments)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.disconnect()


@pytest.fixture(scope="session")
def pair(peer_process: SpawnedPeer, apifiles: list[str]) -> Iterator[tuple[Any, Any]]:
    """The original's client, and ours, at one peer that all tests share."""
    clients = [
        connected(module, peer_process.socket_path, apifiles=apifiles) for module in BOTH.values()
    ]
    yield clients[0], clients[1]
    for client in clients:
        client.disconnect()
