"""Very many requests of one kind: columns in, retvals out."""

from __future__ import annotations

import os
import signal
import sys
import threading
import tracemalloc
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from _children import child, line
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vapi_cffi import (
    LOST,
    ApiError,
    BulkInterrupted,
    Client,
    ConnectionLost,
    InvalidArgument,
    MACAddress,
    NoResponse,
    NotConnected,
    Timeout,
    Transport,
    _vectors,
    connect,
)
from vapi_cffi._codec import MessageCodec
from vapi_cffi._registry import scope_of_files
from vapi_cffi._rows import Rows
from vapi_cffi._vectors import RowError, encode
from vapi_cffi._wire import NATURAL
from vapi_cffi.sim import Peer, Request, SpawnedPeer

np = pytest.importorskip("numpy")

API = """
option version = "1.0.0";
enum color : u8 { COLOR_RED = 0, COLOR_GREEN = 1, COLOR_BLUE = 200, };
enumflag bits : u16 { BIT_A = 1, BIT_B = 2, BIT_C = 4, };
typedef address { u8 af; u8 un[16]; };
typedef prefix { vl_api_address_t address; u8 len; };
typedef u8 mac_address[6];
typedef u8 ip4_address[4];
typedef u8 ip6_address[16];
typedef point { i32 x; i16 y; };
union either { u8 small; u32 large; };
typedef hop { u32 index; vl_api_ip4_address_t via; vl_api_either_t what; u16 labels[3]; };
define all_kinds {
  u32 client_index; u32 context;
  u8 a; i16 b; u64 c; bool on; f64 weight; vl_api_color_t color; vl_api_bits_t bits;
  string name[16]; u8 key[8]; vl_api_mac_address_t mac; vl_api_ip4_address_t ip4;
  vl_api_ip6_address_t ip6; vl_api_address_t address; vl_api_prefix_t prefix;
  vl_api_point_t point; vl_api_hop_t hops[2];
};
autoreply define all_kinds_not { u32 client_index; u32 context; };
define all_kinds_reply { u32 context; i32 retval; u32 index; string name[8]; };
define with_tail {
  u32 client_index; u32 context; u32 id; u8 n; vl_api_point_t points[n];
};
define with_tail_reply { u32 context; i32 retval; u32 sum; u8 n; u32 more[n]; };
define with_text { u32 client_index; u32 context; u8 id; string text[]; };
define with_text_reply { u32 context; i32 retval; };
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "kinds.api"
    path.write_text(API)
    return path


@pytest.fixture(scope="module")
def codec_of(api: Path) -> Callable[[str], MessageCodec]:
    return scope_of_files([api]).codec


def packed(rows: Rows) -> list[bytes]:
    """The messages of all batches."""
    found = []
    for batch in rows:
        sizes = batch.sizes or array("I", [batch.stride] * batch.count)
        at = 0
        for size in sizes:
            found.append(bytes(batch.packed[at : at + size]))
            at += size
        assert at == len(batch.packed)
    return found


# ---- encoding ------------------------------------------------------------------------------------

IP4 = st.ip_addresses(v=4)
IP6 = st.ip_addresses(v=6)
U8 = st.integers(0, 255)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "a": U8,
    "b": st.integers(-(2**15), 2**15 - 1),
    "c": st.integers(0, 2**64 - 1),
    "on": st.booleans(),
    "weight": st.floats(allow_nan=False) | st.integers(-1000, 1000),
    "color": st.sampled_from(["red", "COLOR_GREEN", 200, 7]),
    "bits": st.sampled_from(["a", "BIT_B", "a|c", 5, ["a", "b"]]),
    "name": TEXT | TEXT.map(str.encode),
    "key": st.binary(max_size=8),
    "mac": st.binary(min_size=6, max_size=6).flatmap(
        lambda raw: st.sampled_from([raw, raw.hex(":"), raw.hex("-").upper(), MACAddress(raw)])
    ),
    "ip4": IP4.flatmap(lambda a: st.sampled_from([a, str(a), a.packed])),
    "ip6": IP6.flatmap(lambda a: st.sampled_from([a, str(a), a.packed])),
    "address": (IP4 | IP6).flatmap(lambda a: st.sampled_from([a, str(a), a.packed])),
    "prefix": st.tuples(IP4 | IP6, st.integers(0, 32)).flatmap(
        lambda pair: st.sampled_from(
            [str(ip_network(pair, strict=False)), str(pair[0]), ip_network(pair, strict=False)]
        )
    ),
    "point": st.fixed_dictionaries({"x": st.integers(-9, 9), "y": st.integers(-9, 9)}),
}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), without_numpy=st.booleans())
def test_encoding_is_that_of_the_codec(
    codec_of: Callable[[str], MessageCodec],
    data: st.DataObject,
    without_numpy: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codec = codec_of("all_kinds")
    names = data.draw(st.sets(st.sampled_from(sorted(VALUES)), min_size=1))
    rows = data.draw(st.integers(1, 5))
    columns = {
        name: data.draw(st.lists(VALUES[name], min_size=rows, max_size=rows)) for name in names
    }
    template = codec.encode(7, {"a": 3, "name": "template"})
    with monkeypatch.context() as patch:
        if without_numpy:
            patch.delitem(sys.modules, "numpy")
        found = packed(Rows(codec, template, columns, None, 3))
    fields = {"a": 3, "name": "template"}
    assert found == [
        codec.encode(7, {**fields, **{name: columns[name][row] for name in names}})
        for row in range(rows)
    ]


ODD = [
    "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1.2.3.4/", "1.2.3.4/33",
    "1.2.3.4/0024", "1.2.3.4/255.0.0.0", "::/129", "::ffff:1.2.3.4/96", "1::2%lo/64", "\ud800",
    "1.2.3.4\n5.6.7.8", "\n", "\u0661.2.3.4", "::1\0",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("size", [4, 16, 17, 18])
def test_texts_of_addresses_mean_what_they_mean_one_by_one(
    size: int, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns of them are read in C; what that refuses, Python reads."""
    name = {4: "ip4_address", 16: "ip6_address", 17: "address", 18: "prefix"}[size]
    kind = NATURAL[name, size]
    usual = {4: "10.0.0.1", 16: "2001:db8::1"}.get(size, "10.0.0.2")
    columns: list[list[Any]] = [[odd], [usual, odd], [odd, usual], [usual, "2001:db8::2", odd]]

    def encoded() -> Iterator[bytes | str]:
        for values in [*columns, [usual, 7], [usual, None]]:
            try:
                yield encode(kind, values)
            except RowError as error:
                yield f"{error.row}: {error}"

    at_once = list(encoded())
    monkeypatch.setattr(_vectors, "_of_texts", lambda size, values: None)
    assert list(encoded()) == at_once


