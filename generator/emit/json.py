"""`.api.json`, byte for byte what VPP's own compiler prints for the same `.api` file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..model import ApiFile, Enum, Field, Message, Model, PathBlock, Service, Shape, Struct, Union
from . import EmitOptions


class JsonEmitter:
    """Emitter `json`: one `NAME.api.json` for each file."""

    name = "json"
    version = "1"

    def emit(self, file: ApiFile, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """The JSON text of one file. It has no banner: JSON knows no comments."""
        return {f"{file.name}.json": to_text(file)}

    def finish(self, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """Nothing covers the whole model."""
        return {}


EMITTER = JsonEmitter()


def to_text(file: ApiFile) -> str:
    """The text of a file, final newline included."""
    return json.dumps(to_document(file), indent=4, separators=(",", ": ")) + "\n"


def to_document(file: ApiFile) -> dict[str, Any]:
    """The JSON document of a file, keys in the order of VPP's compiler."""
    return {
        "module": file.module,
        "types": [_struct(item) for item in file.structs],
        "messages": [_message(item) for item in file.messages],
        "unions": [_block(item) for item in file.unions],
        "enums": [_enum(item) for item in file.enums],
        "enumflags": [_enum(item) for item in file.enumflags],
        "services": {item.caller.name: _service(item) for item in file.services},
        "options": dict(file.options),
        "aliases": {
            item.name: {"type": item.target.spelling}
            | ({} if item.length is None else {"length": item.length})
            for item in file.aliases
        },
        "vl_api_version": hex(file.crc),
        "imports": list(file.imports),
        "counters": [
            {
                "name": block.name,
                "elements": [
                    {"name": item.name, **dict(item.statements)} for item in block.counters
                ],
            }
            for block in file.counters
        ],
        "paths": [_paths(item) for item in file.paths],
    }


def _field(item: Field) -> list[Any]:
    head: list[Any] = [item.spelling, item.name]
    if item.shape is Shape.SCALAR:
        return [*head, dict(item.options)] if item.options else head
    if item.shape is Shape.VLA:
        return [*head, 0, item.length_field]
    return [*head, item.length]


def _fields(items: Iterable[Field]) -> list[list[Any]]:
    return [_field(item) for item in items]


def _block(item: Struct | Union) -> list[Any]:
    return [item.name, *_fields(item.fields)]


def _struct(item: Struct) -> list[Any]:
    return _block(item) + ([{"comment": item.comment}] if item.comment else [])


def _message(item: Message) -> list[Any]:
    extra: dict[str, Any] = {}
    if item.crc:  # VPP's compiler takes 0 for "no CRC", and drops the options with it
        extra["crc"] = f"{item.crc:#010x}"
        extra["options"] = dict(item.options)
    if item.comment:
        extra["comment"] = item.comment
    head = [item.name, ["u16", "_vl_msg_id"], *_fields(item.fields)]
    return [*head, extra] if extra else head


def _enum(item: Enum) -> list[Any]:
    members = [[member.name, member.value] for member in item.members]
    return [item.name, *members, {"enumtype": item.base.name}]


def _service(item: Service) -> dict[str, Any]:
    """A dump has its details in the place of the reply; `null` is spelled as a string."""
    streams = item.details is not None
    reply = item.reply or (item.details if streams else None)
    found: dict[str, Any] = {"reply": "null" if reply is None else reply.name}
    if streams:
        found["stream"] = True
        if item.reply is not None and item.details is not None:
            found["stream_msg"] = item.details.name
    if item.events:
        found["events"] = [event.name for event in item.events]
    return found


def _paths(block: PathBlock) -> Any:
    """A block of one line is the bare object, as VPP's compiler has it."""
    entries = [{"path": path, "counter": counter} for path, counter in block.entries]
    return entries[0] if len(entries) == 1 else entries
