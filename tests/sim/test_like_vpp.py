"""What the embedded network accepts, refuses and shows, as VPP 26.06 does: the same calls on
both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import vapi_cffi
from vapi_cffi import Client
from vapi_cffi.sim import Peer

IN_USE, DUPLICATE, NOT_FOUND, LENGTH = -105, -127, -60, -59

#: Interface, prefix, whether to add: what VPP says.
ADDRESSES = [
    (1, "10.1.1.1/24", True, 0),
    (1, "10.1.1.1/24", True, IN_USE),
    (1, "10.1.1.2/24", True, 0),  # the same subnet
    (1, "10.1.1.3/25", True, IN_USE),
    (1, "10.1.1.7/32", True, IN_USE),
    (2, "10.1.1.9/24", True, IN_USE),
    (2, "10.0.0.1/8", True, IN_USE),
    (2, "10.1.2.1/24", True, 0),
    (1, "10.1.2.5/24", True, IN_USE),
    (1, "2001:db8::1/64", True, 0),
    (1, "2001:db8::1/64", True, DUPLICATE),
    (1, "2001:db8::2/64", True, 0),
    (1, "2001:db8::3/65", True, DUPLICATE),
    (2, "2001:db8::3/64", True, DUPLICATE),
    (2, "fe80::1/64", True, LENGTH),
    (2, "fe80::1/128", True, 0),
    (1, "10.1.1.77/24", False, NOT_FOUND),
    (1, "2001:db8::7/64", False, NOT_FOUND),
    (1, "10.1.1.2/25", False, 0),  # whatever the length
    (1, "2001:db8::2/60", False, 0),
    (9, "10.5.0.1/24", True, -2),
]

#: Paths of a route, whether to add: what VPP says. 1: a loopback, 9: no interface.
ROUTES = [
    ([(1, "normal")], True, 0),
    ([(9, "normal")], True, -54),
    ([(1, "normal"), (9, "normal")], True, -54),
    ([(9, "drop")], True, 0),
    ([], True, -52),
    ([(9, "normal")], False, -54),
    ([], False, 0),
    ([], False, 0),
]


@pytest.fixture
def sim() -> Iterator[Client]:
    with (
        Peer() as peer,
        vapi_cffi.connect(peer.address(), raise_on_error=False) as client,
    ):
        yield client


@pytest.fixture
def vpp(live_socket: str) -> Iterator[Client]:
    with vapi_cffi.connect(live_socket, raise_on_error=False) as client:
        yield client


def looked_at(client: Client) -> dict[str, Any]:
    """Everything that happens, interfaces by the numbers of the tables above."""
    api = client.api
    real = {number: api.create_loopback().sw_if_index for number in (1, 2)}
    real[9] = 2_000_000
    said: dict[str, Any] = {}
    try:
        said["addresses"] = [
            api.sw_interface_add_del_address(
                sw_if_index=real[number], prefix=prefix, is_add=is_add
            ).retval
            for number, prefix, is_add, _ in ADDRESSES
        ]
        said["shown"] = [
            [str(found.prefix) for found in api.ip_address_dump(sw_if_index=real[1], is_ipv6=ip6)]
            for ip6 in (False, True)
        ]
        said["routes"] = []
        for paths, is_add, _ in ROUTES:
            listed = [{"sw_if_index": real[number], "type": kind} for number, kind in paths]
            route = {"prefix": "172.30.0.0/16", "paths": listed}
            said["routes"].append(api.ip_route_add_del(is_add=is_add, route=route).retval)
        said["weights"] = weights(api, real[1])
        said["bridge"] = bridge(api, real)
    finally:
        api.bridge_domain_add_del_v2(is_add=False, bd_id=77)
        for number in (1, 2):
            api.delete_loopback(sw_if_index=real[number])
    return said


def weights(api: Any, sw_if_index: int) -> list[int]:
    """Of a path without one: 1."""
    route = {"prefix": "172.30.0.0/16", "paths": [{"sw_if_index": sw_if_index}]}
    api.ip_route_add_del(is_add=True, route=route)
    dump = api.ip_route_v2_dump(table={"table_id": 0})
    found = [
        path.weight
        for item in dump
        if str(item.route.prefix) == route["prefix"]
        for path in item.route.paths
    ]
    api.ip_route_add_del(is_add=False, route=route)
    return found


def bridge(api: Any, real: dict[int, int]) -> list[Any]:
    """Two interfaces, one BVI only; where unknown unicasts go is not among the ports."""

    def put(number: int, kind: int, **more: Any) -> int:
        ask = api.sw_interface_set_l2_bridge
        reply = ask(rx_sw_if_index=real[number], bd_id=77, port_type=kind, enable=True, **more)
        return int(reply.retval)

    def shown() -> list[Any]:
        (found,) = api.bridge_domain_dump(bd_id=77)
        named = {index: number for number, index in real.items()}
        places = (found.bvi_sw_if_index, found.uu_fwd_sw_if_index)
        ports = sorted(named[port.sw_if_index] for port in found.sw_if_details)
        return [*(named.get(place) for place in places), ports]

    done = [put(1, 1), put(1, 1), put(2, 1), put(2, 0), shown(), put(2, 2), shown()]
    for number in (1, 2):
        api.sw_interface_set_l2_bridge(rx_sw_if_index=real[number], bd_id=77, enable=False)
    return done


EXPECTED = {
    "addresses": [said for *_, said in ADDRESSES],
    "shown": [["10.1.1.1/24"], ["2001:db8::1/64"]],
    "routes": [said for *_, said in ROUTES],
    "weights": [1],
    "bridge": [0, 0, -152, 0, [1, None, [1, 2]], 0, [1, 2, [1]]],
}


def test_the_embedded_network(sim: Client) -> None:
    assert looked_at(sim) == EXPECTED


@pytest.mark.live
def test_a_live_vpp(vpp: Client) -> None:
    assert looked_at(vpp) == EXPECTED
