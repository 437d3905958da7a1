"""Types that programs make themselves; vpp_papi's own tests, run on the drop-in."""

from __future__ import annotations

import importlib.util
import io
import sys
import unittest
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from papi.conftest import original

from vapi_cffi import papi
from vapi_cffi.papi import _registry, vpp_serializer

#: Of vpp_papi's test files, those that its 2.4.2 can run.
THEIR_TESTS = ("test_vpp_serializer", "test_macaddress", "test_vpp_stats")


@pytest.fixture
def unchanged_types() -> Iterator[None]:
    """Types are known to the whole process: those that a test makes are forgotten again."""
    tables = (vpp_serializer.types, original.vpp_serializer.types)
    before = [dict.copy(table) for table in tables]
    yield
    for table, known in zip(tables, before, strict=True):
        table.clear()
        table.update(known)


def _outcomes(module: str) -> dict[str, bool]:
    """Which of vpp_papi's tests pass, with whatever `import vpp_papi` gives now."""
    file = Path(original.__file__).parent / "tests" / f"{module}.py"
    made = ModuleType(module)
    sys.modules[module] = made
    try:
        exec(compile(file.read_text("utf-8"), str(file), "exec"), made.__dict__)
        suite = unittest.defaultTestLoader.loadTestsFromModule(made)
        names = [test.id() for part in suite for test in part]  # type: ignore[union-attr]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    finally:
        del sys.modules[module]
    bad = {test.id() for test, _ in [*result.failures, *result.errors]}
    return {name: name not in bad for name in names}


@pytest.mark.parametrize("module", THEIR_TESTS)
@pytest.mark.usefixtures("unchanged_types")
def test_their_own_tests(module: str) -> None:
    theirs = _outcomes(module)
    papi.install()
    try:
        ours = _outcomes(module)
    finally:
        papi.uninstall()
        sys.modules["vpp_papi"] = original
    assert ours.keys() == theirs.keys()
    assert ours
    # A type that they expect to be unknown is known where definitions were loaded before.
    skipped = {name for name in ours if name.endswith("test_logger")}
    assert {n for n, ok in ours.items() if not ok} - skipped == {
        n for n, ok in theirs.items() if not ok
    } - skipped


Make = Callable[[Any], Any]

#: What a program makes of `vpp_serializer`, and values to pack.
TYPES: dict[str, tuple[Make, list[Any]]] = {
    "numbers": (
        lambda s: s.VPPType("t_numbers", [["u8", "a"], ["i16", "b"], ["u64", "c"], ["f64", "d"]]),
        [{}, {"a": 1}, {"a": 255, "b": -2, "c": 2**64 - 1, "d": 1.5}, None],
    ),
    "defaults": (
        lambda s: s.VPPType(
            "t_defaults", [["u16", "a", {"default": 1500}], ["bool", "b", {"default": "true"}]]
        ),
        [{}, {"a": 0}, {"b": False}, {"a": None}],
    ),
    "texts": (
        lambda s: s.VPPType("t_texts", [["string", "a", 8], ["string", "b", 0]]),
        [{"b": "x"}, {"a": "seven77", "b": "longer than eight"}],
    ),
    "bytes": (
        lambda s: s.VPPType("t_bytes", [["u8", "a", 6]]),
        [{}, {"a": b"ab"}, {"a": b"123456"}],
    ),
    "a variable array in the middle": (
        lambda s: s.VPPType("t_middle", [["u8", "n"], ["u16", "a", 0, "n"], ["u8", "end"]]),
        [{"n": 2, "a": [1, 2], "end": 3}, {"n": 0, "a": [], "end": 4}],
    ),
    "arrays of structs of variable size": (
        lambda s: [
            s.VPPType("t_inner", [["u8", "n"], ["u8", "a", 0, "n"]]),
            s.VPPType("t_outer", [["u8", "m"], ["t_inner", "b", 0, "m"]]),
        ][-1],
        [{"m": 2, "b": [{"n": 1, "a": b"x"}, {"n": 0, "a": b""}]}],
    ),
    "the rest of the message": (
        lambda s: s.VPPType("t_rest", [["u8", "a"], ["u16", "b", 0]]),
        [{"a": 1, "b": [2, 3]}],
    ),
    "enums": (
        lambda s: [
            s.VPPEnumType("t_enum", [["A", 1], ["B", 2], {"enumtype": "u8"}]),
            s.VPPType("t_enums", [["t_enum", "e"], ["t_enum", "f", {"default": 2}]]),
        ][-1],
        [{}, {"e": 3}, {"e": 128, "f": 1}],
    ),
    "unions": (
        lambda s: s.VPPUnionType("t_union", [["u8", "a"], ["u32", "b"]]),
        [{"a": 1}, {"b": 0x01020304}, {}],
    ),
}


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.usefixtures("unchanged_types")
def test_types_of_programs(name: str) -> None:
    make, values = TYPES[name]
    ours, theirs = make(vpp_serializer), make(original.vpp_serializer)
    assert repr(ours) == repr(theirs)
    assert ours.size == theirs.size
    for value in values:
        wire = bytes(theirs.pack(value))
        assert bytes(ours.pack(value)) == wire
        assert ours.unpack(wire) == theirs.unpack(wire)
        assert repr(ours.unpack(wire)) == repr(theirs.unpack(wire))
        assert ours.unpack(b"??" + wire, offset=2)[0] == theirs.unpack(wire)[0]


