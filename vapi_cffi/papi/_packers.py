"""How values of the API are packed and unpacked: numbers, text, lists.

A packer has two ways to the wire. `pack` is the careful one: it takes all that vpp_papi takes, and
says what does not fit. `blob` is the quick one, for values as programs give them nearly always: it
raises one of `MISFIT` for all else. The other way is one: `reader` gives a function that was
written for this packer and compiled, in which constant parts are taken apart by one `struct`.
Layouts are those of the codecs (`vapi_cffi._wire`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .._wire import BASE, Namespace, shown
from ._errors import TornMessage, VPPSerializerValueError

#: What the quick way raises for what only the careful one understands.
MISFIT = (
    struct.error,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    OverflowError,
    OSError,
)
#: Lists of plain numbers up to this length are part of the format around them.
_INLINE = 16
#: Texts that are remembered by their bytes: names of interfaces and drivers come again and again.
_MAX_TEXTS = 8192

Reader = Callable[[bytes, int], tuple[Any, int]]


class Texts(dict[bytes, str]):
    """From a field of fixed size to its text, up to the NUL."""

    def __missing__(self, raw: bytes) -> str:
        text = raw.split(b"\0", 1)[0].decode("ascii", "replace")
        if len(self) < _MAX_TEXTS:
            self[raw] = text
        return text


TEXTS = Texts()


class Packer:
    """Base of everything that has a wire form."""

    name: str
    size: int
    #: Letters of `struct`, and how many values they are; None for what has a variable size.
    fmt: str | None
    leaves: int

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        """Wire bytes. Errors: `VPPSerializerValueError`, `struct.error` and their like."""
        raise NotImplementedError

    def blob(self, value: Any) -> bytes:
        """Wire bytes, the quick way. Errors: `MISFIT`."""
        return self.pack(value)

    def unpack(
        self, data: Any, offset: int = 0, result: Any = None, ntc: bool = False
    ) -> tuple[Any, int]:
        """The value at `offset`, and its size. `ntc`: no type conversion."""
        raw = data if type(data) is bytes else bytes(data)
        try:
            value, end = self.reader(ntc)(raw, offset)
        except struct.error as error:
            raise self.torn(len(raw), error) from None
        return value, end - offset

    def torn(self, size: int, error: Exception) -> TornMessage:
        """What to raise for bytes that end too early."""
        what = self.name or repr(self)
        return TornMessage(f"{what}: {size} bytes are too few ({error})")

    # ---- for the functions that are written ----------------------------------------------------

    @property
    def default(self) -> Any:
        """What stands for a field that is not given, the quick way."""
        return None

    @property
    def fast_fmt(self) -> str:
        """Letters of `struct` for `leaf`; of constant size only."""
        return f"{self.size}s"

    def leaf(self, source: str, ns: Namespace) -> str:
        """An expression for the one value that `fast_fmt` takes."""
        return f"{ns.use(self.blob, 'blob')}({source})"

    def reading(self, names: list[str], ns: Namespace, ntc: bool) -> str:
        """Of constant size: an expression for the value of its leaves."""
        return names[0]

    def lines(self, target: str, ns: Namespace, ntc: bool) -> list[str]:
        """Statements that set `target` to the value in `data` at `o`, and move `o` behind it."""
        if self.fmt is None:
            return [f"{target}, o = {ns.use(self.reader(ntc), 'read')}(data, o)"]
        names = [f"{target}_{index}" for index in range(self.leaves)]
        form = struct.Struct(f">{self.fmt}")
        left = f"{', '.join(names)}, = " if names else ""
        return [
            f"{left}{ns.use(form.unpack_from, 'form')}(data, o)",
            f"o += {form.size}",
            f"{target} = {self.reading(names, ns, ntc)}",
        ]

    def reader(self, ntc: bool) -> Reader:
        """The function `(data, offset)` to value and end, compiled when first asked for."""
        readers: dict[bool, Reader] = self.__dict__.setdefault("_readers", {})
        found = readers.get(ntc)
        if found is None:
            ns = Namespace()
            body = self.lines("v", ns, ntc)
            source = "\n    ".join(["def read(data, o):", *body, "return v, o"])
            found = readers[ntc] = compiled(source, "read", ns, f"unpack of {self.name}")
        return found


def compiled(source: str, name: str, ns: Namespace, what: str) -> Any:
    """A function from its source."""
    return ns.run(source, f"vapi_cffi.papi {what}")[name]


def cut(data: bytes, start: int, size: int) -> bytes:
    """A part of a message. Errors: struct.error if it is not there."""
    part = data[start : start + size]
    if len(part) != size:
        raise struct.error(f"{size} more announced, {len(part)} there")
    return part


class BaseTypes(Packer):
    """A number, or with `elements` bytes or text of that size.

    >>> BaseTypes("u16").pack(258)
    b'\\x01\\x02'
    """

    def __init__(self, type: str, elements: int = 0, options: Any = None) -> None:
        self._type = type
        self._elements = elements
        self.name = type
        self.options = options
        self.leaves = 1
        self._f64 = type == "f64"
        if elements > 0 and type in ("u8", "string"):
            self.fmt = f"{elements}s"
        elif type in ("string", "header"):
            self.fmt, self.leaves = {"string": ("s", 1), "header": ("HI", 2)}[type]
        else:
            self.fmt = BASE[type].fmt
        #: VPP leaves f64 in the order of the host.
        self.packer = struct.Struct("=d" if self._f64 else f">{self.fmt}")
        self.size = self.packer.size

    @property
    def is_number(self) -> bool:
        """Whether lists of it are taken apart by `struct` alone."""
        return not self._f64 and self.leaves == 1 and not self._elements

    @property
    def default(self) -> Any:
        return self.options["default"] if self.options and "default" in self.options else 0

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        return self.packer.pack(self.default if data is None else data)

    def blob(self, value: Any) -> bytes:
        return self.packer.pack(value)

    @property
    def fast_fmt(self) -> str:
        return self.fmt or ""

    def leaf(self, source: str, ns: Namespace) -> str:
        return super().leaf(source, ns) if self._f64 else source

    def reading(self, names: list[str], ns: Namespace, ntc: bool) -> str:
        if self._f64:
            return f"{ns.use(self.packer.unpack, 'f64')}({names[0]})[0]"
        return names[0]

    def __repr__(self) -> str:
        return f"BaseTypes(type={self._type}, elements={self._elements}, options={self.options})"


class String(Packer):
    """Text: of fixed size `num`, NUL-padded; or behind its length."""

    def __init__(self, name: str, num: int, options: Any) -> None:
        self.name = name
        self.num = num
        self.size = num or 1
        self.limit = options["limit"] if options and "limit" in options else num
        self.fixed = bool(num)
        self.fmt, self.leaves = (f"{num}s", 1) if self.fixed else (None, 0)
        if self.fixed and not self.limit:
            raise VPPSerializerValueError(
                f"Invalid combination for: {name}, {options} fixed:True limit:{self.limit}"
            )

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        if not data:
            return bytes(self.limit) if self.fixed else bytes(4)
        raw = self.blob(data)
        return raw.ljust(self.limit, b"\0") if self.fixed else raw

    def blob(self, value: Any) -> bytes:
        """Of fixed size, `struct` fills it up."""
        raw: bytes = value.encode("ascii")
        if self.limit and len(raw) > self.limit - 1:
            raise VPPSerializerValueError(
                f"Invalid argument length for: {shown(value)}, {len(raw)} maximum {self.limit - 1}"
            )
        return raw if self.fixed else len(raw).to_bytes(4, "big") + raw

    @property
    def default(self) -> str:
        return ""

    @property
    def fast_fmt(self) -> str:
        return f"{self.limit}s"

    def reading(self, names: list[str], ns: Namespace, ntc: bool) -> str:
        return f"{ns.use(TEXTS, 'texts')}[{names[0]}]"

    def lines(self, target: str, ns: Namespace, ntc: bool) -> list[str]:
        if self.fixed:
            return super().lines(target, ns, ntc)
        length = struct.Struct(">I").unpack_from
        return [
            f"{target}, = {ns.use(length, 'length')}(data, o)",
            "o += 4",
            f"{target} = {ns.use(cut, 'cut')}(data, o, {target})",
            f"o += len({target})",
            f"{target} = {target}.decode('ascii', 'replace')",
        ]
