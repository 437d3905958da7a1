"""The fixture `vapi_peer`, in every pytest run of an environment where vapi_cffi is installed.

    def test_agent(vapi_peer):
        vapi_peer.on("ip_route_add_del").reply(retval=-56)
        ...
        assert vapi_peer.requests["ip_route_add_del"]

The ini option `vapi_peer_api` names API files or directories (relative to the ini file) that the
peer knows besides its own; the mark `vapi_peer(api=[...], **options)` does so for one test, with
options of `vapi_cffi.sim.Peer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ._peer import Peer

_MARK = "vapi_peer(api=[...], **options): how the fixture vapi_peer makes its peer"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option."""
    text = "API files or directories that the peer of vapi_peer knows besides its own"
    parser.addini("vapi_peer_api", text, type="paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """The mark."""
    config.addinivalue_line("markers", _MARK)


@pytest.fixture
def vapi_peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """An embedded peer of this test's own, which serves on all transports and records what comes.

    What handlers raise fails the test.
    """
    from ._peer import Peer

    mark = request.node.get_closest_marker("vapi_peer")
    options = dict(mark.kwargs) if mark is not None else {}
    api = [*options.pop("api", []), *request.config.getini("vapi_peer_api")]
    with Peer(api=api, **options) as peer:
        peer.record()
        yield peer
