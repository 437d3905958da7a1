"""What the peer knows of messages: our own definitions, and those of the user."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

from vapi_cffi.generator import load, load_json_text
from vapi_cffi.generator.emit.json import to_document
from vapi_cffi.generator.model import ApiFile, Message, Model, Rpc, Service, Shape

from .._definitions import ParsedDefinitions
from .._registry import SharedScope

#: vapi_cffi/api/*.api as JSON, so that a peer starts without parsing; a test keeps it true.
BUILTIN = "definitions.json"


class UnknownNameError(KeyError):
    """No such message or field; the text names the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Definitions:
    """Messages by module, in the order in which they get their numbers."""

    models: tuple[Model, ...]
    """The user's model first: where it defines a message, ours is not used."""

    @classmethod
    def load(
        cls, paths: Sequence[str | Path] = (), include: Sequence[str | Path] = ()
    ) -> Definitions:
        """Ours, and those of `.api` and `.api.json` files or directories; what these import is
        looked for below the `include` directories, too. Raises the generator's `ApiError`."""
        return cls((load(paths, include, effort=0), builtin())) if paths else _only_builtin()

    def modules(self) -> Iterator[tuple[ApiFile, list[Message]]]:
        """Each file with those of its messages that no earlier file has; memclnt comes first."""
        seen: set[str] = set()
        own = [(model, item) for model in self.models for item in model.files]
        own.sort(key=lambda pair: pair[1].module != "memclnt")
        for _, item in own:
            fresh = [message for message in item.messages if message.name not in seen]
            seen.update(message.name for message in fresh)
            if fresh:
                yield item, fresh

    @cached_property
    def json_text(self) -> bytes:
        """What get_api_json answers: one array with a document for each file."""
        named: dict[str, ApiFile] = {}
        for model in self.models:
            for item in model.files:
                named.setdefault(item.module, item)
        return to_text(named.values()).encode()

    @cached_property
    def scope(self) -> SharedScope:
        """Codecs and classes of the same messages, as clients have them."""
        documents = (to_document(item) for model in self.models for item in model.files)
        return SharedScope(ParsedDefinitions(documents))

    def message(self, name: str) -> Message:
        """By name, or name and CRC as in the message table. KeyError names the nearest."""
        for model in self.models:
            if name in model.messages:
                return model.messages[name]
        bare, _, crc = name.rpartition("_")
        for model in self.models:
            if bare in model.messages and f"{model.messages[bare].crc:08x}" == crc:
                return model.messages[bare]
        raise self.unknown(name)

    def unknown(self, name: str) -> UnknownNameError:
        """The error for a name that no message has."""
        close = get_close_matches(name, [key for model in self.models for key in model.messages], 1)
        hint = f": did you mean {close[0]!r}?" if close else ""
        return UnknownNameError(f"the peer has no message {name!r}{hint}")

    def service_of(self, message: Message) -> Service | None:
        """What follows a request; None if it is none."""
        for model in self.models:
            service = model.services.get(message.name)
            if service is not None and service.caller == message:
                return service
        return None

    def reply_of(self, message: Message) -> Message | None:
        """The single answer to a request, or the one that ends a stream; None for a dump."""
        service = self.service_of(message)
        if service is None or service.kind not in (Rpc.REQUEST, Rpc.STREAM):
            return None
        return service.reply

    def row_of(self, message: Message) -> Message:
        """What a dump or stream consists of. KeyError for other requests."""
        service = self.service_of(message)
        if service is None or service.details is None:
            raise UnknownNameError(f"{message.name} is no dump and no stream: it has no details")
        return service.details

    def subscriptions(self) -> Iterator[Service]:
        """Requests after which events come, each of the definition that the peer uses."""
        for model in self.models:
            for service in model.services.values():
                if service.events and self.message(service.caller.name) == service.caller:
                    yield service


def to_text(items: Iterable[ApiFile]) -> str:
    """The files as one JSON array."""
    return json.dumps([to_document(item) for item in items], separators=(",", ":"))


@cache
def builtin() -> Model:
    """The model of our own definitions."""
    return load_json_text(files("vapi_cffi").joinpath("api", BUILTIN).read_text("utf-8"), BUILTIN)


@cache
def _only_builtin() -> Definitions:
    return Definitions((builtin(),))


@dataclass(frozen=True)
class Tail:
    """The variable end of a message, as the C peer wants it."""

    kind: int
    count_offset: int = 0
    count_width: int = 0
    element_bytes: int = 0


def tail_of(message: Message) -> Tail:
    """What the peer checks the length of a request by."""
    tail = message.tail
    if tail is None or tail.shape is Shape.UNBOUNDED:
        return Tail(0)
    width = tail.count_type.size
    if tail.shape is Shape.STRING:
        return Tail(2)
    # A count of 8 bytes does not exist in VPP; without a check it is the handler's to look.
    return Tail(1, tail.count_offset, width, tail.element_size) if width <= 4 else Tail(0)


def main() -> None:
    """Writes the JSON form of our `.api` files beside them."""
    folder = Path(__file__).parents[1] / "api"
    own = sorted(load([folder]).files, key=lambda item: (item.module != "memclnt", item.module))
    (folder / BUILTIN).write_text(to_text(own) + "\n", "utf-8")


if __name__ == "__main__":
    main()
