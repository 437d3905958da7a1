"""Long sequences of calls (`_sequences.py`) have the outcome that VPP 26.06 had, kept in
`like_vpp.json`: of the embedded peer always, of a live VPP where there is one.

`GOLDEN_UPDATE=1 pytest -m live ...` writes the file from a live VPP; review the diff.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vapi_cffi
from vapi_cffi.sim import Peer

_spec = importlib.util.spec_from_file_location("seq", Path(__file__).with_name("_sequences.py"))
assert _spec is not None
assert _spec.loader is not None
sequences: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sequences)

KEPT = Path(__file__).with_name("like_vpp.json")
NAMES = sorted(sequences.SEQUENCES)


def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(KEPT.read_text("utf-8"))
    return found


def outcome(name: str, address: str) -> Any:
    """What a sequence finds, as it looks in JSON."""
    with vapi_cffi.connect(address, raise_on_error=False, timeout=10.0) as client:
        world = sequences.World(client)
        try:
            return json.loads(json.dumps(sequences.SEQUENCES[name](world)))
        finally:
            world.clean()


def assert_same(found: Any, expected: Any) -> None:
    """Element by element, so that the first difference is easy to see."""
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert one == other, f"element {number}"


@pytest.fixture(scope="module")
def sim() -> Iterator[str]:
    """One peer for all: each sequence must clean up behind itself."""
    with Peer() as peer:
        yield peer.address()


@pytest.mark.parametrize("name", NAMES)
def test_the_embedded_peer(name: str, sim: str) -> None:
    assert_same(outcome(name, sim), kept()[name])


def test_nothing_is_left_behind() -> None:
    with Peer() as peer:
        for name in NAMES:
            outcome(name, peer.address())
        with vapi_cffi.connect(peer.address()) as client:
            assert [item.interface_name for item in client.api.sw_interface_dump()] == ["local0"]
            assert [item.table.table_id for item in client.api.ip_table_dump()] == [0, 0]
            assert client.api.bridge_domain_dump().all() == []
        assert (peer.stats["interfaces"], peer.stats["routes"]) == (0, 0)


@pytest.mark.live
@pytest.mark.parametrize("name", NAMES)
def test_a_live_vpp(name: str, live_socket: str) -> None:
    found = outcome(name, live_socket)
    if os.environ.get("GOLDEN_UPDATE"):
        known = kept() if KEPT.exists() else {}
        one_a_line = (
            f" {json.dumps(key)}: [\n"
            + ",\n".join(f"  {json.dumps(item)}" for item in value)
            + "\n ]"
            for key, value in sorted({**known, name: found}.items())
        )
        KEPT.write_text("{\n" + ",\n".join(one_a_line) + "\n}\n", "utf-8")
    assert_same(found, kept()[name])
