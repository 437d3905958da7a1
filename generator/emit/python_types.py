"""How annotations of Python spell the types of the API: what comes out, and what may go in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model import Alias, BaseType, Enum, Field, Model, Shape, Struct, Type, Union, unalias
from ..naming import python_class

#: Types that the run time gives out as natural values, by name and wire size, with the names that
#: their annotations need.
NATURAL = {
    ("mac_address", 6): ("MACAddress",),
    ("ip4_address", 4): ("IPv4Address",),
    ("ip6_address", 16): ("IPv6Address",),
    ("address", 17): ("IPv4Address", "IPv6Address"),
    ("prefix", 18): ("IPv4Network", "IPv6Network"),
    ("ip4_prefix", 5): ("IPv4Network",),
    ("ip6_prefix", 17): ("IPv6Network",),
    ("address_with_prefix", 18): ("IPv4Interface", "IPv6Interface"),
    ("ip4_address_with_prefix", 5): ("IPv4Interface",),
    ("ip6_address_with_prefix", 17): ("IPv6Interface",),
}


class Spelling:
    """Spells types, and collects what an importing module needs for that."""

    def __init__(self, classes: Mapping[str, str]) -> None:
        self._classes = classes
        self.names: set[str] = set()
        """Names of the standard library and of the run time."""
        self.types: set[str] = set()
        """Bare names of types that have classes."""

    def out(self, item: Field) -> str:
        """The annotation of an attribute."""
        return self._field(item, given=False)

    def given(self, item: Field) -> str:
        """The annotation of a keyword; None always stands for the default."""
        return f"{self._field(item, given=True)} | None"

    def _field(self, item: Field, *, given: bool) -> str:
        if item.shape in (Shape.TEXT, Shape.STRING):
            return "str | bytes" if given else "str"
        if item.shape is Shape.SCALAR:
            return self._type(item.type, given=given)
        if isinstance(item.type, BaseType) and item.type.name == "u8":
            return self._bytes(given=given)
        return self._many(self._type(item.type, given=given), given=given)

    def _bytes(self, *, given: bool) -> str:
        return "bytes | bytearray | memoryview" if given else "bytes"

    def _many(self, element: str, *, given: bool) -> str:
        if not given:
            return f"list[{element}]"
        self.names.add("Sequence")
        return f"Sequence[{element}]"

    def _type(self, kind: Type, *, given: bool) -> str:
        if isinstance(kind, BaseType):
            return {"bool": "bool", "f64": "float", "string": "str"}.get(kind.name, "int")
        natural = NATURAL.get((kind.name, kind.size))
        if natural is not None and not kind.is_variable:
            self.names.update(natural)
            return " | ".join([*natural, *(("str", "bytes") if given else ())])
        if isinstance(kind, Alias):
            if kind.length is None:
                return self._type(kind.target, given=given)
            base, _ = unalias(kind.target)
            if isinstance(base, BaseType) and base.name == "string":
                return "str | bytes" if given else "str"
            if isinstance(kind.target, BaseType) and kind.target.name == "u8":
                return self._bytes(given=given)
            return self._many(self._type(kind.target, given=given), given=given)
        name = self._classes[kind.name]
        self.types.add(kind.name)
        if not given:
            return name
        if isinstance(kind, Enum):
            return f"{name} | int | str"
        self.names.add("Mapping")
        extra = " | bytes" if isinstance(kind, Union) else ""
        return f"{name} | Mapping[str, object]{extra}"


def has_class(kind: Type) -> bool:
    """Whether the package has a class for it: enums, unions, and structs that are not natural."""
    if isinstance(kind, Struct | Union | Enum):
        return (kind.name, kind.size) not in NATURAL or kind.is_variable
    return False


def is_flags(kind: Enum) -> bool:
    """Half of the flags of VPP are declared as plain enums; their names tell."""
    return kind.is_flag or kind.name.endswith("_flags")


def class_names(model: Model) -> dict[str, str]:
    """The class of each type; one that would have the name of a message's gets a `_`."""
    messages = {python_class(name) for name in model.messages}
    found = {name: python_class(name) for name in model.types}
    return {name: f"{cls}_" if cls in messages else cls for name, cls in found.items()}


def counted(fields: Sequence[Field]) -> set[str]:
    """Names of fields that are the length of another one."""
    return {item.length_field for item in fields if item.length_field is not None}