BAD: dict[str, tuple[Make, Any]] = {
    "unknown type": (lambda s: s.VPPType("t_bad", [["t_nothing", "a"]]), None),
    "alias of nothing": (lambda s: s.VPPTypeAlias("t_bad", {"type": "t_nothing"}), None),
    "text too long": (lambda s: s.VPPType("t_bad", [["string", "a", 4]]), {"a": "four"}),
    "not ASCII": (lambda s: s.VPPType("t_bad", [["string", "a", 8]]), {"a": "é"}),
    "bytes too long": (lambda s: s.VPPType("t_bad", [["u8", "a", 2]]), {"a": b"123"}),
    "array too short": (lambda s: s.VPPType("t_bad", [["u16", "a", 2]]), {"a": [1]}),
    "array left out": (lambda s: s.VPPType("t_bad", [["u16", "a", 2]]), {}),
    "count wrong": (
        lambda s: s.VPPType("t_bad", [["u8", "n"], ["u8", "a", 0, "n"]]),
        {"n": 3, "a": b"x"},
    ),
    "number for a struct": (lambda s: s.VPPType("t_bad", [["u8", "a"]]), 17),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.usefixtures("unchanged_types")
def test_what_does_not_fit(name: str) -> None:
    make, value = BAD[name]
    kinds = []
    for serializer in (original.vpp_serializer, vpp_serializer):
        with pytest.raises(Exception) as caught:
            make(serializer).pack(value)
        kinds.append(caught.type)
    if name != "number for a struct":  # a TypeError there
        assert kinds[0].__name__ == kinds[1].__name__
    assert issubclass(kinds[1], ValueError)


@pytest.mark.usefixtures("unchanged_types")
def test_counts() -> None:
    made = vpp_serializer.VPPType("t_count", [["u8", "n"], ["u16", "a", 0, "n"]])
    assert made.pack({"a": [1, 2]}) == b"\2\0\1\0\2"
    assert made.pack({}) == b"\0"
    with pytest.raises(ValueError, match=r"t_count\.a: .* got: 0 expected: 2"):
        made.pack({"n": 2})  # the original sends a message that ends too early


@pytest.mark.usefixtures("unchanged_types")
def test_an_alias_of_an_array() -> None:
    """The original has no size for it."""
    vpp_serializer.VPPTypeAlias("t_alias", {"type": "u16", "length": 2})
    made = vpp_serializer.VPPType("t_aliases", [["t_alias", "a"], ["u8", "b"]])
    assert made.size == 5
    assert made.unpack(made.pack({"a": [1, 2], "b": 3})) == (made.tuple([1, 2], 3), 5)


def test_conversions(connect: Any, apifiles: list[str]) -> None:
    api = papi.VPPApiJSONFiles.load_api(apifiles)[1]
    address = vpp_serializer.types["vl_api_address_t"]
    assert address.unpack(address.pack(IPv4Address("10.0.0.1")))[0] == IPv4Address("10.0.0.1")
    assert address.unpack(address.pack("2001:db8::1"))[0] == IPv6Address("2001:db8::1")
    assert address.unpack(b"\7" + bytes(16))[0] is None
    prefix = vpp_serializer.types["vl_api_prefix_t"]
    assert prefix.pack("10.0.0.1/24") == b"\0\x0a\0\0\1" + bytes(12) + b"\x18"
    assert prefix.unpack(prefix.pack("10.0.0.1/24"))[0] == IPv4Network("10.0.0.0/24")
    with_prefix = vpp_serializer.types["vl_api_address_with_prefix_t"]
    value = with_prefix.unpack(with_prefix.pack(IPv4Interface("10.0.0.1/24")))[0]
    assert str(value) == "10.0.0.1/24"
    assert value == IPv4Interface("10.0.0.1/24")
    raw = address.unpack(address.pack("10.0.0.1"), ntc=True)[0]
    assert raw.un.ip4 == bytes((10, 0, 0, 1))
    assert api["show_version"].name == "show_version"


def test_moments(corpus: list[str]) -> None:
    papi.VPPApiJSONFiles.load_api(corpus)
    stamp = vpp_serializer.types["vl_api_timestamp_t"]
    now = datetime(2026, 11, 26, 12, 0, 0)
    assert stamp.unpack(stamp.pack(now))[0] == now  # the original cannot pack one
    assert stamp.unpack(stamp.pack(0.0))[0] == datetime.fromtimestamp(0)
    delta = vpp_serializer.types["vl_api_timedelta_t"]
    assert delta.unpack(delta.pack(1.5))[0] == timedelta(seconds=1.5)


@pytest.mark.parametrize("mac", ["02:fe:00:00:00:01", b"\2\xfe\0\0\0\1"])
def test_mac_addresses(mac: str | bytes) -> None:
    ours, theirs = papi.MACAddress(mac), original.MACAddress(mac)
    assert repr(ours) == repr(theirs)
    assert str(ours) == str(theirs) == ours.mac_string
    assert ours.packed == theirs.packed
    assert len(ours) == 6
    assert ours == papi.MACAddress("02:FE:00:00:00:01")
    assert ours == "02:fe:00:00:00:01"
    assert ours != "02:fe:00:00:00:02"
    assert ours != 17
    assert hash(ours) == hash(papi.MACAddress(b"\2\xfe\0\0\0\1"))
    assert papi.mac_ntop(papi.mac_pton(str(ours))) == str(ours)
    with pytest.raises(ValueError, match="Odd-length"):
        papi.MACAddress("no mac at all")


def test_messages_are_cached() -> None:
    definition = [["u16", "_vl_msg_id"], {"crc": "0x00000001"}]
    first = vpp_serializer.get_message("t_message", definition)
    assert vpp_serializer.get_message("t_message", definition) is first
    assert first.crc == "0x00000001"
    _registry.types.pop("t_message")


def test_nothing_else_is_in_the_module() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = vpp_serializer.nothing
    assert importlib.util.find_spec("vapi_cffi.papi.vpp_serializer") is not None