def one_each(codec: MessageCodec, **columns: Any) -> list[bytes]:
    """Packed messages; the paths of columns have their dots and brackets as `__`."""
    paths = {
        name.replace("__", ".").replace("_0", "[0]").replace("_1", "[1]"): values
        for name, values in columns.items()
    }
    return packed(Rows(codec, codec.encode(7, {}), paths, None, 100))


def test_paths_into_structs_arrays_and_unions(codec_of: Callable[[str], MessageCodec]) -> None:
    codec = codec_of("all_kinds")
    found = one_each(
        codec,
        point__x=[-1, 2],
        hops_1__index=[3, 4],
        hops_0__via=["10.0.0.1", "10.0.0.2"],
        hops_1__what__large=[70000, 1],
        hops_1__labels_0=[5, 6],
        prefix__address=["10.0.0.0", "2001:db8::"],
        prefix__len=[8, 32],
    )
    for row, message in enumerate(found):
        value = codec.decode(message)
        assert value.point.x == [-1, 2][row]
        assert value.hops[1].index == 3 + row
        assert value.hops[0].via == IPv4Address(f"10.0.0.{row + 1}")
        assert value.hops[1].what.large == [70000, 1][row]
        assert value.hops[1].labels == [5 + row, 0, 0]
        assert str(value.prefix) == ["10.0.0.0/8", "2001:db8::/32"][row]


