"""Definitions that programs read piece by piece."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import pytest
from papi.conftest import BOTH, original

from vapi_cffi import papi
from vapi_cffi.papi import vpp_papi_async, vpp_serializer

HEADER = [["u16", "_vl_msg_id"], ["u32", "client_index"], ["u32", "context"]]
COLOR = {"enums": [["tf_color", ["TF_RED", 0], ["TF_BLUE", 1], {"enumtype": "u8"}]]}
PAIR = {"types": [["tf_pair", ["u8", "a"], ["vl_api_tf_color_t", "c"]]]}
PAINT = {
    "messages": [
        ["tf_paint", *HEADER, ["vl_api_tf_pair_t", "p", 0, "n"], {"crc": "0x0badcafe"}],
    ],
    "services": {"tf_paint": {"reply": "null"}},
}
PAINT["messages"][0].insert(4, ["u8", "n"])  # type: ignore[index]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Types of these tests are not left in the original's table."""
    yield
    table = original.vpp_serializer.types
    for name in [name for name in table if "tf_" in name]:
        del table[name]


def test_types_of_files_that_were_read_before() -> None:
    wires, shown = [], []
    for module in BOTH.values():
        read = module.vpp_papi.VPPApiJSONFiles.process_json_str
        assert read(json.dumps(COLOR)) == read(json.dumps(PAIR)) == ({}, {})
        messages, services = read(json.dumps(PAINT))
        assert dict(services) == PAINT["services"]
        message = messages["tf_paint"]
        given = {"_vl_msg_id": 1, "context": 3, "n": 2, "p": [{"a": 1, "c": 1}, {"a": 2}]}
        wire = message.pack(given)
        wires.append(wire)
        shown.append(repr(message.unpack(wire)))
        shown.append(repr(module.VppEnum.vl_api_tf_color_t.TF_BLUE))
    assert wires[0] == wires[1] == b"\0\1\0\0\0\0\0\0\0\3\2\1\1\2\0"
    assert shown[:2] == shown[2:]
    assert "TF_BLUE" in shown[0]


INCOMPLETE: dict[str, dict[str, Any]] = {
    "message": {"messages": [["tf_x", *HEADER, ["vl_api_tf_none_t", "a"], {"crc": "0x1"}]]},
    "struct": {"types": [["tf_y", ["vl_api_tf_none_t", "a"]]]},
    "alias": {"aliases": {"tf_z": {"type": "vl_api_tf_none_t"}}},
    "union": {"unions": [["tf_u", ["u8", "b"], ["vl_api_tf_none_t", "a"]]]},
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_types_that_nobody_knows(name: str) -> None:
    kinds = []
    for module in BOTH.values():
        with pytest.raises(ValueError, match="vl_api_tf_none_t") as caught:
            module.VPPApiJSONFiles.process_json_str(json.dumps(INCOMPLETE[name]))
        kinds.append(caught.type.__name__)
    assert kinds[0] == kinds[1]
    assert vpp_serializer.vpp_get_type("vl_api_tf_y_t") is None


def test_programs_count_requests_themselves() -> None:
    """As VPP's own tests do, so that processes that they fork go on counting."""
    counting = papi.VPPApiClient.ContextId()
    assert counting() == 1
    counting.context = multiprocessing.Value(ctypes.c_uint, 10)
    assert [counting(), counting()] == [11, 12]
    assert counting.context.value == 12


@pytest.mark.parametrize("module", [papi.vpp_papi, vpp_papi_async])
def test_families(module: Any, connect: Any) -> None:
    connect(papi)  # loads the enum

    class Neither(IPv4Address):
        version = 5  # type: ignore[assignment]

    module.add_convenience_methods()
    with pytest.raises(ValueError, match="Invalid version 5"):
        _ = Neither("1.2.3.4").vapi_af  # type: ignore[attr-defined]


def test_leaving_at_the_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    left: list[bool] = []
    client = SimpleNamespace(
        transport=SimpleNamespace(connected=True), disconnect=lambda: left.append(True)
    )
    with caplog.at_level("DEBUG", logger="vpp_papi"):
        papi.vpp_papi.vpp_atexit(lambda: client)  # type: ignore[arg-type, return-value]
    assert left == [True]
    assert caplog.messages == ["Cleaning up VPP on exit"]


def test_torn_bytes_and_wrong_values_are_told_apart(connect: Any) -> None:
    """Programs that catch `struct.error` mean VPP's answers, not their own values."""
    client = connect(papi)
    message = client.messages["show_version_reply"]
    with pytest.raises(struct.error, match="too few"):
        message.unpack(b"\0\1\2")
    with pytest.raises(vpp_serializer.VPPSerializerValueError) as caught:
        client.messages["sw_interface_set_flags"].pack({"sw_if_index": "one"})
    assert not isinstance(caught.value, struct.error)
