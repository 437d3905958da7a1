"""Types of the API that have a name and are no structs: enums, unions, aliases.

Made by a program they are known to the whole process at once, by their names; made of loaded
definitions (`_registry`) they look at them when somebody asks.
"""

from __future__ import annotations

import copy
import logging
import struct
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import IntFlag
from typing import Any

from .._enums import Members
from .._wire import Namespace
from . import _natives, vpp_format
from ._errors import VPPSerializerValueError
from ._lists import FixedList, FixedList_u8
from ._packers import BaseTypes, Packer, compiled
from .macaddress import KNOWN

logger = logging.getLogger("vpp_papi.serializer")

#: Where tuples and enums say they are from; `vpp_serializer` finds them by name, for pickle.
_MODULE = "vapi_cffi.papi.vpp_serializer"

Resolve = Callable[[str], Any]
new_tuple = tuple.__new__


def known_type(name: str) -> Packer | None:
    from ._registry import vpp_get_type

    found: Packer | None = None if name == "string" else vpp_get_type(name)  # a class, not a type
    return found


def register(packer: Packer) -> None:
    from ._registry import types

    types[packer.name] = packer


def converter_for(name: str, value: Any) -> Callable[[Any], Any] | None:
    """What makes a value of a Python type packable as this type of the API."""
    known = vpp_format.conversion_table.get(name)
    if known is None or isinstance(value, dict | bytes):
        return None
    return known.get(type(value).__name__)


class VPPEnumType(Packer):
    """An enum: `enum` is its class, whose members are attributes of this too."""

    output_class = IntFlag

    def __init__(self, name: str, msgdef: Sequence[Any], options: Any = None) -> None:
        self._begin(name, msgdef, options)
        register(self)

    def _begin(self, name: str, msgdef: Sequence[Any], options: Any = None) -> None:
        self.name = name
        self.msgdef = msgdef
        self.options = options
        self.enumtype = "u32"
        members = {}
        for item in msgdef:
            if isinstance(item, dict):
                self.enumtype = item.get("enumtype", self.enumtype)
            else:
                members[item[0]] = item[1]
        base = BaseTypes(self.enumtype)
        self._base = base
        self.size, self.fmt, self.leaves = base.size, base.fmt, 1
        make: Any = self.output_class
        self.enum: Any = make(name, members, module=_MODULE)
        self._members = Members(self.enum)

    @classmethod
    def of(cls, name: str, msgdef: Sequence[Any]) -> VPPEnumType:
        """Without telling the process."""
        made = cls.__new__(cls)
        made._begin(name, msgdef)
        return made

    def with_options(self, options: Any) -> VPPEnumType:
        """The same with a default, for one field."""
        made = copy.copy(self)
        made.options = options
        return made

    def __getattr__(self, name: str) -> Any:
        enum = self.__dict__.get("enum")
        if enum is None or name not in enum.__members__:
            raise AttributeError(f"{self.__dict__.get('name', 'an enum')} has no member {name!r}")
        return enum[name]

    def __bool__(self) -> bool:
        return True

    @property
    def default(self) -> Any:
        return self.options["default"] if self.options and "default" in self.options else 0

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        return self._base.packer.pack(self.default if data is None else data)

    @property
    def fast_fmt(self) -> str:
        return self.fmt or ""

    def leaf(self, source: str, ns: Namespace) -> str:
        return source

    def reading(self, names: list[str], ns: Namespace, ntc: bool) -> str:
        return f"{ns.use(self._members, 'members')}[{names[0]}]"

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name={self.name}, msgdef={self.msgdef}, options={self.options})"
        )


class VPPEnumFlagType(VPPEnumType):
    """An enumflag, which is an enum like all others here."""


class VPPUnionType(Packer):
    """A union: packed from a dict with one arm, unpacked as every arm. An arm that another one's
    bytes make no sense for is None."""

    def __init__(self, name: str, msgdef: Sequence[Any], resolve: Resolve = known_type) -> None:
        self._begin(name, msgdef, resolve)
        register(self)

    def _begin(self, name: str, msgdef: Sequence[Any], resolve: Resolve) -> None:
        self.name = name
        self.msgdef = msgdef
        self.size = self.maxindex = 0
        self.packers: dict[str, Packer] = {}
        for index, item in enumerate(msgdef):
            if isinstance(item, dict):
                if "crc" in item:
                    self.crc = item["crc"]
                continue
            arm = resolve(item[0])
            if arm is None:
                logger.debug("Unknown union type %s", item[0])
                raise VPPSerializerValueError(f"Unknown message type {item[0]}")
            self.packers[item[1]] = arm
            if arm.size > self.size:
                self.size, self.maxindex = arm.size, index
        self.fmt, self.leaves = f"{self.size}s", 1
        self.tuple = tuple_class(name, list(self.packers))

    @classmethod
    def of(cls, name: str, msgdef: Sequence[Any], resolve: Resolve) -> VPPUnionType:
        """Without telling the process."""
        made = cls.__new__(cls)
        made._begin(name, msgdef, resolve)
        return made

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        if not data:
            return bytes(self.size)
        for arm, value in data.items():
            if arm not in self.packers:
                known = ", ".join(self.packers)
                raise VPPSerializerValueError(f"{self.name} has no arm {arm!r}: it has {known}")
            return bytes(self.packers[arm].pack(value, kwargs)).ljust(self.size, b"\0")
        raise AssertionError("unreachable: data is not empty")

    def reading(self, names: list[str], ns: Namespace, ntc: bool) -> str:
        return f"{ns.use(self._splitter(ntc), 'arms')}({names[0]})"

    def _splitter(self, ntc: bool) -> Callable[[bytes], Any]:
        """The function from the union's bytes to all arms."""
        ns = Namespace()
        ns["new"], ns["cls"], ns["wrong"] = new_tuple, self.tuple, (ValueError, struct.error)
        lines, arms = [], []
        for index, packer in enumerate(self.packers.values()):
            arm = f"x{index}"
            arms.append(arm)
            lines += ["o = 0", "try:"]
            lines += [f"    {line}" for line in packer.lines(arm, ns, ntc)]
            lines += ["except wrong:", f"    {arm} = None"]
        source = "\n    ".join(
            ["def arms(data):", *lines, f"return new(cls, ({', '.join(arms)},))"]
        )
        made: Callable[[bytes], Any] = compiled(source, "arms", ns, f"union {self.name}")
        return made

    def __repr__(self) -> str:
        return f"VPPUnionType(name={self.name}, msgdef={self.msgdef!r})"


