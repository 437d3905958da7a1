"""What programs may give, what they get, and what errors say."""

from __future__ import annotations

import copy
import struct
import threading
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from typing import Any

import pytest

from vapi_cffi import BadMessage, InvalidArgument
from vapi_cffi._addresses import MACAddress
from vapi_cffi._catalog import Scope
from vapi_cffi._codec import decode, encode
from vapi_cffi._enums import ApiFlag
from vapi_cffi._errors import DefinitionError
from vapi_cffi._values import to_dict

MakeScope = Callable[..., Scope]
HEAD = struct.pack(">HII", 7, 0, 0)

FAMILY: dict[str, Any] = {
    "enums": [["address_family", ["ADDRESS_IP4", 0], ["ADDRESS_IP6", 1], {"enumtype": "u8"}]],
    "aliases": {
        "ip4_address": {"type": "u8", "length": 4},
        "ip6_address": {"type": "u8", "length": 16},
        "mac_address": {"type": "u8", "length": 6},
        "address_with_prefix": {"type": "vl_api_prefix_t"},
    },
    "unions": [
        [
            "address_union",
            ["vl_api_ip4_address_t", "ip4", {"case": "ADDRESS_IP4"}],
            ["vl_api_ip6_address_t", "ip6", {"case": "ADDRESS_IP6"}],
        ],
        [
            "thing",
            ["vl_api_ip4_address_t", "ip4", {"case": "ADDRESS_IP4"}],
            ["vl_api_mac_address_t", "mac", {"case": "ADDRESS_IP6"}],
        ],
    ],
    "types": [
        [
            "address",
            ["vl_api_address_family_t", "af"],
            ["vl_api_address_union_t", "un", {"discriminator": "af"}],
        ],
        ["prefix", ["vl_api_address_t", "address"], ["u8", "len"]],
        ["pair", ["u8", "a"], ["u16", "b", {"default": 5}]],
        ["list", ["u8", "n"], ["vl_api_pair_t", "pairs", 0, "n"]],
    ],
    "enumflags": [["flags", ["FLAG_ONE", 1], ["FLAG_TWO", 2], {"enumtype": "u32"}]],
}


def packed(scope: Scope, **fields: Any) -> bytes:
    """The bytes after the header."""
    return scope.codec("m").encode(7, fields)[10:]


def through(scope: Scope, **fields: Any) -> Any:
    """What comes out of what goes in."""
    codec = scope.codec("m")
    return codec.decode(codec.encode(7, fields))


def error_of(scope: Scope, **fields: Any) -> str:
    with pytest.raises(InvalidArgument) as caught:
        packed(scope, **fields)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "value", "wire"),
    [
        ("u8", 255, b"\xff"),
        ("i16", -2, b"\xff\xfe"),
        ("u32", 0x01020304, b"\1\2\3\4"),
        ("u64", 1, bytes(7) + b"\1"),
        ("i64", -1, b"\xff" * 8),
        ("bool", True, b"\1"),
        ("f64", 1.0, struct.pack("=d", 1.0)),
    ],
)
def test_numbers(scope_of: MakeScope, kind: str, value: Any, wire: bytes) -> None:
    scope = scope_of([kind, "x"])
    assert packed(scope, x=value) == wire
    assert through(scope, x=value).x == value


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("u8", 256, "m.x: expected 0 to 255 (u8), not 256"),
        ("u8", -1, "m.x: expected 0 to 255 (u8), not -1"),
        ("i8", 128, "m.x: expected -128 to 127 (i8), not 128"),
        ("u32", "eth0", "m.x: expected a number (u32), not 'eth0'"),
        ("u32", 1.5, "m.x: expected a number (u32), not 1.5"),
        ("bool", "no", "m.x: expected True or False, not 'no'"),
        ("f64", "1", "m.x: expected a number (f64), not '1'"),
    ],
)
def test_numbers_that_do_not_fit(scope_of: MakeScope, kind: str, value: Any, said: str) -> None:
    assert error_of(scope_of([kind, "x"]), x=value) == said


def test_long_values_are_trimmed_in_errors(scope_of: MakeScope) -> None:
    said = error_of(scope_of(["u8", "x"]), x="y" * 1000)
    assert said.startswith("m.x: expected a number (u8), not 'yyyy")
    assert said.endswith("...")
    assert len(said) < 120


