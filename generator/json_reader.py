"""`.api.json` text to schema: today's form, older releases (22.02 on), and hand-made files.

Every key may be missing. Types that several files print are read once: `JsonReader` keeps what it
has read, and 152 files with 3500 types then cost no more than the 600 different ones.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

from ._diagnostics import Diagnostics, Location, Pointer
from .schema import (
    NO_OPTIONS,
    AliasDecl,
    CounterDecl,
    CountersDecl,
    DefineDecl,
    EnumDecl,
    EnumeratorDecl,
    FieldDecl,
    ImportDecl,
    OptionDecl,
    PathsDecl,
    SchemaFile,
    ServiceDecl,
    Statement,
    StructDecl,
    TypeDecl,
    UnionDecl,
    Value,
)

#: All of VPP's API in one array has 3 MB.
MAX_TEXT = 64 << 20

_KEYS = {
    "types": list,
    "messages": list,
    "unions": list,
    "enums": list,
    "enumflags": list,
    "services": dict,
    "options": dict,
    "aliases": dict,
    "imports": list,
    "counters": list,
    "paths": list,
}


#: Module names become file names.
_MODULE = re.compile(r"[A-Za-z0-9_+@-][A-Za-z0-9_.+@-]*")


class _MalformedError(Exception):
    """A value of another form than expected. `steps` lead from the definition to the value."""

    def __init__(self, message: str, *steps: str | int) -> None:
        super().__init__(message)
        self.steps = steps


def decode_json(text: str, path: str, diagnostics: Diagnostics) -> dict[str, Any] | list[Any]:
    """The object or array of a JSON text; an empty array after recording what is wrong with it."""
    try:
        document = json.loads(text, parse_constant=_refuse)
        if isinstance(document, dict | list):
            return document
        diagnostics.error(Location(path, 1, 1), f"{_shown(document)}: expected an object")
    except json.JSONDecodeError as bad:
        place = Location(path, bad.lineno, bad.colno)
        diagnostics.error(place, f"not JSON: {bad.msg[0].lower()}{bad.msg[1:]}")
    except ValueError as bad:  # NaN, or a number of thousands of digits
        diagnostics.error(Location(path, 1, 1), f"not an API file: {bad}")
    except RecursionError:
        diagnostics.error(Location(path, 1, 1), "nested too deeply: expected an API file")
    return []


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a value of an API")


class JsonReader:
    """Reads files of one run and shares what they repeat."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        # (section, name): what the JSON said, and the record made of it
        self._known: dict[tuple[str, str], tuple[Any, TypeDecl]] = {}

    def read(self, data: bytes | str, path: str) -> list[SchemaFile]:
        """The files in a text: one, or those of an array as `get_api_json` returns it."""
        if len(data) > MAX_TEXT:
            size = f"{len(data)} characters: expected an API file of at most {MAX_TEXT}"
            self._diagnostics.error(Location(path), size)
            return []
        if isinstance(data, str):
            text, raw = data, data.encode("utf-8", "surrogatepass")
        else:
            raw = data
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError as bad:
                line = data.count(b"\n", 0, bad.start) + 1
                place = Location(path, line, bad.start - data.rfind(b"\n", 0, bad.start))
                byte = f"byte 0x{data[bad.start]:02x} is not UTF-8: expected UTF-8 text"
                self._diagnostics.error(place, byte)
                return []
        document = decode_json(text, path, self._diagnostics)
        digest = hashlib.sha256(raw).hexdigest()
        if isinstance(document, list):
            found = [
                self._file(item, Pointer(path, (index,)), digest)
                for index, item in enumerate(document)
            ]
        else:
            found = [self._file(document, Pointer(path), digest)]
        return [item for item in found if item is not None]

    def _file(self, document: Any, pointer: Pointer, digest: str) -> SchemaFile | None:
        if not isinstance(document, dict):
            self._diagnostics.error(pointer, f"{_shown(document)}: expected an object")
            return None
        if not _KEYS.keys() & document.keys():
            keys = "expected an API file, with keys such as messages, types, enums"
            self._diagnostics.error(pointer, f"no key of an API file: {keys}")
            return None
        sections: dict[str, Any] = {}
        for key, kind in _KEYS.items():
            value = document.get(key)
            if value is None:
                value = kind()
            elif not isinstance(value, kind):
                what = "an array" if kind is list else "an object"
                self._error(pointer.child(key), f"{_shown(value)}: expected {what}")
                value = kind()
            sections[key] = value
        crc = document.get("vl_api_version")
        try:
            name = _name_of(document, pointer)
            file_crc = None if crc is None else _crc(crc, "vl_api_version")
        except _MalformedError as bad:
            self._error(pointer.child(*bad.steps), str(bad))
            return None
        return SchemaFile(
            path=pointer.file,
            name=name,
            statements=tuple(self._statements(sections, pointer)),
            is_inlined=True,
            crc=file_crc,
            has_services="services" in document,
            digest=digest,
        )

    def _statements(self, sections: dict[str, Any], root: Pointer) -> Iterator[Statement]:
        """Every record of a file, section by section: types first, then what uses them."""
        yield from self._each(sections, "options", root, _option)
        yield from self._each(sections, "imports", root, _import)
        yield from self._each(sections, "enums", root, self._shared(_enum, "enums"))
        yield from self._each(sections, "enumflags", root, self._shared(_enumflag, "enumflags"))
        yield from self._each(sections, "aliases", root, _alias)
        yield from self._each(sections, "unions", root, self._shared(_union, "unions"))
        yield from self._each(sections, "types", root, self._shared(_struct, "types"))
        yield from self._each(sections, "messages", root, _define)
        yield from self._each(sections, "services", root, _service)
        yield from self._each(sections, "counters", root, _counters)
        yield from self._each(sections, "paths", root, _paths)

    def _each(
        self,
        sections: dict[str, Any],
        key: str,
        root: Pointer,
        make: Callable[[Any, Pointer], Statement],
    ) -> Iterator[Statement]:
        """The records of one section; a malformed one is reported and left out."""
        section = sections[key]
        pairs = section.items() if isinstance(section, dict) else enumerate(section)
        for step, value in pairs:
            pointer = root.child(key, step)
            try:
                yield make((step, value) if isinstance(section, dict) else value, pointer)
            except _MalformedError as bad:
                self._error(pointer.child(*bad.steps), str(bad))

    def _shared(
        self, make: Callable[[Any, Pointer], TypeDecl], section: str
    ) -> Callable[[Any, Pointer], TypeDecl]:
        """`make`, but the record of an equal definition that was read before is used again."""
        known = self._known

        def make_or_reuse(value: Any, pointer: Pointer) -> TypeDecl:
            key = (section, value[0] if isinstance(value, list) and value else "")
            if not isinstance(key[1], str):
                return make(value, pointer)
            earlier = known.get(key)
            if earlier is not None and earlier[0] == value:
                return earlier[1]
            decl = make(value, pointer)
            known[key] = (value, decl)
            return decl

        return make_or_reuse

    def _error(self, pointer: Pointer, message: str) -> None:
        self._diagnostics.error(pointer, message)