def test_packed_and_numeric_addresses(codec_of: Callable[[str], MessageCodec]) -> None:
    codec = codec_of("all_kinds")
    numbers = np.array([0x0A000001, 0xC0A80001], np.uint32)
    four = numbers.astype(">u4").view(np.uint8).reshape(2, 4)
    sixteen = np.arange(32, dtype=np.uint8).reshape(2, 16)
    want = ["10.0.0.1", "192.168.0.1"]
    for given_as in (numbers, four, [int(n) for n in numbers], memoryview(four)):
        for message, text in zip(
            one_each(codec, ip4=given_as, address=given_as), want, strict=True
        ):
            assert str(codec.decode(message).ip4) == str(codec.decode(message).address) == text
    for message, raw in zip(one_each(codec, ip6=sixteen, address=sixteen), sixteen, strict=True):
        assert codec.decode(message).ip6 == ip_address(bytes(raw)) == codec.decode(message).address
    # As a dump has them: bytes, and the family beside them.
    wide = np.zeros((2, 16), np.uint8)
    wide[:, :4] = four
    found = one_each(
        codec, prefix__af=np.zeros(2, np.uint8), prefix__address=wide, prefix__len=[32, 24]
    )
    assert [str(codec.decode(m).prefix) for m in found] == ["10.0.0.1/32", "192.168.0.0/24"]
    macs = np.arange(12, dtype=np.uint8).reshape(2, 6)
    assert str(codec.decode(one_each(codec, mac=macs)[1]).mac) == "06:07:08:09:0a:0b"
    keys = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert codec.decode(one_each(codec, key=keys)[1]).key == b"\3\4\5\0\0\0\0\0"


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3],
        (1, 2, 3),
        range(1, 4),
        array("H", [1, 2, 3]),
        memoryview(array("i", [1, 2, 3])),
        np.array([1, 2, 3], np.int8),
        np.array([1, 2, 3], ">u8"),
        np.array([1, 2, 3], np.uint64)[::1],
        np.array([9, 1, 9, 2, 9, 3])[1::2],
        deque([1, 2, 3]),
        np.ma.array([1, 2, 3], mask=[0, 0, 0]),
        iter([1, 2, 3]),
        (n for n in (1, 2, 3)),
    ],
    ids=lambda values: type(values).__name__,
)
@pytest.mark.parametrize("field", ["a", "b", "c", "color"])
def test_numbers_in_any_form(
    codec_of: Callable[[str], MessageCodec], field: str, values: Any
) -> None:
    if isinstance(values, Iterator):
        values = iter([1, 2, 3])  # parametrised objects are used once for each field
    codec = codec_of("all_kinds")
    found = one_each(codec, **{field: values})
    assert [int(getattr(codec.decode(message), field)) for message in found] == [1, 2, 3]


def test_tables(codec_of: Callable[[str], MessageCodec]) -> None:
    codec = codec_of("all_kinds")
    pa, pd = pytest.importorskip("pyarrow"), pytest.importorskip("pandas")
    values = {"c": [1, 2], "name": ["x", "y"], "prefix.len": [8, 9], "on": [True, False]}
    want = packed(Rows(codec, codec.encode(7, {}), values, None, 10))
    for table in (pa.table(values), pd.DataFrame(values)):
        assert packed(Rows(codec, codec.encode(7, {}), table, None, 10)) == want
    with pytest.raises(InvalidArgument, match=r"'c', row 1: expected a number .u64., not None"):
        packed(Rows(codec, codec.encode(7, {}), {"c": pa.array([1, None])}, None, 10))