def test_text_of_fixed_size(scope_of: MakeScope) -> None:
    scope = scope_of(["string", "x", 8])
    assert packed(scope, x="abc") == b"abc\0\0\0\0\0"
    assert through(scope, x="1234567").x == "1234567"
    assert scope.codec("m").decode(HEAD + b"12345678").x == "12345678"
    assert scope.codec("m").decode(HEAD + b"a\xff\0bcdef").x == "a\\xff"
    assert error_of(scope, x="12345678").startswith("m.x: expected text of at most 7 bytes")
    assert error_of(scope, x="a\0b").startswith("m.x: expected text of at most 7 bytes")
    assert error_of(scope, x=5) == "m.x: expected text, not 5"
    assert error_of(scope, x="\ud800").startswith("m.x: expected text without lone surrogates")


def test_text_of_any_size(scope_of: MakeScope) -> None:
    scope = scope_of(["string", "x", 0])
    assert packed(scope, x="show") == b"\0\0\0\4show"
    assert packed(scope) == bytes(4)
    assert through(scope, x="ä\0b").x == "ä\0b"


def test_bytes(scope_of: MakeScope) -> None:
    scope = scope_of(["u8", "x", 4])
    assert packed(scope, x=b"ab") == b"ab\0\0"
    assert packed(scope, x=[1, 2, 3, 4]) == b"\1\2\3\4"
    assert packed(scope, x=memoryview(b"abcd")) == b"abcd"
    assert error_of(scope, x=b"abcde") == "m.x: expected at most 4 bytes, not 5: b'abcde'"
    assert error_of(scope, x=7) == "m.x: expected bytes, not 7"


@pytest.mark.parametrize("length", [3, 20])
def test_arrays_are_filled_up(scope_of: MakeScope, length: int) -> None:
    scope = scope_of(["u16", "x", length])
    assert through(scope, x=(1, 2)).x == [1, 2] + [0] * (length - 2)
    assert through(scope, x=range(length)).x == list(range(length))
    assert f"at most {length} values" in error_of(scope, x=[0] * (length + 1))
    assert error_of(scope, x=[1, 70000]) == "m.x[1]: expected 0 to 65535 (u16), not 70000"
    assert error_of(scope, x=3) == "m.x: expected a sequence, not 3"


def test_counts_are_filled_in_and_checked(scope_of: MakeScope) -> None:
    scope = scope_of(["u8", "n"], ["u32", "x"], ["u16", "items", 0, "n"])
    assert packed(scope, items=[1, 2], x=9) == b"\2" + bytes(3) + b"\x09" + b"\0\1\0\2"
    assert packed(scope, items=[1], n=1) == packed(scope, items=[1])
    said = error_of(scope, items=[1], n=2)
    assert said == "m.n: expected 1, the length of items (or leave it out), not 2"
    assert error_of(scope, items=[0] * 256).startswith("m.items: expected at most 255 values")
    message = scope.codec("m").cls(items=[1, 2, 3])
    assert message.n == 3
    message.items.append(4)
    assert message.n == 4
    assert encode(message, 7)[10] == 4


def test_structs_as_objects_and_dicts(scope_of: MakeScope) -> None:
    scope = scope_of(["vl_api_pair_t", "p"], ["vl_api_pair_t", "q", 2], **FAMILY)
    value = through(scope, p={"a": 1}, q=[{"b": 2}])
    assert (value.p.a, value.p.b, value.q[0].b, value.q[1].b) == (1, 5, 2, 5)
    assert packed(scope, p=value.p, q=value.q) == packed(scope, p={"a": 1}, q=[{"b": 2}])
    assert error_of(scope, p={"a": 300}) == "m.p.a: expected 0 to 255 (u8), not 300"
    assert error_of(scope, q=[{}, {"b": "x"}]) == "m.q[1].b: expected a number (u16), not 'x'"
    assert error_of(scope, p=3).startswith("m.p: expected Pair or a dict of its fields")
    assert "no field 'c'" in error_of(scope, p={"c": 1})


def test_variable_struct_at_the_end(scope_of: MakeScope) -> None:
    scope = scope_of(["u16", "x"], ["vl_api_list_t", "l"], **FAMILY)
    value = through(scope, x=1, l={"pairs": [{"a": 1}, {"a": 2, "b": 3}]})
    assert [(pair.a, pair.b) for pair in value.l.pairs] == [(1, 5), (2, 3)]
    assert value.l.n == 2
    assert to_dict(value) == {"x": 1, "l": {"pairs": [{"a": 1, "b": 5}, {"a": 2, "b": 3}]}}


