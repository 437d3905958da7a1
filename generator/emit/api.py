"""Canonical `.api` text from a model, so that `.api -> JSON -> .api` closes.

A file is printed with its own statements and imports; VPP's compiler makes the same JSON of it.
Where a JSON file does not tell what it imports from where (its imports are not at hand), the types
are all written out, imports become a comment, and the file CRC is another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from .._diagnostics import ApiError, Diagnostic, Location
from ..model import (
    Alias,
    ApiFile,
    CounterBlock,
    Enum,
    Field,
    Message,
    Model,
    OutlineItem,
    PathBlock,
    Service,
    Shape,
    Struct,
    Union,
    UserType,
    Value,
)
from ..naming import API_RESERVED
from ..schema import ServiceDecl
from ..services import explicit_part
from ..writer import Writer
from . import EmitOptions


class ApiEmitter:
    """Emitter `api`: one `.api` file for each, at the path under which others import it."""

    name = "api"
    version = "1"

    def emit(self, file: ApiFile, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """The text of one file. It has no banner: a comment would end up in the JSON."""
        return {path_of(file, model): to_text(file)}

    def finish(self, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """Nothing covers the whole model."""
        return {}


EMITTER = ApiEmitter()


def path_of(file: ApiFile, model: Model) -> str:
    """`vnet/ip/ip_types.api` if some file of the model imports it so, else `ip_types.api`."""
    for other in model.files:
        for path in other.imports:
            pure = PurePosixPath(path)
            if pure.name == file.name and not pure.is_absolute() and ".." not in pure.parts:
                return path
    return file.name


def outline_of(file: ApiFile) -> tuple[OutlineItem, ...]:
    """The statements of a file in order; for JSON without known order a self-contained one."""
    if file.outline is not None:
        has_services = bool(explicit_services(file))  # not where all of them were left out
        return tuple([x for x in file.outline if has_services or x.kind != "services"])
    items = [OutlineItem("option", name) for name in file.options]
    items += [OutlineItem("missing import", path) for path in dict.fromkeys(file.imports)]
    items += [OutlineItem(_kind_of(item), item.name) for item in file.types]
    items += [OutlineItem("define", item.name) for item in file.messages if not item.is_generated]
    if explicit_services(file):
        items.append(OutlineItem("services", ""))
    items += [OutlineItem("counters", str(at)) for at in range(len(file.counters))]
    items += [OutlineItem("paths", str(at)) for at in range(len(file.paths))]
    return tuple(items)


def _kind_of(item: UserType) -> str:
    return item.kind


def to_text(file: ApiFile) -> str:
    """The text of a file."""
    out = Writer("  ")
    types = {item.name: item for item in file.types}
    messages = {item.name: item for item in file.messages}
    services_left = True
    last = ""
    for kind, name in ((item.kind, item.name) for item in outline_of(file)):
        if last and (kind != last or kind not in ("option", "import", "missing import")):
            out.line()
        last = kind
        if kind == "option":
            out.line(_option(name, file.options[name]))
        elif kind == "import":
            out.line(f'import "{name}";')
        elif kind == "missing import":
            out.line(f"// imports {name}; its types are written out below")
            out.line()  # a comment right above a message would become its comment
        elif kind == "define":
            _message(out, messages[name])
        elif kind == "counters":
            _counters(out, file.counters[int(name)])
        elif kind == "paths":
            _paths(out, file.paths[int(name)])
        elif kind != "services":
            _type(out, types[name])
        elif services_left:
            # Several blocks are one: only the order of the lines matters.
            _services(out, explicit_services(file))
            services_left = False
    return out.text()


def message_text(item: Message) -> str:
    """One message as it is written."""
    out = Writer("  ")
    _message(out, item)
    return out.text()


def type_text(item: UserType) -> str:
    """One type as it is written."""
    out = Writer("  ")
    _type(out, item)
    return out.text()


def explicit_services(file: ApiFile) -> list[Service]:
    """The services that have to be spelled out; the others follow from the names of messages."""
    nowhere = Location(file.name)
    decls = [
        ServiceDecl(
            item.caller.name,
            item.reply.name if item.reply else item.details.name if item.details else None,
            nowhere,
            item.details is not None,
            item.details.name if item.details and item.reply else None,
            tuple(event.name for event in item.events),
        )
        for item in file.services
    ]
    names = {item.name: nowhere for item in file.messages}
    return list(file.services[: len(explicit_part(decls, names))])


def _value(value: Value) -> str:
    """A value, spelled so that it is read as the same one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(value, "f")
    if isinstance(value, str):
        is_name = value.isascii() and value.isidentifier() and value not in API_RESERVED
        # An unquoted `falsehood` would come apart in VPP's compiler.
        if value in ("true", "type") or (is_name and not value.startswith("false")):
            return value
        return _quoted(value)
    return str(value)


