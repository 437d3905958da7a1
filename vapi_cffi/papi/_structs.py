"""Structs of the API: from dicts to wire bytes, from those to namedtuples."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._wire import Namespace, shown
from . import _natives, vpp_format
from ._errors import VPPSerializerValueError
from ._lists import FixedList, FixedList_u8, VLAList, VLAList_legacy
from ._named import (
    Resolve,
    VPPEnumType,
    VPPTypeAlias,
    converted,
    converter_for,
    known_type,
    new_tuple,
    register,
    tuple_class,
)
from ._packers import MISFIT, BaseTypes, Packer, String, compiled

logger = logging.getLogger("vpp_papi.serializer")


class VPPType(Packer):
    """A struct: packed from a dict, unpacked as a namedtuple.

    >>> point = VPPType("point", [["u16", "x"], ["u8", "y", {"default": 7}]])
    >>> point.pack({"x": 1}), point.unpack(b"\\0\\1\\7")
    (b'\\x00\\x01\\x07', (point(x=1, y=7), 3))
    """

    fields: list[str]
    fieldtypes: list[str]
    field_by_name: dict[str, Any]
    packers: list[Packer]
    msgdef: Sequence[Any]
    options: Any
    crc: str
    #: The namedtuple.
    tuple: Any
    _counts: dict[str, str]

    _LATE = frozenset(
        [
            "fields",
            "fieldtypes",
            "field_by_name",
            "packers",
            "msgdef",
            "options",
            "crc",
            "tuple",
            "size",
            "fmt",
            "leaves",
            "_counts",
        ]
    )

    def __init__(self, name: str, msgdef: Sequence[Any]) -> None:
        self._begin(name, lambda: msgdef, known_type)
        self._parse()
        register(self)

    def _begin(self, name: str, load: Callable[[], Sequence[Any]], resolve: Resolve) -> None:
        self.name = name
        self._load = load
        self._resolve = resolve

    @classmethod
    def of(cls, name: str, load: Callable[[], Sequence[Any]], resolve: Resolve) -> Any:
        """Without telling the process; `load` is asked for the definition when it is needed."""
        made = cls.__new__(cls)
        made._begin(name, load, resolve)
        return made

    def __getattr__(self, name: str) -> Any:
        # Only what is not there yet comes here.
        if name in VPPType._LATE and "_load" in self.__dict__:
            self._parse()
            if name in self.__dict__:
                return self.__dict__[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _parse(self) -> None:
        """Reads the definition. Errors: `VPPSerializerValueError` for a type that is unknown."""
        msgdef = self._load()
        fields: list[str] = []
        types: list[str] = []
        packers: list[Packer] = []
        counts: dict[str, str] = {}
        options: Any = {}
        for item in msgdef:
            if isinstance(item, dict):
                if "crc" in item:
                    self.crc = item["crc"]
                continue
            fields.append(item[1])
            types.append(item[0])
            options = next((part for part in item if isinstance(part, dict)), {})
            packer = self._packer(item, options, fields)
            if isinstance(packer, VLAList):
                counts[packer.length_field] = packer.name
            packers.append(packer)
        self.msgdef = msgdef
        self.options = options
        self.fields, self.fieldtypes, self.packers = fields, types, packers
        self.field_by_name = dict.fromkeys(fields)
        self._counts = counts
        # As in vpp_papi, what has a variable size counts as nothing.
        self.size = sum(
            packer.size
            for packer in packers
            if not isinstance(packer, VLAList | VLAList_legacy)
            and not (isinstance(packer, String) and not packer.fixed)
        )
        formats = [packer.fmt for packer in packers]
        self.fmt = None if None in formats else "".join(part or "" for part in formats)
        self.leaves = sum(packer.leaves for packer in packers)
        self.tuple = tuple_class(self.name, fields)

    def _packer(self, item: Sequence[Any], options: Any, fields: list[str]) -> Packer:
        """Of one field."""
        spelling, name = item[:2]
        lengths = [part for part in item[2:] if not isinstance(part, dict)]
        if spelling == "string":
            return String(name, lengths[0] if lengths else 0, options)
        packer: Any = self._resolve(spelling)
        if packer is None:
            logger.debug("Unknown type %s", spelling)
            raise VPPSerializerValueError(f"Unknown message type {spelling}")
        if len(lengths) == 2:
            return VLAList(name, spelling, lengths[1], fields.index(lengths[1]), packer)
        if lengths and lengths[0] == 0:
            return VLAList_legacy(name, spelling, packer)
        if lengths:
            if spelling == "u8":
                return FixedList_u8(name, spelling, lengths[0])
            return FixedList(name, spelling, lengths[0], packer)
        if "default" in options:
            if isinstance(packer, BaseTypes):
                return BaseTypes(spelling, options=options)
            if isinstance(packer, VPPEnumType | VPPTypeAlias):
                return packer.with_options(options)
        return packer  # type: ignore[no-any-return]

    # ---- packing -------------------------------------------------------------------------------

    def pack(self, data: Any, kwargs: Any = None) -> bytes:
        """Wire bytes of a dict, of a tuple of this type, or of what converts to one. Counts of
        arrays are filled in. Errors: `VPPSerializerValueError` names type, field and value."""
        try:
            return self.blob(data)
        except MISFIT:
            pass  # the careful way takes it, or says what is wrong
        return self.careful(data)

    def careful(self, data: Any) -> bytes:
        """As `pack`."""
        converter = converter_for(self.name, data) if data else None
        if converter is not None:
            data = converter(data)
        if isinstance(data, tuple) and hasattr(data, "_asdict"):
            data = data._asdict()
        if data and not isinstance(data, Mapping):
            raise VPPSerializerValueError(
                f"Invalid argument: {shown(data)} expected {self.name}.{self.fields[0]}"
            )
        given = data or {}
        pieces = []
        for name, packer in zip(self.fields, self.packers, strict=True):
            argument = given.get(name)
            try:
                if name in self._counts and argument is None:
                    argument = len(given.get(self._counts[name]) or ())
                needs = given if isinstance(packer, VLAList) else None
                pieces.append(bytes(packer.pack(argument, needs)))
            except MISFIT as error:
                raise VPPSerializerValueError(
                    f"{self.name}.{name}: cannot pack {shown(argument)}: {error}"
                ) from error
        return b"".join(pieces)

    @property
    def blob(self) -> Callable[[Any], bytes]:
        """The quick way; compiled when first asked for."""
        ns = Namespace()
        try:
            nothing: bytes | None = self.careful(None)
        except VPPSerializerValueError:
            nothing = None  # an array that must be given
        ns.update(nothing=nothing, careful=self.careful)
        lines, value = self._writing(ns, _from_dict)
        wire = _natives.to_wire_of(self.name, self.size)
        quick = f"{ns.use(wire, 'wire')}.get(type(d), careful)(d)"
        source = "\n    ".join(
            [
                "def blob(d):",
                "if type(d) is not dict:",
                f"    if d: return {quick}",
                "    if nothing is None: raise ValueError",
                "    return nothing",
                "get = d.get",
                *lines,
                f"return {value}",
            ]
        )
        made: Callable[[Any], bytes] = compiled(source, "blob", ns, f"pack of {self.name}")
        self.__dict__["blob"] = made
        return made

    def _writing(
        self, ns: Namespace, source: Callable[[str, Any], str], header: Mapping[str, str] = {}
    ) -> tuple[list[str], str]:
        """Statements, and an expression for the bytes of all fields. `source` gives the expression
        for a field, given its default; `header` those of fields that are no business of programs.
        """
        lines: list[str] = []
        pieces: list[str] = []
        letters = ""
        leaves: list[str] = []
        arrays = {
            packer.name: index
            for index, packer in enumerate(self.packers)
            if isinstance(packer, VLAList)
        }

        def flush() -> None:
            nonlocal letters
            if leaves:
                form = struct.Struct(f">{letters}").pack
                pieces.append(f"{ns.use(form, 'form')}({', '.join(leaves)})")
                leaves.clear()
                letters = ""

        for name, index in arrays.items():
            lines += [
                f"t{index} = {source(name, self.packers[index].default)}",
                f"n{index} = _len(t{index})",
            ]
        for name, packer in zip(self.fields, self.packers, strict=True):
            if name in header:
                letters += packer.fast_fmt
                leaves.append(header[name])
            elif name in self._counts:
                index = arrays[self._counts[name]]
                lines += [
                    f"c = {source(name, None)}",
                    f"if c is not None and c != n{index}: raise ValueError",
                ]
                letters += packer.fast_fmt
                leaves.append(packer.leaf(f"n{index}", ns))
            elif packer.fmt is not None:
                letters += packer.fast_fmt
                leaves.append(packer.leaf(source(name, packer.default), ns))
            else:
                flush()
                at = f"t{arrays[name]}" if name in arrays else source(name, packer.default)
                pieces.append(f"{ns.use(packer.blob, 'blob')}({at})")
        flush()
        return lines, " + ".join(pieces) or "b''"

    # ---- unpacking -----------------------------------------------------------------------------

    def reading(self, names: list[str], ns: Namespace, ntc: bool) -> str:
        def tuple_of(inner: bool) -> str:
            at = 0
            values = []
            for packer in self.packers:
                values.append(packer.reading(names[at : at + packer.leaves], ns, inner))
                at += packer.leaves
            return self._tuple_of(values, ns)

        return converted(self.name, self.fmt, names, ns, ntc, tuple_of)

    def _tuple_of(self, values: list[str], ns: Namespace) -> str:
        many = f"{', '.join(values)}," if values else ""
        return f"{ns.use(new_tuple, 'new')}({ns.use(self.tuple, 'cls')}, ({many}))"

    def lines(self, target: str, ns: Namespace, ntc: bool) -> list[str]:
        lines, value = self._body(ns, ntc, {})
        return [*lines, f"{target} = {value}"]

    def _body(self, ns: Namespace, ntc: bool, known: Mapping[str, str]) -> tuple[list[str], str]:
        """Statements that take `data` apart from `o` on, and the expression for the value.
        `known`: expressions for fields whose bytes need not be looked at."""
        convert = None if ntc else vpp_format.conversion_unpacker_table.get(self.name)
        inner = ntc or convert is not None
        prefix = ns.use(object(), "a")  # so that those of two types in one function differ
        lines: list[str] = []
        values: list[str] = []
        numbers: dict[str, str] = {}
        letters = ""
        names: list[str] = []

        def flush() -> None:
            nonlocal letters
            if letters:
                form = struct.Struct(f">{letters}")
                left = f"{', '.join(names)}, = " if names else ""
                lines.extend(
                    [f"{left}{ns.use(form.unpack_from, 'form')}(data, o)", f"o += {form.size}"]
                )
                names.clear()
                letters = ""

        count = 0
        for name, packer in zip(self.fields, self.packers, strict=True):
            if name in known:
                letters += f"{packer.size}x"
                values.append(known[name])
            elif packer.fmt is not None:
                own = [f"{prefix}_{count + index}" for index in range(packer.leaves)]
                count += packer.leaves
                letters += packer.fmt
                names += own
                numbers[name] = own[0] if own else ""
                values.append(packer.reading(own, ns, inner))
            else:
                flush()
                variable = f"{prefix}_v{count}"
                count += 1
                if isinstance(packer, VLAList):
                    lines += packer.counted(variable, numbers[packer.length_field], ns, inner)
                else:
                    lines += packer.lines(variable, ns, inner)
                values.append(variable)
        flush()
        value = self._tuple_of(values, ns)
        return lines, value if convert is None else f"{ns.use(convert, 'convert')}({value})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name}, msgdef={self.msgdef})"


def _from_dict(name: str, default: Any) -> str:
    return f"get({name!r}, {default!r})"
