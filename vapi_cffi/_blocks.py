"""Blocks: the fields of a struct or message, and the functions made for them.

A block writes four functions, each when it is first needed, and compiles them: `flat` and `make`
take a struct apart into leaves of a `struct` format and put it together; a message (`_codec`) has
`pack`s and `fill` of the same kind. Nested structs of constant size are part of the outer format.
"""

from __future__ import annotations

import keyword
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ._errors import InvalidArgument
from ._lazy import lazies, make_lazy
from ._unions import Tag, UnionKind
from ._values import ApiValue, comparing
from ._wire import (
    BoolKind,
    EnumKind,
    FieldError,
    IntKind,
    Kind,
    Many,
    Namespace,
    as_bytes,
    encode_text,
    shown,
    text_of,
)

#: What a fast function raises when it is given what only the careful way understands.
MISFIT = (
    struct.error,
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    OverflowError,
)

_TAKEN = ("self", "cls", "_request", "_timeout")
_CLASS_TAKEN = re.compile(
    "Any|Api(Enum|Flag|Message|Union|Value)|Awaitable|Conn|DEFINITIONS|Dump|Fields|MACAddress|Mapping"
    "|(Event|Object|Reply)Callback|Sequence|Stream"
)


def field_name(name: str) -> str:
    """A field as an attribute and keyword (as `generator.naming.python_field`)."""
    if name.startswith("__"):
        return f"_{name.lstrip('_')}_"
    return f"{name}_" if keyword.iskeyword(name) or name in _TAKEN else name


def arm_name(name: str) -> str:
    """The same for an arm of a union (as `generator.naming.python_arm`)."""
    return f"{name}_" if name in ("which", "_arm", "_raw") else field_name(name)


def request_name(name: str) -> str:
    """The message that is a function of this name: `class_` is `class`."""
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


class Tail:
    """A field of variable size, which ends its block.

    `statement` computes `_t` (its bytes) from a value, and perhaps more; `leaves_in` are the leaves
    in the fixed part that this field itself has there, `of_bytes` the value of `_t`.
    """

    fmt = ""
    leaves = 0
    element_size = 1
    out_type = "bytes"
    in_type = "bytes | bytearray | memoryview"

    def zero(self) -> Any:
        return b""

    def convert(self, value: Any) -> Any:
        return as_bytes(value)

    def statement(self, source: str, ns: Namespace) -> str:
        return f"_t = {ns.use(as_bytes, 'as_bytes')}({source})"

    def leaves_in(self) -> list[str]:
        return []

    def of_bytes(self, leaves: list[str], ns: Namespace) -> str:
        return "_t"


class StringTail(Tail):
    """`string n[]`: a length, then text."""

    fmt, leaves = "I", 1
    out_type = "str"
    in_type = "str | bytes"

    def zero(self) -> str:
        return ""

    def convert(self, value: Any) -> str:
        try:
            return text_of(encode_text(value))
        except TypeError:
            raise FieldError("expected text", value) from None
        except UnicodeEncodeError:
            raise FieldError("expected text without lone surrogates", value) from None

    def statement(self, source: str, ns: Namespace) -> str:
        return f"_t = {ns.use(encode_text, 'text')}({source})"

    def leaves_in(self) -> list[str]:
        return ["_len(_t)"]

    def of_bytes(self, leaves: list[str], ns: Namespace) -> str:
        return f"{ns.use(text_of, 'text')}(_t)"


class ArrayTail(Tail):
    """`T n[count]` or `T n[0]`, T not u8."""

    def __init__(self, element: Kind) -> None:
        self.many = Many(element)
        self.element_size = element.size
        self.out_type = f"list[{element.out_type}]"
        self.in_type = f"Sequence[{element.in_type}]"

    def zero(self) -> list[Any]:
        return []

    def convert(self, value: Any) -> list[Any]:
        return self.many.convert(value)

    def statement(self, source: str, ns: Namespace) -> str:
        return f"_t = {ns.use(self.many.pack, 'many')}({source})"

    def of_bytes(self, leaves: list[str], ns: Namespace) -> str:
        return f"{ns.use(self.many.unpack, 'many')}(_t)"


