"""Where definitions come from: a running VPP, JSON files, `.api` files, or the cache of these.

A `DefinitionSet` answers for one source by name. Read from JSON it is a few dictionaries; read from
the cache it is a text and a short index, and a definition is parsed when it is first used.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._errors import BadMessage, InvalidArgument

log = logging.getLogger("vapi_cffi")

_SECTIONS = ("enums", "enumflags", "unions", "types")


@dataclass(frozen=True, slots=True)
class Service:
    """What comes back for a request. A dump has details and no reply, a oneway nothing."""

    caller: str
    reply: str | None
    details: str | None = None
    events: tuple[str, ...] = ()

    @classmethod
    def of(cls, caller: str, raw: Mapping[str, Any]) -> Service:
        """From the form of `.api.json`."""
        reply = raw.get("reply")
        reply = None if reply == "null" else reply
        events = tuple(raw.get("events") or ())
        if raw.get("stream_msg"):
            return cls(caller, reply, raw["stream_msg"], events)
        if raw.get("stream"):
            return cls(caller, None, reply, events)
        return cls(caller, reply, None, events)


class DefinitionSet:
    """The definitions of one source."""

    def type_of(self, name: str) -> tuple[str, Any] | None:
        """Section and definition of a type."""
        raise NotImplementedError

    def message(self, name: str) -> list[Any] | None:
        """The definition of a message."""
        raise NotImplementedError

    def crc(self, name: str) -> str | None:
        """Eight hexadecimal digits, None if there is no such message."""
        raise NotImplementedError

    def service(self, name: str) -> Service | None:
        """What comes back for a request, None if it is none."""
        raise NotImplementedError

    def names(self) -> Iterable[str]:
        """Of all messages."""
        raise NotImplementedError

    def type_names(self) -> Iterable[str]:
        """Of all types, without `vl_api_` and `_t`."""
        raise NotImplementedError

    def callers(self) -> Iterable[str]:
        """Messages that start a service."""
        return (name for name in self.names() if self.service(name) is not None)

    def subscriptions(self) -> Mapping[str, str]:
        """For events, the request that asks for them."""
        raise NotImplementedError


class ParsedDefinitions(DefinitionSet):
    """Definitions of parsed JSON documents; of what several have, the first counts."""

    def __init__(self, documents: Iterable[Mapping[str, Any]]) -> None:
        self.types: dict[str, tuple[str, Any]] = {}
        self.messages: dict[str, list[Any]] = {}
        self.services: dict[str, dict[str, Any]] = {}
        for document in documents:
            for section in _SECTIONS:
                for item in document.get(section) or ():
                    self.types.setdefault(item[0], (section, item))
            for name, alias in (document.get("aliases") or {}).items():
                self.types.setdefault(name, ("aliases", alias))
            for item in document.get("messages") or ():
                self.messages.setdefault(item[0], item)
            for caller, service in (document.get("services") or {}).items():
                self.services.setdefault(caller, service)

    def type_of(self, name: str) -> tuple[str, Any] | None:
        return self.types.get(name)

    def message(self, name: str) -> list[Any] | None:
        return self.messages.get(name)

    def crc(self, name: str) -> str | None:
        raw = self.messages.get(name)
        return None if raw is None else crc_of(raw)

    def service(self, name: str) -> Service | None:
        raw = self.services.get(name)
        return None if raw is None else Service.of(name, raw)

    def names(self) -> Iterable[str]:
        return self.messages

    def type_names(self) -> Iterable[str]:
        return self.types

    def callers(self) -> Iterable[str]:
        return self.services

    def subscriptions(self) -> Mapping[str, str]:
        return {
            event: caller
            for caller, service in self.services.items()
            for event in service.get("events") or ()
        }


def crc_of(raw: Sequence[Any]) -> str:
    """The CRC of a message's definition, as the message table spells it; "" if it has none."""
    extra = raw[-1]
    text = extra.get("crc", "") if isinstance(extra, dict) else ""
    return text[2:].rjust(8, "0").lower() if text else ""


def parse(text: str | bytes, what: str) -> ParsedDefinitions:
    """Definitions of a JSON text: one document, or an array of them. Errors: `BadMessage`."""
    try:
        found = json.loads(text)
        return ParsedDefinitions([found] if isinstance(found, dict) else found)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise BadMessage(f"{what} is no description of an API: {error}") from None


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """`.api.json` and `.api` files, sorted; directories are searched."""
    for path in paths:
        if path.is_dir():
            inside = sorted([*path.rglob("*.api.json"), *path.rglob("*.api")])
            if not inside:
                raise InvalidArgument(f"{path} has no *.api.json and no *.api in it")
            yield from inside
        elif path.exists():
            yield path
        else:
            raise InvalidArgument(f"{path}: no such file or directory")


def read_files(files: Sequence[Path]) -> ParsedDefinitions:
    """Definitions of files. `.api`, and JSON without CRCs, go through the generator."""
    documents: list[dict[str, Any]] = []
    for_generator = [file for file in files if file.suffix == ".api"]
    for file in files:
        if file in for_generator:
            continue
        try:
            found = json.loads(file.read_bytes())
        except ValueError as error:
            raise InvalidArgument(f"{file} is not JSON: {error}") from None
        several = [found] if isinstance(found, dict) else found
        if all(crc_of(item) for one in several for item in one.get("messages") or ()):
            documents += several
        else:
            for_generator.append(file)
    if for_generator:
        from .generator import ApiError, load
        from .generator.emit.json import to_document

        try:
            model = load(for_generator, effort=0)
        except ApiError as error:
            raise InvalidArgument(str(error)) from None
        for warning in model.warnings:
            log.warning("%s", warning)
        documents += [to_document(item) for item in model.files]
    return ParsedDefinitions(documents)
