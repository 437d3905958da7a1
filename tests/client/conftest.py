"""Clients of the embedded peer over each transport, with a cache of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vapi_cffi import Client, Transport, connect


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the user's own cache is read or written."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("VAPI_CACHE_DIR", str(folder))
    monkeypatch.delenv("VAPI_ADDRESS", raising=False)
    return folder


@pytest.fixture
def client(address: str, transport: Transport) -> Iterator[Client]:
    """A client of the embedded peer."""
    with connect(address, transport=transport, timeout=5.0, name="test") as connected:
        yield connected
