"""Sequences of calls that change a network, wrong ones among them, and what they show: for a live
VPP and the embedded peer alike.

Interfaces have names of our own, as every VPP numbers them differently. What is left behind goes at
the end of a sequence; tables, prefixes and bridge domains are such that nobody else uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from vapi_cffi import Client

NONE = 0xFFFFFFFF
#: No VPP has so many interfaces.
NOWHERE = 2_000_000
UP, DOWN = 1, 0

Facts = list[Any]


class World:
    """One network: a client with `raise_on_error=False`, and what we made."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.api: Any = client.api
        self.names: dict[int, str] = {0: "local0", NONE: "none", NOWHERE: "nowhere"}
        self._loops: list[int] = []
        self._tables: list[tuple[int, bool]] = []
        self._bridges: list[int] = []

    # -- what is made, and goes again -------------------------------------------------------------

    def loop(self, name: str, **fields: Any) -> int:
        """A loopback of our own."""
        index = int(self.api.create_loopback(**fields).sw_if_index)
        self.names[index] = name
        self._loops.append(index)
        return index

    def table(self, number: int, *, ip6: bool = False, name: str = "") -> int:
        self._tables.append((number, ip6))
        table = {"table_id": number, "is_ip6": ip6, "name": name}
        return int(self.api.ip_table_add_del(is_add=True, table=table).retval)

    def no_table(self, number: int, *, ip6: bool = False) -> int:
        table = {"table_id": number, "is_ip6": ip6}
        return int(self.api.ip_table_add_del(is_add=False, table=table).retval)

    def bridge(self, number: int, **fields: Any) -> int:
        self._bridges.append(number)
        return int(self.api.bridge_domain_add_del_v2(is_add=True, bd_id=number, **fields).retval)

    def clean(self) -> None:
        """Everything goes; what is gone already stays so."""
        for number, ip6 in self._tables:
            self.api.ip_table_flush(table={"table_id": number, "is_ip6": ip6})
        for index in self._loops:
            self.api.delete_loopback(sw_if_index=index)
        for number, ip6 in self._tables:
            self.no_table(number, ip6=ip6)
        for number in self._bridges:
            self.api.bridge_domain_add_del_v2(is_add=False, bd_id=number)

    # -- changes, and their retvals ---------------------------------------------------------------

    def set_up(self, index: int, flags: int = UP) -> int:
        return int(self.api.sw_interface_set_flags(sw_if_index=index, flags=flags).retval)

    def address(self, index: int, prefix: str, *, add: bool = True) -> int:
        change = self.api.sw_interface_add_del_address
        return int(change(sw_if_index=index, prefix=prefix, is_add=add).retval)

    def move(self, index: int, table: int, *, ip6: bool = False) -> int:
        change = self.api.sw_interface_set_table
        return int(change(sw_if_index=index, is_ipv6=ip6, vrf_id=table).retval)

    def route(
        self,
        table: int,
        prefix: str,
        *paths: dict[str, Any],
        add: bool = True,
        multi: bool = False,
        src: int = 0,
    ) -> int:
        route = {"table_id": table, "prefix": prefix, "paths": list(paths), "src": src}
        change = self.api.ip_route_add_del_v2
        return int(change(is_add=add, is_multipath=multi, route=route).retval)

    def subif(self, index: int, vlan: int) -> tuple[int, int]:
        """The retval, and a name of its own for what was created."""
        reply = self.api.create_vlan_subif(sw_if_index=index, vlan_id=vlan)
        if reply.retval == 0:
            self.names[reply.sw_if_index] = f"{self.names[index]}.{vlan}"
        return int(reply.retval), int(reply.sw_if_index)

    def port(self, index: int, bridge: int, kind: int = 0, *, on: bool = True, shg: int = 0) -> int:
        change = self.api.sw_interface_set_l2_bridge
        reply = change(rx_sw_if_index=index, bd_id=bridge, port_type=kind, shg=shg, enable=on)
        return int(reply.retval)

    # -- what there is ----------------------------------------------------------------------------

    def routes(self, table: int, *, ip6: bool = False, src: int = 0) -> Facts:
        """The routes of a table, in an order of our own."""
        dump = self.api.ip_route_v2_dump(src=src, table={"table_id": table, "is_ip6": ip6})
        found = [(str(item.route.prefix), int(item.route.src), item.route.paths) for item in dump]
        return [
            [p, s, self.paths(paths, ip6)] for p, s, paths in sorted(found, key=lambda r: r[:2])
        ]

    def paths(self, paths: Any, ip6: bool) -> Facts:
        """Each path by what says where it goes."""
        return sorted(
            [
                str(path.type.name).removeprefix("FIB_API_PATH_TYPE_").lower(),
                self.names.get(path.sw_if_index, "?"),
                path.table_id,
                str(path.proto.name).removeprefix("FIB_API_PATH_NH_PROTO_").lower(),
                bytes(path.nh.address)[: 16 if path.proto == 1 else 4].hex(),
                [path.weight, path.preference, int(path.flags)],
                [label.label for label in path.label_stack[: path.n_labels]],
            ]
            for path in paths
        )

    def tables(self, *numbers: int) -> Facts:
        found = [item.table for item in self.api.ip_table_dump()]
        return sorted(
            [table.table_id, bool(table.is_ip6), table.name]
            for table in found
            if table.table_id in numbers
        )

    def addresses(self, index: int) -> Facts:
        return [
            sorted(
                str(item.prefix)
                for item in self.api.ip_address_dump(sw_if_index=index, is_ipv6=ip6)
            )
            for ip6 in (False, True)
        ]

    def interface(self, index: int) -> Facts:
        """What a dump says of an interface, but for its own name and number."""
        return [
            {
                "sup": self.names.get(item.sup_sw_if_index, "?"),
                "flags": int(item.flags),
                "type": int(item.type),
                "link_mtu": item.link_mtu,
                "mtu": list(item.mtu),
                "sub": [item.sub_id, item.sub_number_of_tags, item.sub_outer_vlan_id],
                "sub_inner": item.sub_inner_vlan_id,
                "sub_flags": int(item.sub_if_flags),
                "vtr": [item.vtr_op, item.vtr_push_dot1q, item.vtr_tag1, item.vtr_tag2],
                "duplex": int(item.link_duplex),
                "speed": item.link_speed,
                "dev_type": item.interface_dev_type,
                "tag": item.tag,
            }
            for item in self.api.sw_interface_dump(sw_if_index=index)
        ]

    def bridges(self, *numbers: int) -> Facts:
        return [
            [
                item.bd_id,
                [item.flood, item.uu_flood, item.forward, item.learn, item.arp_term, item.arp_ufwd],
                item.mac_age,
                item.bd_tag,
                self.names.get(item.bvi_sw_if_index, "?"),
                self.names.get(item.uu_fwd_sw_if_index, "?"),
                sorted([self.names.get(p.sw_if_index, "?"), p.shg] for p in item.sw_if_details),
            ]
            for number in numbers
            for item in self.api.bridge_domain_dump(bd_id=number, sw_if_index=NONE)
        ]