def test_enums_by_number_name_and_part_of_it(scope_of: MakeScope) -> None:
    scope = scope_of(["vl_api_address_family_t", "x"], ["vl_api_flags_t", "f"], **FAMILY)
    value = through(scope, x="ADDRESS_IP6", f="one|two")
    assert (value.x, value.f, value.x.name) == (1, 3, "ADDRESS_IP6")
    assert through(scope, x="ip6", f=["FLAG_TWO"]).f == 2
    assert isinstance(value.f, ApiFlag)
    assert repr(value) == "M(x=AddressFamily.ADDRESS_IP6, f=Flags.FLAG_ONE|Flags.FLAG_TWO)"
    unknown = through(scope, x=77, f=0x81)
    assert (unknown.x, unknown.f) == (77, 0x81)
    assert repr(unknown.x) == "AddressFamily(77)"
    said = error_of(scope, x="ADDRESS_IPX")
    assert said.startswith("m.x: expected a member of AddressFamily, its name or number: ADDRESS_")
    assert error_of(scope, x=256) == "m.x: expected 0 to 255 (u8), not 256"


def test_unions_and_their_discriminators(scope_of: MakeScope) -> None:
    scope = scope_of(
        ["vl_api_address_family_t", "af"],
        ["vl_api_thing_t", "un", {"discriminator": "af"}],
        **FAMILY,
    )
    assert packed(scope, un={"mac": "02:fe:00:00:00:01"}) == bytes.fromhex("0102fe00000001")
    value = through(scope, un={"ip4": "1.2.3.4"})
    assert (value.af, value.un.which, value.un.ip4) == (0, "ip4", IPv4Address("1.2.3.4"))
    with pytest.raises(AttributeError, match="holds 'ip4', not 'mac'"):
        _ = value.un.mac
    assert through(scope, af=1, un=b"\1\2\3").un.mac == MACAddress("01:02:03:00:00:00")
    odd = scope.codec("m").decode(HEAD + b"\x09abcdef")
    assert (odd.un.which, bytes(odd.un)) == (None, b"abcdef")
    said = error_of(scope, af="ip4", un={"mac": bytes(6)})
    assert said == (
        "m.af: the union holds 'mac': expected AddressFamily.ADDRESS_IP6, "
        "not AddressFamily.ADDRESS_IP4"
    )
    assert "expected one of the arms ip4, mac" in error_of(scope, un={"ip6": "::"})
    assert "expected one of the arms ip4, mac" in error_of(scope, un={})
    assert to_dict(through(scope, un={"ip4": "1.2.3.4"})) == {
        "af": 0,
        "un": {"ip4": IPv4Address("1.2.3.4")},
    }
    whole = to_dict(odd)
    assert whole["un"] == {"ip4": IPv4Address(b"abcd"), "mac": MACAddress(b"abcdef")}
    assert packed(scope, **whole) == b"\x09abcdef"
    said = error_of(scope, af=9, un={"ip4": "1.2.3.4", "mac": b"abcdef"})
    assert "expected one of the arms ip4, mac, not {'ip4'" in said
    natural = through(scope, un="1.2.3.4")  # can only be one of the arms
    assert (natural.af, natural.un.which) == (0, "ip4")
    assert "expected {arm: value}, an arm of ip4, mac, not 'x'" in error_of(scope, un="x")
    value.af = 1
    with pytest.raises(InvalidArgument, match="holds 'ip4'"):
        encode(value, 7)


def test_addresses_are_natural(scope_of: MakeScope) -> None:
    scope = scope_of(
        ["vl_api_address_t", "a"],
        ["vl_api_prefix_t", "p"],
        ["vl_api_address_with_prefix_t", "i"],
        ["vl_api_mac_address_t", "m"],
        **FAMILY,
    )
    value = through(scope, a="2001:db8::1", p="10.1.2.3/8", i="10.1.2.3/8", m="02-FE-00-00-00-01")
    assert value.a == IPv6Address("2001:db8::1")
    assert value.p == IPv4Network("10.0.0.0/8")
    assert value.i == IPv4Interface("10.1.2.3/8")
    assert value.m == "02:fe:00:00:00:01"
    assert packed(scope, a=value.a, p=value.p, i=value.i, m=value.m)[:17] == (
        b"\1" + value.a.packed
    )
    assert error_of(scope, a="10.0.0.300").startswith(
        "m.a: expected an IP address such as 10.0.0.1"
    )
    assert error_of(scope, p="10.0.0.0/40").startswith("m.p: expected a prefix such as 10.0.0.0/8")
    assert "MAC address" in error_of(scope, m="02:fe")
    # What is no address comes out as the bytes it is, and goes back as them.
    odd = scope.codec("m").decode(HEAD + b"\x05" + bytes(16 + 18 + 18 + 6))
    assert odd.a == b"\x05" + bytes(16)
    assert packed(scope, a=odd.a)[:17] == odd.a