@pytest.mark.parametrize("field", ["c", "color", "ip4", "on"])
def test_values_that_are_missing_are_named(
    codec_of: Callable[[str], MessageCodec], field: str
) -> None:
    """Not sent as what lies under a mask, and not as what an array makes of them."""
    codec = codec_of("all_kinds")
    pd = pytest.importorskip("pandas")
    for values in (
        np.ma.array([1, 1, 1], mask=[0, 1, 0]),
        pd.Series([1, None, 1], dtype="Int64"),
        pd.Index([1, None, 1], dtype="Int64"),
    ):
        with pytest.raises(InvalidArgument, match=f"'{field}', row 1: .*not (None|<NA>)$"):
            packed(Rows(codec, codec.encode(7, {}), {field: values}, None, 10))


def test_variable_ends(codec_of: Callable[[str], MessageCodec]) -> None:
    codec = codec_of("with_tail")
    points = [[], [{"x": 1, "y": 2}], [{"x": 1, "y": 2}, {"x": -3, "y": 4}]]
    found = one_each(codec, id=[5, 6, 7], points=points)
    assert found == [codec.encode(7, {"id": 5 + row, "points": points[row]}) for row in range(3)]
    text = codec_of("with_text")
    assert one_each(text, text=["", "héllo"]) == [
        text.encode(7, {"text": value}) for value in ("", "héllo")
    ]
    # Elements of the template can vary where they are.
    template = codec.encode(7, {"points": [{"x": 1, "y": 1}, {"x": 2, "y": 2}]})
    rows = Rows(codec, template, {"points[1].x": [8, 9]}, None, 10)
    assert [codec.decode(m).points[1].x for m in packed(rows)] == [8, 9]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"a": [1, 256]}, "column 'a', row 1: expected 0 to 255 .u8., not 256"),
    ({"a": np.array([1, -1])}, "column 'a', row 1: expected 0 to 255 .u8., not -1"),
    ({"a": np.array([1.5])}, "column 'a', row 0: expected a number .u8., not 1.5"),
    ({"a": ["x"]}, "column 'a', row 0: expected a number .u8., not 'x'"),
    ({"c": [0, -1]}, "column 'c', row 1: expected 0 to"),
    ({"on": [True, 2]}, "column 'on', row 1: expected True or False, not 2"),
    ({"on": np.array([2])}, "column 'on', row 0: expected True or False, not 2"),
    ({"color": ["red", "pink"]}, "column 'color', row 1: expected a member of Color"),
    ({"color": np.array([1, 256])}, "column 'color', row 1: expected 0 to 255"),
    ({"name": ["x", "y" * 16]}, "column 'name', row 1: expected text of at most 15 bytes"),
    ({"key": [b"123456789"]}, "column 'key', row 0: expected at most 8 bytes, not 9"),
    ({"mac": ["02:00:00:00:00:01", "02:00"]}, "column 'mac', row 1: expected a MAC address"),
    ({"ip4": ["10.0.0.1", "10.0.0.256"]}, "column 'ip4', row 1: .*, not '10.0.0.256'"),
    ({"ip4": [1, 2**32]}, "column 'ip4', row 1: .*, not 4294967296"),
    ({"address": ["10.0.0.1", "nowhere"]}, "column 'address', row 1: .*, not 'nowhere'"),
    ({"prefix": ["10.0.0.0/8", "10.0.0.0/33"]}, "column 'prefix', row 1: .*, not '10.0.0.0/33'"),
    ({"point": [{"x": 1, "y": 70000}]}, "column 'point', row 0.*70000"),
    ({"a": 256}, "all_kinds.a: expected 0 to 255 .u8., not 256"),
    ({"a": [1], "b": [1, 2]}, "columns of one length are needed: a has 1, b has 2"),
    ({"nonsense": [1]}, "has no field 'nonsense': it has a, b"),
    ({"colour": [1]}, "did you mean 'color'"),
    ({"hops[2].index": [1]}, r"'hops\[2\].index': there are 2 elements"),
    ({"a.b": [1]}, "no 'b': there is nothing inside"),
    ({"prefix.size": [1]}, "no 'size'"),
    ({"hops[0].what.tiny": [1]}, "no 'tiny': it has small, large"),
    ({"a..b": [1]}, "there is nothing inside"),
    ({"a-b": [1]}, "is no path of a field"),
    ({}, "no column says how many there are: give count="),
]


