"""The files of a run beside each other: what each defines itself, and the CRCs of files.

A `.api` file tells the order of its statements, so its CRC is computed. A `.api.json` file tells
its CRC, and the order has to be found (`order`): that proves the CRC and gives the order to those
who print `.api` text. For imported types it takes the JSON of the imported files, from the same run
or from the same installation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ._diagnostics import Diagnostics, Pointer
from .crc import chain_crc, statement_text
from .flatten import Flattener, JsonPart, Unit, kind_of, module_of
from .marks import attempts
from .model import OutlineItem
from .order import Arrangement, arrange, likely, weave
from .schema import DefineDecl, EnumDecl, ImportDecl, SchemaFile, TypeDecl
from .services import explicit_part
from .source import Loader

#: Steps for the JSON of an import, whatever effort was asked for: the CRCs of the importing file
#: depend on it.
MIN_EFFORT = 20_000

#: Steps for each guess at the marks of an enum.
MARK_EFFORT = 300

#: Orders of options and imports that are tried.
MAX_OPENINGS = 20

#: What stands at the top of a file, options and imports: each with what it adds to the CRC.
Opening = Sequence[tuple[OutlineItem, list[bytes]]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of a file as a whole."""

    crc: int
    outline: tuple[OutlineItem, ...] | None
    """Own statements in order; None if they could not be found out."""
    generated: frozenset[str]
    """Replies that `autoreply` made."""