class BlockTail(Tail):
    """A struct that itself has a tail."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.fmt = block.fmt
        self.leaves = block.leaves
        self.out_type = block.name_for_types
        self.in_type = f"{self.out_type} | Mapping[str, object]"
        if block.tail is not None:
            self.element_size = block.tail.element_size

    def zero(self) -> Any:
        return self.block.cls()

    def convert(self, value: Any) -> Any:
        return self.block.convert(value)

    def statement(self, source: str, ns: Namespace) -> str:
        return f"_inner, _t = {ns.use(self.block.flat, 'flat')}({source})"

    def leaves_in(self) -> list[str]:
        return ["*_inner"]

    def of_bytes(self, leaves: list[str], ns: Namespace) -> str:
        return f"{ns.use(self.block.make, 'make')}({', '.join([*leaves, '_t'])})"


class StructKind(Kind):
    """A struct of constant size."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.fmt = block.fmt
        self.size = block.size
        self.leaves = block.leaves
        self.out_type = block.name_for_types
        self.in_type = f"{self.out_type} | Mapping[str, object]"

    def zero(self) -> Any:
        return self.block.cls()

    def convert(self, value: Any) -> Any:
        return self.block.convert(value)

    def many_of(self, datas: Iterable[bytes]) -> list[Any]:
        return self.block.lazies(datas)

    def packing(self, source: str, ns: Namespace) -> str:
        return f"*{ns.use(self.block.flat, 'flat')}({source})"

    def packing_parts(self, source: str, ns: Namespace) -> list[str]:
        return self.block.parts(ns, f"{source}.")[1]

    def unpacking(self, leaves: list[str], ns: Namespace) -> str:
        return f"{ns.use(self.block.make, 'make')}({', '.join(leaves)})"


class BlockField:
    """One field: its kind, or tail; what it counts, or tells apart; its default."""

    def __init__(self, api_name: str, kind: Kind | Tail, default: object = None) -> None:
        self.api_name = api_name
        self.name = field_name(api_name)
        self.kind = kind
        self.raw_default = default
        self.counts: str | None = None  # a count field: attribute name of the array
        self.told_by: str | None = None  # a union: attribute name of its discriminator
        self.tells: str | None = None  # a discriminator: attribute name of the union
        self.tag: Tag | None = None
        self._default: Any = None
        self._ready = False

    def default(self) -> Any:
        """The value when none is given; a new one if it can be changed."""
        if self.raw_default is None:
            return self.kind.zero()
        if not self._ready:
            self._default = self._make_default(self.raw_default)
            self._ready = True
        return self._default

    def _make_default(self, raw: Any) -> Any:
        """The `default` option as a value: a number, a name, `true` (as text), False."""
        kind = self.kind
        if raw == "true" or isinstance(raw, bool):
            raw = int(raw is not False)
        if isinstance(kind, BoolKind):
            return bool(raw)  # VPP's own files have 0xffffffff here
        if isinstance(kind, IntKind):
            if isinstance(raw, str):
                raw = int(raw, 0)
            raw = int(raw) & kind.high if kind.low == 0 else int(raw)
        return kind.convert(raw)

    @property
    def size(self) -> int:
        return struct.calcsize(f">{self.kind.fmt}")