class VPPTypeAlias(Packer):
    """Another name for a type, or for an array of one."""

    def __init__(
        self,
        name: str,
        msgdef: Mapping[str, Any],
        options: Any = None,
        resolve: Resolve = known_type,
    ) -> None:
        self._begin(name, msgdef, resolve, options)
        register(self)

    def _begin(
        self, name: str, msgdef: Mapping[str, Any], resolve: Resolve, options: Any = None
    ) -> None:
        self.name = name
        self.msgdef = msgdef
        self.options = options
        inner = resolve(msgdef["type"])
        if inner is None:
            raise ValueError(f"No such type: {msgdef['type']}")
        self.packer: Packer = inner
        if "length" in msgdef:
            length = msgdef["length"]
            if not length:
                raise ValueError(f"{name}: an array needs a length")
            self.packer = (
                FixedList_u8(name, "u8", length)
                if msgdef["type"] == "u8"
                else FixedList(name, msgdef["type"], length, inner)
            )
        self.size, self.fmt, self.leaves = self.packer.size, self.packer.fmt, self.packer.leaves
        self._wire = _natives.to_wire_of(name, self.size)
        self._converts = name in vpp_format.conversion_table

    @classmethod
    def of(cls, name: str, msgdef: Mapping[str, Any], resolve: Resolve) -> VPPTypeAlias:
        """Without telling the process."""
        made = cls.__new__(cls)
        made._begin(name, msgdef, resolve)
        return made

    def with_options(self, options: Any) -> VPPTypeAlias:
        """The same with a default, for one field."""
        made = copy.copy(self)
        made.options = options
        return made

    @property
    def default(self) -> Any:
        if self.options and "default" in self.options:
            return self.options["default"]
        return self.packer.default

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        if data is None:
            return bytes(self.packer.pack(self.default, kwargs))
        converter = converter_for(self.name, data) if data else None
        if converter is not None:
            with suppress(OSError, TypeError):  # what it is an alias of may know more
                data = converter(data)
        return bytes(self.packer.pack(data, kwargs))

    def blob(self, value: Any) -> bytes:
        quick = self._wire.get(type(value))
        if quick is not None:
            return quick(value)
        if self._converts:
            return self.pack(value)
        return self.packer.blob(value)

    @property
    def fast_fmt(self) -> str:
        return f"{self.size}s" if self._converts else self.packer.fast_fmt

    def leaf(self, source: str, ns: Namespace) -> str:
        return super().leaf(source, ns) if self._converts else self.packer.leaf(source, ns)

    def reading(self, names: list[str], ns: Namespace, ntc: bool) -> str:
        return converted(
            self.name, self.fmt, names, ns, ntc, lambda inner: self.packer.reading(names, ns, inner)
        )

    def lines(self, target: str, ns: Namespace, ntc: bool) -> list[str]:
        if self.fmt is not None:
            return super().lines(target, ns, ntc)
        convert = None if ntc else vpp_format.conversion_unpacker_table.get(self.name)
        lines = self.packer.lines(target, ns, ntc or convert is not None)
        if convert is not None:
            lines.append(f"{target} = {ns.use(convert, 'convert')}({target})")
        return lines

    def __repr__(self) -> str:
        return f"VPPTypeAlias(name={self.name}, msgdef={self.msgdef}, options={self.options})"


def converted(
    name: str,
    fmt: str | None,
    names: list[str],
    ns: Namespace,
    ntc: bool,
    inner: Callable[[bool], str],
) -> str:
    """An expression for a value of constant size, converted where its type has a conversion: those
    of types inside it are then left out."""
    convert = None if ntc else vpp_format.conversion_unpacker_table.get(name)
    if convert is None:
        return inner(ntc)
    quick = _natives.from_wire_of(name, fmt or "")
    if quick is not None:
        if name == "vl_api_mac_address_t":
            return f"{ns.use(KNOWN, 'macs')}[{names[0]}]"
        return f"{ns.use(quick, 'native')}({', '.join(names)})"
    return f"{ns.use(convert, 'convert')}({inner(True)})"


def tuple_class(name: str, fields: list[str]) -> Any:
    return namedtuple(name, fields, rename=True, module=_MODULE)
