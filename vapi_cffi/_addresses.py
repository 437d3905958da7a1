"""Addresses as Python has them: MAC addresses, and fast ways between wire bytes and `ipaddress`.

`ipaddress` checks what it is given, which costs microseconds an object; here bytes of the right
length become the same objects in a fraction of that. Bytes that are no address (an unknown family,
a prefix of 40 bits of IPv4: VPP leaves unused fields as they are) are given out as `bytes`, so that
one odd field does not hide the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
)
from operator import index
from typing import Any

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network
IPInterface = IPv4Interface | IPv6Interface

#: On the wire: enum address_family, in one byte.
_IP4, _IP6 = 0, 1
_MAC_LENGTH = 6


class MACAddress:
    """An Ethernet address: immutable, hashable, equal to its own text.

    >>> MACAddress("02:fe:00:00:00:01") == "02:FE:00:00:00:01"
    True
    >>> MACAddress(b"\\2\\xfe\\0\\0\\0\\1")
    MACAddress('02:fe:00:00:00:01')
    """

    __slots__ = ("packed",)

    packed: bytes

    def __init__(self, value: str | bytes | MACAddress) -> None:
        object.__setattr__(self, "packed", mac_bytes(value))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a MACAddress does not change")

    def __str__(self) -> str:
        return self.packed.hex(":")

    def __repr__(self) -> str:
        return f"MACAddress({self.packed.hex(':')!r})"

    def __bytes__(self) -> bytes:
        return self.packed

    def __hash__(self) -> int:
        return hash(self.packed)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, MACAddress):
            return self.packed == other.packed
        if isinstance(other, bytes):
            return self.packed == other
        if isinstance(other, str):
            try:
                return self.packed == mac_bytes(other)
            except ValueError:
                return False
        return NotImplemented

    def __lt__(self, other: MACAddress) -> bool:
        return self.packed < other.packed

    def __reduce__(self) -> tuple[type[MACAddress], tuple[bytes]]:
        return MACAddress, (self.packed,)


_set_packed: Callable[[MACAddress, bytes], None] = MACAddress.__dict__["packed"].__set__
_new_mac = MACAddress.__new__


def mac(packed: bytes) -> MACAddress:
    """Six bytes of the wire."""
    found = _new_mac(MACAddress)
    _set_packed(found, packed)
    return found


class Known(dict[bytes, Any]):
    """Immutable values by their bytes: the same few come again and again, and a look-up is faster
    than a new object. Bounded."""

    MOST = 4096

    def __init__(self, make: Callable[[bytes], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, packed: bytes) -> Any:
        made = self._make(packed)
        if len(self) < self.MOST:
            self[packed] = made
        return made


def mac_bytes(value: object) -> bytes:
    """The six bytes of a MAC address in any form: text with `:`, `-` or `.`, bytes,
    `MACAddress`."""
    if isinstance(value, MACAddress):
        return value.packed
    if isinstance(value, str):
        digits = value.replace(":", "").replace("-", "").replace(".", "")
        try:
            packed = bytes.fromhex(digits)
        except ValueError:
            packed = b""
        if len(packed) == _MAC_LENGTH and len(digits) == 2 * _MAC_LENGTH:
            return packed
        raise ValueError("expected a MAC address such as 02:fe:00:00:00:01")
    if isinstance(value, bytes | bytearray) and len(value) == _MAC_LENGTH:
        return bytes(value)
    raise ValueError("expected a MAC address: text, six bytes or a MACAddress")


# ---- from wire bytes, without the checks of ipaddress ------------------------------------------


def _ip4_fast(packed: bytes) -> IPv4Address:
    found: Any = _new4(IPv4Address)
    found._ip = _int(packed, "big")
    return found  # type: ignore[no-any-return]


def _ip6_fast(packed: bytes) -> IPv6Address:
    found: Any = _new6(IPv6Address)
    found._ip = _int(packed, "big")
    found._scope_id = None
    return found  # type: ignore[no-any-return]


def _net4_fast(packed: bytes, length: int) -> IPv4Network:
    found: Any = _new_net4(IPv4Network)
    mask, bits = _MASKS4[length]
    address: Any = _new4(IPv4Address)
    address._ip = _int(packed, "big") & bits
    found.network_address = address
    found.netmask = mask
    found._prefixlen = length
    return found  # type: ignore[no-any-return]


def _net6_fast(packed: bytes, length: int) -> IPv6Network:
    found: Any = _new_net6(IPv6Network)
    mask, bits = _MASKS6[length]
    address: Any = _new6(IPv6Address)
    address._ip = _int(packed, "big") & bits
    address._scope_id = None
    found.network_address = address
    found.netmask = mask
    found._prefixlen = length
    return found  # type: ignore[no-any-return]


_int = int.from_bytes
_new4, _new6 = IPv4Address.__new__, IPv6Address.__new__
_new_net4, _new_net6 = IPv4Network.__new__, IPv6Network.__new__


def _masks(bits: int, make: Callable[[int], Any]) -> tuple[tuple[Any, int], ...]:
    """Mask objects and integers by prefix length."""
    every = (1 << bits) - 1
    numbers = [every ^ (every >> length) for length in range(bits + 1)]
    return tuple((make(number), number) for number in numbers)


_MASKS4 = _masks(32, IPv4Address)
_MASKS6 = _masks(128, IPv6Address)


def _net4_slow(packed: bytes, length: int) -> IPv4Network:
    return IPv4Network((packed, length), strict=False)


def _net6_slow(packed: bytes, length: int) -> IPv6Network:
    return IPv6Network((packed, length), strict=False)


def _works(fast: Callable[..., Any], usual: Callable[..., Any], *arguments: Any) -> bool:
    """Whether a shortcut through `ipaddress` still gives what the constructor gives."""
    try:
        made, wanted = fast(*arguments), usual(*arguments)
        return bool(
            made == wanted
            and hash(made) == hash(wanted)
            and str(made) == str(wanted)
            and repr(made) == repr(wanted)
        )
    except (AttributeError, TypeError):
        return False


_SOME4, _SOME6 = bytes((10, 1, 2, 3)), bytes(range(16))
# The shortcuts set what `ipaddress` keeps to itself: taken only where they give equal objects.
ip4: Callable[[bytes], IPv4Address] = (
    _ip4_fast if _works(_ip4_fast, IPv4Address, _SOME4) else IPv4Address
)
ip6: Callable[[bytes], IPv6Address] = (
    _ip6_fast if _works(_ip6_fast, IPv6Address, _SOME6) else IPv6Address
)
_net4: Callable[[bytes, int], IPv4Network] = (
    _net4_fast if _works(_net4_fast, _net4_slow, _SOME4, 20) else _net4_slow
)
_net6: Callable[[bytes, int], IPv6Network] = (
    _net6_fast if _works(_net6_fast, _net6_slow, _SOME6, 50) else _net6_slow
)


def address(family: int, packed: bytes) -> IPAddress | bytes:
    """`address`: family and union; the wire bytes if there is no such family."""
    if family == _IP4:
        return ip4(packed[:4])
    if family == _IP6:
        return ip6(packed)
    return bytes((family,)) + packed


def prefix(family: int, packed: bytes, length: int) -> IPNetwork | bytes:
    """`prefix`: a network, host bits dropped; the wire bytes if it is none."""
    if family == _IP4 and length <= 32:
        return _net4(packed[:4], length)
    if family == _IP6 and length <= 128:
        return _net6(packed, length)
    return bytes((family,)) + packed + bytes((length,))


def interface(family: int, packed: bytes, length: int) -> IPInterface | bytes:
    """`address_with_prefix`: an address and the length of its network."""
    if family == _IP4 and length <= 32:
        return IPv4Interface((packed[:4], length))
    if family == _IP6 and length <= 128:
        return IPv6Interface((packed, length))
    return bytes((family,)) + packed + bytes((length,))


def net4(packed: bytes, length: int) -> IPv4Network | bytes:
    """`ip4_prefix`."""
    return _net4(packed, length) if length <= 32 else packed + bytes((length,))


def net6(packed: bytes, length: int) -> IPv6Network | bytes:
    """`ip6_prefix`."""
    return _net6(packed, length) if length <= 128 else packed + bytes((length,))


def interface4(packed: bytes, length: int) -> IPv4Interface | bytes:
    """`ip4_address_with_prefix`."""
    return IPv4Interface((packed, length)) if length <= 32 else packed + bytes((length,))


def interface6(packed: bytes, length: int) -> IPv6Interface | bytes:
    """`ip6_address_with_prefix`."""
    return IPv6Interface((packed, length)) if length <= 128 else packed + bytes((length,))


# ---- from what programs write ------------------------------------------------------------------


def to_ip4(value: object) -> IPv4Address:
    """An IPv4 address from text, four bytes, or an address."""
    if isinstance(value, IPv4Address):
        return value if type(value) is IPv4Address else IPv4Address(int(value))
    if isinstance(value, str | bytes) and not (isinstance(value, bytes) and len(value) != 4):
        return IPv4Address(value)
    raise ValueError("expected an IPv4 address")


def to_ip6(value: object) -> IPv6Address:
    """An IPv6 address from text, sixteen bytes, or an address."""
    if isinstance(value, IPv6Address):
        return value if type(value) is IPv6Address else IPv6Address(int(value))
    if isinstance(value, str | bytes) and not (isinstance(value, bytes) and len(value) != 16):
        return IPv6Address(value)
    raise ValueError("expected an IPv6 address")


def to_address(value: object) -> IPAddress:
    """An address of either family from text, 4 or 16 bytes, an address, or the fields of the API's
    own struct."""
    if isinstance(value, IPv4Address):
        return to_ip4(value)
    if isinstance(value, IPv6Address):
        return to_ip6(value)
    if isinstance(value, str) or (isinstance(value, bytes) and len(value) in (4, 16)):
        return ip_address(value)
    if isinstance(value, Mapping):
        return _address_of_fields(value)
    raise ValueError("expected an IP address")


#: How the fields of the API's own struct may say the family.
_FAMILIES = {_IP4: "ip4", _IP6: "ip6", "ADDRESS_IP4": "ip4", "ADDRESS_IP6": "ip6"}


def _address_of_fields(fields: Mapping[str, Any]) -> IPAddress:
    """As programs for vpp_papi spell it: {"af": 0, "un": {"ip4": "10.0.0.1"}}; the family follows
    from the arm, and may be left out."""
    expected = 'expected an IP address, or its fields {"af": ..., "un": {"ip4": ...}}'
    arms = fields["un"] if "un" in fields else {key: fields[key] for key in fields if key != "af"}
    if not isinstance(arms, Mapping) or len(arms) != 1 or not {*fields} <= {"af", "un", *arms}:
        raise ValueError(expected)
    ((arm, given),) = arms.items()
    family = fields.get("af", arm)
    if arm not in ("ip4", "ip6") or _FAMILIES.get(family, family) != arm:
        raise ValueError(expected)
    return to_ip4(given) if arm == "ip4" else to_ip6(given)


def to_interface(value: object) -> IPInterface:
    """An address with its prefix length, host bits kept, from text such as "10.0.0.1/8", an
    address (all its bits), a network or an interface; from a pair ("10.0.0.1", 8), or the fields of
    the API's own struct."""
    if isinstance(value, IPv4Interface | IPv6Interface):
        return value
    if isinstance(value, IPv4Network):
        return IPv4Interface((value.network_address, value.prefixlen))
    if isinstance(value, IPv6Network):
        return IPv6Interface((value.network_address, value.prefixlen))
    if isinstance(value, str | IPv4Address | IPv6Address):
        return ip_interface(value)
    if isinstance(value, Mapping) and value.keys() == {"address", "len"}:
        value = value["address"], value["len"]
    if isinstance(value, tuple) and len(value) == 2:
        address, length = value
        return ip_interface((to_address(address), index(length)))
    raise ValueError("expected a prefix such as 10.0.0.0/8")


