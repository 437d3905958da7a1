"""The peer's small network: tables, routes, interfaces and bridges, as a client of VPP finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from vapi_cffi import ApiError, Client, connect
from vapi_cffi.sim import Peer

# What VPP answers.
INVALID_SW_IF_INDEX = -2
NO_SUCH_FIB = -3
NO_SUCH_ENTRY = -6
ADDRESS_IN_USE = -105

#: Sources of routes: 0 is any.
BY_API, BY_ANY = 8, 0


@pytest.fixture
def client(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("VAPI_CACHE", "0")
    with connect(peer.address("socket"), timeout=5.0, name="network") as connected:
        yield connected


def refused(call: Any, **values: Any) -> int:
    """The retval of a call that must fail."""
    with pytest.raises(ApiError) as caught:
        call(**values)
    return int(caught.value.retval)


def tables(client: Client) -> list[tuple[int, bool, str]]:
    found = [item.table for item in client.api.ip_table_dump()]
    return [(table.table_id, table.is_ip6, table.name) for table in found]


def routes(
    client: Client, table_id: int = 0, *, ip6: bool = False, src: int = BY_API
) -> dict[str, int]:
    """Prefix to the number of paths; of those that were asked for, unless told otherwise."""
    table = {"table_id": table_id, "is_ip6": ip6}
    dump = client.api.ip_route_v2_dump(src=src, table=table)
    return {str(item.route.prefix): len(item.route.paths) for item in dump}


def route(prefix: str, *hops: str, table_id: int = 0, src: int = 0) -> dict[str, Any]:
    paths = [
        {"sw_if_index": 0xFFFFFFFF, "weight": 1, "nh": {"address": {"ip4": hop}}} for hop in hops
    ]
    return {"table_id": table_id, "prefix": prefix, "src": src, "paths": paths}


# ---- tables --------------------------------------------------------------------------------------


def test_tables_come_and_go(client: Client) -> None:
    assert [(number, ip6) for number, ip6, _ in tables(client)] == [(0, False), (0, True)]
    client.api.ip_table_add_del(is_add=True, table={"table_id": 10, "is_ip6": False})
    client.api.ip_table_add_del(is_add=True, table={"table_id": 10, "is_ip6": True, "name": "six"})
    # Again: it is there already.
    client.api.ip_table_add_del(is_add=True, table={"table_id": 10, "is_ip6": False})
    assert [table for table in tables(client) if table[0] == 10] == [
        (10, False, "ipv4-VRF:10"),
        (10, True, "six"),
    ]
    client.api.ip_table_add_del(is_add=False, table={"table_id": 10, "is_ip6": False})
    assert [table[:2] for table in tables(client)] == [(0, False), (0, True), (10, True)]
    # The default table stays, one that is not there may be taken away.
    client.api.ip_table_add_del(is_add=False, table={"table_id": 0, "is_ip6": False})
    client.api.ip_table_add_del(is_add=False, table={"table_id": 77, "is_ip6": False})
    assert len(tables(client)) == 3


def test_many_tables_in_one_dump(client: Client) -> None:
    for number in range(1, 101):
        client.api.ip_table_add_del(table={"table_id": number, "is_ip6": number % 2 == 1})
    found = tables(client)
    assert len(found) == 102
    assert [ip6 for _, ip6, _ in found] == [False] * 51 + [True] * 51


# ---- routes --------------------------------------------------------------------------------------


def test_routes_are_kept_by_prefix(client: Client) -> None:
    client.api.ip_route_add_del_v2(route=route("10.1.2.3/16", "192.0.2.1"))
    client.api.ip_route_add_del_v2(route=route("10.2.129.1/17", "192.0.2.1", "192.0.2.2"))
    # Bits beyond the length do not count.
    assert routes(client) == {"10.1.0.0/16": 1, "10.2.128.0/17": 2}
    client.api.ip_route_add_del_v2(route=route("10.1.0.0/16", "192.0.2.7", "192.0.2.8"))
    assert routes(client)["10.1.0.0/16"] == 2
    client.api.ip_route_add_del_v2(is_add=False, route=route("10.1.255.0/16"))
    assert routes(client) == {"10.2.128.0/17": 2}


def test_paths_are_added_and_removed(client: Client) -> None:
    add = client.api.ip_route_add_del_v2
    for hop in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.2"):
        add(is_multipath=True, route=route("10.0.0.0/8", hop))
    assert routes(client) == {"10.0.0.0/8": 3}
    add(is_add=False, is_multipath=True, route=route("10.0.0.0/8", "192.0.2.2", "192.0.2.9"))
    assert routes(client) == {"10.0.0.0/8": 2}
    add(is_add=False, is_multipath=True, route=route("10.0.0.0/8", "192.0.2.1", "192.0.2.3"))
    assert routes(client) == {}


def test_routes_by_source(client: Client) -> None:
    client.api.ip_route_add_del_v2(route=route("10.0.0.0/8", "192.0.2.1", src=9))
    client.api.ip_route_add_del_v2(route=route("11.0.0.0/8", "192.0.2.1"))
    assert routes(client, src=9) == {"10.0.0.0/8": 1}
    assert routes(client) == {"11.0.0.0/8": 1}
    shown = [str(item.route.prefix) for item in client.api.ip_route_dump(table={"table_id": 0})]
    assert shown == list(routes(client, src=BY_ANY))
    assert shown[-2:] == ["10.0.0.0/8", "11.0.0.0/8"]


def test_routes_of_other_tables(client: Client, peer: Peer) -> None:
    add = client.api.ip_route_add_del_v2
    assert refused(add, route=route("10.0.0.0/8", "192.0.2.1", table_id=5)) == NO_SUCH_FIB
    client.api.ip_table_add_del(table={"table_id": 5, "is_ip6": False})
    add(route=route("10.0.0.0/8", "192.0.2.1", table_id=5))
    assert routes(client) == {}
    assert routes(client, 5) == {"10.0.0.0/8": 1}
    assert peer.stats["routes"] == 1


# ---- interfaces ----------------------------------------------------------------------------------


def names(client: Client) -> list[str]:
    return [item.interface_name for item in client.api.sw_interface_dump()]


def test_loopbacks_with_numbers(client: Client) -> None:
    create = client.api.create_loopback_instance
    create(is_specified=True, user_instance=1)
    create(is_specified=True, user_instance=7)
    client.api.create_loopback()
    # The lowest number that is free.
    index = create(is_specified=False).sw_if_index
    assert names(client)[1:] == ["loop1", "loop7", "loop0", "loop2"]
    refused(create, is_specified=True, user_instance=7)
    assert names(client)[1:] == ["loop1", "loop7", "loop0", "loop2"]
    one = client.api.sw_interface_dump(sw_if_index=index).all()
    assert [item.interface_name for item in one] == ["loop2"]
    client.api.delete_loopback(sw_if_index=index)
    assert client.api.sw_interface_dump(sw_if_index=index).all() == []
    assert refused(client.api.delete_loopback, sw_if_index=0) == INVALID_SW_IF_INDEX


def test_events_are_asked_for_once(client: Client) -> None:
    client.api.want_interface_events(enable_disable=1)
    refused(client.api.want_interface_events, enable_disable=1)
    client.api.want_interface_events(enable_disable=0)
    refused(client.api.want_interface_events, enable_disable=0)


def addresses(client: Client, index: int, *, ip6: bool = False) -> list[str]:
    return [str(a.prefix) for a in client.api.ip_address_dump(sw_if_index=index, is_ipv6=ip6)]


def test_addresses_of_an_interface(client: Client) -> None:
    first, second = (client.api.create_loopback().sw_if_index for _ in range(2))
    change = client.api.sw_interface_add_del_address
    for number in range(1, 4):
        change(is_add=True, sw_if_index=first, prefix=f"10.0.{number}.1/24")
    change(is_add=True, sw_if_index=second, prefix="10.0.9.1/24")
    change(is_add=True, sw_if_index=first, prefix="2001:db8::1/64")
    assert refused(change, is_add=True, sw_if_index=first, prefix="10.0.1.1/24") == ADDRESS_IN_USE
    change(sw_if_index=first, is_add=False, prefix="10.0.2.1/24")
    assert addresses(client, first) == ["10.0.1.1/24", "10.0.3.1/24"]
    assert addresses(client, first, ip6=True) == ["2001:db8::1/64"]
    change(sw_if_index=first, del_all=True, is_add=False)
    assert addresses(client, first) == []
    assert addresses(client, first, ip6=True) == []
    assert addresses(client, second) == ["10.0.9.1/24"]
    client.api.delete_loopback(sw_if_index=second)
    assert addresses(client, second) == []


# ---- bridges -------------------------------------------------------------------------------------


def test_bridge_domains(client: Client) -> None:
    change = client.api.bridge_domain_add_del_v2
    assert change(bd_id=0xFFFFFFFF, bd_tag="first").bd_id == 1
    assert change(bd_id=0xFFFFFFFF).bd_id == 2
    assert change(bd_id=20, learn=True).bd_id == 20
    refused(change, bd_id=20)
    refused(change, bd_id=0)  # VPP's own
    refused(change, bd_id=1 << 24)
    assert refused(change, bd_id=21, is_add=False) == NO_SUCH_ENTRY
    ports = [client.api.create_loopback().sw_if_index for _ in range(3)]
    bridge = client.api.sw_interface_set_l2_bridge
    for port, kind in zip(ports, (0, 1, 2), strict=True):
        bridge(rx_sw_if_index=port, bd_id=20, port_type=kind, shg=kind)
    assert refused(bridge, rx_sw_if_index=99, bd_id=20) == INVALID_SW_IF_INDEX
    (found,) = client.api.bridge_domain_dump(bd_id=20)
    assert found.bvi_sw_if_index == ports[1]
    assert found.uu_fwd_sw_if_index == ports[2]
    # Where unknown unicasts go is told apart.
    assert [(p.sw_if_index, p.shg) for p in found.sw_if_details] == [(ports[0], 0), (ports[1], 1)]
    refused(change, bd_id=20, is_add=False)  # it has ports
    for port in ports:
        bridge(rx_sw_if_index=port, bd_id=20, enable=False)
    change(bd_id=20, is_add=False)
    # A bridge domain that is not there yet comes into being with its first port.
    bridge(rx_sw_if_index=ports[0], bd_id=300)
    assert [d.bd_id for d in client.api.bridge_domain_dump()] == [1, 2, 300]


# ---- looking around ------------------------------------------------------------------------------


def test_versions_of_the_files(client: Client) -> None:
    found = {v.name: (v.major, v.minor, v.patch) for v in client.api.api_versions().api_versions}
    assert found["ip.api"] == (3, 2, 0)
    assert found["memclnt.api"] == (2, 1, 0)


def test_first_ids(client: Client) -> None:
    assert refused(client.api.get_first_msg_id, name="no_such_plugin_01020304") == -7


def test_a_client_may_ask_whether_the_peer_is_alive(client: Client) -> None:
    assert client.api.memclnt_keepalive().retval == 0