# --- one function for each kind of record ---


def _name_of(document: dict[str, Any], pointer: Pointer) -> str:
    """`interface.api`: by the `module` key (files get renamed), else (older releases have none) by
    the name of the file."""
    base = PurePath(pointer.file).name.removesuffix(".json")
    name = base if base.endswith(".api") else f"{base}.api"
    module = document.get("module")
    if module is None:
        # Nameless items of an array are told apart by their number.
        return "".join([name.removesuffix(".api"), *(f"_{step}" for step in pointer.path), ".api"])
    if not isinstance(module, str) or not _MODULE.fullmatch(module):
        raise _MalformedError(f"{_shown(module)}: expected the name of a module", "module")
    # The key has lost the dots of a name such as `a.b.api`.
    same = not pointer.path and name.removesuffix(".api").replace(".", "_") == module
    return name if same else f"{module}.api"


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _text(value: Any, what: str, *steps: str | int) -> str:
    if not isinstance(value, str) or not value:
        raise _MalformedError(f"{_shown(value)}: expected {what}", *steps)
    return value


def _name(value: Any, what: str, *steps: str | int) -> str:
    """A name of the API language: it ends up in generated code, so nothing else will do."""
    name = _text(value, what, *steps)
    if not name.isidentifier() or not name.isascii():
        raise _MalformedError(f"{_shown(value)}: expected {what}: letters, digits and _", *steps)
    return name