def via(index: int, hop: str = "", **more: Any) -> dict[str, Any]:
    """A path through an interface."""
    path: dict[str, Any] = {"sw_if_index": index, **more}
    if hop:
        family = "ip6" if ":" in hop else "ip4"
        path |= {"nh": {"address": {family: hop}}, "proto": f"fib_api_path_nh_proto_{family}"}
    return path


def kind(name: str, index: int = NONE, **more: Any) -> dict[str, Any]:
    """A path of another kind than through an interface."""
    return {"sw_if_index": index, "type": f"fib_api_path_type_{name}", **more}


# ---- the sequences -------------------------------------------------------------------------------


def tables(w: World) -> Facts:
    """Tables come with routes of their own, and keep the name that they had first."""
    done: Facts = [
        w.table(7001),
        w.table(7001, name="another"),
        w.table(7001, ip6=True, name="six"),
    ]
    done += [w.tables(7001), w.routes(7001), w.routes(7001, ip6=True)]
    done += [w.routes(7001, src=1), w.routes(7001, src=20), w.routes(7001, src=8)]
    done += [w.no_table(7001), w.tables(7001), w.routes(7001), w.no_table(7001), w.no_table(7002)]
    done += [w.table(7001, name="x" * 63), w.tables(7001), w.no_table(0), len(w.tables(0))]
    flush = w.api.ip_table_flush
    done += [flush(table={"table_id": 7002, "is_ip6": False}).retval]
    allocated = w.api.ip_table_allocate(table={"table_id": NONE, "name": "mine"})
    number = allocated.table.table_id
    w._tables.append((number, False))
    done += [allocated.retval, number not in (0, NONE), [t[1:] for t in w.tables(number)]]
    again = w.api.ip_table_allocate(table={"table_id": number})
    return [*done, again.retval, again.table.table_id == number]