def test_defaults_of_the_api(scope_of: MakeScope) -> None:
    scope = scope_of(
        ["u32", "sw_if_index", {"default": 0xFFFFFFFF}],
        ["bool", "is_add", {"default": "true"}],
        ["bool", "odd", {"default": 0xFFFFFFFF}],
        ["vl_api_address_family_t", "af", {"default": "ADDRESS_IP6"}],
        **FAMILY,
    )
    message = scope.codec("m").cls()
    assert (message.sw_if_index, message.is_add, message.odd, message.af) == (2**32 - 1, 1, 1, 1)
    assert packed(scope) == b"\xff\xff\xff\xff\1\1\1"
    assert packed(scope, is_add=None, sw_if_index=None) == packed(scope)


def test_keywords_become_attributes(scope_of: MakeScope) -> None:
    scope = scope_of(["u8", "from"], ["u8", "t"], ["u8", "len"], ["u8", "o"], ["u8", "self"])
    assert packed(scope, from_=1, t=2, len=3, o=4, self_=5) == b"\1\2\3\4\5"
    assert through(scope, from_=1).from_ == 1


def test_unknown_fields_name_the_nearest(scope_of: MakeScope) -> None:
    assert error_of(scope_of(["u8", "colour"]), color=1) == (
        "m has no field 'color': did you mean 'colour'?"
    )
    assert error_of(scope_of(), color=1) == "m has no field 'color': it has none"


def test_messages_are_values(scope_of: MakeScope) -> None:
    cls: Any = scope_of(["u8", "a"], ["string", "b", 8]).codec("m").cls
    one = cls(a=1, b="x")
    assert one == cls(a=1, b="x")
    assert one != cls(a=2, b="x")
    assert one != "something else"
    assert repr(one) == "M(a=1, b='x')"
    with pytest.raises(TypeError):
        hash(one)
    match one:
        case cls(a=1, b=text):
            assert text == "x"
        case _:
            pytest.fail("the pattern did not match")
    with pytest.raises(AttributeError):
        one.c = 1
    one.a = 5
    assert decode(cls, encode(one, 7)).a == 5
    one.a = "five"
    with pytest.raises(InvalidArgument, match=r"m\.a: expected a number"):
        encode(one, 7)


def test_writing_before_reading_is_kept(scope_of: MakeScope) -> None:
    codec = scope_of(["u8", "a"], ["u8", "b"]).codec("m")
    message = codec.decode(HEAD + b"\1\2")
    message.a = 9
    assert (message.a, message.b) == (9, 2)
    assert type(message) is codec.cls