def _options(value: Any, *steps: str | int) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise _MalformedError(f"{_shown(value)}: expected an object of options", *steps)
    for key, item in value.items():
        if not isinstance(item, str | int | float | bool | None):
            raise _MalformedError(f"{_shown(item)}: expected a plain value", *steps, key)
    return value


def _crc(value: Any, *steps: str | int) -> int:
    if isinstance(value, str):
        try:
            number = int(value, 16)
        except ValueError:
            number = -1
        if 0 <= number <= 0xFFFFFFFF:
            return number
    raise _MalformedError(f'{_shown(value)}: expected a CRC such as "0x51077d14"', *steps)


def _definition(value: Any) -> tuple[str, list[Any], dict[str, Any]]:
    """`[name, item..., {extra}?]` taken apart."""
    if not isinstance(value, list) or not value:
        raise _MalformedError(f"{_shown(value)}: expected an array that starts with a name")
    name = _name(value[0], "a name", 0)
    if len(value) > 1 and isinstance(value[-1], dict):
        return name, value[1:-1], value[-1]
    return name, value[1:], {}


def _field(value: Any, step: int) -> FieldDecl:
    if not isinstance(value, list) or not 2 <= len(value) <= 4:
        raise _MalformedError(f"{_shown(value)}: expected a field, [type, name, ...]", step)
    kind = _name(value[0], "a type", step, 0)
    name = _name(value[1], "a field name", step, 1)
    if len(value) == 2:
        return FieldDecl(kind, name)
    third = value[2]
    if len(value) == 3 and isinstance(third, dict):
        return FieldDecl(kind, name, None, None, _options(third, step, 2) or NO_OPTIONS)
    if type(third) is not int or third < 0:
        raise _MalformedError(f"{_shown(third)}: expected an array length or options", step, 2)
    if len(value) == 3:
        return FieldDecl(kind, name, third)
    # Some hand-made files end every array with null.
    count = None if value[3] is None else _name(value[3], "the name of the count field", step, 3)
    return FieldDecl(kind, name, third, count)


def _fields(items: list[Any]) -> tuple[FieldDecl, ...]:
    return tuple([_field(item, step) for step, item in enumerate(items, 1)])


def _comment(extra: dict[str, Any]) -> str | None:
    comment = extra.get("comment")
    return comment if isinstance(comment, str) and comment else None


def _struct(value: Any, pointer: Pointer) -> StructDecl:
    name, items, extra = _definition(value)
    return StructDecl(name, _fields(items), pointer, comment=_comment(extra))


def _union(value: Any, pointer: Pointer) -> UnionDecl:
    name, items, _ = _definition(value)
    return UnionDecl(name, _fields(items), pointer)


def _define(value: Any, pointer: Pointer) -> DefineDecl:
    name, items, extra = _definition(value)
    fields = _fields(items)
    if fields and fields[0].name == "_vl_msg_id":
        fields = fields[1:]
    return DefineDecl(
        name=name,
        fields=fields,
        where=pointer,
        options=_options(extra.get("options") or {}, len(items) + 1, "options") or NO_OPTIONS,
        comment=_comment(extra),
        crc=_crc(extra["crc"], len(items) + 1, "crc") if "crc" in extra else None,
    )


