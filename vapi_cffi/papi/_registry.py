"""What the process knows: types by name, as vpp_papi keeps them, and where they come from.

Definitions that were loaded are an `Api` each, whose types mean what they mean there; a name that
is asked for without an API (`VppEnum`, `get_type`) is looked up in all of them, the oldest first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._definitions import DefinitionSet, ParsedDefinitions, Service
from ._message import VPPMessage
from ._named import VPPEnumType, VPPTypeAlias, VPPUnionType, known_type
from ._packers import BaseTypes, Packer, String
from ._structs import VPPType

_BASE: dict[str, Packer] = {
    name: BaseTypes(name)
    for name in ("u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f64", "bool")
}
_NAMES = re.compile(r"\bvl_api_\w+_t\b")
#: More nesting than any API has.
_MAX_DEPTH = 50


class Types(dict[str, Any]):
    """All types by name. Those of loaded definitions are made when they are asked for."""

    def __missing__(self, name: str) -> Any:
        for api in _apis:
            found = api.own_type(name) or api.message(name)
            if found is not None:
                self[name] = found
                return found
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return vpp_get_type(name) is not None

    def load_all(self) -> None:
        """Makes all types and messages, for those who look through them."""
        for api in _apis:
            for name in (*api.type_names(), *api.definitions.names()):
                self[name]

    def __iter__(self) -> Iterator[str]:
        self.load_all()
        return super().__iter__()

    def __len__(self) -> int:
        self.load_all()
        return super().__len__()

    def keys(self) -> Any:
        self.load_all()
        return super().keys()

    def values(self) -> Any:
        self.load_all()
        return super().values()

    def items(self) -> Any:
        self.load_all()
        return super().items()


def vpp_get_type(name: Any) -> Any:
    """A type by name (`vl_api_address_t`, `u32`, a message), None if there is none."""
    try:
        return types[name]
    except KeyError:
        return None


class Api:
    """The types and messages of one source of definitions."""

    def __init__(self, definitions: DefinitionSet) -> None:
        self.definitions = definitions
        self._types: dict[str, Packer] = {}
        self._messages: dict[str, VPPMessage] = {}
        self._signatures: dict[str, str] = {}
        self._depth = 0
        self.owner: Any = None

    def type(self, spelling: str) -> Packer | None:
        """A type as fields spell it: of these definitions, else of any that the process knows, as
        those that were read file by file."""
        return self.own_type(spelling) or known_type(spelling)

    def own_type(self, spelling: str) -> Packer | None:
        """A type of these definitions, None if they have none of that name."""
        found = _BASE.get(spelling) or self._types.get(spelling)
        if found is None and spelling.startswith("vl_api_") and spelling.endswith("_t"):
            known = self.definitions.type_of(spelling[len("vl_api_") : -len("_t")])
            if known is not None:
                if self._depth > _MAX_DEPTH:
                    raise ValueError(f"{spelling} is nested too deeply, or in itself")
                self._depth += 1
                try:
                    key = spelling, self._signature(spelling)
                    found = _shared.get(key)
                    if found is None:
                        found = _shared[key] = self._make(spelling, *known)
                    self._types[spelling] = found
                finally:
                    self._depth -= 1
        return found

    def _signature(self, spelling: str) -> str:
        """What a type is, down to the numbers in it: where it is the same, so is the type."""
        found = self._signatures.get(spelling)
        if found is None:
            self._signatures[spelling] = spelling  # for what would be in itself
            known = self.definitions.type_of(spelling[len("vl_api_") : -len("_t")])
            text = repr(vpp_get_type(spelling)) if known is None else json.dumps(known)
            inner = sorted({*_NAMES.findall(text)} - {spelling})
            found = " ".join([text, *map(self._signature, inner)])
            self._signatures[spelling] = found
        return found

    def _make(self, name: str, section: str, raw: Any) -> Packer:
        if section == "aliases":
            return VPPTypeAlias.of(name, raw, self.type)
        if section in ("enums", "enumflags"):
            return VPPEnumType.of(name, raw[1:])  # of both, as in vpp_papi
        if section == "unions":
            return VPPUnionType.of(name, raw[1:], self.type)
        made: Packer = VPPType.of(name, lambda: raw[1:], self.type)
        return made

    def message(self, name: str) -> VPPMessage | None:
        """A message by name."""
        found = self._messages.get(name)
        if found is None:
            crc = self.definitions.crc(name)
            if crc is None:
                return None
            # The CRC covers the types of all fields.
            found = _shared_messages.get((name, crc))
            if found is None:
                found = VPPMessage.of(name, lambda: self._definition(name), self.type)
                if crc:  # clients look at those of all messages, and need nothing else of most
                    found.crc = f"0x{crc}"
                _shared_messages[name, crc] = found
            self._messages[name] = found
        return found

    def _definition(self, name: str) -> list[Any]:
        raw = self.definitions.message(name)
        assert raw is not None, name
        return raw[1:]

    def messages(self) -> dict[str, Any]:
        """All messages by name."""
        return {name: self.message(name) for name in self.definitions.names()}

    def services(self) -> dict[str, dict[str, Any]]:
        """What comes back for each request, as the JSON says it."""
        if isinstance(self.definitions, ParsedDefinitions):
            return dict(self.definitions.services)
        return Services(self.definitions)

    def type_names(self) -> Iterable[str]:
        """Of all types, as fields spell them."""
        return [f"vl_api_{name}_t" for name in self.definitions.type_names()]


class Services(dict[str, Any]):
    """Services of definitions that are read one by one."""

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(dict.fromkeys(definitions.callers()))
        self._definitions = definitions

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        if found is None:
            service = self._definitions.service(name)
            assert service is not None, name
            found = as_json(service)
            self[name] = found
        return found

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def __iter__(self) -> Any:  # so that copies go through __getitem__
        return super().__iter__()

    def __eq__(self, other: object) -> bool:
        return dict(self.items()) == other

    __hash__ = None

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]


def as_json(service: Service) -> dict[str, Any]:
    """A service in the form of `.api.json`."""
    made: dict[str, Any] = {"reply": service.reply or service.details or "null"}
    if service.details is not None:
        made["stream"] = True
        if service.reply is not None:
            made["stream_msg"] = service.details
    if service.events:
        made["events"] = list(service.events)
    return made


def unknown_types(definitions: ParsedDefinitions) -> tuple[str, str] | None:
    """A type or message, and the type that it needs but nobody knows; None if there is none."""
    known = {f"vl_api_{name}_t" for name in definitions.types}
    needs: list[tuple[str, Any]] = []
    for name, (section, raw) in definitions.types.items():
        if section not in ("enums", "enumflags"):
            needs.append((name, [[raw["type"]]] if section == "aliases" else raw[1:]))
    needs += [(name, raw[1:]) for name, raw in definitions.messages.items()]
    for name, fields in needs:
        for field in fields:
            spelling = field[0] if isinstance(field, list) else "string"
            if spelling not in known and spelling != "string":
                if vpp_get_type(spelling) is None:
                    return name, spelling
                known.add(spelling)
    return None


def load(definitions: DefinitionSet, owner: Any = None) -> Api:
    """Makes definitions known to the process. `owner` is kept alive with them."""
    for known in _apis:
        if known.definitions is definitions:
            return known
    api = Api(definitions)
    api.owner = owner
    _apis.append(api)
    return api


def get_message(name: str, msgdef: Any) -> VPPMessage:
    """A message of a definition; the same one for the same name and CRC."""
    crc = next(
        (item["crc"] for item in msgdef if isinstance(item, Mapping) and "crc" in item), None
    )
    found = message_cache.get((name, crc))
    if found is None:
        found = message_cache[name, crc] = VPPMessage(name, msgdef)
    return found


_apis: list[Api] = []
#: By name, and what they are: the same definitions give the same tuples and enums.
_shared: dict[tuple[str, str], Packer] = {}
_shared_messages: dict[tuple[str, str], VPPMessage] = {}
types = Types({**_BASE, "string": String})
message_cache: dict[tuple[str, str | None], VPPMessage] = {}