def test_threads_may_look_at_one_message(scope_of: MakeScope) -> None:
    """Whoever is first decodes it; nobody sees half of it."""
    names = [f"x{index}" for index in range(40)]
    codec = scope_of(*(["u8", name] for name in names)).codec("m")
    raw = HEAD + bytes(range(40))
    wrong: list[object] = []

    for _ in range(50):
        message = codec.decode(raw)
        start = threading.Barrier(4)

        def look(message: Any = message, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                if message.x39 != 39 or message.x0 != 0:
                    wrong.append(message)
            except AttributeError as error:
                wrong.append(error)

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("fields", "body", "said"),
    [
        ((["u32", "a"], ["u32", "b"]), bytes(5), r"m\.b: 15 bytes end before"),
        ((["u32", "a"], ["u32", "b"]), bytes(9), r"m: 19 bytes, 1 beyond the end of b"),
        ((["u8", "n"], ["u32", "x", 0, "n"]), b"\2" + bytes(7), r"m\.x: 2 announced, 1.75 there"),
        ((["string", "s", 0],), b"\xff\xff\xff\xff", r"m\.s: 4294967295 announced, 0 there"),
        ((["string", "s", 0],), b"\0\0\0\1ab", r"m\.s: 1 announced, 2 there"),
    ],
)
def test_wrong_lengths(scope_of: MakeScope, fields: Any, body: bytes, said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        scope_of(*fields).codec("m").decode(HEAD + body)


def test_a_header_cut_short(scope_of: MakeScope) -> None:
    with pytest.raises(BadMessage, match="its header alone has 10"):
        scope_of().codec("m").decode(b"\0\1\0")


def test_nested_counts_are_checked(scope_of: MakeScope) -> None:
    scope = scope_of(["vl_api_list_t", "l"], **FAMILY)
    with pytest.raises(BadMessage, match=r"m\.l\.pairs: 3 announced, 1 there"):
        scope.codec("m").decode(HEAD + b"\3\0\0\0")


@pytest.mark.parametrize(
    "fields",
    [
        (["vl_api_nothing_t", "x"],),
        (["u8"],),
        (["u16", "x", 0, "count"],),
        (["vl_api_loop_t", "x"],),
    ],
)
def test_malformed_definitions(scope_of: MakeScope, fields: Any) -> None:
    scope = scope_of(*fields, types=[["loop", ["vl_api_loop_t", "again"]]])
    with pytest.raises(DefinitionError):
        scope.codec("m")


def test_variable_sizes_that_have_no_codec_are_refused(scope_of: MakeScope) -> None:
    """Rather than taken for a single one. VPP's compiler takes arrays of them."""
    text = ["text", ["u8", "n"], ["u8", "bytes", 0, "n"]]
    inside = ["inside", ["u8", "n"], ["vl_api_text_t", "texts", 0, "n"]]
    for fields in (
        [["u8", "n"], ["vl_api_text_t", "texts", 0, "n"]],
        [["vl_api_text_t", "texts", 2]],
        [["vl_api_inside_t", "inside"]],
    ):
        with pytest.raises(DefinitionError, match="array 'texts' of vl_api_text_t"):
            scope_of(*fields, types=[text, inside]).codec("m")
    with pytest.raises(DefinitionError):
        scope_of(["vl_api_text_t", "one"], ["u8", "end"], types=[text]).codec("m")


# ---- elements of arrays, decoded when looked at ------------------------------------------------


@pytest.fixture
def with_points(scope_of: Callable[..., Scope]) -> Any:
    point = ["point", ["i32", "x"], ["string", "label", 8]]
    return scope_of(
        ["u8", "n"],
        ["vl_api_point_t", "pair", 2],
        ["vl_api_point_t", "points", 0, "n"],
        types=[point],
    ).codec("m")


def test_elements_are_equal_whether_looked_at_or_not(with_points: Any) -> None:
    fields = {
        "pair": [{"x": 1, "label": "a"}, {"x": 2}],
        "points": [{"x": n, "label": f"p{n}"} for n in range(3)],
    }
    data = with_points.encode(7, fields)
    seen, unseen = with_points.decode(data), with_points.decode(data)
    assert [point.x for point in seen.points] == [0, 1, 2]
    assert seen.points[1].label == "p1"
    assert seen.points == unseen.points
    assert with_points.decode(data).points == seen.points
    assert (
        type(seen.points[0]) is type(unseen.points[0]) is type(with_points.cls(**fields).points[0])
    )
    assert repr(with_points.decode(data)) == repr(with_points.cls(**fields))


def test_elements_can_be_set_copied_and_sent_before_they_are_looked_at(with_points: Any) -> None:
    data = with_points.encode(7, {"points": [{"x": 5, "label": "five"}, {"x": 6}]})
    message = with_points.decode(data)
    assert with_points.encode_value(message, 7) == data
    message = with_points.decode(data)
    message.points[0].x = 9
    assert (message.points[0].x, message.points[0].label) == (9, "five")
    other = copy.deepcopy(with_points.decode(data))
    assert other.points[1].x == 6
    assert copy.copy(with_points.decode(data).points[0]).label == "five"


def test_an_element_that_many_threads_look_at(with_points: Any) -> None:
    data = with_points.encode(7, {"points": [{"x": n, "label": f"p{n}"} for n in range(200)]})
    for _ in range(20):
        points = with_points.decode(data).points
        start = threading.Barrier(4)
        seen: list[list[tuple[int, str]]] = []

        def look(
            points: Any = points, start: threading.Barrier = start, seen: list[Any] = seen
        ) -> None:
            start.wait()
            seen.append([(point.x, point.label) for point in points])

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [[(n, f"p{n}") for n in range(200)]] * 4


@pytest.mark.parametrize(
    ("field", "given", "same"),
    [
        ("p", ("10.1.0.0", 16), "10.1.0.0/16"),
        ("p", {"address": "10.1.0.0", "len": 16}, "10.1.0.0/16"),
        ("p", {"address": {"af": 0, "un": {"ip4": "10.1.0.0"}}, "len": 16}, "10.1.0.0/16"),
        (
            "i",
            {"address": {"af": "ip6", "un": {"ip6": "2001:db8::1"}}, "len": 64},
            "2001:db8::1/64",
        ),
        ("a", {"af": "ADDRESS_IP6", "un": {"ip6": "2001:db8::1"}}, "2001:db8::1"),
        ("a", {"un": {"ip4": IPv4Address("10.0.0.1")}}, "10.0.0.1"),
        ("a", {"ip4": b"\x0a\0\0\1"}, "10.0.0.1"),
    ],
)
def test_addresses_may_be_spelt_as_structs(
    scope_of: MakeScope, field: str, given: object, same: str
) -> None:
    """As programs for vpp_papi have them."""
    scope = scope_of(
        ["vl_api_address_t", "a"],
        ["vl_api_prefix_t", "p"],
        ["vl_api_address_with_prefix_t", "i"],
        **FAMILY,
    )
    assert packed(scope, **{field: given}) == packed(scope, **{field: same})


@pytest.mark.parametrize(
    "wrong",
    [
        ("10.0.0.1", None),
        ("10.0.0.1", "x"),
        ("10.0.0.1", 33),
        {"address": "10.0.0.1", "length": 8},
        {"address": {"af": 1, "un": {"ip4": "10.0.0.1"}}, "len": 8},
        {"address": {"af": [], "un": {"ip4": "10.0.0.1"}}, "len": 8},
        {"address": {"un": {"ip5": "10.0.0.1"}}, "len": 8},
        {"address": {"un": "10.0.0.1"}, "len": 8},
        {},
    ],
)
def test_structs_that_are_no_prefix(scope_of: MakeScope, wrong: object) -> None:
    scope = scope_of(["vl_api_prefix_t", "p"], **FAMILY)
    assert error_of(scope, p=wrong).startswith("m.p: expected a")


def test_what_is_put_into_an_object_is_looked_at_when_it_is_sent(scope_of: MakeScope) -> None:
    scope = scope_of(["vl_api_list_t", "l"], **FAMILY)
    message = scope.codec("m").cls(l={"pairs": [{"a": 1}]})
    message.l.pairs.append({"a": 2, "b": 3})
    assert packed(scope, l=message.l) == b"\2" + b"\1\0\5" + b"\2\0\3"
    assert encode(message, 7)[10:] == packed(scope, l=message.l)
    message.l.pairs[0].a = "one"
    with pytest.raises(InvalidArgument, match=r"^m\.l\.pairs\[0\]\.a: .* not 'one'$"):
        encode(message, 7)
    message.l.pairs[0] = {"c": 1}
    with pytest.raises(InvalidArgument, match=r"^m\.l\.pairs\[0\]: pair has no field 'c': it has"):
        encode(message, 7)


def test_flags_are_asked_by_name(scope_of: MakeScope) -> None:
    flags = through(scope_of(["vl_api_flags_t", "f"], **FAMILY), f="one").f
    assert "one" in flags
    assert "FLAG_TWO" not in flags
    assert "one|two" not in flags
    assert type(flags)(1) in flags
    with pytest.raises(ValueError, match="did you mean FLAG_TWO"):
        _ = "twoo" in flags


def test_the_short_name_of_a_member_that_ends_others(scope_of: MakeScope) -> None:
    members = ["ACT_DROP", 0], ["ACT_SEND", 1], ["ACT_MARK_AND_SEND", 2], ["ACT_MARK", 3]
    scope = scope_of(["vl_api_act_t", "a"], enums=[["act", *members, {"enumtype": "u8"}]])
    assert packed(scope, a="send") == b"\1"
    assert packed(scope, a="mark_and_send") == b"\2"
    assert packed(scope, a="mark") == b"\3"
    ambiguous = ["ACT_A_UP", 0], ["ACT_B_UP", 1]
    scope = scope_of(["vl_api_act_t", "a"], enums=[["act", *ambiguous, {"enumtype": "u8"}]])
    assert error_of(scope, a="up").startswith("m.a: expected a member of Act")
