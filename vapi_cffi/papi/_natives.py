"""Shortcuts for the types that every message has: from leaves of the wire to the same objects that
`vpp_format` makes, and from those to wire bytes, without the dicts and tuples in between.

Each stands for one entry of `vpp_format`'s tables and is used only while that entry is there, and
for a type of exactly this layout.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

from .. import _addresses as ip
from . import vpp_format
from .macaddress import KNOWN, MACAddress, mac_pton

_NO_IP4 = bytes(12)


def _address(family: int, packed: bytes) -> Any:
    if family == 0:
        return ip.ip4(packed[:4])
    return ip.ip6(packed) if family == 1 else None


def _prefix(family: int, packed: bytes, length: int) -> Any:
    found = ip.prefix(family, packed, length)
    if type(found) is not bytes:
        return found
    if family == 0:
        return IPv4Network((packed[:4], length), strict=False)  # raises
    return IPv6Network((packed, length), strict=False) if family == 1 else None


def _interface(family: int, packed: bytes, length: int) -> Any:
    if family == 0:
        return ip.interface4(packed[:4], length) if length <= 32 else IPv4Interface((0, length))
    if family == 1:
        return ip.interface6(packed, length) if length <= 128 else IPv6Interface((0, length))
    return None


def _interface4(packed: bytes, length: int) -> Any:
    return ip.interface4(packed, length) if length <= 32 else IPv4Interface((packed, length))


def _interface6(packed: bytes, length: int) -> Any:
    return ip.interface6(packed, length) if length <= 128 else IPv6Interface((packed, length))


def _strict(make: Callable[[bytes, int], Any], usual: type[Any]) -> Callable[[bytes, int], Any]:
    """`ip4_prefix` and `ip6_prefix` refuse host bits, as vpp_papi does."""

    def network(packed: bytes, length: int) -> Any:
        found = make(packed, length)
        if type(found) is bytes or found.network_address.packed != packed:
            return usual((packed, length))  # raises
        return found

    return network


#: By type: leaves in `struct`'s letters, and what makes the value of them.
FROM_WIRE: dict[str, tuple[str, Callable[..., Any]]] = {
    "vl_api_ip4_address_t": ("4s", ip.ip4),
    "vl_api_ip6_address_t": ("16s", ip.ip6),
    "vl_api_address_t": ("B16s", _address),
    "vl_api_prefix_t": ("B16sB", _prefix),
    "vl_api_address_with_prefix_t": ("B16sB", _interface),
    "vl_api_ip4_prefix_t": ("4sB", _strict(ip.net4, IPv4Network)),
    "vl_api_ip6_prefix_t": ("16sB", _strict(ip.net6, IPv6Network)),
    "vl_api_ip4_address_with_prefix_t": ("4sB", _interface4),
    "vl_api_ip6_address_with_prefix_t": ("16sB", _interface6),
    "vl_api_mac_address_t": ("6s", KNOWN.__getitem__),
}
_USUAL = {name: vpp_format.conversion_unpacker_table[name] for name in FROM_WIRE}
_USUAL_IN = dict(vpp_format.conversion_table)


def from_wire_of(name: str, fmt: str) -> Callable[..., Any] | None:
    """The shortcut for a type of this name and layout, if there is one."""
    shortcut = FROM_WIRE.get(name)
    if (
        shortcut is None
        or shortcut[0] != fmt
        or vpp_format.conversion_unpacker_table.get(name) is not _USUAL[name]
    ):
        return None
    return shortcut[1]


# ---- to wire bytes -----------------------------------------------------------------------------


def _pack_address(value: Any) -> bytes:
    if value.version == 4:
        return b"\0" + value.packed + _NO_IP4  # type: ignore[no-any-return]
    return b"\1" + value.packed  # type: ignore[no-any-return]


def _pack_text(text: str) -> bytes:
    if ":" in text:
        return b"\1" + inet_pton(AF_INET6, text)
    return b"\0" + inet_pton(AF_INET, text) + _NO_IP4


def _pack_network(value: Any) -> bytes:
    return _pack_address(value.network_address) + bytes((value.prefixlen,))


def _pack_interface(value: Any) -> bytes:
    return _pack_address(value.ip) + bytes((value.network.prefixlen,))


def _pack_slash(text: str) -> bytes:
    address, length = text.split("/")
    return _pack_text(address) + bytes((int(length),))


#: By type: its size, and what packs values of Python's types.
TO_WIRE: dict[str, tuple[int, dict[type, Callable[[Any], bytes]]]] = {
    "vl_api_ip4_address_t": (
        4,
        {IPv4Address: lambda v: v.packed, str: lambda v: inet_pton(AF_INET, v)},
    ),
    "vl_api_ip6_address_t": (
        16,
        {IPv6Address: lambda v: v.packed, str: lambda v: inet_pton(AF_INET6, v)},
    ),
    "vl_api_address_t": (
        17,
        {IPv4Address: _pack_address, IPv6Address: _pack_address, str: _pack_text},
    ),
    "vl_api_prefix_t": (
        18,
        {IPv4Network: _pack_network, IPv6Network: _pack_network, str: _pack_slash},
    ),
    "vl_api_address_with_prefix_t": (
        18,
        {
            IPv4Interface: _pack_interface,
            IPv6Interface: _pack_interface,
            IPv4Network: _pack_network,
            IPv6Network: _pack_network,
            str: _pack_slash,
        },
    ),
    "vl_api_mac_address_t": (6, {MACAddress: lambda v: v.mac_binary, str: mac_pton}),
}


def to_wire_of(name: str, size: int) -> dict[type, Callable[[Any], bytes]]:
    """The shortcuts for a type of this name and size."""
    known = TO_WIRE.get(name)
    if (
        known is None
        or known[0] != size
        or vpp_format.conversion_table.get(name) is not _USUAL_IN[name]
    ):
        return {}
    return known[1]
