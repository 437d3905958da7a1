"""A file with its imports put in place and its generated replies written out.

This is where the two forms meet: after it, a `.api` file looks like its own JSON, repeats included.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ._diagnostics import Diagnostics
from .model import OutlineItem
from .schema import (
    AliasDecl,
    CountersDecl,
    DefineDecl,
    EnumDecl,
    FieldDecl,
    ImportDecl,
    OptionDecl,
    PathsDecl,
    SchemaFile,
    ServiceDecl,
    StructDecl,
    TypeDecl,
    UnionDecl,
)
from .source import Loader

#: Imports within imports. VPP's deepest chain has 5.
MAX_DEPTH = 50

#: Types of one file, repeats included. VPP's largest has 60.
MAX_TYPES = 20_000

_REPLY_FIELDS = (FieldDecl("u32", "context"), FieldDecl("i32", "retval"))


@dataclass(frozen=True, slots=True)
class JsonPart:
    """In the chain of a `.api` file: an import of which only the JSON is at hand, so that the order
    of its types is still to be found out."""

    decl: ImportDecl
    importer: SchemaFile
    types: tuple[TypeDecl, ...]


@dataclass(slots=True)
class Unit:
    """One file, flat. Lists are in the order of the JSON."""

    schema: SchemaFile
    module: str
    options: list[OptionDecl] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    types: list[tuple[TypeDecl, str]] = field(default_factory=list)
    """Every type with the module that defines it; repeats included. JSON: the file's own module."""
    defines: list[DefineDecl] = field(default_factory=list)
    generated: set[str] = field(default_factory=set)
    """Names of replies that `autoreply` made."""
    services: list[ServiceDecl] = field(default_factory=list)
    counters: list[CountersDecl] = field(default_factory=list)
    paths: list[PathsDecl] = field(default_factory=list)
    chain: list[TypeDecl | DefineDecl | OptionDecl | JsonPart] = field(default_factory=list)
    """`.api`: what the file CRC runs over, in order. Empty for JSON, which does not tell."""
    outline: tuple[OutlineItem, ...] | None = None


def module_of(name: str) -> str:
    """`ip_types.api` gives `ip_types`; further dots turn to `_`."""
    return name.removesuffix(".api").replace(".", "_")


def make_reply(define: DefineDecl) -> DefineDecl:
    """The reply that `autoreply` asks for; it has the options of its request."""
    return DefineDecl(f"{define.name}_reply", _REPLY_FIELDS, define.where, options=define.options)


def kind_of(decl: TypeDecl) -> str:
    """Name of a type's statement in outlines; enumflags are enums there."""
    if isinstance(decl, EnumDecl):
        return "enum"
    if isinstance(decl, AliasDecl):
        return "alias"
    return "union" if isinstance(decl, UnionDecl) else "struct"


class Flattener:
    """Makes units; keeps what imports contribute, because many files import the same ones."""

    def __init__(self, loader: Loader, diagnostics: Diagnostics) -> None:
        self._loader = loader
        self._diagnostics = diagnostics
        self._imported: dict[str, _Contribution | None] = {}

    def flatten(self, schema: SchemaFile) -> Unit:
        """The unit of a file that was asked for."""
        unit = Unit(schema, module_of(schema.name))
        outline: list[OutlineItem] = []
        for statement in schema.statements:
            if isinstance(statement, OptionDecl):
                unit.options.append(statement)
                unit.chain.append(statement)
                outline.append(OutlineItem("option", statement.name))
            elif isinstance(statement, ImportDecl):
                unit.imports.append(statement.path)
                outline.append(OutlineItem("import", statement.path))
                if not schema.is_inlined:
                    self._import(statement, schema, unit)
            elif isinstance(statement, DefineDecl):
                self._define(statement, unit)
                outline.append(OutlineItem("define", statement.name))
            elif isinstance(statement, ServiceDecl):
                unit.services.append(statement)
                if not outline or outline[-1].kind != "services":
                    outline.append(OutlineItem("services", ""))
            elif isinstance(statement, CountersDecl):
                outline.append(OutlineItem("counters", str(len(unit.counters))))
                unit.counters.append(statement)
            elif isinstance(statement, PathsDecl):
                outline.append(OutlineItem("paths", str(len(unit.paths))))
                unit.paths.append(statement)
            else:
                unit.types.append((statement, unit.module))
                unit.chain.append(statement)
                outline.append(OutlineItem(kind_of(statement), statement.name))
        if schema.is_inlined:
            unit.chain.clear()
        else:
            unit.outline = tuple(outline)
        return unit

    def _define(self, define: DefineDecl, unit: Unit) -> None:
        unit.defines.append(define)
        unit.chain.append(define)
        if "autoreply" in define.flags:
            reply = make_reply(define)
            unit.defines.append(reply)
            unit.generated.add(reply.name)

    def _import(self, decl: ImportDecl, schema: SchemaFile, unit: Unit) -> None:
        contribution = self._resolve(decl, schema, (schema.path,))
        if contribution is None:
            return
        unit.imports.extend(contribution.imports)
        unit.types.extend(contribution.types)
        unit.chain.extend(contribution.chain)
        if len(unit.types) > MAX_TYPES:
            self._diagnostics.error(decl.where, f"imports more than {MAX_TYPES} types")
            unit.types.clear()

    def _resolve(
        self, decl: ImportDecl, importer: SchemaFile, stack: tuple[str, ...]
    ) -> _Contribution | None:
        found = self._loader.find_import(decl, importer)
        if found is None:
            expected = "expected it below an include directory (-I)"
            self._diagnostics.error(decl.where, f"cannot find import {decl.path!r}: {expected}")
            return None
        if found.path in stack:
            circle = " -> ".join([*stack[stack.index(found.path) :], found.path])
            self._diagnostics.error(decl.where, f"cycle of imports: {circle}")
            return None
        if len(stack) >= MAX_DEPTH:
            self._diagnostics.error(decl.where, f"imports nested more than {MAX_DEPTH} deep")
            return None
        if found.path not in self._imported:
            inner = (*stack, found.path)
            self._imported[found.path] = self._contribute(found, inner, decl, importer)
        return self._imported[found.path]

    def _contribute(
        self, schema: SchemaFile, stack: tuple[str, ...], origin: ImportDecl, importer: SchemaFile
    ) -> _Contribution | None:
        """What a file gives to those that import it: types, and its own imports."""
        contribution = _Contribution([], [], [])
        module = module_of(schema.name)
        for statement in schema.statements:
            if isinstance(statement, ImportDecl):
                contribution.imports.append(statement.path)
                if schema.is_inlined:
                    continue
                inner = self._resolve(statement, schema, stack)
                if inner is not None:
                    contribution.imports.extend(inner.imports)
                    contribution.types.extend(inner.types)
                    contribution.chain.extend(inner.chain)
                    if len(contribution.types) + len(contribution.imports) > MAX_TYPES:
                        self._diagnostics.error(
                            statement.where, f"imports more than {MAX_TYPES} types and files"
                        )
                        return None
            elif isinstance(statement, EnumDecl | StructDecl | UnionDecl | AliasDecl):
                contribution.types.append((statement, module))
                contribution.chain.append(statement)
        if schema.is_inlined:
            # In section order, with repeats: so they appear in the JSON of the importing file too.
            inside = tuple(kind for kind, _ in contribution.types)
            contribution.chain[:] = [JsonPart(origin, importer, inside)]
        return contribution


@dataclass(slots=True)
class _Contribution:
    imports: list[str]
    types: list[tuple[TypeDecl, str]]
    chain: list[TypeDecl | JsonPart]