def tables_of_interfaces(w: World) -> Facts:
    """An interface keeps its table, and cannot change it while it has addresses."""
    a = w.loop("a")
    w.table(7001)
    w.table(7001, ip6=True)
    done: Facts = [
        w.move(a, 7002),
        w.move(NOWHERE, 7001),
        w.move(a, 7001),
        w.move(a, 7001, ip6=True),
    ]
    done += [w.address(a, "10.91.1.1/24"), w.address(a, "2001:db8:91::1/64"), w.set_up(a)]
    done += [w.routes(7001), w.routes(7001, ip6=True)]
    done += [w.move(a, 0), w.move(a, 0, ip6=True)]
    done += [w.no_table(7001), w.tables(7001), len(w.routes(7001))]
    done += [w.address(a, "10.91.1.1/24", add=False), w.move(a, 0), w.tables(7001), w.routes(7001)]
    return done


def connected(w: World) -> Facts:
    """The routes of addresses: there while the interface is up, of every length."""
    a, b = w.loop("a"), w.loop("b")
    w.table(7001)
    for index in (a, b):
        w.move(index, 7001)
    done: Facts = [w.address(a, "10.92.1.1/24"), len(w.routes(7001)), w.set_up(a), w.routes(7001)]
    done += [w.address(a, "10.92.1.2/24"), w.routes(7001, src=4)]
    done += [w.address(a, "10.92.1.1/24", add=False), w.routes(7001, src=4)]
    done += [w.address(a, "10.92.2.4/31"), w.address(a, "10.92.2.7/31")]
    done += [w.address(a, "10.92.3.1/32"), w.address(a, "10.92.4.2/30"), w.routes(7001, src=4)]
    done += [w.address(b, "10.92.5.1/8"), w.address(b, "10.93.0.1/16"), w.set_up(b)]
    done += [w.routes(7001, src=4), w.set_up(a, DOWN), w.routes(7001), w.set_up(a, UP)]
    done += [w.addresses(a), w.addresses(b), w.routes(7001, src=4)]
    del_all = w.api.sw_interface_add_del_address
    done += [del_all(sw_if_index=a, del_all=True, is_add=False).retval, w.routes(7001, src=4)]
    done += [w.api.delete_loopback(sw_if_index=b).retval, w.routes(7001)]
    return done


def connected6(w: World) -> Facts:
    """The same for IPv6."""
    a = w.loop("a")
    w.table(7001, ip6=True)
    done: Facts = [w.move(a, 7001, ip6=True), w.set_up(a), w.address(a, "2001:db8:92::1/64")]
    done += [w.address(a, "2001:db8:92::2/64"), w.address(a, "2001:db8:93::1/128")]
    done += [w.address(a, "2001:db8:94::1/127"), w.routes(7001, ip6=True)]
    done += [w.address(a, "fe80::77/128"), w.addresses(a)]
    done += [w.address(a, "2001:db8:92::1/64", add=False), w.routes(7001, ip6=True, src=4)]
    done += [w.set_up(a, DOWN), w.routes(7001, ip6=True), w.addresses(a)]
    return done


def wrong_addresses(w: World) -> Facts:
    """Which addresses are refused, and with what."""
    a, b = w.loop("a"), w.loop("b")
    w.table(7001)
    done: Facts = [w.address(0, "10.94.0.1/24"), w.address(NOWHERE, "10.94.0.1/24")]
    done += [w.address(0, "2001:db8:94::1/64"), w.address(0, "10.94.0.1/24", add=False)]
    done += [w.address(a, "10.94.0.1/24", add=False), w.address(a, "10.94.0.1/24")]
    done += [w.address(b, "10.94.0.1/24"), w.address(b, "10.94.0.0/23"), w.move(b, 7001)]
    done += [w.address(b, "10.94.0.1/24"), w.address(b, "10.94.0.129/25")]
    done += [w.addresses(a), w.addresses(b), w.addresses(NOWHERE)]
    del_all = w.api.sw_interface_add_del_address
    done += [del_all(sw_if_index=NOWHERE, del_all=True, is_add=False).retval]
    done += [del_all(sw_if_index=a, del_all=True, is_add=True).retval, w.addresses(a)]
    return done


