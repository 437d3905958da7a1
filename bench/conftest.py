"""What all benchmarks share: the servers, and one way to measure and describe a number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import installed
import pytest
from servers import Measure, Server, embedded, is_live, live

from vapi_cffi import TRANSPORTS, Transport


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="few rounds: does everything run?")


@pytest.fixture(scope="session")
def _peer() -> Iterator[Server]:
    with embedded() as server:
        yield server


@pytest.fixture(scope="session")
def _vpp() -> Iterator[Server]:
    with live() as server:
        yield server


@pytest.fixture(params=["peer", *(["VPP"] if is_live() else [])])
def server(request: pytest.FixtureRequest) -> Server:
    """The embedded peer, and the live VPP where there is one."""
    found: Server = request.getfixturevalue(f"_{request.param.lower()}")
    return found


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, server: Server) -> Transport:
    """Each transport that the server has, in turn."""
    value: Transport = request.param
    if value not in server.transports:
        pytest.skip("VAPI_TEST_VPP_SHM_PREFIX is not set")
    return value


@pytest.fixture(scope="session")
def original_vapi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bench_vapi.c with the VAPI of VAPI_TEST_VPP_INSTALL; skips where there is none."""
    return installed.original(tmp_path_factory.mktemp("original"))


@pytest.fixture(scope="session")
def our_vapi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bench_vapi.c with our C API."""
    return installed.ours(tmp_path_factory.mktemp("ours"))


@pytest.fixture
def measure(benchmark: Any, request: pytest.FixtureRequest) -> Measure:
    """`measure(run, work=..., client=...)` times `run()`, and notes what it did.

    `work`: what is compared across clients; `client`: who did it; `per_round`: how many messages,
    rows or other `unit`s a run handles; `over`: the transport; `depth`: requests in flight;
    `setup`: made anew before each round, not timed; `rounds`, `iterations`: of pytest-benchmark.
    `rates`: a list to which a program that measures itself adds its own figures.
    """
    quick = request.config.getoption("--quick")

    def run(
        function: Callable[..., object],
        *,
        work: str,
        client: str = "vapi_cffi",
        server: Server | None = None,
        over: str = "",
        depth: int = 1,
        per_round: int = 1,
        unit: str = "messages",
        setup: Callable[[], Any] | None = None,
        rounds: int = 20,
        iterations: int = 1,
        warmup: int = 2,
        rates: list[float] | None = None,
    ) -> Any:
        benchmark.group = work
        benchmark.extra_info.update(
            work=work,
            client=client,
            server=server.name if server is not None else "",
            transport=over,
            depth=depth,
            per_round=per_round,
            unit=unit,
        )
        if rates is not None:
            benchmark.extra_info["rates"] = rates
        try:
            return benchmark.pedantic(
                function,
                setup=setup,
                rounds=1 if quick else rounds,
                iterations=1 if quick or setup is not None else iterations,
                warmup_rounds=0 if quick else warmup,
            )
        except pytest.skip.Exception:
            benchmark.has_error = True  # there is nothing to report, half of it least of all
            raise

    return run


def pytest_report_header() -> str:
    """What the numbers depend on."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    noisy = "; NOISY: others are at work, run again when they are not" if load > cores / 2 else ""
    return f"bench: {cores} cores, load {load:.1f}{noisy}"
