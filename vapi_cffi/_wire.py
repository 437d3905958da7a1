"""Values and their wire form: numbers, text, bytes, arrays, addresses, enums.

Each kind of value knows its place in a `struct` format (`fmt`, of `leaves` items), how to make a
canonical value of what a program gives (`convert`), and two expressions of Python: the leaves of a
value, and the value of leaves. `_blocks` joins those of all fields into one function a message, so
that nothing is looked up when a message is encoded or decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any, ClassVar

from . import _addresses as ip
from ._enums import ApiEnum, ApiFlag, Members, to_member

#: Longest part of a value that an error shows.
_SHOWN = 60
#: Arrays of plain numbers up to this length are part of the message's own format.
_INLINE = 16


class FieldError(ValueError):
    """A value that does not fit: `path` leads to it, `reason` says why.

    `told`: what is shown of the value, if that is not the value itself; "" if the reason has it.
    """

    def __init__(self, reason: str, value: object, *path: str, told: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value
        self.path = list(path)
        self.told = told

    def inside(self, name: str) -> FieldError:
        """The same error, seen from one level further out."""
        self.path.insert(0, name)
        return self

    def __str__(self) -> str:
        path = "".join(part if part.startswith("[") else f".{part}" for part in self.path)
        return f"{path}: {self.sentence}"

    @property
    def sentence(self) -> str:
        """What was expected, and what came instead."""
        told = shown(self.value) if self.told is None else self.told
        return f"{self.reason}, not {told}" if told else self.reason


def shown(value: object) -> str:
    """A value for an error message: what it is, but not all of it."""
    if type(value).__module__ == "builtins" or not isinstance(value, int | str | bytes):
        text = repr(value)
    else:
        text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


class Namespace(dict[str, Any]):
    """The globals of a generated function; `use` names an object that it needs."""

    def __init__(self) -> None:
        super().__init__(_len=len)
        self._names: dict[int, str] = {}

    def use(self, item: object, hint: str) -> str:
        """The name under which generated code finds an object."""
        known = self._names.get(id(item))
        if known is None:
            known = f"_{hint}{len(self._names)}"
            self._names[id(item)] = known
            self[known] = item  # keeps it alive, so its id stays its own
        return known

    def run(self, source: str, what: str) -> dict[str, Any]:
        """Runs generated code; returns its globals, with the functions that it has defined.

        They are a plain dict: Python finds the names of a subclass much more slowly.
        """
        names = dict(self)
        exec(compile(source, f"<{what}>", "exec"), names)
        return names


class Kind:
    """A kind of value of constant size."""

    fmt: str
    size: int
    leaves = 1
    #: How annotations of Python spell what comes out, and what else may go in.
    out_type: str
    in_type: str

    def zero(self) -> Any:
        """The value of all-zero bytes, a new one each time if it can be changed."""
        raise NotImplementedError

    def convert(self, value: Any) -> Any:
        """The canonical value; `FieldError` if there is none."""
        raise NotImplementedError

    #: Values of wire bytes each, where that is faster than what `unpacking` says.
    many_of: Callable[[Iterable[bytes]], list[Any]] | None = None

    def packing(self, source: str, ns: Namespace) -> str:
        """Expression for the leaves of the value of `source`."""
        return source

    def packing_parts(self, source: str, ns: Namespace) -> list[str]:
        """As `packing`, for a short `source` that may be repeated: without a call, if it can be."""
        return [self.packing(source, ns)]

    def unpacking(self, leaves: list[str], ns: Namespace) -> str:
        """Expression for the value of leaves."""
        return leaves[0]


class IntKind(Kind):
    """u8 to u64, i8 to i64."""

    out_type = in_type = "int"

    def __init__(self, name: str, code: str, size: int) -> None:
        self.name = name
        self.fmt = code
        self.size = size
        bits = 8 * size
        signed = name.startswith("i")
        self.low, self.high = (
            (-(1 << bits - 1), (1 << bits - 1) - 1)
            if signed
            else (
                0,
                (1 << bits) - 1,
            )
        )

    def zero(self) -> int:
        return 0

    def convert(self, value: Any) -> int:
        if not hasattr(value, "__index__"):
            raise FieldError(f"expected a number ({self.name})", value)
        number: int = value if type(value) is int else value.__index__()
        if not self.low <= number <= self.high:
            raise FieldError(f"expected {self.low} to {self.high} ({self.name})", value)
        return number


class BoolKind(Kind):
    """bool: one byte."""

    fmt, size = "?", 1
    out_type = in_type = "bool"
    #: Unlike `struct`, which takes any text for true.
    _known: ClassVar = {False: False, True: True}

    def zero(self) -> bool:
        return False

    def convert(self, value: Any) -> bool:
        try:
            return self._known[value]
        except (KeyError, TypeError):
            raise FieldError("expected True or False", value) from None

    def packing(self, source: str, ns: Namespace) -> str:
        return f"{ns.use(self._known, 'bools')}[{source}]"


class FloatKind(Kind):
    """f64, in the order of the host: VPP swaps it nowhere."""

    fmt, size = "8s", 8
    out_type = in_type = "float"
    _struct = struct.Struct("=d")

    def zero(self) -> float:
        return 0.0

    def convert(self, value: Any) -> float:
        if isinstance(value, int | float) or hasattr(value, "__float__"):
            return float(value)
        raise FieldError("expected a number (f64)", value)

    def packing(self, source: str, ns: Namespace) -> str:
        return f"{ns.use(self._struct.pack, 'pack_f64')}({source})"

    def unpacking(self, leaves: list[str], ns: Namespace) -> str:
        return f"{ns.use(self._struct.unpack, 'unpack_f64')}({leaves[0]})[0]"


def text_of(raw: bytes) -> str:
    """Text of the wire; bytes that are no UTF-8 become `\\xNN`."""
    return raw.decode("utf-8", "backslashreplace")


def fixed_text(raw: bytes) -> str:
    """Text in a field of fixed size: up to its NUL."""
    end = raw.find(0)
    return (raw if end < 0 else raw[:end]).decode("utf-8", "backslashreplace")


def encode_text(value: Any) -> bytes:
    """Text as wire bytes. Errors: ValueError, TypeError."""
    raw: bytes = value if type(value) is bytes else str.encode(value)
    return raw


class TextKind(Kind):
    """`string n[64]`: NUL padded, at most 63 bytes of text."""

    out_type = "str"
    in_type = "str | bytes"

    def __init__(self, length: int) -> None:
        self.size = length
        self.fmt = f"{length}s"
        most = max(length - 1, 0)

        def pack(value: Any) -> bytes:
            raw = encode_text(value)
            if len(raw) > most or 0 in raw:
                raise ValueError
            return raw

        self._pack = pack

    def zero(self) -> str:
        return ""

    def convert(self, value: Any) -> str:
        try:
            return text_of(self._pack(value))
        except TypeError:
            raise FieldError("expected text", value) from None
        except UnicodeEncodeError:
            raise FieldError("expected text without lone surrogates", value) from None
        except ValueError:
            most = max(self.size - 1, 0)
            raise FieldError(f"expected text of at most {most} bytes, no NUL", value) from None

    def packing(self, source: str, ns: Namespace) -> str:
        return f"{ns.use(self._pack, 'text')}({source})"

    def unpacking(self, leaves: list[str], ns: Namespace) -> str:
        # `fixed_text` without a call. Many texts are empty.
        raw = leaves[0]
        if not self.size:
            return "''"
        return (
            f"({raw}.partition(b'\\0')[0].decode('utf-8', 'backslashreplace') if {raw}[0] else '')"
        )


class BytesKind(Kind):
    """`u8 n[16]`: bytes; shorter ones are padded with zeros."""

    out_type = "bytes"
    in_type = "bytes | bytearray | memoryview"

    def __init__(self, length: int) -> None:
        self.size = length
        self.fmt = f"{length}s"

        def pack(value: Any) -> bytes:
            if type(value) is bytes and len(value) == length:
                return value
            return self.convert(value)

        self._pack = pack

    def zero(self) -> bytes:
        return bytes(self.size)

    def convert(self, value: Any) -> bytes:
        raw = as_bytes(value)
        if len(raw) > self.size:
            told = f"{len(raw)}: {shown(value)}"
            raise FieldError(f"expected at most {self.size} bytes", value, told=told)
        return raw.ljust(self.size, b"\0")

    def packing(self, source: str, ns: Namespace) -> str:
        return f"{ns.use(self._pack, 'bytes')}({source})"


def as_bytes(value: Any) -> bytes:
    """Bytes from a buffer or a sequence of numbers."""
    if isinstance(value, bytes):
        return value
    try:
        if isinstance(value, bytearray | memoryview | list | tuple) or hasattr(value, "packed"):
            return bytes(getattr(value, "packed", value))
        if not isinstance(value, int | str):
            return bytes(memoryview(value).cast("B"))
    except (TypeError, ValueError):
        pass  # said below, with the value
    raise FieldError("expected bytes", value)


class EnumKind(Kind):
    """An enum or enumflag."""

    def __init__(self, base: IntKind, cls: type[ApiEnum] | type[ApiFlag]) -> None:
        self.base = base
        self.fmt = base.fmt
        self.size = base.size
        self.cls = cls
        self.members = Members(cls)
        self.out_type = cls.__name__
        self.in_type = f"{cls.__name__} | int | str"

    def zero(self) -> Any:
        return self.members[0]

    def convert(self, value: Any) -> Any:
        try:
            member = to_member(self.cls, value)
        except ValueError as error:
            raise FieldError(str(error), value) from None
        self.base.convert(int(member))
        return member

    def unpacking(self, leaves: list[str], ns: Namespace) -> str:
        return f"{ns.use(self.members, 'members')}[{leaves[0]}]"


class NaturalKind(Kind):
    """A type of the API that Python has a type for."""

    def __init__(
        self,
        fmt: str,
        out_type: str,
        pack: Callable[[Any], Any],
        unpack: Callable[..., Any],
        convert: Callable[[Any], Any],
        known: Mapping[Any, Any] | None = None,
    ) -> None:
        """`known`: values by their one leaf, where many are alike."""
        self.fmt = fmt
        self.size = struct.calcsize(f">{fmt}")
        self.leaves = sum(not letter.isdigit() for letter in fmt)
        self.out_type = out_type
        self.in_type = f"{out_type} | str | bytes"
        self._pack = pack
        self._unpack = unpack
        self._convert = convert
        self._known = known
        self._zero = unpack(*struct.unpack(f">{fmt}", bytes(self.size)))

    def zero(self) -> Any:
        return self._zero

    def convert(self, value: Any) -> Any:
        if type(value) is bytes and len(value) == self.size:
            return self._unpack(*struct.unpack(f">{self.fmt}", value))
        try:
            found = self._convert(value)
            self._pack(found)
            return found
        except (ValueError, TypeError) as error:
            reason = str(error)
        if not reason.startswith("expected"):  # what ipaddress says is no help beside the value
            reason = f"expected {_SAMPLES[self.out_type]}"
        raise FieldError(reason, value)

    def packing(self, source: str, ns: Namespace) -> str:
        star = "" if self.leaves == 1 else "*"
        return f"{star}{ns.use(self._pack, 'pack')}({source})"

    def unpacking(self, leaves: list[str], ns: Namespace) -> str:
        if self._known is not None:
            return f"{ns.use(self._known, 'known')}[{leaves[0]}]"
        return f"{ns.use(self._unpack, 'unpack')}({', '.join(leaves)})"


def _pack_ip4(value: Any) -> bytes:
    return value.packed if type(value) is IPv4Address else ip.to_ip4(value).packed


def _pack_ip6(value: Any) -> bytes:
    return value.packed if type(value) is IPv6Address else ip.to_ip6(value).packed


def _to_net4(value: object) -> Any:
    return _of_version(ip.to_network(value), 4)


def _to_net6(value: object) -> Any:
    return _of_version(ip.to_network(value), 6)


def _to_interface4(value: object) -> Any:
    return _of_version(ip.to_interface(value), 4)


def _to_interface6(value: object) -> Any:
    return _of_version(ip.to_interface(value), 6)


def _of_version(found: Any, version: int) -> Any:
    if found.version != version:
        raise ValueError(f"expected IPv{version}")
    return found


#: What is expected, for errors, by what comes out.
_SAMPLES = {
    "MACAddress": "a MAC address such as 02:fe:00:00:00:01",
    "IPv4Address": "an IPv4 address such as 10.0.0.1",
    "IPv6Address": "an IPv6 address such as 2001:db8::1",
    "IPv4Address | IPv6Address": "an IP address such as 10.0.0.1 or 2001:db8::1",
    "IPv4Network": "an IPv4 prefix such as 10.0.0.0/8",
    "IPv6Network": "an IPv6 prefix such as 2001:db8::/32",
    "IPv4Network | IPv6Network": "a prefix such as 10.0.0.0/8 or 2001:db8::/32",
    "IPv4Interface": "an IPv4 address with its length such as 10.0.0.1/8",
    "IPv6Interface": "an IPv6 address with its length such as 2001:db8::1/32",
    "IPv4Interface | IPv6Interface": "an address with its length such as 10.0.0.1/8",
}
_NETWORK = "IPv4Network | IPv6Network"
_INTERFACE = "IPv4Interface | IPv6Interface"

#: By bare name of the type, and its size: a type of that name with another size is an ordinary one.
NATURAL: dict[tuple[str, int], NaturalKind] = {
    (name, kind.size): kind
    for name, kind in {
        "mac_address": NaturalKind(
            "6s", "MACAddress", ip.mac_bytes, ip.mac, ip.MACAddress, ip.Known(ip.mac)
        ),
        "ip4_address": NaturalKind(
            "4s", "IPv4Address", _pack_ip4, ip.ip4, ip.to_ip4, ip.Known(ip.ip4)
        ),
        "ip6_address": NaturalKind("16s", "IPv6Address", _pack_ip6, ip.ip6, ip.to_ip6),
        "address": NaturalKind(
            "B16s", "IPv4Address | IPv6Address", ip.pack_address, ip.address, ip.to_address
        ),
        "prefix": NaturalKind("B16sB", _NETWORK, ip.pack_prefix, ip.prefix, ip.to_network),
        "ip4_prefix": NaturalKind("4sB", "IPv4Network", ip.pack_net4, ip.net4, _to_net4),
        "ip6_prefix": NaturalKind("16sB", "IPv6Network", ip.pack_net6, ip.net6, _to_net6),
        "address_with_prefix": NaturalKind(
            "B16sB", _INTERFACE, ip.pack_prefix, ip.interface, ip.to_interface
        ),
        "ip4_address_with_prefix": NaturalKind(
            "4sB", "IPv4Interface", ip.pack_net4, ip.interface4, _to_interface4
        ),
        "ip6_address_with_prefix": NaturalKind(
            "16sB", "IPv6Interface", ip.pack_net6, ip.interface6, _to_interface6
        ),
    }.items()
}


class ArrayKind(Kind):
    """`T n[8]`, T not u8: a list; a shorter one is filled up with zeros."""

    def __init__(self, element: Kind, length: int) -> None:
        self.element = element
        self.length = length
        self.size = element.size * length
        self.many = Many(element)
        self._inline = isinstance(element, IntKind) and length <= _INLINE
        self.leaves = length if self._inline else 1
        self.fmt = element.fmt * length if self._inline else f"{self.size}s"
        self.out_type = f"list[{element.out_type}]"
        self.in_type = f"Sequence[{element.in_type}]"

    def zero(self) -> list[Any]:
        return [self.element.zero() for _ in range(self.length)]

    def convert(self, value: Any) -> list[Any]:
        items = self.many.convert(value)
        if len(items) > self.length:
            told = f"{len(items)}: {shown(value)}"
            raise FieldError(f"expected at most {self.length} values", value, told=told)
        items.extend(self.element.zero() for _ in range(self.length - len(items)))
        return items

    def packing(self, source: str, ns: Namespace) -> str:
        # Of another length, the format does not fit: the caller then converts.
        return f"*{source}" if self._inline else f"{ns.use(self._pack, 'array')}({source})"

    def _pack(self, items: Any) -> bytes:
        if len(items) != self.length:
            raise ValueError
        return self.many.pack(items)

    def unpacking(self, leaves: list[str], ns: Namespace) -> str:
        if self._inline:
            return f"[{', '.join(leaves)}]"
        return f"{ns.use(self.many.unpack, 'array')}({leaves[0]})"


class Many:
    """Any number of values of one kind, behind each other."""

    def __init__(self, element: Kind) -> None:
        self.element = element
        self._pack: Callable[[Any], bytes] | None = None
        self._unpack: Callable[[bytes], list[Any]] | None = None

    def convert(self, value: Any) -> list[Any]:
        """A list of canonical values; `FieldError` names the index of one that is not."""
        if isinstance(value, str | bytes | dict) or not hasattr(value, "__iter__"):
            raise FieldError("expected a sequence", value)
        convert, items = self.element.convert, []
        for index, item in enumerate(value):
            try:
                items.append(convert(item))
            except FieldError as error:
                raise error.inside(f"[{index}]") from None
        return items

    def _prepare(self) -> None:
        """Compiles the two functions: at first use, because elements may refer to messages that
        are being built."""
        ns, element = Namespace(), self.element
        form = struct.Struct(f">{element.fmt}")
        names = [f"a{index}" for index in range(element.leaves)]
        value = element.unpacking(names, ns)
        target = ", ".join(names) + ("," if len(names) == 1 else "")
        ns["form"] = form
        if isinstance(element, IntKind):
            letter = element.fmt
            self._pack = lambda items: struct.pack(f">{len(items)}{letter}", *items)
            self._unpack = lambda raw: list(
                struct.unpack(f">{len(raw) // element.size}{letter}", raw)
            )
        else:
            leaves = ", ".join(element.packing_parts("x", ns))
            source = (
                "def pack(items, pack=form.pack):\n"
                f"    return b''.join([pack({leaves}) for x in items])\n"
                "def unpack(raw, each=form.iter_unpack):\n"
                f"    return [{value} for {target} in each(raw)]\n"
            )
            made = ns.run(source, f"vapi_cffi array of {element.out_type}")
            self._pack, self._unpack = made["pack"], made["unpack"]
            if element.many_of is not None:
                self._unpack = self._many

    def _many(self, raw: bytes) -> list[Any]:
        element = self.element
        assert element.many_of is not None
        return element.many_of(data for (data,) in struct.iter_unpack(f"{element.size}s", raw))

    def pack(self, items: Any) -> bytes:
        """Wire bytes. Errors as of `struct`."""
        if self._pack is None:
            self._prepare()
        assert self._pack is not None
        return self._pack(items)

    def unpack(self, raw: bytes) -> list[Any]:
        """Values of bytes, whose length is right."""
        if self._unpack is None:
            self._prepare()
        assert self._unpack is not None
        return self._unpack(raw)


INTEGERS = {
    name: IntKind(name, code, size)
    for name, code, size in (
        ("u8", "B", 1),
        ("u16", "H", 2),
        ("u32", "I", 4),
        ("u64", "Q", 8),
        ("i8", "b", 1),
        ("i16", "h", 2),
        ("i32", "i", 4),
        ("i64", "q", 8),
    )
}
BASE: dict[str, Kind] = {**INTEGERS, "bool": BoolKind(), "f64": FloatKind()}
