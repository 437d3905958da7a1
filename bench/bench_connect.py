"""From nothing to connected, with the message table, and back; and from a new process to an
answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import pytest
from clients import papi
from servers import Measure, Server

from vapi_cffi import Connection, Transport


def bench_connect(measure: Measure, server: Server, transport: Transport) -> None:
    def cycle() -> None:
        with Connection(server.address(transport), transport=transport) as connection:
            assert len(connection.message_table) > 28

    measure(cycle, work="connect", server=server, over=transport, unit="connects", rounds=30)


def bench_connect_papi(measure: Measure, server: Server) -> None:
    def cycle() -> None:
        with papi(server) as client:
            assert client.transport.connected

    measure(
        cycle,
        work="connect",
        client="vpp_papi",
        server=server,
        over="socket",
        unit="connects",
        rounds=5,
        warmup=1,
    )


_FIRST_ANSWER = """
import sys, vapi_cffi
with vapi_cffi.connect(sys.argv[1], definitions=sys.argv[2:] or None) as client:
    assert client.api.control_ping().retval == 0
"""


@pytest.fixture(scope="module", autouse=True)
def bytecode() -> Iterator[None]:
    """As where pip has installed: modules are compiled already, whatever this environment says."""
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", directory)
        yield


def _fresh(code: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)


def bench_new_process_to_first_answer(measure: Measure, server: Server) -> None:
    """Interpreter, import, connect, definitions (from the cache on disk) and one call."""
    measure(
        lambda: _fresh(_FIRST_ANSWER, server.socket_path),
        work="new process to first answer",
        server=server,
        over="socket",
        unit="processes",
        rounds=10,
        warmup=1,
    )


def bench_bare_interpreter(measure: Measure) -> None:
    """What of that is Python's own."""
    measure(
        lambda: _fresh("pass"),
        work="new process to first answer",
        client="python -c pass",
        unit="processes",
        rounds=10,
        warmup=1,
    )


def bench_import(measure: Measure) -> None:
    measure(
        lambda: _fresh("import vapi_cffi"),
        work="new process to first answer",
        client="import vapi_cffi",
        unit="processes",
        rounds=10,
        warmup=1,
    )