class Block:
    """The fields of a struct or message, in order, from `offset` on."""

    def __init__(
        self,
        name: str,
        fields: Iterable[BlockField],
        make_class: Callable[[Block], type[ApiValue]],
        offset: int = 0,
    ) -> None:
        self.name = name
        self.fields = tuple(fields)
        self.by_name = {item.name: item for item in self.fields}
        self.offset = offset
        self.fmt = "".join(item.kind.fmt for item in self.fields)
        self.size = offset + struct.calcsize(f">{self.fmt}")
        self.leaves = sum(item.kind.leaves for item in self.fields)
        last = self.fields[-1].kind if self.fields else None
        self.tail = last if isinstance(last, Tail) else None
        #: Attributes with memory of their own: all but counts, which follow from their arrays.
        self.slots = tuple(item.name for item in self.fields if item.counts is None)
        self.shown = self.slots
        self.key = comparing(self.slots)
        self.has_tag = any(item.tag is not None for item in self.fields)
        #: The key of its definitions ("" if they have none), and the section there: for pickles.
        self.home = "", ""
        self._make_class = make_class
        self._cls: type[ApiValue] | None = None
        self._lazy: type[ApiValue] | None = None
        self._functions: dict[str, Callable[..., Any]] = {}

    @property
    def cls(self) -> type[ApiValue]:
        """The class of values."""
        if self._cls is None:
            self._cls = self._make_class(self)
        return self._cls

    @property
    def name_for_types(self) -> str:
        """How an annotation spells the class."""
        return class_name(self.name)

    def count_place(self) -> tuple[int, int] | None:
        """Where the count of the tail is: offset and bytes, or None if there is none."""
        if self.tail is None:
            return None
        offset = self.offset
        for item in self.fields:
            if isinstance(item.kind, StringTail):
                return offset, 4
            if isinstance(item.kind, BlockTail):
                inner = item.kind.block.count_place()
                return None if inner is None else (offset + inner[0], inner[1])
            if item.counts is not None:
                return offset, item.size
            offset += item.size
        return None

    # ---- the careful way -----------------------------------------------------------------------

    def fill_in(self, value: ApiValue, given: dict[str, Any]) -> None:
        """The constructor: canonical values of what was given, defaults of the rest.

        Errors: `InvalidArgument` with the name of the block and the path of the field.
        """
        try:
            self._fill_in(value, given)
        except FieldError as error:
            raise InvalidArgument(f"{self.name}{error}") from None

    def _fill_in(self, value: Any, given: dict[str, Any]) -> None:
        unknown = given.keys() - self.by_name.keys()
        if unknown:
            self._refuse(min(unknown), given)
        counts: list[tuple[BlockField, Any]] = []
        tagged: list[BlockField] = []
        for item in self.fields:
            name = item.name
            asked = given.get(name)
            if item.counts is not None:
                if asked is not None:
                    counts.append((item, asked))
                continue
            if item.tag is not None:
                tagged.append(item)
            try:
                setattr(value, name, item.default() if asked is None else item.kind.convert(asked))
            except FieldError as error:
                raise error.inside(name) from None
        told = {name for name, asked in given.items() if asked is not None}
        for item in tagged:
            self._settle(value, item, told)
        self._check_counts(value, counts)

    def _settle(self, value: Any, item: BlockField, told: set[str]) -> None:
        """A union and its discriminator must agree; one may be left open. `told`: names of the
        fields that are not."""
        assert item.tag is not None
        assert item.told_by is not None
        teller = self.by_name[item.told_by]
        is_open = teller.name not in told and item.name in told
        number = None if is_open else getattr(value, teller.name)
        union, number = item.tag.settle(getattr(value, item.name), number, teller.name)
        told.add(teller.name)
        setattr(value, item.name, union)
        assert isinstance(teller.kind, Kind)
        setattr(value, teller.name, teller.kind.convert(number))

    def _check_counts(self, value: Any, given: Iterable[tuple[BlockField, Any]]) -> None:
        """Counts are filled in; one that was given must be right, and every one must fit."""
        for item, asked in given:
            assert isinstance(item.kind, Kind)
            try:
                wrong = item.kind.convert(asked) != len(getattr(value, item.counts or ""))
            except FieldError as error:
                raise error.inside(item.name) from None
            if wrong:
                there = len(getattr(value, item.counts or ""))
                reason = f"expected {there}, the length of {item.counts} (or leave it out)"
                raise FieldError(reason, asked, item.name)
        for item in self.fields:
            if item.counts is not None:
                there, kind = len(getattr(value, item.counts)), item.kind
                most = kind.base.high if isinstance(kind, EnumKind) else getattr(kind, "high", 0)
                if there > most:
                    reason, items = f"expected at most {most} values", getattr(value, item.counts)
                    told = f"{there}: {shown(items)}"
                    raise FieldError(reason, items, item.counts, told=told)

    def _refuse(self, name: str, given: Mapping[str, Any]) -> None:
        close = get_close_matches(name, list(self.by_name), 1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(self.by_name)}"
        if name == "timeout":
            hint = "did you mean '_timeout', the seconds to wait?"
        elif name in ("client_index", "context"):
            hint = "it is filled in"
        elif not self.by_name:
            hint = "it has none"
        raise InvalidArgument(f"{self.name} has no field {name!r}: {hint}")

    def convert(self, value: Any) -> ApiValue:
        """A value of the class from one, or from a mapping of its fields."""
        if isinstance(value, ApiValue):
            block = type(value).__api__
            if block is self:
                return value
            if block.name == self.name:  # of a generated package, or of the VPP before this one
                value = {name: getattr(value, name) for name in block.slots}
        if isinstance(value, Mapping):
            made: Any = object.__new__(self.cls)
            try:
                self._fill_in(made, dict(value))
            except InvalidArgument as error:
                raise FieldError(str(error), value, told="") from None
            return made  # type: ignore[no-any-return]
        raise FieldError(f"expected {self.name_for_types} or a dict of its fields", value)

    def renewed(self, value: Any) -> ApiValue:
        """A value made anew of the attributes of one that was changed, at any depth; refuses what
        does not fit."""
        fields = {name: _given(getattr(value, name)) for name in self.slots}
        return self.cls(**fields)

    def wire(self, value: Any) -> bytes:
        """The wire bytes of a value, zeros in the place of a message's header: what `fill` takes.
        Errors: `InvalidArgument`."""
        form = struct.Struct(f">{self.offset}x{self.fmt}").pack

        def packed(whole: Any) -> bytes:
            leaves, tail = (self.flat(whole), b"") if self.tail is None else self.flat(whole)
            return form(*leaves) + tail

        try:
            return packed(value)
        except MISFIT:
            return packed(self.renewed(value))

    # ---- generated functions -------------------------------------------------------------------

    def function(self, name: str) -> Callable[..., Any]:
        """A generated function, compiled when first asked for."""
        found = self._functions.get(name)
        if found is None:
            ns = Namespace()
            source = getattr(self, f"source_of_{name}")(ns)
            made = ns.run(source, f"vapi_cffi {name} of {self.name}")
            found = self._functions[name] = made[name]
        return found

    @property
    def flat(self) -> Callable[..., Any]:
        """From a value to its leaves; with a tail, a pair of leaves and the tail's bytes."""
        return self.function("flat")

    @property
    def make(self) -> Callable[..., Any]:
        """From leaves (and the tail's bytes) to a value."""
        return self.function("make")

    def parts(self, ns: Namespace, prefix: str) -> tuple[list[str], list[str]]:
        """Statements, and expressions for all leaves, of fields found at `prefix` + name."""
        statements: list[str] = []
        leaves: list[str] = []
        for item in self.fields:
            source = f"{prefix}{item.name}"
            kind = item.kind
            if isinstance(kind, Tail):
                statements.append(kind.statement(source, ns))
                leaves += kind.leaves_in()
            elif item.counts is not None:
                leaves.append(f"_len({prefix}{item.counts})")
            elif item.tag is not None:
                other = f"{prefix}{item.told_by}"
                leaves.append(f"{ns.use(item.tag.pack, 'tag')}({source}, {other})")
            else:
                leaves.append(kind.packing(source, ns))
        return statements, leaves

    def source_of_flat(self, ns: Namespace) -> str:
        statements, leaves = self.parts(ns, "o.")
        lines = [*statements, f"return ({', '.join(leaves)}{',' if leaves else ''})"]
        if self.tail is not None:
            lines[-1] += ", _t"
        return _def("flat(o)", lines)

    def settings(self, ns: Namespace) -> tuple[list[str], list[str]]:
        """Names of all leaves, and the statements that set the attributes of `o` from them."""
        names: list[str] = []
        of_field: dict[str, list[str]] = {}
        for item in self.fields:
            own = [f"a{len(names) + index}" for index in range(item.kind.leaves)]
            of_field[item.name] = own
            names += own
        lines = []
        for item in self.fields:
            own = of_field[item.name]
            if item.counts is not None:
                continue
            if isinstance(item.kind, Tail):
                value = item.kind.of_bytes(own, ns)
            elif item.tag is not None:
                teller = of_field[item.told_by or ""][0]
                value = f"{ns.use(item.tag.unpack, 'tag')}({own[0]}, {teller})"
            else:
                value = item.kind.unpacking(own, ns)
            lines.append(f"o.{item.name} = {value}")
        return names, lines

    @property
    def fill(self) -> Callable[[Any, bytes], None]:
        """Sets the attributes of an object from bytes whose length was checked."""
        return self.function("fill")

    def source_of_fill(self, ns: Namespace) -> str:
        names, lines = self.settings(ns)
        ns["_form"] = struct.Struct(f">{self.offset}x{self.fmt}").unpack_from
        target = f"{', '.join(names)}{',' if len(names) == 1 else ''} = " if names else ""
        head = [f"{target}_form(data)"]
        if self.tail is not None:
            head.append(f"_t = data[{self.size}:]")
        return _def("fill(o, data)", [*head, *lines])

    @property
    def lazy_class(self) -> type[ApiValue]:
        """The class of objects that are still bytes."""
        if self._lazy is None:
            self._lazy = make_lazy(self)
        return self._lazy

    def lazies(self, datas: Iterable[bytes]) -> list[Any]:
        """Objects of bytes whose length was checked."""
        return lazies(self.lazy_class, datas)

    def source_of_make(self, ns: Namespace) -> str:
        names, lines = self.settings(ns)
        ns["cls"], ns["new"] = self.cls, object.__new__
        if self.tail is not None:
            names.append("_t")
        return _def(f"make({', '.join(names)})", ["o = new(cls)", *lines, "return o"])


