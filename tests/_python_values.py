"""Random values for the fields of messages, as programs give them: what encoders are tested
with."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

from vapi_cffi._addresses import MACAddress
from vapi_cffi._blocks import ArrayTail, Block, BlockTail, StringTail, StructKind, Tail
from vapi_cffi._unions import UnionKind
from vapi_cffi._wire import (
    ArrayKind,
    BoolKind,
    BytesKind,
    EnumKind,
    FloatKind,
    IntKind,
    Kind,
    NaturalKind,
    TextKind,
)

TEXTS = ("", "a", "loop0", "naïve", "日本語", "x y\tz")


class Values:
    """Random natural values for fields, from a seed: hypothesis shrinks the seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def of_block(self, block: Block) -> dict[str, Any]:
        """Unions with the same discriminator have the same arm; it is left to be filled in."""
        found: dict[str, Any] = {}
        arms: dict[str | None, str] = {}
        told = {item.told_by for item in block.fields if item.tag is not None}
        for item in block.fields:
            kind = item.kind
            if isinstance(kind, UnionKind):
                arm = arms.setdefault(item.told_by, self.random.choice(list(kind.arms)))
                found[item.name] = kind.convert({arm: self.of(kind.arms[arm])})
            elif item.counts is None and item.name not in told:
                found[item.name] = self.of(kind)
        return found

    def of(self, kind: Kind | Tail) -> Any:
        pick = self.random
        if isinstance(kind, IntKind):
            return pick.choice([kind.low, kind.high, 0, pick.randint(kind.low, kind.high)])
        if isinstance(kind, BoolKind):
            return pick.random() < 0.5
        if isinstance(kind, FloatKind):
            return pick.choice([0.0, 1.5, -2.25e300, pick.random()])
        if isinstance(kind, TextKind | StringTail):
            text = pick.choice(TEXTS)
            return (
                text
                if not isinstance(kind, TextKind) or kind.size > 20
                else text[: kind.size > 1].strip()
            )
        if isinstance(kind, BytesKind):
            return pick.randbytes(kind.size)
        if isinstance(kind, EnumKind):
            number = pick.choice([*map(int, kind.cls), pick.randint(0, kind.base.high)])
            return kind.cls(number)
        if isinstance(kind, NaturalKind):
            return self.natural(kind)
        if isinstance(kind, ArrayKind):
            return [self.of(kind.element) for _ in range(kind.length)]
        if isinstance(kind, StructKind | BlockTail):
            return kind.block.cls(**self.of_block(kind.block))
        if isinstance(kind, ArrayTail):
            return [self.of(kind.many.element) for _ in range(pick.randint(0, 3))]
        return pick.randbytes(pick.randint(0, 9))

    def natural(self, kind: NaturalKind) -> Any:
        pick = self.random
        four = ipaddress.IPv4Address(pick.getrandbits(32))
        six = ipaddress.IPv6Address(pick.getrandbits(128))
        networks = [
            ipaddress.ip_network((four, pick.randint(0, 32)), strict=False),
            ipaddress.ip_network((six, pick.randint(0, 128)), strict=False),
        ]
        interfaces = [
            ipaddress.ip_interface((four, pick.randint(0, 32))),
            ipaddress.ip_interface((six, pick.randint(0, 128))),
        ]
        by_type: dict[str, Any] = {
            "MACAddress": MACAddress(pick.randbytes(6)),
            "IPv4Address": four,
            "IPv6Address": six,
            "IPv4Address | IPv6Address": pick.choice([four, six]),
            "IPv4Network": networks[0],
            "IPv6Network": networks[1],
            "IPv4Network | IPv6Network": pick.choice(networks),
            "IPv4Interface": interfaces[0],
            "IPv6Interface": interfaces[1],
            "IPv4Interface | IPv6Interface": pick.choice(interfaces),
        }
        return by_type[kind.out_type]
