"""Random values for any type of vpp_papi, as a program would write them: seeded, so repeatable."""

from __future__ import annotations

import random
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Any

_INTEGERS = {"u8": (0, 255), "u16": (0, 2**16 - 1), "u32": (0, 2**32 - 1), "u64": (0, 2**64 - 1)}
_INTEGERS |= {f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)}
HEADER = {"_vl_msg_id", "client_index", "context"}


class Values:
    """Makes values by the definitions of `serializer` (vpp_papi's module of that name)."""

    def __init__(self, serializer: Any, seed: int) -> None:
        self._types = serializer.types
        self._module = serializer
        self._random = random.Random(seed)

    def message(self, message: Any) -> dict[str, Any]:
        """Fields of a message, those of the header left out."""
        made = self._fields(message)
        return {name: value for name, value in made.items() if name not in HEADER}

    def _fields(self, struct: Any) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, packer in zip(struct.fields, struct.packers, strict=True):
            kind = type(packer).__name__
            if kind == "VLAList":
                count = self._random.randrange(4)
                made[packer.length_field] = count
                made[name] = self._many(packer, count)
            else:
                made[name] = self._value(packer)
        return made

    def _many(self, packer: Any, count: int) -> Any:
        if packer.field_type == "u8":
            return self._random.randbytes(count)
        return [self._value(packer.packer) for _ in range(count)]

    def _value(self, packer: Any) -> Any:
        kind = type(packer).__name__
        pick = self._random
        if kind == "BaseTypes":
            return self._base(packer._type)
        if kind in ("VPPEnumType", "VPPEnumFlagType"):
            return pick.choice(list(packer.enum.__members__.values()) or [0])
        if kind == "String":
            most = packer.limit - 1 if packer.limit else 20
            return "".join(pick.choices("abcdefgh -/", k=pick.randrange(min(most, 20) + 1)))
        if kind == "FixedList_u8":
            return pick.randbytes(packer.num)
        if kind == "FixedList":
            return [self._value(packer.packer) for _ in range(packer.num)]
        if kind == "VPPUnionType":
            arm = pick.choice(list(packer.packers))
            return {arm: self._value(packer.packers[arm])}
        return self._named(packer)

    def _base(self, name: str) -> Any:
        if name == "bool":
            return self._random.choice((True, False))
        if name == "f64":
            return float(self._random.randrange(2**31))
        return self._random.randint(*_INTEGERS[name])

    def _named(self, packer: Any) -> Any:
        """A struct, or an alias."""
        natural = _NATURAL.get(packer.name)
        if natural is not None:
            value = natural(self._random)
            if self._random.random() < 0.3:
                return str(value)
            return value
        if type(packer).__name__ == "VPPTypeAlias":
            return self._value(packer.packer)
        return self._fields(packer)


def _ip4(pick: random.Random) -> IPv4Address:
    return IPv4Address(pick.randbytes(4))


def _ip6(pick: random.Random) -> IPv6Address:
    return IPv6Address(pick.randbytes(16))


def _net4(pick: random.Random) -> IPv4Network:
    return IPv4Network((pick.randbytes(4), pick.randrange(33)), strict=False)


def _net6(pick: random.Random) -> IPv6Network:
    return IPv6Network((pick.randbytes(16), pick.randrange(129)), strict=False)


def _interface4(pick: random.Random) -> IPv4Interface:
    return IPv4Interface((pick.randbytes(4), pick.randrange(33)))


def _interface6(pick: random.Random) -> IPv6Interface:
    return IPv6Interface((pick.randbytes(16), pick.randrange(129)))


def _either(*made: Any) -> Any:
    return lambda pick: pick.choice(made)(pick)


_NATURAL = {
    "vl_api_ip4_address_t": _ip4,
    "vl_api_ip6_address_t": _ip6,
    "vl_api_address_t": _either(_ip4, _ip6),
    "vl_api_ip4_prefix_t": _net4,
    "vl_api_ip6_prefix_t": _net6,
    "vl_api_prefix_t": _either(_net4, _net6),
    "vl_api_ip4_address_with_prefix_t": _interface4,
    "vl_api_ip6_address_with_prefix_t": _interface6,
    "vl_api_address_with_prefix_t": _either(_interface4, _interface6),
    "vl_api_mac_address_t": lambda pick: pick.randbytes(6).hex(":"),
}
