"""Every message of VPP 26.06: what the original packs and unpacks, the drop-in does the same."""

from __future__ import annotations

import re
import struct
import warnings
from typing import Any

import pytest
from papi.conftest import original
from papi.random_values import Values

from vapi_cffi._registry import scope_of_files
from vapi_cffi.papi import vpp_serializer
from vapi_cffi.papi.vpp_papi import VPPApiJSONFiles

#: Values for each message.
ROUNDS = 3

Messages = dict[str, Any]


@pytest.fixture(scope="module")
def theirs(corpus: list[str]) -> Messages:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        messages: Messages = original.VPPApiJSONFiles.load_api(corpus)[1]
    return messages


@pytest.fixture(scope="module")
def ours(corpus: list[str]) -> Messages:
    messages: Messages = VPPApiJSONFiles.load_api(corpus)[1]
    return messages


def plain(value: Any) -> Any:
    """A value with the names of its types."""
    if isinstance(value, tuple):
        return type(value).__name__, *map(plain, value)
    if isinstance(value, list):
        return list(map(plain, value))
    return repr(value)


def unpacked(message: Any, data: bytes, ntc: bool) -> Any:
    """A value; the kind of error if there is one."""
    try:
        return plain(message.unpack(data, ntc=ntc)[0])
    except (ValueError, struct.error) as error:
        return type(error).__name__


def test_definitions(theirs: Messages, ours: Messages) -> None:
    assert ours.keys() == theirs.keys()
    assert len(ours) == 2123
    for name, message in list(ours.items())[::10]:
        other = theirs[name]
        for attribute in ("name", "crc", "fields", "fieldtypes", "field_by_name", "size"):
            assert getattr(message, attribute) == getattr(other, attribute), (name, attribute)
        assert message.tuple._fields == other.tuple._fields


def test_types(theirs: Messages, ours: Messages) -> None:
    """What programs that look through all types find; a default leaks from type to type there."""
    kinds = {"VPPType", "VPPTypeAlias", "VPPEnumType", "VPPUnionType"}
    default = re.compile(r"options=(None|{[^}]*})")
    known, there = vpp_serializer.types, original.vpp_serializer.types
    names = [name for name, one in there.items() if type(one).__name__ in kinds]
    seen = {name for name in known if name.startswith("vl_api_")}
    assert len(names) > 300
    assert {name for name in names if name.startswith("vl_api_")} <= seen
    for name in names:
        if name in ours or not name.startswith("vl_api_"):
            continue
        assert default.sub("", repr(known[name])) == default.sub("", repr(there[name])), name
        assert known[name].size == there[name].size or not there[name].size, name
    assert known["string"].__name__ == there["string"].__name__ == "String"
    assert len(known) == len(known.keys()) == len(known.values()) == len(known.items())


@pytest.mark.long
def test_values(theirs: Messages, ours: Messages) -> None:
    values = Values(original.vpp_serializer, 20261126)
    done = undecided = 0
    for name in sorted(theirs):
        message, other = ours[name], theirs[name]
        for _ in range(ROUNDS):
            given = values.message(other)
            given |= {
                field: number
                for field, number in (("_vl_msg_id", 7), ("client_index", 8), ("context", 9))
                if field in other.fields
            }
            wire = other.pack(given)
            assert message.pack(given) == wire, (name, given)
            assert message.careful(given) == wire, (name, given)
            for ntc in (True, False):
                wanted = unpacked(other, wire, ntc)
                if isinstance(wanted, str):
                    undecided += 1  # an arm of a union that the bytes of another make no sense for
                else:
                    assert unpacked(message, wire, ntc) == wanted, (name, given)
                    # The original's says 4 too few where a text without an end is empty.
                    assert message.unpack(wire, ntc=ntc)[1] == len(wire)
            done += 1
    assert done == ROUNDS * len(theirs)
    assert undecided < 10


@pytest.mark.long
def test_requests_and_dumps(theirs: Messages, ours: Messages) -> None:
    """The functions that calls use: from keywords, and of many details at once."""
    values = Values(original.vpp_serializer, 7)
    for name in sorted(theirs):
        message, other = ours[name], theirs[name]
        fields = values.message(other)
        header = {"_vl_msg_id": 7, "client_index": 8, "context": 9}
        if message.is_request:
            wire = other.pack(fields | header)
            assert message.request()(7, 8, 9, **fields) == wire, (name, fields)
        elif message.fmt is not None and message.has_context:
            wire = other.pack(fields | {k: v for k, v in header.items() if k in other.fields})
            try:
                wanted = plain(other.unpack(wire)[0]._replace(context=5))
            except ValueError:
                continue
            assert [plain(one) for one in message.sweeper()(wire * 3, 5)] == [wanted] * 3
            assert plain(message.decoder(context=True)(wire, 5)) == wanted


@pytest.mark.long
def test_defaults(corpus: list[str], ours: Messages) -> None:
    """What is left out has its own default and no other: as in the package's own codecs."""
    scope = scope_of_files(corpus)
    checked = 0
    for name, message in sorted(ours.items()):
        if not message.is_request:
            continue
        try:
            wire = message.request()(7, 0, 0)
        except (ValueError, TypeError):
            continue  # an array must be given
        assert wire == scope.codec(name).encode(7, {}), name
        checked += 1
    assert checked > 1000


def test_all_of_them_are_loaded_once(corpus: list[str]) -> None:
    first = VPPApiJSONFiles.load_api(corpus)
    again = VPPApiJSONFiles.load_api(corpus)
    assert first[1]["show_version"] is again[1]["show_version"]
    assert sorted(first[0]) == corpus
    assert len(first[2]) == 1044