@pytest.mark.parametrize(("columns", "text"), BAD, ids=[text for _, text in BAD])
def test_bad_values(
    codec_of: Callable[[str], MessageCodec], columns: dict[str, Any], text: str
) -> None:
    codec = codec_of("all_kinds")
    with pytest.raises(InvalidArgument, match=text):
        packed(Rows(codec, codec.encode(7, {}), columns, None, 100))


def test_bad_tails(codec_of: Callable[[str], MessageCodec]) -> None:
    codec = codec_of("with_tail")
    for columns, text in (
        ({"points": [[{"x": 1}], [{"x": 2**31}]]}, r"'points', row 1 \(\[0\].*not 2147483648"),
        ({"points": [[{}] * 256]}, "row 0: expected at most 255 values, not 256"),
        ({"n": [1]}, "it is the length of points"),
        ({"points[0].x": [1]}, "the template has no element 0"),
        ({"points": b""}, "belongs into the template"),
    ):
        with pytest.raises(InvalidArgument, match=text):
            packed(Rows(codec, codec.encode(7, {}), columns, None, 100))


def test_streams_of_rows_and_batches(codec_of: Callable[[str], MessageCodec]) -> None:
    codec = codec_of("all_kinds")

    def items() -> Iterator[dict[str, Any]]:
        yield {"a": 1, "ip4": "10.0.0.1"}
        yield {"a": 2, "ip4": "10.0.0.2"}
        yield {"a": np.array([3, 4, 5]), "b": 9}
        yield {"b": 6}

    found = [codec.decode(m) for m in packed(Rows(codec, codec.encode(7, {}), items(), None, 2))]
    assert [(m.a, m.b, str(m.ip4)) for m in found] == [
        (1, 0, "10.0.0.1"),
        (2, 0, "10.0.0.2"),
        *((a, 9, "0.0.0.0") for a in (3, 4, 5)),
        (0, 6, "0.0.0.0"),
    ]
    # Iterators are as long as the sequences beside them.
    rows = Rows(codec, codec.encode(7, {}), {"a": [1, 2, 3], "b": count(7)}, None, 2)
    assert [codec.decode(m).b for m in packed(rows)] == [7, 8, 9]
    with pytest.raises(InvalidArgument, match="an iterator ended after 2 rows of 3"):
        packed(Rows(codec, codec.encode(7, {}), {"a": [1, 2, 3], "b": iter([7, 8])}, None, 100))
    with pytest.raises(InvalidArgument, match="rows and batches are mappings"):
        packed(Rows(codec, codec.encode(7, {}), iter([1]), None, 2))
    with pytest.raises(InvalidArgument, match="columns are a mapping"):
        Rows(codec, codec.encode(7, {}), 5, None, 2)


# ---- the whole way -------------------------------------------------------------------------------