def route_paths(w: World) -> Facts:
    """What becomes of paths of every kind."""
    a = w.loop("a")
    w.table(7001)
    w.table(7001, ip6=True)
    kinds = [
        via(a),
        via(a, "10.95.0.9"),
        via(a, "2001:db8::9"),
        via(NONE, "10.95.9.9"),
        via(NONE, "10.95.9.9", table_id=7001),
        via(a, "10.95.0.9", weight=7, preference=3),
        via(NONE, "10.95.9.9", flags="fib_api_path_flag_resolve_via_host"),
        kind("drop"),
        kind("drop", a),
        kind("icmp_unreach"),
        kind("icmp_prohibit"),
        kind("local"),
        kind("local", a),
        kind("dvr", a),
    ]
    done: Facts = [w.set_up(a)]
    for number, path in enumerate(kinds):
        done.append([number, w.route(7001, f"10.95.{number}.0/24", path)])
    done += [
        w.route(7001, "10.95.100.1/32", via(a)),
        w.route(7001, "10.95.100.2/32", via(a, "10.1.1.1")),
    ]
    labels = [{"label": 17}, {"label": 18}]
    done += [w.route(7001, "10.95.101.0/24", via(a, "10.1.1.1", n_labels=2, label_stack=labels))]
    done += [w.route(7001, "2001:db8:95::/48", via(a, "2001:db8::9"))]
    done += [w.route(7001, "2001:db8:96::1/128", via(a, proto="fib_api_path_nh_proto_ip6"))]
    done += [w.routes(7001, src=8), w.routes(7001, ip6=True, src=8)]
    return done


def wrong_routes(w: World) -> Facts:
    """Which routes are refused, and with what: first for the table, then for the paths."""
    a = w.loop("a")
    w.table(7001)
    w.table(7001, ip6=True)
    good, bad = via(a), via(NOWHERE)
    done: Facts = [
        w.route(7002, "10.96.0.0/16", good),
        w.route(7002, "10.96.0.0/16", bad),
        w.route(7001, "10.96.0.0/16", bad),
        w.route(7001, "10.96.0.0/16", good, bad),
        w.route(7001, "10.96.0.0/16", via(NONE, "10.1.1.1", table_id=7002)),
        w.route(7001, "10.96.0.0/16", via(NONE, "2001:db8::1", table_id=7002)),
        w.route(7001, "10.96.0.0/16", kind("classify")),
        w.route(7001, "10.96.0.0/16"),
        w.route(7001, "10.96.0.0/16", multi=True),
        w.route(7001, "10.96.0.0/16", add=False),
        w.route(7001, "10.96.0.0/16", add=False, multi=True),
        w.route(7001, "10.96.0.0/16", good, add=False, multi=True),
        w.route(7001, "10.96.0.0/16", bad, add=False),
        w.route(7002, "10.96.0.0/16", add=False),
    ]
    return [*done, w.routes(7001, src=8), w.routes(7001, ip6=True, src=8)]


def multipath(w: World) -> Facts:
    """Paths are added, found again, replaced and taken out."""
    a, b = w.loop("a"), w.loop("b")
    w.table(7001)
    prefix = "10.97.0.0/16"
    one, two, three = via(a, "10.1.1.1"), via(a, "10.1.1.2"), via(b, "10.1.1.1", weight=5)

    def now(retval: int) -> Facts:
        return [retval, w.routes(7001, src=8)]

    done = [
        now(w.route(7001, prefix, one, multi=True)),
        now(w.route(7001, prefix, two, multi=True)),
    ]
    done += [now(w.route(7001, prefix, one, multi=True))]
    done += [now(w.route(7001, prefix, three, one, multi=True))]
    done += [now(w.route(7001, prefix, via(a, "10.1.1.9"), add=False, multi=True))]
    done += [now(w.route(7001, prefix, two, add=False, multi=True))]
    done += [now(w.route(7001, prefix, two, two))]
    done += [now(w.route(7001, prefix, one, three))]
    done += [now(w.route(7001, "10.97.1.2/16", one, three, add=False, multi=True))]
    done += [now(w.route(7001, prefix, one, two, three))]
    done += [now(w.route(7001, prefix, two, add=False))]
    return done