def to_network(value: object) -> IPNetwork:
    """A network; host bits are dropped."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    return to_interface(value).network


# ---- to wire bytes -----------------------------------------------------------------------------


def pack_address(value: Any) -> tuple[int, bytes]:
    """Family and union of an address."""
    if isinstance(value, bytes) and len(value) == 17:
        return value[0], value[1:]
    found = value if type(value) in (IPv4Address, IPv6Address) else to_address(value)
    if found.version == 4:
        return _IP4, found.packed + bytes(12)
    return _IP6, found.packed


def pack_prefix(value: Any) -> tuple[int, bytes, int]:
    """Family, union and length of a network, interface or text; host bits are kept."""
    kind = type(value)
    if kind is IPv4Network:
        return _IP4, value.network_address.packed + bytes(12), value.prefixlen
    if kind is IPv6Network:
        return _IP6, value.network_address.packed, value.prefixlen
    if kind is bytes and len(value) == 18:
        return value[0], value[1:17], value[17]
    found = to_interface(value)
    family, packed = pack_address(found.ip)
    return family, packed, found.network.prefixlen


def pack_net4(value: Any) -> tuple[bytes, int]:
    """Address and length of an IPv4 network or interface."""
    if type(value) is bytes and len(value) == 5:
        return value[:4], value[4]
    found = to_interface(value)
    return to_ip4(found.ip).packed, found.network.prefixlen


def pack_net6(value: Any) -> tuple[bytes, int]:
    """Address and length of an IPv6 network or interface."""
    if type(value) is bytes and len(value) == 17:
        return value[:16], value[16]
    found = to_interface(value)
    return to_ip6(found.ip).packed, found.network.prefixlen
