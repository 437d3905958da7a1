"""pytest: `pytest_plugins = ["vapi_cffi.sim.pytest_plugin"]` gives the fixture `vapi_peer`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._peer import Peer


@pytest.fixture
def vapi_peer() -> Iterator[Peer]:
    """An embedded peer that serves during the test, on paths of its own."""
    with Peer() as peer:
        yield peer
