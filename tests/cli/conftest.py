"""One embedded peer for all tests of the command line, and two ways to run it: in this process
(fast), and as the program that it is."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import pytest

from vapi_cffi.cli._group import run
from vapi_cffi.sim import SpawnedPeer


@dataclass(frozen=True)
class Done:
    """What a command line printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of an error, which has neither output nor traceback beside it."""
        assert self.out == ""
        assert self.err.startswith("vapi: "), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err


class Vapi:
    """`vapi` against one peer."""

    def __init__(self, peer: SpawnedPeer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.peer = peer
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: str = "") -> Done:
        # Of bytes beneath: click writes those too.
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with redirect_stdout(out), redirect_stderr(err):
            code = run(arguments)
        texts = []
        for stream in (out, err):
            stream.flush()
            stream.seek(0)
            texts.append(stream.read())
        return Done(code, *texts)

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """The output of one that must succeed."""
        done = self(*arguments, stdin=stdin)
        assert done.code == 0, done.err
        return done.out

    def loopback(self, *fields: str) -> int:
        """A new interface; its index."""
        return int(self.ok("call", "create_loopback", *fields).split("sw_if_index:")[1])

    @staticmethod
    def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """As a program."""
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            [sys.executable, "-m", "vapi_cffi.cli", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpawnedPeer]:
    """A peer whose network only this module changes."""
    path = tmp_path_factory.mktemp("sim") / "api.sock"
    with SpawnedPeer(str(path)) as running:
        yield running


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def vapi(sim: SpawnedPeer, cache_folder: str, monkeypatch: pytest.MonkeyPatch) -> Vapi:
    """`vapi` with the peer's address in the environment, and a cache of its own."""
    monkeypatch.setenv("VAPI_CACHE_DIR", cache_folder)
    monkeypatch.setenv("VAPI_ADDRESS", sim.address())
    monkeypatch.delenv("VAPI_DEBUG", raising=False)
    return Vapi(sim, monkeypatch)
