"""The clients that are compared, each behind the same two functions, against the same peer."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import vapi_cffi
from vapi_cffi import Connection, Transport, _messages
from vapi_cffi.sim import SpawnedPeer

Ping = Callable[[], object]


def builtin_text() -> str:
    """The peer's definitions: an array with the JSON of each API file."""
    return Path(vapi_cffi.__file__).with_name("api").joinpath("definitions.json").read_text("utf-8")


@contextmanager
def ours(peer: SpawnedPeer, transport: Transport) -> Iterator[tuple[Connection, Ping]]:
    """A connection of this package, and one round trip on it, checked."""
    with Connection(peer.address(transport), transport=transport, name="bench") as connection:
        ping = _messages.request(connection, _messages.CONTROL_PING)
        reply_id = connection.find(_messages.CONTROL_PING_REPLY)

        def once() -> None:
            assert connection.call(ping, reply_id)[6:10] == bytes(4)

        yield connection, once


@contextmanager
def papi(peer: SpawnedPeer) -> Iterator[tuple[Any, Ping]]:
    """vpp_papi on the peer's socket, and one round trip on it, checked."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # its own, about its use of Python
        from vpp_papi import VPPApiClient

        # It cannot ask VPP, so it is given what the peer itself knows.
        files = []
        for number, document in enumerate(json.loads(builtin_text())):
            path = Path(folder, f"{number}.api.json")
            path.write_text(json.dumps(document), encoding="utf-8")
            files.append(str(path))
        client = VPPApiClient(apifiles=files, server_address=peer.socket_path)
        client.connect("bench-papi")
        try:

            def once() -> None:
                assert client.api.control_ping().retval == 0

            yield client, once
        finally:
            client.disconnect()