def sources(w: World) -> Facts:
    """What was added over the routes of tables and addresses, and what shows when it goes."""
    a = w.loop("a")
    w.table(7001)
    w.move(a, 7001)
    w.set_up(a)
    w.address(a, "10.98.1.1/24")
    done: Facts = []
    for prefix in ("0.0.0.0/0", "10.98.1.0/24", "10.98.1.1/32", "224.0.0.0/4", "0.0.0.0/32"):
        done += [[prefix, w.route(7001, prefix, via(a, "10.98.1.9"))]]
    done += [w.routes(7001), w.routes(7001, src=8), w.set_up(a, DOWN), w.routes(7001)]
    done += [w.set_up(a), w.routes(7001)]
    done += [w.route(7001, "0.0.0.0/0", add=False), w.route(7001, "10.98.1.1/32", add=False)]
    done += [w.route(7001, "240.0.0.0/4", add=False), w.routes(7001)]
    done += [w.route(7001, "10.99.0.0/16", via(a, "10.98.1.7"), src=9)]
    done += [w.route(7001, "10.99.0.0/16", via(a, "10.98.1.8"), src=8)]
    done += [w.routes(7001, src=9), w.routes(7001, src=8)]
    done += [w.route(7001, "10.99.0.0/16", add=False, src=8), w.routes(7001, src=9)]
    done += [w.route(7001, "10.99.0.0/16", add=False, src=9)]
    flush = w.api.ip_table_flush
    done += [flush(table={"table_id": 7001, "is_ip6": False}).retval, w.routes(7001)]
    return [*done, w.interface(a)]


def lookups(w: World) -> Facts:
    """Which route a packet would take."""
    a = w.loop("a")
    w.table(7001)
    w.move(a, 7001)
    w.set_up(a)
    w.address(a, "10.98.1.1/24")
    w.route(7001, "10.98.0.0/16", via(a, "10.98.1.9"))

    def ask(prefix: str, *, exact: bool = False, table: int = 7001) -> Facts:
        reply = w.api.ip_route_lookup(table_id=table, exact=exact, prefix=prefix)
        if reply.retval:
            return [reply.retval]
        return [0, str(reply.route.prefix), w.paths(reply.route.paths, False)]

    return [
        ask("10.98.1.1/32"),
        ask("10.98.1.7/32"),
        ask("10.98.7.7/32"),
        ask("10.99.7.7/32"),
        ask("10.98.0.0/16", exact=True),
        ask("10.98.0.0/17", exact=True),
        ask("10.98.1.7/32", exact=True),
        ask("10.98.1.7/32", table=7002),
    ]


def interfaces(w: World) -> Facts:
    """What can be set of an interface, and what cannot."""
    api = w.api
    a = w.loop("a", mac_address="02:11:22:33:44:55")
    done: Facts = [w.interface(a), str(api.sw_interface_get_mac_address(sw_if_index=a).mac_address)]
    mac = api.sw_interface_set_mac_address
    done += [mac(sw_if_index=a, mac_address="02:aa:bb:cc:dd:ee").retval]
    (found,) = api.sw_interface_dump(sw_if_index=a)
    done += [str(found.l2_address)]
    done += [str(api.sw_interface_get_mac_address(sw_if_index=a).mac_address)]
    done += [mac(sw_if_index=0, mac_address="02:aa:bb:cc:dd:ee").retval]
    done += [mac(sw_if_index=NOWHERE, mac_address="02:aa:bb:cc:dd:ee").retval]
    done += [api.sw_interface_get_mac_address(sw_if_index=NOWHERE).retval]
    done += [w.set_up(NOWHERE), w.set_up(a, 3), w.interface(a), w.set_up(a, 2), w.interface(a)]
    mtu = api.sw_interface_set_mtu
    done += [mtu(sw_if_index=a, mtu=[1500, 1400, 1300, 1200]).retval]
    done += [mtu(sw_if_index=NOWHERE, mtu=[1, 2, 3, 4]).retval, w.interface(a)]
    tag = api.sw_interface_tag_add_del
    for text in ("one", "", "x" * 63):
        done += [tag(sw_if_index=a, is_add=True, tag=text).retval, w.interface(a)[0]["tag"]]
    done += [tag(sw_if_index=a, is_add=False).retval, w.interface(a)[0]["tag"]]
    done += [
        tag(sw_if_index=a, is_add=False).retval,
        tag(sw_if_index=0, is_add=True, tag="").retval,
    ]
    done += [tag(sw_if_index=NOWHERE, is_add=True, tag="t").retval, w.interface(NOWHERE)]
    return done


