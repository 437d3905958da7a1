"""Fields from the words of a command line."""

from __future__ import annotations

import io
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

from vapi_cffi import InvalidArgument
from vapi_cffi._codec import MessageCodec
from vapi_cffi._registry import scope_of_package
from vapi_cffi.cli._fields import join_path, parse, split_path
from vapi_cffi.cli._requests import with_all
from vapi_cffi.cli._values import plain, text


def codec(name: str) -> MessageCodec:
    return scope_of_package().codec(name)


def built(name: str, *words: str) -> object:
    """The message that the words make."""
    found = codec(name)
    return found.cls(**parse(found, words))


def test_values_are_read_by_the_kind_of_their_field() -> None:
    flags = built("sw_interface_set_flags", "sw_if_index=0x10", "flags=admin_up")
    assert flags.sw_if_index == 16
    assert flags.flags == 1
    loop = built("create_loopback", "mac_address=02:fe:00:00:00:07")
    assert str(loop.mac_address) == "02:fe:00:00:00:07"
    dump = built("sw_interface_dump", "name_filter=loop", "name_filter_valid=yes")
    assert dump.name_filter == "loop"
    assert dump.name_filter_valid is True
    address = built("sw_interface_add_del_address", "is_add=false", "prefix=10.0.0.1/24")
    assert address.is_add is False


@pytest.mark.parametrize("word", ["~0", "-1", "0xffffffff", "4294967295"])
def test_none_and_all_can_be_written(word: str) -> None:
    assert built("sw_interface_dump", f"sw_if_index={word}").sw_if_index == 0xFFFFFFFF


def test_what_the_shell_makes_of_a_tilde_is_explained() -> None:
    with pytest.raises(InvalidArgument, match="put it in quotes, or write -1"):
        parse(codec("sw_interface_dump"), ["sw_if_index=/home/operator"])


def test_addresses_by_their_parts_and_unions_by_what_they_hold() -> None:
    words = ["route.paths[0].nh.address=10.0.0.2", "route.prefix.len=16"]
    route = built("ip_route_add_del_v2", *words, "route.prefix.address=10.1.0.0").route
    assert route.prefix == ip_network("10.1.0.0/16")
    assert str(route.paths[0].nh.address.ip4) == "10.0.0.2"
    raw = built("ip_route_add_del_v2", "route.paths[0].nh.address=0x0a000003").route
    assert str(raw.paths[0].nh.address.ip4) == "10.0.0.3"
    struct = '{"prefix": {"address": {"af": 0, "un": {"ip4": "10.2.0.0"}}, "len": 16}}'
    assert built("ip_route_add_del_v2", f"route={struct}").route.prefix == ip_network("10.2.0.0/16")


def test_dumps_ask_for_all_where_the_api_has_no_default() -> None:
    """Otherwise a tunnel dump without arguments would be about interface 0, and empty."""
    assert with_all(codec("ip_address_dump"), {"is_ipv6": True}) == {
        "sw_if_index": 0xFFFFFFFF,
        "is_ipv6": True,
    }
    assert with_all(codec("ip_address_dump"), {"sw_if_index": 3}) == {"sw_if_index": 3}
    assert with_all(codec("sw_interface_dump"), {}) == {}  # its default is all already


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"nothing\.json: No such file or directory$"):
        parse(codec("sw_interface_dump"), [f"@{tmp_path}/nothing.json"])


def test_nested_fields_and_elements() -> None:
    route = built(
        "ip_route_add_del_v2",
        "is_add=true",
        "route.prefix=10.1.0.0/16",
        "route.paths[0].sw_if_index=1",
        "route.paths[0].nh.address.ip4=10.0.0.2",
        "route.paths[1].sw_if_index=2",
        "route.paths[1].weight=3",
    )
    assert route.route.prefix == ip_network("10.1.0.0/16")
    assert [path.sw_if_index for path in route.route.paths] == [1, 2]
    assert route.route.n_paths == 2
    assert str(route.route.paths[0].nh.address.ip4) == "10.0.0.2"
    assert route.route.paths[1].weight == 3


def test_arrays_by_element_by_commas_and_by_json() -> None:
    for words in (["mtu[0]=9000", "mtu[2]=1280"], ["mtu=9000,0,1280"], ["mtu=[9000, 0, 1280]"]):
        assert built("sw_interface_set_mtu", *words).mtu == [9000, 0, 1280, 0]


