"""Finding and reading input: the files asked for, and those they import."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from ._diagnostics import Diagnostics, Location
from .json_reader import JsonReader
from .schema import ImportDecl, SchemaFile

PathLike = str | os.PathLike[str]

#: How far up from an importing file its imports are looked for, when no include directory has them.
MAX_PARENTS = 12


def find_inputs(paths: Iterable[PathLike], diagnostics: Diagnostics) -> list[Path]:
    """API files named by `paths`, sorted: files as they are, directories searched through.

    Where a directory has `foo.api` and `foo.api.json` side by side, the first one counts.
    """
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            inside = sorted([*path.rglob("*.api"), *path.rglob("*.api.json")])
            sources = {item for item in inside if item.suffix == ".api" and item.is_file()}
            kept = [item for item in inside if item in sources or item.with_suffix("") in sources]
            jsons = [item for item in inside if item not in kept and item.is_file()]
            found.update(dict.fromkeys(sorted([*sources, *jsons])))
            if not inside:
                where = Location(str(path))
                diagnostics.error(where, "no API file in it: expected *.api or *.api.json")
        elif path.exists():
            found[path] = None
        else:
            diagnostics.error(Location(str(path)), "no such file or directory")
    return list(found)


class Loader:
    """Reads each file of a run once, whoever asks for it."""

    def __init__(self, include_dirs: Sequence[PathLike], diagnostics: Diagnostics) -> None:
        self._include_dirs = [Path(item) for item in include_dirs]
        self._diagnostics = diagnostics
        self._json = JsonReader(diagnostics)
        self._read: dict[str, list[SchemaFile]] = {}
        self._by_name: dict[str, SchemaFile] = {}
        self.consulted: dict[str, str] = {}
        """Digest of every file read, by path: what a stamp of this run depends on."""
        self.missing: set[str] = set()
        """Paths where an import was looked for in vain: should one appear, it would be taken."""
        self._texts: dict[str, str | bytes] = {}

    def load(self, paths: Iterable[PathLike]) -> list[SchemaFile]:
        """The files asked for. They also serve imports, by base name, whatever their directory."""
        wanted = []
        for path in find_inputs(paths, self._diagnostics):
            wanted.extend(self.read(path))
        for schema in wanted:
            self._by_name.setdefault(schema.name, schema)
        return wanted

    def load_text(self, text: str | bytes, name: str) -> list[SchemaFile]:
        """Files from a text in memory; `name` ends in `.api` or the text is JSON."""
        self._texts[name] = text
        wanted = self._parse(text, name)
        for schema in wanted:
            self._by_name.setdefault(schema.name, schema)
        return wanted

    def read(self, path: Path) -> list[SchemaFile]:
        """The file or (JSON array) files at a path; empty after an error."""
        key = str(path)
        if key not in self._read:
            try:
                data = path.read_bytes()
            except OSError as problem:
                reason = (problem.strerror or str(problem)).lower()
                self._diagnostics.error(Location(key), f"cannot read: {reason}")
                self._read[key] = []
            else:
                self._read[key] = self._parse(data, key)
        return self._read[key]

    def _parse(self, data: bytes | str, path: str) -> list[SchemaFile]:
        if path.endswith(".api"):
            from .parser import parse_api  # starts lark: only when there is something to parse

            schemas = [parse_api(data, path, self._diagnostics)]
        else:
            schemas = self._json.read(data, path)
        for schema in schemas:
            self.consulted[path] = schema.digest
        return schemas

    def find_import(self, decl: ImportDecl, importer: SchemaFile) -> SchemaFile | None:
        """The file that an import names, or None.

        A `.api` file below an include directory wins, then one below a directory that contains the
        importing file. On a machine without sources the JSON of the file does as well, in the
        layout of the sources or in that of an installation (`core/`, `plugins/`).
        """
        base = PurePosixPath(decl.path).name
        if importer.is_inlined and base in self._by_name:
            return self._by_name[base]
        home = Path(importer.path).parent
        parents = [home, *list(home.parents)[:MAX_PARENTS]]
        if not importer.is_inlined:
            for directory in (*self._include_dirs, *parents):
                candidate = directory / decl.path
                if self._is_file(candidate):
                    return next(iter(self.read(candidate)), None)
        if base in self._by_name:
            return self._by_name[base]
        inside = (f"{decl.path}.json", f"{base}.json", f"core/{base}.json", f"plugins/{base}.json")
        for directory in (*self._include_dirs, home, home.parent):
            for name in inside:
                candidate = directory / name
                if self._is_file(candidate):
                    return next(iter(self.read(candidate)), None)
        return None

    def _is_file(self, path: Path) -> bool:
        if path.is_file():
            return True
        self.missing.add(str(path))
        return False

    def text_of(self, path: str) -> str | None:
        """The text of a file that was read, to find lines in it; None if it cannot be had."""
        data: str | bytes | None = self._texts.get(path)
        if data is None:
            try:
                data = self._texts[path] = Path(path).read_bytes()
            except OSError:
                return None
        return data if isinstance(data, str) else data.decode("utf-8", "replace")