def loopbacks(w: World) -> Facts:
    """Numbers of loopbacks, and how they go."""
    api = w.api
    make = api.create_loopback_instance
    first = make(is_specified=True, user_instance=7700)
    done: Facts = [first.retval, make(is_specified=True, user_instance=7700).retval]
    done += [make(is_specified=True, user_instance=7700).sw_if_index]
    done += [make(is_specified=True, user_instance=16384).retval]
    (found,) = api.sw_interface_dump(sw_if_index=first.sw_if_index)
    done += [found.interface_name, str(found.l2_address)]
    gone = api.delete_loopback
    done += [gone(sw_if_index=first.sw_if_index).retval, gone(sw_if_index=first.sw_if_index).retval]
    done += [gone(sw_if_index=0).retval, gone(sw_if_index=NOWHERE).retval]
    last = make(is_specified=True, user_instance=16383)
    return [*done, last.retval, gone(sw_if_index=last.sw_if_index).retval]


def subinterfaces(w: World) -> Facts:
    """VLANs of a loopback."""
    api = w.api
    a = w.loop("a")
    w.table(7001)
    retval, sub = w.subif(a, 100)
    done: Facts = [retval, w.subif(a, 100)[0], w.subif(a, 0)[0], w.subif(a, 4096)[0]]
    done += [w.subif(a, 4095)[0], w.subif(NOWHERE, 100)[0], w.subif(sub, 101)[0], w.interface(sub)]
    done += [w.set_up(sub), w.interface(sub), w.set_up(a), w.interface(sub), w.set_up(sub)]
    done += [w.interface(sub), w.move(sub, 7001), w.address(sub, "10.98.7.1/24")]
    done += [w.routes(7001, src=4), w.set_up(a, DOWN), w.interface(sub), w.routes(7001, src=4)]
    done += [w.set_up(sub, DOWN), w.interface(sub), w.routes(7001, src=4)]
    tag = api.sw_interface_tag_add_del
    done += [tag(sw_if_index=sub, is_add=True, tag="vlan").retval, w.interface(sub)[0]["tag"]]
    mtu = api.sw_interface_set_mtu
    done += [mtu(sw_if_index=sub, mtu=[1400, 0, 0, 0]).retval, w.interface(sub)[0]["mtu"]]
    mac = api.sw_interface_set_mac_address
    done += [mac(sw_if_index=sub, mac_address="02:aa:bb:cc:dd:ee").retval]
    same = [str(api.sw_interface_get_mac_address(sw_if_index=i).mac_address) for i in (a, sub)]
    done += [same[0] == same[1]]
    gone = api.delete_subif
    done += [gone(sw_if_index=a).retval, gone(sw_if_index=NOWHERE).retval]
    done += [gone(sw_if_index=sub).retval, gone(sw_if_index=sub).retval, w.interface(sub)]
    retval, sub = w.subif(a, 100)
    done += [retval, w.interface(sub), w.addresses(sub)]
    done += [api.delete_loopback(sw_if_index=a).retval, w.interface(sub), w.interface(a)]
    return done


def names(w: World) -> Facts:
    """Which interfaces a dump names."""
    made = w.api.create_loopback_instance(is_specified=True, user_instance=7711)
    w._loops.append(made.sw_if_index)

    def shown(**fields: Any) -> Facts:
        return sorted(
            item.interface_name
            for item in w.api.sw_interface_dump(**fields)
            if item.interface_name in ("local0", "loop7711")
        )

    return [
        shown(),
        shown(sw_if_index=NONE),
        shown(sw_if_index=0),
        shown(sw_if_index=made.sw_if_index),
        shown(sw_if_index=NOWHERE),
        shown(name_filter_valid=True, name_filter="7711"),
        shown(name_filter_valid=True, name_filter="LOOP7711"),
        shown(name_filter_valid=True, name_filter="7711", sw_if_index=0),
        shown(name_filter_valid=True, name_filter="OCAL", sw_if_index=made.sw_if_index),
        shown(name_filter_valid=True, name_filter="nothing"),
        shown(name_filter_valid=False, name_filter="7711"),
    ]