def test_routes(client: Client) -> None:
    loop = client.api.create_loopback().sw_if_index
    prefixes = [f"10.{n >> 8}.{n & 255}.0/24" for n in range(5000)]
    seen: list[tuple[int, int | None]] = []
    result = client.bulk(
        "ip_route_add_del",
        {"is_add": True, "route": {"paths": [{"sw_if_index": loop, "weight": 1}]}},
        {"route.prefix": prefixes},
        depth=64,
        batch=700,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert result.ok
    assert result.raise_for_errors() is result
    assert (result.total, result.sent, result.answered, result.failed) == (5000, 5000, 5000, 0)
    assert result.retvals.tolist() == [0] * 5000
    assert seen[-1] == (5000, 5000)
    assert seen == sorted(seen)
    assert result.rate > 0
    there = {str(item.route.prefix) for item in client.api.ip_route_v2_dump()}
    assert there >= set(prefixes)


def test_failures_have_their_rows(client: Client) -> None:
    loop = client.api.create_loopback().sw_if_index
    indices = [loop if n % 100 else 777 for n in range(1000)]
    result = client.bulk("sw_interface_set_flags", {"flags": 1}, {"sw_if_index": indices}, batch=64)
    assert not result.ok
    assert (result.sent, result.answered, result.failed, result.lost) == (1000, 1000, 10, 0)
    assert [f.index for f in result.failures] == list(range(0, 1000, 100))
    assert result.failures[3].row == {"sw_if_index": 777}
    assert [n for n, retval in enumerate(result.retvals) if retval] == list(range(0, 1000, 100))
    with pytest.raises(
        ApiError, match=r"10 of 1000 failed, the first is row 0 \(sw_if_index=777\)"
    ):
        result.raise_for_errors()
    stopped = client.bulk(
        "sw_interface_set_flags",
        {"flags": 1},
        {"sw_if_index": np.array(indices[1:])},
        stop_on_error=True,
        depth=8,
        batch=50,
    )
    assert stopped.failures[0].index == 99
    assert 100 <= stopped.sent < 130
    assert stopped.sent == stopped.answered


def test_a_failure_without_columns_has_no_empty_brackets(client: Client) -> None:
    result = client.bulk("sw_interface_set_flags", sw_if_index=777, count=2)
    with pytest.raises(ApiError) as caught:
        result.raise_for_errors()
    assert str(caught.value) == (
        "sw_interface_set_flags: 2 of 2 failed, the first is row 0: "
        "there is no interface with that sw_if_index: INVALID_SW_IF_INDEX (-2)"
    )


def test_replies_as_columns(client: Client) -> None:
    result = client.bulk("create_loopback", count=300, keep="sw_if_index", batch=128)
    assert result.columns is not None
    made = result.columns["sw_if_index"].tolist()
    assert len(set(made)) == 300
    assert made == [item.sw_if_index for item in client.api.sw_interface_dump()][1:]
    everything = client.bulk("show_version", count=3, keep=True).columns
    assert everything is not None
    assert everything.texts("program") == ["vpe"] * 3
    with pytest.raises(InvalidArgument, match="has no column 'nothing'"):
        client.bulk("create_loopback", count=1, keep=["nothing"])


def test_nothing_at_all(client: Client) -> None:
    for result in (
        client.bulk("control_ping", count=0),
        client.bulk("sw_interface_set_flags", columns={"sw_if_index": []}),
        client.bulk("sw_interface_set_flags", columns=iter([])),
    ):
        assert result.ok
        assert (result.total, result.sent, len(result.retvals)) == (0, 0, 0)


def test_a_stream_longer_than_memory_likes(client: Client) -> None:
    result = client.bulk(
        "control_ping", columns=({} for _ in range(3)), count=None, keep_retvals=False
    )
    assert result.ok
    assert result.total == 3
    loop = client.api.create_loopback().sw_if_index
    rows = ({"sw_if_index": loop, "flags": "admin_up" if n % 2 else 0} for n in range(5000))
    result = client.bulk("sw_interface_set_flags", columns=rows, keep_retvals=False)
    assert result.ok
    assert result.total == 5000
    assert len(result.retvals) == 0


def test_batches_that_were_answered_are_let_go_of(client: Client) -> None:
    """Two batches are under way at a time, however many there are."""
    rows, size = 100 * 64, 222
    template = {"route": {"paths": [{"type": "DROP"}]}}
    prefixes = {"route.prefix": [f"10.0.{n >> 8}.{n & 255}/32" for n in range(rows)]}
    client.bulk("ip_route_add_del", template, {"route.prefix": prefixes["route.prefix"][:64]})
    tracemalloc.start()
    try:
        result = client.bulk("ip_route_add_del", template, prefixes, batch=64)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.answered == rows
    assert peak < rows * size / 4, peak


def test_an_error_of_the_progress_callback(client: Client) -> None:
    """It comes out as it is; no batch is counted twice, and the client is as good as before."""

    def progress(done: int, total: int | None) -> None:
        if done >= 1000:
            raise NotConnected("enough")

    with pytest.raises(NotConnected, match="enough") as caught:
        client.bulk("control_ping", count=5000, batch=500, progress=progress)
    result = caught.value.result
    assert 1000 <= result.answered == result.sent == len(result.retvals) < 5000
    assert client.bulk("control_ping", count=1000).ok


def test_bad_rows_stop_before_their_batch(client: Client) -> None:
    loop = client.api.create_loopback().sw_if_index
    rows = [loop] * 250 + ["x"] + [loop] * 49
    with pytest.raises(InvalidArgument, match="column 'sw_if_index', row 250") as caught:
        client.bulk("sw_interface_set_flags", {"flags": 1}, {"sw_if_index": rows}, batch=100)
    assert caught.value.result.sent == caught.value.result.answered == 200
    assert "200 were sent, 200 answered" in caught.value.__notes__[0]
    with pytest.raises(InvalidArgument, match="depth"):
        client.bulk("control_ping", count=1, depth=0)
    with pytest.raises(InvalidArgument, match="batch"):
        client.bulk("control_ping", count=1, batch=0)
    with pytest.raises(InvalidArgument, match="progress is a function, not 'bar'"):
        client.bulk("control_ping", count=1, progress="bar")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="not one reply each"):
        client.bulk("sw_interface_dump", count=1)
    with pytest.raises(AttributeError, match="no_such_message"):
        client.bulk("no_such_message", count=1)