def _enum(value: Any, pointer: Pointer, is_flag: bool = False) -> EnumDecl:
    name, items, extra = _definition(value)
    members = []
    for step, item in enumerate(items, 1):
        if not isinstance(item, list) or len(item) < 2 or type(item[1]) is not int:
            raise _MalformedError(f"{_shown(item)}: expected an enumerator, [name, number]", step)
        members.append(EnumeratorDecl(_name(item[0], "a name", step, 0), item[1]))
    base = _name(extra.get("enumtype", "u32"), "a type", len(items) + 1, "enumtype")
    return EnumDecl(name, base, tuple(members), pointer, is_flag)


def _enumflag(value: Any, pointer: Pointer) -> EnumDecl:
    return _enum(value, pointer, is_flag=True)


def _alias(item: tuple[str, Any], pointer: Pointer) -> AliasDecl:
    name, value = item
    if not isinstance(value, dict):
        raise _MalformedError(f'{_shown(value)}: expected an object such as {{"type": "u32"}}')
    length = value.get("length")
    if length is not None and (type(length) is not int or length < 0):
        raise _MalformedError(f"{_shown(length)}: expected an array length", "length")
    kind = _name(value.get("type"), "a type", "type")
    return AliasDecl(_name(name, "a name"), kind, pointer, length)


def _service(item: tuple[str, Any], pointer: Pointer) -> ServiceDecl:
    caller, value = item
    if not isinstance(value, dict):
        raise _MalformedError(f'{_shown(value)}: expected an object such as {{"reply": "..."}}')
    reply = _text(value.get("reply", "null"), "a message name", "reply")
    details = value.get("stream_msg")
    if details is not None:
        details = _text(details, "a message name", "stream_msg")
    events = value.get("events") or []
    if not isinstance(events, list):
        raise _MalformedError(f"{_shown(events)}: expected an array of message names", "events")
    names = tuple(_text(name, "a message name", "events", at) for at, name in enumerate(events))
    is_stream = bool(value.get("stream")) or details is not None
    reply_name = None if reply == "null" else reply
    return ServiceDecl(caller, reply_name, pointer, is_stream, details, names)


def _option(item: tuple[str, Any], pointer: Pointer) -> OptionDecl:
    name, value = item
    return OptionDecl(_name(name, "a name"), _options({name: value})[name], pointer)


def _import(value: Any, pointer: Pointer) -> ImportDecl:
    return ImportDecl(_text(value, "the path of an API file"), pointer)


def _counters(value: Any, pointer: Pointer) -> CountersDecl:
    if not isinstance(value, dict) or not isinstance(value.get("elements", []), list):
        raise _MalformedError(f"{_shown(value)}: expected an object with name and elements")
    counters = []
    for at, element in enumerate(value.get("elements", [])):
        if not isinstance(element, dict):
            raise _MalformedError(f"{_shown(element)}: expected an object", "elements", at)
        name = _text(element.get("name"), "a name", "elements", at, "name")
        pairs = []
        for key, text in element.items():
            if key == "name":
                continue
            if not isinstance(text, str):
                raise _MalformedError(f"{_shown(text)}: expected text", "elements", at, key)
            pairs.append((key, text))
        counters.append(CounterDecl(name, tuple(pairs)))
    return CountersDecl(_text(value.get("name"), "a name", "name"), tuple(counters), pointer)


def _paths(value: Any, pointer: Pointer) -> PathsDecl:
    # A block of one line is printed as the bare object.
    entries = []
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            raise _MalformedError(f"{_shown(item)}: expected an object with path and counter")
        path = _text(item.get("path"), "a path", "path")
        entries.append((path, _text(item.get("counter"), "a counters block", "counter")))
    return PathsDecl(tuple(entries), pointer)