def bridges(w: World) -> Facts:
    """Bridge domains and their ports."""
    a, b, c = w.loop("a"), w.loop("b"), w.loop("c")
    done: Facts = [
        w.bridge(7001, flood=True, learn=True, mac_age=5, bd_tag="mine"),
        w.bridges(7001),
    ]
    done += [w.bridge(7001), w.bridge(0), w.bridge(1 << 24), w.bridge((1 << 24) - 1)]
    remove = w.api.bridge_domain_add_del_v2
    done += [remove(is_add=False, bd_id=7002).retval, remove(is_add=False, bd_id=0).retval]
    done += [
        w.port(NOWHERE, 7001),
        w.port(a, 7001, 1, shg=3),
        w.port(b, 7001, shg=1),
        w.bridges(7001),
    ]
    done += [w.port(c, 7001, 1), w.bridges(7001), remove(is_add=False, bd_id=7001).retval]
    done += [w.port(b, 7003), w.bridges(7001, 7003)]
    w._bridges.append(7003)
    done += [w.port(a, 7001, on=False), w.port(a, 7001, on=False), w.bridges(7001)]
    done += [w.port(c, 7001, 1), w.bridges(7001), w.port(c, 7001, 0), w.bridges(7001)]
    done += [w.port(c, 7001, 2), w.bridges(7001), w.port(a, 7001, 2), w.bridges(7001)]
    done += [w.port(a, 1 << 24), w.port(a, 0), w.bridges(7001)]
    done += [w.port(a, 7001), w.port(a, 7001, 9), w.bridges(7001), w.port(0, 7001)]
    done += [w.port(a, 7001, on=False), w.port(a, 7099, on=False), w.port(0, 7001, on=False)]
    dump = w.api.bridge_domain_dump
    done += [[item.bd_id for item in dump(bd_id=number, sw_if_index=NONE)] for number in (0, 7099)]
    done += [[item.bd_id for item in dump(bd_id=7001, sw_if_index=index)] for index in (a, b, 0)]
    done += [w.set_up(b), w.address(b, "10.98.200.1/24"), w.port(b, 7001), w.interface(b)]
    done += [w.addresses(b), w.routes(0, src=4) != [], w.port(b, 7003), w.bridges(7003)]
    done += [w.api.delete_loopback(sw_if_index=c).retval, w.bridges(7001)]
    done += [w.port(a, 7001, on=False), w.port(b, 7003, on=False), w.bridges(7001, 7003)]
    done += [remove(is_add=False, bd_id=7001).retval, w.bridges(7001)]
    return done


def events(w: World) -> Facts:
    """What those hear who asked."""
    want = w.api.want_interface_events
    done: Facts = [want(enable_disable=False).retval]
    with w.client.events("sw_interface_event") as heard:

        def next_of(index: int) -> Facts:
            while (event := heard.get(timeout=10)).sw_if_index != index:
                pass
            return [w.names.get(index), int(event.flags), bool(event.deleted)]

        done += [want(enable_disable=True).retval]
        a = w.loop("a")
        done += [next_of(a)]
        done += [w.set_up(a), next_of(a), w.set_up(a), w.set_up(a, DOWN), next_of(a)]
        _, sub = w.subif(a, 5)
        done += [next_of(sub), w.set_up(a), next_of(a), w.set_up(sub), next_of(sub)]
        done += [w.api.delete_subif(sw_if_index=sub).retval, next_of(sub)]
        done += [w.api.delete_loopback(sw_if_index=a).retval, next_of(a)]
    return [*done, want(enable_disable=False).retval]


SEQUENCES: dict[str, Callable[[World], Facts]] = {
    one.__name__: one
    for one in (
        tables,
        tables_of_interfaces,
        connected,
        connected6,
        wrong_addresses,
        route_paths,
        wrong_routes,
        multipath,
        sources,
        lookups,
        interfaces,
        loopbacks,
        subinterfaces,
        names,
        bridges,
        events,
    )
}


def worlds(client: Client) -> Iterator[World]:
    """For a fixture: cleaned when it was used."""
    world = World(client)
    try:
        yield world
    finally:
        world.clean()