class Library:
    """The units of a run, and further JSON files that they import, read when needed."""

    def __init__(
        self,
        units: Sequence[Unit],
        marks: dict[str, int],
        settled: Collection[str],
        loader: Loader,
        flattener: Flattener,
        diagnostics: Diagnostics,
        effort: int,
    ) -> None:
        self._units: dict[str, Unit | None] = {unit.module: unit for unit in units}
        self._wanted = set(self._units)
        self._marks = marks
        self._settled = settled
        self._loader = loader
        self._flattener = flattener
        self._diagnostics = diagnostics
        self._effort = effort
        self._own: dict[str, list[TypeDecl]] = {}
        self._arrangements: dict[str, Arrangement | None] = {}
        self._openings: dict[str, Opening] = {}
        self._chains: dict[str, list[bytes] | None] = {}

    # --- what belongs to whom ---

    def imported(self, unit: Unit, path: str) -> Unit | None:
        """The unit behind an import, or None if it is not at hand."""
        module = module_of(PurePosixPath(path).name)
        if module not in self._units:
            # A run without effort (on the JSON of a server) asks for no further files.
            if self._effort or not self._is_wanted(unit):
                decl = ImportDecl(path, Pointer(unit.schema.path))
                found = self._loader.find_import(decl, unit.schema)
                self._units[module] = None if found is None else self._flattener.flatten(found)
            else:
                self._units[module] = None
        return self._units[module]

    def _is_wanted(self, unit: Unit) -> bool:
        return unit.module in self._wanted

    def _unit_of(self, schema: SchemaFile) -> Unit:
        """The unit of a file that was read for an import."""
        module = module_of(schema.name)
        unit = self._units.get(module)
        if unit is None:
            unit = self._flattener.flatten(schema)
            self._units[module] = unit
        return unit

    def own_types(self, unit: Unit) -> list[TypeDecl]:
        """The types of a file that none of its imports has, in section order."""
        own = self._own.get(unit.module)
        if own is None:
            if unit.schema.is_inlined:
                foreign: set[str] = set()
                for path in dict.fromkeys(unit.imports):
                    other = self.imported(unit, path)
                    if other is not None and other is not unit:
                        foreign.update(decl.name for decl, _ in other.types)
                kept = {decl.name: decl for decl, _ in unit.types if decl.name not in foreign}
                own = list(kept.values())
            else:
                own = [decl for decl, module in unit.types if module == unit.module]
            self._own[unit.module] = own
        return own

    def direct_imports(self, unit: Unit) -> list[tuple[str, Unit]] | None:
        """The import statements of a JSON file, taken out of the flattened list: each is followed
        by the imports of the file it names. None if a file is missing or the lists disagree."""
        direct = []
        rest = unit.imports
        position = 0
        while position < len(rest):
            path = rest[position]
            other = self.imported(unit, path)
            if other is None or other is unit:
                return None
            position += 1
            inner = other.imports
            if rest[position : position + len(inner)] != inner:
                return None
            position += len(inner)
            direct.append((path, other))
        return direct

    # --- CRCs of files ---

    def settle(self) -> None:
        """Find out the marks of enums that only the CRCs of files tell, and add them to `marks`."""
        for unit in list(self._units.values()):
            if unit is None:
                continue
            if unit.schema.is_inlined:
                if self._effort and self._opening(unit) is not None:
                    self._arrangement(unit)
            else:
                for part in unit.chain:
                    if isinstance(part, JsonPart):
                        self._part_texts(part)

    def _part_texts(self, part: JsonPart) -> list[bytes]:
        """What an import adds to the CRC of a `.api` file, if there is only JSON of it."""
        found = self._loader.find_import(part.decl, part.importer)
        unit = None if found is None else self._unit_of(found)
        chain = None if unit is None else self._chain(unit)
        if chain is not None:
            return chain
        message = f"order of types unknown in the JSON of {part.decl.path!r}"
        self._diagnostics.warning(part.decl.where, f"{message}: the file CRC may differ from VPP's")
        return [statement_text(item, self._marks) for item in part.types]

    def prove(self, unit: Unit) -> Proof:
        """The CRC of a file. For JSON: compared with the one it has; a mismatch is an error."""
        if not unit.schema.is_inlined:
            crc = chain_crc(self._texts(unit))
            return Proof(crc, unit.outline, frozenset(unit.generated))
        given = unit.schema.crc
        guess = likely(self.own_types(unit), unit.defines, self._marks)
        if not self._effort and given is not None:
            return Proof(given, None, guess.generated)
        opening = self._opening(unit)
        if opening is None:
            # Nothing to compare with: the imported files are not at hand.
            crc = given if given is not None else self._crc_of([], guess)
            return Proof(crc, None, guess.generated)
        if given is None:
            crc = self._crc_of(opening, guess)
            return Proof(crc, self._outline(unit, guess), guess.generated)
        found = self._arrangement(unit)
        if found is None:
            self._diagnostics.error(
                Pointer(unit.schema.path, ("vl_api_version",)),
                f"file CRC {given:#010x} in the file, but {self._crc_of(opening, guess):#010x}"
                " computed, and no order of its statements gives the former",
            )
            return Proof(given, None, guess.generated)
        return Proof(given, self._outline(unit, found), found.generated)

    def _texts(self, unit: Unit) -> Iterator[bytes]:
        """The texts of a `.api` file in order."""
        for item in unit.chain:
            if isinstance(item, JsonPart):
                yield from self._part_texts(item)
            else:
                yield statement_text(item, self._marks)

    def _crc_of(self, opening: Opening, arrangement: Arrangement) -> int:
        texts = [statement_text(item, self._marks) for item in arrangement.statements]
        return chain_crc([*_texts_of(opening), *texts])

    def _arrangement(self, unit: Unit) -> Arrangement | None:
        """The order of the own statements; that of options and imports is kept in `_openings`."""
        if unit.module not in self._arrangements:
            self._arrangements[unit.module] = self._arrange(unit)
        return self._arrangements[unit.module]

    def _arrange(self, unit: Unit) -> Arrangement | None:
        own = self.own_types(unit)
        crc = unit.schema.crc
        if crc is None:
            return likely(own, unit.defines, self._marks)
        opening = self._opening(unit)
        if opening is None:
            return None
        count = len(unit.options)
        effort = max(self._effort, MIN_EFFORT)
        # All of them together cost no more than the usual one: a file may just be wrong.
        ways = list(weave(opening[:count], opening[count:], MAX_OPENINGS))
        efforts = [effort // len(ways)] * len(ways)
        for attempt, share in zip([*ways, opening], [*efforts, effort], strict=True):
            texts = _texts_of(attempt)
            found = arrange(own, unit.defines, self._marks, texts, crc, share)
            if found is not None:
                self._openings[unit.module] = attempt
                return found
        return self._arrange_marked(unit, own, _texts_of(opening), crc)

    def _arrange_marked(
        self, unit: Unit, own: list[TypeDecl], before: Sequence[bytes], crc: int
    ) -> Arrangement | None:
        """As `arrange`, for files with marked enums that no message of the run tells of."""
        types = {item.name: item for item in own}
        open_enums = [
            item.name
            for item in own
            if isinstance(item, EnumDecl)
            and item.name not in self._settled
            and item.name not in self._marks
        ]
        for attempt in attempts(open_enums, types):
            marks = {**self._marks, **attempt}
            found = arrange(own, unit.defines, marks, before, crc, MARK_EFFORT)
            if found is not None:
                self._marks.update(attempt)
                return found
        return None

    def _opening(self, unit: Unit) -> Opening | None:
        """Options and imports, which stand at the top, in the order that is known of them: each
        kind for itself. None if an import is missing."""
        if unit.module not in self._openings:
            direct = self.direct_imports(unit)
            if direct is None:
                return None
            items = [
                (OutlineItem("option", item.name), [statement_text(item, self._marks)])
                for item in unit.options
            ]
            for path, other in direct:
                chain = self._chain(other)
                if chain is None:
                    return None
                items.append((OutlineItem("import", path), chain))
            self._openings[unit.module] = items
        return self._openings[unit.module]

    def _chain(self, unit: Unit) -> list[bytes] | None:
        """What importing a file adds to the CRC: its types and those of its imports, in order."""
        if unit.module not in self._chains:
            self._chains[unit.module] = None  # should imports form a circle, it ends here
            self._chains[unit.module] = self._make_chain(unit)
        return self._chains[unit.module]

    def _make_chain(self, unit: Unit) -> list[bytes] | None:
        if not unit.schema.is_inlined:
            texts = []
            for item in unit.chain:
                if isinstance(item, JsonPart):
                    texts.extend(self._part_texts(item))
                elif isinstance(item, TypeDecl):
                    texts.append(statement_text(item, self._marks))
            return texts
        if self._opening(unit) is None:
            return None
        found = self._arrangement(unit)
        opening = self._opening(unit)
        if found is None or opening is None:
            return None
        types = [item for item in found.statements if not isinstance(item, DefineDecl)]
        inside = _texts_of([item for item in opening if item[0].kind == "import"])
        return inside + [statement_text(item, self._marks) for item in types]

    def _outline(self, unit: Unit, arrangement: Arrangement) -> tuple[OutlineItem, ...] | None:
        """The statements of the `.api` file that gives this JSON."""
        opening = self._opening(unit)
        if opening is None:
            return None
        items = [item for item, _ in opening]
        for item in arrangement.statements:
            kind = "define" if isinstance(item, DefineDecl) else kind_of(item)
            items.append(OutlineItem(kind, item.name))
        places = {item.name: item.where for item in unit.defines}
        if explicit_part(unit.services, places):
            items.append(OutlineItem("services", ""))
        items += [OutlineItem("counters", str(at)) for at in range(len(unit.counters))]
        items += [OutlineItem("paths", str(at)) for at in range(len(unit.paths))]
        return tuple(items)


def _texts_of(opening: Opening) -> list[bytes]:
    return [text for _, texts in opening for text in texts]