def test_a_template_in_any_form(client: Client) -> None:
    loop = client.api.create_loopback().sw_if_index
    request = client.api.sw_interface_set_flags.request
    for result in (
        client.bulk("sw_interface_set_flags", request(sw_if_index=loop, flags=1), count=2),
        client.bulk("sw_interface_set_flags", {"sw_if_index": loop}, {"flags": 1}, count=2),
        client.bulk("sw_interface_set_flags", sw_if_index=loop, count=2),
        client.bulk("sw_interface_set_flags", {"sw_if_index": loop}, count=2, flags="admin_up"),
    ):
        assert result.ok
        assert result.total == 2


def test_lost_requests(client: Client, peer: Peer) -> None:
    loop = client.api.create_loopback().sw_if_index
    peer.faults.drop("sw_interface_set_flags_reply", 7)
    peer.flush()
    result = client.bulk(
        "sw_interface_set_flags", {"flags": 1}, {"sw_if_index": [loop] * 95}, batch=50
    )
    assert (result.sent, result.answered, result.lost) == (95, 88, 7)
    assert result.retvals.tolist() == [LOST] * 7 + [0] * 88
    assert result.failures[6].lost
    with pytest.raises(NoResponse, match=r"7 of 95 failed, .* no answer: NO_RESPONSE"):
        result.raise_for_errors()


# 78 pings fill the window of the socket: the next batch finds no room.
@pytest.mark.parametrize("batch", [50, 78, 2048])
def test_a_peer_that_does_not_answer(client: Client, peer: Peer, batch: int) -> None:
    assert client.bulk("control_ping", count=1).ok
    with peer.faults.stalled(), pytest.raises(Timeout, match=r"no answer for 0.2 s") as caught:
        client.bulk("control_ping", count=1000, timeout=0.2, batch=batch)
    result = caught.value.result
    assert result.answered == 0
    assert result.sent == result.lost > 50  # of two batches, if they are small
    assert result.retvals.tolist() == [LOST] * result.sent
    assert client.bulk("control_ping", count=10).ok


def test_a_timeout_is_not_waited_for_twice(client: Client, peer: Peer) -> None:
    client.bulk("control_ping", count=1)
    began = monotonic()
    with peer.faults.stalled(), pytest.raises(Timeout):
        client.bulk("control_ping", count=1000, timeout=2.0, batch=50)
    assert monotonic() - began < 4.0  # two batches under way, which are given up