def test_json_from_words_files_and_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "fields.json"
    file.write_text('{"sw_if_index": 5, "tag": "from file"}')
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"sw_if_index": 6}'))
    made = built("sw_interface_tag_add_del", f"@{file}", "-", '{"is_add": true}', "tag=last")
    assert (made.sw_if_index, made.tag, made.is_add) == (6, "last", True)


def test_json_reads_back_what_was_printed() -> None:
    route = built(
        "ip_route_add_del_v2",
        "route.prefix=2001:db8::/32",
        "route.paths[0].proto=ip6",
        "route.paths[0].nh.address.ip6=2001:db8::1",
        "route.paths[0].flags=resolve_via_host|resolve_via_attached",
    )
    shown = plain(route)
    assert shown["route"]["paths"][0]["nh"]["address"] == {"ip6": "2001:db8::1"}
    found = codec("ip_route_add_del_v2")
    from vapi_cffi.cli._fields import values_of

    assert found.cls(**values_of(found, shown)) == route


@pytest.mark.parametrize(
    ("name", "word", "words"),
    [
        ("sw_interface_set_flags", "sw_if_indx=1", "has no field 'sw_if_indx': did you mean"),
        ("control_ping", "x=1", "control_ping has no fields"),
        ("sw_interface_set_flags", "flags=admin_uo", "did you mean IF_STATUS_API_FLAG_ADMIN_UP?"),
        ("sw_interface_set_flags", "sw_if_index=x", "sw_if_index: expected a number (u32), not"),
        ("sw_interface_set_flags", "sw_if_index=-2", "expected 0 to 4294967295"),
        ("sw_interface_set_flags", "sw_if_index.x=1", "expected int, which has no fields"),
        ("sw_interface_set_flags", "sw_if_index", "expected field=value, JSON in {}"),
        ("sw_interface_set_flags", "{oops", "is not JSON"),
        ("sw_interface_set_flags", "a..b=1", "is no path to a field"),
        ("sw_interface_add_del_address", "prefix=10.0.0.300/8", "prefix: expected"),
        ("sw_interface_add_del_address", "is_add=maybe", "is_add: expected true or false"),
        ("sw_interface_set_mtu", "mtu[4]=1", "mtu: expected an index below 4"),
        ("sw_interface_set_mtu", "mtu[x]=1", "is no path to a field"),
        ("sw_interface_set_mtu", "mtu.x=1", "expected the number of an element"),
        ("ip_route_add_del_v2", "route=5", "route: expected its fields"),
        ("ip_route_add_del_v2", "route.prefx=::/0", "route has no field 'prefx': did you mean"),
        ("ip_route_add_del_v2", "route.paths[1].weight=1", "expected [0] before it"),
        ("ip_route_add_del_v2", "route.paths[0].nh.address.ip5=1", "one of the arms ip4, ip6"),
        ("ip_route_add_del_v2", "route.paths[0].nh.address=zz", "value, or bytes as 0x0123ab"),
        ("ip_route_add_del_v2", "route.paths[99999999].weight=1", "expected an index below"),
    ],
)
def test_errors_name_the_field_and_what_is_right(name: str, word: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse(codec(name), [word])
    assert words in str(caught.value)


def test_paths() -> None:
    assert split_path("route.paths[0].weight") == ("route", "paths", 0, "weight")
    assert join_path(("route", "paths", 0, "weight")) == "route.paths[0].weight"


def test_text_is_for_people() -> None:
    flags = built("sw_interface_set_flags", "flags=admin_up|link_up", "sw_if_index=-1")
    assert built("sw_interface_set_flags", "flags=admin_up,link_up").flags == flags.flags
    assert text(1.350080720283131) == "1.35008"
    assert text(flags.flags) == "admin_up|link_up"
    assert text(flags.sw_if_index) == "~0"
    assert text(True) == "true"
    assert text(b"\x01\xff") == "0x01ff"
    assert text("bell\x07\x1b[2J") == "bell\\x07\\x1b[2J", "names cannot steer the terminal"
    route = built(
        "ip_route_add_del_v2",
        "route.paths[0].nh.address.ip4=10.0.0.2",
        "route.paths[0].sw_if_index=1",
        "route.paths[0].weight=2",
    )
    assert text(route.route.paths) == "[via 10.0.0.2 sw_if_index 1 weight 2]"
    assert plain(flags) == {
        "sw_if_index": 0xFFFFFFFF,
        "flags": "IF_STATUS_API_FLAG_ADMIN_UP|IF_STATUS_API_FLAG_LINK_UP",
    }
