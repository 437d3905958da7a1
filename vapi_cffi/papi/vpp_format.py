"""Conversions between types of the API and Python's own.

`conversion_table` says, by type of the API and name of the Python type, how a value becomes the
bytes or the dict that is packed; `conversion_unpacker_table` what becomes of what was unpacked.
Programs may look at both, and add to them before the types concerned are first used.
"""

from __future__ import annotations

import datetime
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

from .macaddress import MACAddress, mac_pton

ADDRESS_IP4 = 0
ADDRESS_IP6 = 1


def verify_enum_hint(e: Any) -> bool:
    """Whether an address_family enum has the numbers that are built in here."""
    return bool(e.ADDRESS_IP4.value == ADDRESS_IP4 and e.ADDRESS_IP6.value == ADDRESS_IP6)


def _parts(text: str) -> tuple[str, int]:
    """`a/len`, which is not looked at further: host bits and odd lengths go to VPP as they are."""
    address, length = text.split("/")
    return address, int(length)


def _of(family: int, packed: bytes) -> dict[str, Any]:
    return {"un": {"ip6" if family else "ip4": packed}, "af": family}


def format_vl_api_address_t(args: str) -> dict[str, Any]:
    """An address of either family. Errors: OSError."""
    try:
        return _of(ADDRESS_IP6, inet_pton(AF_INET6, args))
    except OSError:
        return _of(ADDRESS_IP4, inet_pton(AF_INET, args))


def _address(found: IPv4Address | IPv6Address) -> dict[str, Any]:
    return _of(ADDRESS_IP6 if found.version == 6 else ADDRESS_IP4, found.packed)


def format_vl_api_prefix_t(args: Any) -> dict[str, Any]:
    """A network, or `a/len`."""
    if isinstance(args, IPv4Network | IPv6Network):
        return {"address": _address(args.network_address), "len": args.prefixlen}
    address, length = _parts(args)
    return {"address": format_vl_api_address_t(address), "len": length}


def format_vl_api_address_with_prefix_t(args: Any) -> dict[str, Any]:
    """An interface, or `a/len`; host bits are kept."""
    if isinstance(args, IPv4Interface | IPv6Interface):
        return {"address": _address(args.ip), "len": args.network.prefixlen}
    return format_vl_api_prefix_t(args)


def _one_family(
    family: int, network: type[Any], interface: type[Any]
) -> tuple[Callable[[Any], dict[str, Any]], Callable[[Any], dict[str, Any]]]:
    """The same two, for a type of one family."""

    def prefix(args: Any) -> dict[str, Any]:
        if isinstance(args, network):
            return {"address": args.network_address.packed, "len": args.prefixlen}
        address, length = _parts(args)
        return {"address": inet_pton(family, address), "len": length}

    def with_prefix(args: Any) -> dict[str, Any]:
        if isinstance(args, interface):
            return {"address": args.ip.packed, "len": args.network.prefixlen}
        return prefix(args)

    return prefix, with_prefix


format_vl_api_ip4_prefix_t, format_vl_api_ip4_address_with_prefix_t = _one_family(
    AF_INET, IPv4Network, IPv4Interface
)
format_vl_api_ip6_prefix_t, format_vl_api_ip6_address_with_prefix_t = _one_family(
    AF_INET6, IPv6Network, IPv6Interface
)


def _seconds(moment: datetime.datetime) -> float:
    """A moment as VPP counts. One without a zone is local time, as those that VPP's become."""
    return moment.timestamp()


def _packed(value: Any) -> bytes:
    return value.packed  # type: ignore[no-any-return]


Converter = Callable[[Any], Any]

conversion_table: dict[str, dict[str, Converter]] = {
    "vl_api_ip4_address_t": {"IPv4Address": _packed, "str": lambda s: inet_pton(AF_INET, s)},
    "vl_api_ip6_address_t": {"IPv6Address": _packed, "str": lambda s: inet_pton(AF_INET6, s)},
    "vl_api_ip4_prefix_t": dict.fromkeys(("IPv4Network", "str"), format_vl_api_ip4_prefix_t),
    "vl_api_ip6_prefix_t": dict.fromkeys(("IPv6Network", "str"), format_vl_api_ip6_prefix_t),
    "vl_api_address_t": {
        "IPv4Address": _address,
        "IPv6Address": _address,
        "str": format_vl_api_address_t,
    },
    "vl_api_prefix_t": dict.fromkeys(("IPv4Network", "IPv6Network", "str"), format_vl_api_prefix_t),
    "vl_api_address_with_prefix_t": dict.fromkeys(
        ("IPv4Interface", "IPv6Interface", "str"), format_vl_api_address_with_prefix_t
    ),
    "vl_api_ip4_address_with_prefix_t": dict.fromkeys(
        ("IPv4Interface", "str"), format_vl_api_ip4_address_with_prefix_t
    ),
    "vl_api_ip6_address_with_prefix_t": dict.fromkeys(
        ("IPv6Interface", "str"), format_vl_api_ip6_address_with_prefix_t
    ),
    "vl_api_mac_address_t": {"MACAddress": _packed, "str": mac_pton},
    "vl_api_timestamp_t": {"datetime": _seconds},
    "vl_api_timedelta_t": {"timedelta": datetime.timedelta.total_seconds},
}


def unformat_api_address_t(o: Any) -> Any:
    """An address, None if VPP names a family that is neither."""
    if o.af == ADDRESS_IP6:
        return IPv6Address(o.un.ip6)
    return IPv4Address(o.un.ip4) if o.af == ADDRESS_IP4 else None


def unformat_api_prefix_t(o: Any) -> Any:
    """A network, host bits dropped."""
    if o.address.af == ADDRESS_IP6:
        return IPv6Network((o.address.un.ip6, o.len), strict=False)
    if o.address.af == ADDRESS_IP4:
        return IPv4Network((o.address.un.ip4, o.len), strict=False)
    return None


def unformat_api_address_with_prefix_t(o: Any) -> Any:
    """An interface, host bits kept."""
    if o.address.af == ADDRESS_IP6:
        return IPv6Interface((o.address.un.ip6, o.len))
    if o.address.af == ADDRESS_IP4:
        return IPv4Interface((o.address.un.ip4, o.len))
    return None


def unformat_api_ip4_address_with_prefix_t(o: Any) -> IPv4Interface:
    """An interface, host bits kept."""
    return IPv4Interface((o.address, o.len))


def unformat_api_ip6_address_with_prefix_t(o: Any) -> IPv6Interface:
    """An interface, host bits kept."""
    return IPv6Interface((o.address, o.len))


conversion_unpacker_table: dict[str, Converter] = {
    "vl_api_ip4_address_t": IPv4Address,
    "vl_api_ip6_address_t": IPv6Address,
    "vl_api_ip4_prefix_t": lambda o: IPv4Network((o.address, o.len)),
    "vl_api_ip6_prefix_t": lambda o: IPv6Network((o.address, o.len)),
    "vl_api_address_t": unformat_api_address_t,
    "vl_api_prefix_t": unformat_api_prefix_t,
    "vl_api_address_with_prefix_t": unformat_api_address_with_prefix_t,
    "vl_api_ip4_address_with_prefix_t": unformat_api_ip4_address_with_prefix_t,
    "vl_api_ip6_address_with_prefix_t": unformat_api_ip6_address_with_prefix_t,
    "vl_api_mac_address_t": MACAddress,
    "vl_api_timestamp_t": datetime.datetime.fromtimestamp,
    "vl_api_timedelta_t": lambda o: datetime.timedelta(seconds=o),
}
