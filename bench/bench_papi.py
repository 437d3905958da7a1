"""vpp_papi beside the drop-in that takes its place: the same program, another import."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from servers import Measure, Server

from vapi_cffi import papi as drop_in

#: JSON of all API files of VPP 26.06, where the workplace has it.
CORPUS = Path(__file__).parents[2] / "shared" / "vpp-26.06"
INTERFACES = 1000
#: Requests that an asyncio program makes at once.
AT_ONCE = 1000


def _original() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about its use of Python
        import vpp_papi
        import vpp_papi.vpp_papi_async
    return vpp_papi


CLIENTS = {"vpp_papi": _original, "vapi_cffi.papi": lambda: drop_in}


@pytest.fixture(params=CLIENTS)
def name(request: pytest.FixtureRequest) -> str:
    """Each of the two."""
    value: str = request.param
    return value


@contextmanager
def connected(name: str, server: Server) -> Iterator[Any]:
    """A client of either, over the socket."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = CLIENTS[name]().VPPApiClient(
            apifiles=list(server.apifiles), server_address=server.socket_path
        )
        client.connect(f"bench-{os.getpid()}")
    try:
        yield client
    finally:
        client.disconnect()


def bench_sync(measure: Measure, server: Server, name: str) -> None:
    with connected(name, server) as client:

        def once() -> None:
            assert client.api.control_ping().retval == 0

        measure(
            once,
            work="vpp_papi's program: control_ping",
            client=name,
            server=server,
            over="socket",
            rounds=50,
            iterations=50,
        )


def bench_set_flags(measure: Measure, server: Server, name: str) -> None:
    with connected(name, server) as client:

        def once() -> None:
            assert client.api.sw_interface_set_flags(sw_if_index=0, flags=1).retval == 0

        measure(
            once,
            work="vpp_papi's program: sw_interface_set_flags",
            client=name,
            server=server,
            over="socket",
            rounds=50,
            iterations=50,
        )


def bench_dump(measure: Measure, server: Server, name: str) -> None:
    with connected(name, server) as client:
        made = [client.api.create_loopback().sw_if_index for _ in range(INTERFACES)]
        try:
            count = len(client.api.sw_interface_dump())

            def dump() -> None:
                found = client.api.sw_interface_dump()
                assert len(found) == count
                assert found[-1].interface_name.startswith("loop")

            measure(
                dump,
                work=f"vpp_papi's program: dump of {INTERFACES} interfaces",
                client=name,
                server=server,
                over="socket",
                per_round=count,
                unit="details",
            )
        finally:
            for index in made:
                client.api.delete_loopback(sw_if_index=index)


def bench_asyncio(measure: Measure, server: Server, name: str) -> None:
    """Through vpp_papi_async, which asks VPP for its API: the embedded peer has none to give."""
    if server.name == "peer" and name == "vpp_papi":
        pytest.skip("vpp_papi_async gives up on the peer's few messages")
    module = CLIENTS[name]().vpp_papi_async if name == "vpp_papi" else _ours_async()
    with asyncio.Runner() as runner, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = runner.run(_connect_async(module, server.socket_path))

        async def many() -> None:
            replies = await asyncio.gather(*[client.api.control_ping() for _ in range(AT_ONCE)])
            assert all(reply.retval == 0 for reply in replies)

        measure(
            lambda: runner.run(many()),
            work=f"vpp_papi's program: asyncio, {AT_ONCE} control_pings at once",
            client=name,
            server=server,
            over="socket",
            per_round=AT_ONCE,
            rounds=5,
            warmup=1,
        )
        runner.run(client.disconnect())


def _ours_async() -> Any:
    from vapi_cffi.papi import vpp_papi_async

    return vpp_papi_async


async def _connect_async(module: Any, address: str) -> Any:
    client = module.VPPApiClient(server_address=address)
    assert await client.connect("bench", asyncio.Queue()) == 0
    return client


_CONSTRUCT = """
import glob, sys, time, warnings
warnings.simplefilter("ignore")
files = sorted(glob.glob(sys.argv[2] + "/**/*.api.json", recursive=True))
if sys.argv[1] == "vpp_papi":
    from vpp_papi import VPPApiClient
else:
    from vapi_cffi.papi import VPPApiClient
started = time.perf_counter()
client = VPPApiClient(apifiles=files)
took = time.perf_counter() - started
assert len(client.messages) == 2123
print(took)
"""


@pytest.mark.parametrize("cache", ["cold", "warm"])
def bench_construction(
    measure: Measure, name: str, cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client with all 152 files, in a fresh process each time; the whole process is timed for
    the table, and the construction alone is printed."""
    import subprocess
    import sys

    if not CORPUS.exists():
        pytest.skip(f"no JSON of VPP 26.06 in {CORPUS}")
    if name == "vpp_papi" and cache == "warm":
        pytest.skip("vpp_papi has no cache")
    monkeypatch.setenv("VAPI_CACHE_DIR", "" if cache == "cold" else str(tmp_path))
    times: list[float] = []

    def construct() -> None:
        done = subprocess.run(
            [sys.executable, "-c", _CONSTRUCT, name, str(CORPUS)],
            capture_output=True,
            check=True,
            text=True,
        )
        times.append(float(done.stdout))

    measure(
        construct,
        work="vpp_papi's program: a process that makes a client with 152 API files",
        client=name if cache == "cold" else f"{name}, from its cache",
        unit="processes",
        rounds=5,
        warmup=1,
    )
    print(f"{name}, {cache}: construction {sorted(times)[len(times) // 2] * 1e3:.1f} ms")