def test_interrupted(client: Client) -> None:
    """Ctrl-C: no more is sent, what is under way is waited for, and the rest is told."""

    def rows() -> Iterator[dict[str, Any]]:
        for number in count():
            if number == 3000:
                os.kill(os.getpid(), signal.SIGINT)
            yield {"sw_if_index": 0, "flags": 0}

    with pytest.raises(BulkInterrupted, match="sw_interface_set_flags: stopped after") as caught:
        client.bulk("sw_interface_set_flags", columns=rows(), batch=500)
    result = caught.value.result
    assert isinstance(caught.value, KeyboardInterrupt)
    assert result.sent == result.answered == len(result.retvals) == 3000
    assert client.bulk("control_ping", count=10).ok


def test_the_end_of_the_peer(transport: Transport) -> None:
    with SpawnedPeer() as peer, connect(peer.address(transport), transport=transport) as client:

        def rows() -> Iterator[dict[str, Any]]:
            for number in count():
                if number == 20_000:
                    peer.kill()
                yield {}

        with pytest.raises(ConnectionLost) as caught:
            client.bulk("control_ping", columns=rows(), batch=1000)
        result = caught.value.result
        assert 18_000 <= result.answered <= 21_000
        assert result.sent == result.answered + result.lost


def test_closed_by_another_thread(client: Client, peer: Peer) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for number in count():
            if number == 5000:
                threading.Thread(target=client.close).start()
            yield {}

    with pytest.raises(NotConnected):
        client.bulk("control_ping", columns=rows(), batch=100)


def test_no_bar_without_a_terminal(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert client.bulk("control_ping", count=10, progress=True).ok
    assert capsys.readouterr() == ("", "")


def test_handlers_see_what_was_meant(api: Path, transport: Transport) -> None:
    """Through Python handlers: rows arrive in order, tails whole, replies are kept."""
    seen: list[bytes] = []
    with (
        Peer(api=[api]) as peer,
        connect(peer.address(transport), transport=transport) as client,
    ):

        @peer.on("with_tail")
        def answer(request: Request) -> bytes:
            seen.append(request.data[10:])
            identity = request["id"]
            return request.reply(-(identity == 3), sum=identity)

        points = [[{"x": n, "y": m} for m in range(n % 4)] for n in range(50)]
        result = client.bulk(
            "with_tail", columns={"id": range(50), "points": points}, keep="sum", batch=20
        )
        codec = client.message_codec("with_tail")
        want = [codec.encode(0, {"id": n, "points": points[n]})[10:] for n in range(50)]
        assert seen == want
        assert [f.index for f in result.failures] == [3]
        assert result.failures[0].row == {"id": 3, "points": points[3]}
        assert result.columns is not None
        assert result.columns["sum"].tolist() == list(range(50))
        with pytest.raises(InvalidArgument, match="variable size"):
            client.bulk("with_tail", count=1, keep="more")


def test_networks(client: Client) -> None:
    loop = client.api.create_loopback().sw_if_index
    networks = list(IPv4Network("10.0.0.0/16").subnets(new_prefix=24))
    client.bulk(
        "ip_route_add_del",
        {"is_add": True, "route": {"paths": [{"sw_if_index": loop, "weight": 1}]}},
        {"route.prefix": networks},
    ).raise_for_errors()
    assert {item.route.prefix for item in client.api.ip_route_v2_dump()} >= set(networks)


def test_numpy_that_another_thread_is_importing(tmp_path: Path) -> None:
    """It is in sys.modules before it has anything in it."""
    slow = tmp_path / "numpy.py"
    slow.write_text("import gate\ngate.begun.set()\ngate.go.wait(20)\nasarray = list\n")
    program = """
        import sys, threading, types
        gate = sys.modules["gate"] = types.ModuleType("gate")
        gate.begun, gate.go = threading.Event(), threading.Event()
        sys.path.insert(0, sys.argv[1])
        from vapi_cffi._vectors import loaded_numpy
        assert loaded_numpy() is None
        threading.Thread(target=__import__, args=("numpy",)).start()
        assert gate.begun.wait(20)
        threading.Timer(0.2, gate.go.set).start()
        print(loaded_numpy().asarray("ok"), flush=True)
    """
    with child(program, str(tmp_path)) as process:
        assert line(process) == "['o', 'k']"