def _quoted(value: str) -> str:
    """A string. The language has no way to write a quote or a line end into one."""
    if '"' in value or "\n" in value:
        problem = f"{value!r} cannot be written in .api text: expected no quote and no line end"
        raise ApiError([Diagnostic(Location("emitter api"), problem)])
    return f'"{value}"'


def _option(name: str, value: Value) -> str:
    """An option. Strings are quoted by custom: `option version = "1.0.0";`."""
    if value is None:
        return f"option {name};"
    return f"option {name} = {_quoted(value) if isinstance(value, str) else _value(value)};"


def _comment(out: Writer, comment: str | None) -> None:
    if comment:
        for line in comment.split("\n"):
            out.raw(line)  # as it is: JSON has every blank of it


def field_text(item: Field) -> str:
    """A field as it is written, with its semicolon."""
    head = f"{item.spelling} {item.name}"
    if item.shape is Shape.SCALAR:
        if not item.options:
            return f"{head};"
        pairs = [
            name if value is None else f"{name}={_value(value)}"
            for name, value in item.options.items()
        ]
        return f"{head} [{', '.join(pairs)}];"
    if item.shape is Shape.VLA:
        return f"{head}[{item.length_field}];"
    if item.shape is Shape.STRING:
        return f"{head}[];"
    return f"{head}[{item.length}];"


def _fields(out: Writer, items: Iterable[Field]) -> None:
    for item in items:
        out.line(field_text(item))


def _flags(flags: Iterable[str]) -> str:
    return "".join(f"{flag} " for flag in flags)


def _message(out: Writer, item: Message) -> None:
    _comment(out, item.comment)
    with out.block(f"{_flags(item.flags)}define {item.name} {{", "};"):
        for name, value in item.options.items():
            out.line(_option(name, value))
        _fields(out, item.fields)


def _type(out: Writer, item: UserType) -> None:
    if isinstance(item, Enum):
        _enum(out, item)
    elif isinstance(item, Alias):
        suffix = "" if item.length is None else f"[{item.length}]"
        out.line(f"typedef {item.target.spelling} {item.name}{suffix};")
    elif isinstance(item, Struct):
        _comment(out, item.comment)
        with out.block(f"{_flags(item.flags)}typedef {item.name} {{", "};"):
            _fields(out, item.fields)
    else:
        _union(out, item)


def _union(out: Writer, item: Union) -> None:
    with out.block(f"{_flags(item.flags)}union {item.name} {{", "};"):
        _fields(out, item.fields)


def _enum(out: Writer, item: Enum) -> None:
    word = "enumflag" if item.is_flag else "enum"
    base = "" if item.base.name == "u32" else f" : {item.base.name}"
    with out.block(f"{word} {item.name}{base} {{", "};"):
        for member in item.members:
            mark = " [backwards_compatible]" if member.is_backwards_compatible else ""
            out.line(f"{member.name} = {member.value}{mark},")


def _services(out: Writer, services: Iterable[Service]) -> None:
    with out.block("service {", "};"):
        for item in services:
            out.line(f"rpc {item.caller.name} returns {returns_text(item)};")


def returns_text(item: Service) -> str:
    """What stands after `returns`."""
    if item.details is not None and item.reply is None:
        return f"stream {item.details.name}"
    if item.details is not None and item.reply is not None:
        return f"{item.reply.name} stream {item.details.name}"
    reply = "null" if item.reply is None else item.reply.name
    if item.events:
        return f"{reply} events {', '.join(event.name for event in item.events)}"
    return reply


def _counters(out: Writer, block: CounterBlock) -> None:
    with out.block(f"counters {block.name} {{", "};"):
        for counter in block.counters:
            with out.block(f"{counter.name} {{", "};"):
                for word, value in counter.statements:
                    shown = _quoted(value) if word in ("units", "description") else value
                    out.line(f"{word} {shown};")


def _paths(out: Writer, block: PathBlock) -> None:
    with out.block("paths {", "};"):
        for path, counter in block.entries:
            out.line(f"{_quoted(path)} {_quoted(counter)};")