def _given(item: Any) -> Any:
    """A struct as a dict of its fields, also within lists: whatever was put into it is looked at
    again."""
    if isinstance(item, ApiValue):
        return {name: _given(getattr(item, name)) for name in type(item).__api__.slots}
    if isinstance(item, list | tuple):
        return [_given(one) for one in item]
    return item


def _def(head: str, lines: Iterable[str]) -> str:
    return "\n".join([f"def {head}:", *(f"    {line}" for line in lines), ""])


def class_name(name: str) -> str:
    """`sw_interface_set_mtu` gives `SwInterfaceSetMtu` (as `generator.naming.python_class`)."""
    joined = "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)
    if not joined or joined[0].isdigit():
        joined = f"_{joined}"
    return f"{joined}_" if keyword.iskeyword(joined) or _CLASS_TAKEN.fullmatch(joined) else joined


def make_class(base: type[ApiValue], module: str, doc: str) -> Callable[[Block], type[ApiValue]]:
    """For blocks that no generated package has a class of."""

    def make(block: Block) -> type[ApiValue]:
        body: dict[str, Any] = {
            "__slots__": {name: block.by_name[name].kind.out_type for name in block.slots},
            "__match_args__": block.slots,
            "__module__": module,
            "__doc__": doc or f"{block.name} of VPP's API.",
            "__api__": block,
        }
        body |= count_properties(block)
        return type(class_name(block.name), (base,), body)

    return make


def count_properties(block: Block) -> dict[str, property]:
    """Count fields are the lengths of their arrays."""

    def counting(array: str) -> property:
        return property(lambda self: len(getattr(self, array)), doc=f"The length of `{array}`.")

    return {item.name: counting(item.counts) for item in block.fields if item.counts is not None}


def union_kind_of(kind: Kind | Tail) -> UnionKind | None:
    """The union, if the field is one."""
    return kind if isinstance(kind, UnionKind) else None
