"""Values go to other processes, and mean the same there."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vapi_cffi import Client, DefinitionError, InvalidArgument, Transport, connect
from vapi_cffi.sim import Peer

LOADER = """
import pickle, sys
found = pickle.load(sys.stdin.buffer)
assert pickle.loads(pickle.dumps(found)) == found
print(found)
"""


@pytest.fixture
def values(client: Client) -> list[Any]:
    """A message of each sort, and what is in them."""
    loop = client.api.create_loopback().sw_if_index
    paths = [{"sw_if_index": loop, "nh": {"address": "10.0.0.2"}}]
    client.api.ip_route_add_del(route={"prefix": "10.0.0.0/8", "paths": paths})
    route = client.api.ip_route_dump().first()
    (interface,) = client.api.sw_interface_dump(sw_if_index=loop)
    unknown = type(interface.type)(77)
    address = route.route.paths[0].nh.address
    unread = client.api.show_version()
    return [interface, route, route.route, address, interface.flags, unknown, unread]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_back_in_this_process(values: list[Any], protocol: int) -> None:
    again = pickle.loads(pickle.dumps(values, protocol))
    assert again == values
    assert [type(item) for item in again] == [type(item) for item in values]
    assert repr(again) == repr(values)
    assert copy.deepcopy(values) == values


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickle.dumps])
def test_what_is_connected_has_no_copies(client: Client, again: Callable[[Any], Any]) -> None:
    """The end of a copy would be the end of the connection."""
    with pytest.raises(TypeError, match="a client cannot be copied or pickled"):
        again(client)
    with pytest.raises(TypeError, match="a connection cannot be copied or pickled"):
        again(client.connection)
    assert client.api.show_version().retval == 0


def _loaded_elsewhere(data: bytes, cache: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", LOADER],
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "VAPI_CACHE_DIR": cache},
    )


def test_in_another_process(
    values: list[Any], client: Client, cache: Path, address: str, transport: Transport
) -> None:
    client.close()
    data = pickle.dumps(values)
    # The cache is written behind the back of who connects; the process waits for it at its end.
    asking = f"vapi_cffi.connect({address!r}, transport={transport!r}).api.show_version()"
    subprocess.run([sys.executable, "-c", f"import vapi_cffi; {asking}"], check=True, timeout=60)
    done = _loaded_elsewhere(data, str(cache))
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().strip() == repr(values)


def test_without_the_definitions_it_says_what_to_do(values: list[Any], tmp_path: Path) -> None:
    done = _loaded_elsewhere(pickle.dumps(values), str(tmp_path / "empty"))
    assert done.returncode != 0
    assert b"DefinitionError: the definitions of sw_interface_details" in done.stderr
    assert b"connect to the same VPP first" in done.stderr
    with pytest.raises(DefinitionError):
        pickle.loads(pickle.dumps(values).replace(b"server-", b"SERVER-"))


def test_after_the_client_is_gone(peer_of_its_own: Peer) -> None:
    with connect(peer_of_its_own.address()) as client:
        version = client.api.show_version()
    del client
    gc.collect()
    assert pickle.loads(pickle.dumps(version)) == version


@pytest.fixture
def peer_of_its_own() -> Any:
    with Peer() as peer:
        yield peer


def test_objects_that_do_not_fit_are_named(client: Client) -> None:
    request = client.api.sw_interface_set_flags.request(sw_if_index=1)
    request.flags = "admin_up"
    assert "admin_up" in pickle.loads(pickle.dumps(request)).flags
    request.sw_if_index = "loop0"
    with pytest.raises(InvalidArgument, match=r"sw_interface_set_flags\.sw_if_index: .*'loop0'"):
        pickle.dumps(request)
