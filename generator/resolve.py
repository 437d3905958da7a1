"""Schema to model: one run over all files, in stages that each report what they find.

1. every file flat (`flatten`): imports in place, generated replies written out;
2. one table of types by name, sound and in order (`graph`);
3. enum members outside the CRC, which JSON does not mark (`marks`);
4. types, messages and services linked, sized and checked against the CRCs of JSON files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ._diagnostics import Diagnostics, Location, Pointer
from .crc import Folds, FoldTooLongError, bare_name
from .flatten import Flattener, JsonPart, Unit
from .graph import in_order, references
from .library import Library
from .link import Linker
from .marks import find_marks
from .model import (
    Alias,
    ApiFile,
    Counter,
    CounterBlock,
    Enum,
    Message,
    Model,
    OutlineItem,
    PathBlock,
    Role,
    Service,
    Struct,
    Union,
    UserType,
)
from .schema import DefineDecl, EnumDecl, OptionDecl, SchemaFile, ServiceDecl, TypeDecl
from .services import check, derive
from .source import Loader


def resolve(
    schemas: Sequence[SchemaFile],
    loader: Loader,
    diagnostics: Diagnostics,
    *,
    effort: int,
    trust_crc: bool = False,
) -> Model:
    """The model of some files. `effort`: steps spent on each JSON file to prove its file CRC, 0 to
    take it as it is. `trust_crc`: take the CRCs of messages in JSON as they are. Raises `ApiError`
    if anything is wrong."""
    flattener = Flattener(loader, diagnostics)
    units = _distinct([flattener.flatten(schema) for schema in schemas], diagnostics)
    diagnostics.raise_if_errors()  # half-read files would only give rise to false errors
    types = _one_table(units, diagnostics)
    order = in_order(types, diagnostics)
    for unit in units:
        _check_positions(unit, diagnostics)
    diagnostics.raise_if_errors()

    try:
        marks, settled = _marks(units, types)
        if effort and not trust_crc:
            # Where these are wrong the CRC of the file is, too: no use in searching for it.
            _check_message_crcs(units, Folds(types, marks), diagnostics)
            diagnostics.raise_if_errors()
        library = Library(units, marks, settled, loader, flattener, diagnostics, effort)
        library.settle()
        folds = Folds(types, marks)
        for name in order:
            folds.of_type(name)
    except FoldTooLongError as bad:
        diagnostics.error(types[next(iter(types))].where, str(bad))
        diagnostics.raise_if_errors()
        raise
    linker = Linker(marks, _origins(units, library), diagnostics)
    for name in order:
        linker.add(types[name])
    diagnostics.raise_if_errors()

    resolver = _FileResolver(linker, folds, library, diagnostics, trust_crc)
    files = [resolver.file(unit) for unit in units]
    _check_unique(files, diagnostics)
    diagnostics.raise_if_errors()
    files.sort(key=lambda item: item.module)
    return Model(
        files=tuple(files),
        types=linker.types,
        messages={item.name: item for file in files for item in file.messages},
        services={item.caller.name: item for file in files for item in file.services},
        warnings=tuple(diagnostics.warnings),
    )


def _distinct(units: Iterable[Unit], diagnostics: Diagnostics) -> list[Unit]:
    """The units, one for each module; a second one of the same name is an error."""
    by_module: dict[str, Unit] = {}
    for unit in units:
        first = by_module.setdefault(unit.module, unit)
        if first is not unit:
            message = f"second file of module {unit.module!r}: the first is {first.schema.path}"
            diagnostics.error(_file_place(unit), message)
    return list(by_module.values())


def _file_place(unit: Unit) -> Location:
    return Location(unit.schema.path)


def _one_table(units: Iterable[Unit], diagnostics: Diagnostics) -> dict[str, TypeDecl]:
    """Every type of the run by name. Two different types of one name are an error, even in files
    that do not know of each other: generated code has one name space."""
    table: dict[str, TypeDecl] = {}
    for unit in units:
        seen: dict[str, TypeDecl] = {}
        for decl, _ in unit.types:
            first = seen.setdefault(decl.name, decl)
            # JSON repeats types that several imports bring; `.api` files never do.
            is_repeat = same(first, decl) and isinstance(decl.where, Pointer)
            if first is not decl and not is_repeat:
                message = f"second type {decl.name!r}: the first is at {first.where}"
                diagnostics.error(decl.where, message)
                continue
            other = table.setdefault(decl.name, decl)
            if other is not decl and not same(other, decl):
                message = f"type {decl.name!r} differs from the one at {other.where}"
                diagnostics.error(decl.where, f"{message}: expected one definition")
    return table


def same(one: TypeDecl, other: TypeDecl) -> bool:
    """True if two records define the same type. Options of enumerators are not in JSON."""
    if isinstance(one, EnumDecl) and isinstance(other, EnumDecl):
        pairs = [(item.name, item.value) for item in one.members]
        others = [(item.name, item.value) for item in other.members]
        return (one.base, one.is_flag, pairs) == (other.base, other.is_flag, others)
    return one == other


def _check_positions(unit: Unit, diagnostics: Diagnostics) -> None:
    """In a `.api` file a type comes before its use. (JSON is in another order.)"""
    if unit.schema.is_inlined:
        return
    later = {decl.name for decl, _ in unit.types}
    for decl in unit.chain:
        if isinstance(decl, OptionDecl):
            continue
        if isinstance(decl, JsonPart):
            later.difference_update(item.name for item in decl.types)
            continue
        for spelling, where in references(decl):
            name = bare_name(spelling)
            if name in later and name != decl.name:
                diagnostics.error(where, f"{spelling} is used before its definition")
        if not isinstance(decl, DefineDecl):
            later.discard(decl.name)


def _marks(units: Iterable[Unit], types: Mapping[str, TypeDecl]) -> tuple[dict[str, int], set[str]]:
    defines = [
        item
        for unit in units
        if unit.schema.is_inlined
        for item in unit.defines
        if all(bare_name(f.type) in types for f in item.fields if bare_name(f.type) is not None)
    ]
    return find_marks(defines, types, Folds(types, {}))


def _origins(units: Sequence[Unit], library: Library) -> dict[str, str]:
    """Which module defines each type: told by `.api`, else worked out from what files share."""
    origins: dict[str, str] = {}
    for unit in units:
        if unit.schema.is_inlined:
            for decl in library.own_types(unit):
                origins.setdefault(decl.name, unit.module)
    for unit in units:
        if not unit.schema.is_inlined:
            origins.update({decl.name: module for decl, module in unit.types})
    return origins


def _roles(services: Iterable[ServiceDecl]) -> dict[str, set[Role]]:
    """What each message does in the services of its file."""
    roles: dict[str, set[Role]] = {}
    for item in services:
        roles.setdefault(item.caller, set()).add(Role.CALLER)
        if item.reply is not None:
            is_dump = item.is_stream and item.stream_message is None
            roles.setdefault(item.reply, set()).add(Role.DETAILS if is_dump else Role.REPLY)
        if item.stream_message is not None:
            roles.setdefault(item.stream_message, set()).add(Role.DETAILS)
        for event in item.events:
            roles.setdefault(event, set()).add(Role.EVENT)
    return roles


class _FileResolver:
    """Puts together the `ApiFile` of each unit."""

    def __init__(
        self,
        linker: Linker,
        folds: Folds,
        library: Library,
        diagnostics: Diagnostics,
        trust_crc: bool,
    ) -> None:
        self._linker = linker
        self._folds = folds
        self._library = library
        self._diagnostics = diagnostics
        self._trust_crc = trust_crc

    def file(self, unit: Unit) -> ApiFile:
        """The resolved file; what is wrong with it is reported."""
        schema = unit.schema
        proof = self._library.prove(unit)
        services = self._services(unit)
        messages = _whole(self._messages(unit, services, proof.generated), services)
        types = self._linker.types
        flat = [types[decl.name] for decl, _ in unit.types if decl.name in types]
        needed = dict.fromkeys(flat)
        return ApiFile(
            module=unit.module,
            options={item.name: item.value for item in unit.options},
            imports=tuple(unit.imports),
            structs=tuple([item for item in flat if isinstance(item, Struct)]),
            unions=tuple([item for item in flat if isinstance(item, Union)]),
            enums=tuple([item for item in flat if isinstance(item, Enum) and not item.is_flag]),
            enumflags=tuple([item for item in flat if isinstance(item, Enum) and item.is_flag]),
            aliases=tuple([item for item in needed if isinstance(item, Alias)]),
            types=tuple([item for item in types.values() if item in needed]),
            messages=tuple(messages.values()),
            services=tuple(
                [_service(item, messages) for item in services if _all_in(item, messages)]
            ),
            counters=tuple(
                [
                    CounterBlock(
                        block.name,
                        tuple([Counter(item.name, item.statements) for item in block.counters]),
                    )
                    for block in unit.counters
                ]
            ),
            paths=tuple([PathBlock(item.entries) for item in unit.paths]),
            crc=proof.crc,
            name=schema.name,
            path=schema.path,
            outline=_without(proof.outline, types, messages),
            is_json=schema.is_inlined,
            digest=schema.digest,
        )

    def _services(self, unit: Unit) -> list[ServiceDecl]:
        """Sound services: as JSON lists them, or explicit ones and then derived ones."""
        defines = {item.name: item for item in unit.defines}
        sound = check(unit.services, defines, self._diagnostics)
        if unit.schema.is_inlined and unit.schema.has_services:
            return sound
        strict = None if unit.schema.is_inlined else self._diagnostics
        places = {name: item.where for name, item in defines.items()}
        return sound + derive(places, sound, strict)

    def _messages(
        self, unit: Unit, services: Iterable[ServiceDecl], generated: frozenset[str]
    ) -> dict[str, Message]:
        roles = _roles(services)
        version = next((item.value for item in unit.options if item.name == "version"), None)
        # Without a version the file counts as 0.0.0, as for VPP's compiler.
        is_production = isinstance(version, str) and version.split(".")[0].strip() not in ("0", "")
        messages: dict[str, Message] = {}
        for define in unit.defines:
            if define.name in messages:
                first = messages[define.name].where
                self._diagnostics.error(
                    define.where, f"second message {define.name!r}: the first is at {first}"
                )
                continue
            flags = define.flags
            if unit.schema.is_inlined and f"{define.name}_reply" in generated:
                flags = ("autoreply",)
            message = self._linker.message(
                define,
                self._crc(define),
                module=unit.module,
                roles=frozenset(roles.get(define.name, ())),
                is_production=is_production,
                is_generated=define.name in generated,
                flags=flags,
            )
            if message is not None:
                messages[define.name] = message
        return messages

    def _crc(self, define: DefineDecl) -> int:
        """The CRC from the fields; another one in the JSON is an error, or is trusted."""
        if self._trust_crc and define.crc is not None:
            return define.crc
        return _checked_crc(define, self._folds, self._diagnostics)


def _check_message_crcs(units: Iterable[Unit], folds: Folds, diagnostics: Diagnostics) -> None:
    for unit in units:
        for define in unit.defines:
            if define.crc is not None:
                _checked_crc(define, folds, diagnostics)


def _checked_crc(define: DefineDecl, folds: Folds, diagnostics: Diagnostics) -> int:
    """The CRC from the fields. Another one in the JSON is an error."""
    try:
        crc = folds.message_crc(define)
    except KeyError:
        return 0  # an unknown type: the linker reports it
    if define.crc is not None and define.crc != crc:
        diagnostics.error(
            define.where,
            f"message {define.name!r}: CRC {define.crc:#010x} in the file, but {crc:#010x} "
            "computed from its fields: expected them to be equal",
        )
    return crc


def _all_in(item: ServiceDecl, messages: Mapping[str, Message]) -> bool:
    return all(name in messages for name in _named(item))


def _named(item: ServiceDecl) -> set[str]:
    named = {item.caller, item.reply, item.stream_message, *item.events}
    return {name for name in named if name is not None}


def _whole(messages: dict[str, Message], services: Iterable[ServiceDecl]) -> dict[str, Message]:
    """Without those that are of use only to a service of which the linker left a message out."""
    kept: set[str] = set()
    broken: set[str] = set()
    for item in services:
        (kept if _all_in(item, messages) else broken).update(_named(item))
    return {name: item for name, item in messages.items() if name in kept or name not in broken}


def _without(
    outline: tuple[OutlineItem, ...] | None,
    types: Mapping[str, UserType],
    messages: Mapping[str, Message],
) -> tuple[OutlineItem, ...] | None:
    """The outline without what was left out."""
    if outline is None:
        return None
    plain = ("option", "import", "missing import", "services", "counters", "paths")
    known = {*(("define", name) for name in messages), *((t.kind, t.name) for t in types.values())}
    return tuple([x for x in outline if x.kind in plain or (x.kind, x.name) in known])


def _service(item: ServiceDecl, messages: Mapping[str, Message]) -> Service:
    """A service, linked: `returns stream D` and derived dumps have D in the place of the reply."""
    caller = messages[item.caller]
    reply = None if item.reply is None else messages[item.reply]
    events = tuple(messages[name] for name in item.events)
    if item.stream_message is not None:
        return Service(caller, reply, messages[item.stream_message], events)
    if item.is_stream:
        return Service(caller, None, reply, events)
    return Service(caller, reply, None, events)


def _check_unique(files: Iterable[ApiFile], diagnostics: Diagnostics) -> None:
    """The wire knows messages by name alone: no two files may define the same."""
    seen: dict[str, Message] = {}
    for file in files:
        for message in file.messages:
            first = seen.setdefault(message.name, message)
            if first is not message:
                where = message.where or Location(file.path)
                diagnostics.error(
                    where, f"second message {message.name!r}: the first is at {first.where}"
                )
