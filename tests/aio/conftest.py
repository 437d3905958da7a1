"""Asyncio clients of the embedded peer, over each transport and on both event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import uvloop
from _aio import Talk, talk_to

from vapi_cffi import Transport


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the user's own cache is read or written."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("VAPI_CACHE_DIR", str(folder))
    monkeypatch.delenv("VAPI_ADDRESS", raising=False)
    return folder


@pytest.fixture
def talk(address: str, transport: Transport) -> Talk:
    """Runs a coroutine with a client of the peer, over each transport."""
    return partial(talk_to, address, transport)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Makes event loops of each kind."""
    found: Callable[[], asyncio.AbstractEventLoop] = request.param
    return found
