"""Definitions from `.api.json`: where they are, and how they become messages and services."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from .._definitions import ParsedDefinitions
from .._errors import InvalidArgument
from .._registry import scope_of_files
from ._errors import VPPApiError, VPPRuntimeError, VPPSerializerValueError, VPPValueError
from ._registry import Api, load, unknown_types

Loaded = tuple[dict[str, Any], dict[str, Any]]

_SYSTEM = "/usr/share/vpp/api"
#: Where a build of VPP's tree puts the files: debug, then release.
_BUILT = tuple(f"build-root/install-vpp{kind}-native/vpp/share/vpp/api" for kind in ("_debug", ""))
#: Folders of VPP's tree from which its own programs run, and how far up the tree begins.
_IN_TREE = {"src/scripts": 1, "src/vpp-api/python": 2, "test": 0}


class VPPApiJSONFiles:
    """Finds and reads the JSON that VPP's compiler makes of `.api` files."""

    @classmethod
    def find_api_dir(cls, dirs: Sequence[str] = ()) -> str | None:
        """The first of these that exists: `dirs`, $VPP_API_DIR, what was built in the tree of VPP
        that the running program is in, and where packages install them. None if none does."""
        candidates = list(dirs)
        given = os.environ.get("VPP_API_DIR")
        if given:
            candidates.append(given)
        candidates += cls._near_program()
        candidates.append(_SYSTEM)
        return next((folder for folder in candidates if Path(folder).is_dir()), None)

    @staticmethod
    def _near_program() -> list[str]:
        import __main__

        program = getattr(__main__, "__file__", None)
        here = Path(program).resolve().parent if program else Path.cwd()
        for folder, up in _IN_TREE.items():
            if here.as_posix().endswith(f"/{folder}"):
                root = here.parents[up]
                return [str(root / built) for built in _BUILT]
        for built in _BUILT:
            installed = built.removesuffix("/share/vpp/api")
            if here.as_posix().endswith(f"/{installed}/bin"):
                return [str(here.parent / "share/vpp/api")]
        return []

    @classmethod
    def find_api_files(
        cls, api_dir: str | os.PathLike[str] | None = None, patterns: str | Sequence[str] = "*"
    ) -> list[str]:
        """All `PATTERN.api.json` below a directory, sorted; `patterns` is a list, or text with
        commas. Errors: `VPPApiError` if no directory is given and none is found."""
        if api_dir is None:
            api_dir = cls.find_api_dir([])
            if api_dir is None:
                raise VPPApiError("api_dir cannot be located")
        several = patterns.split(",") if isinstance(patterns, str) else patterns
        wanted = [f"{pattern.strip()}.api.json" for pattern in several]
        return sorted(
            os.path.join(root, name)
            for root, _, names in os.walk(api_dir)
            for name in names
            if any(fnmatch.fnmatch(name, pattern) for pattern in wanted)
        )

    @classmethod
    def process_json_file(cls, apidef_file: IO[Any]) -> Loaded:
        """Messages and services of an open file. What it takes from other files must be known
        by then. Errors: `VPPValueError`, `VPPSerializerValueError` for types that nobody knows."""
        return cls._process_json(json.load(apidef_file))

    @classmethod
    def process_json_str(cls, json_str: str | bytes) -> Loaded:
        """Messages and services of the text of a file."""
        return cls._process_json(json.loads(json_str))

    @classmethod
    def process_json_array_str(cls, json_str: str | bytes) -> Loaded:
        """Messages and services of an array of such texts, as VPP hands it out."""
        return _loaded(_api(json.loads(json_str)))

    @classmethod
    def _process_json(cls, api: Mapping[str, Any]) -> Loaded:
        return _loaded(_api([api]))

    @staticmethod
    def load_api(
        apifiles: Sequence[str] | None = None,
        apidir: str | Sequence[str] | None = None,
    ) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
        """Files, messages and services: of these files, else of all in the directories, else of
        those in the usual place. What was read once is read from a cache the next time.

        Errors: `VPPRuntimeError` if nothing is found, `VPPValueError` for what is no definition.
        """
        if not apifiles:
            folders: Any = apidir if isinstance(apidir, list | tuple) else [apidir]
            try:
                apifiles = [file for one in folders for file in VPPApiJSONFiles.find_api_files(one)]
            except VPPApiError as error:
                raise VPPRuntimeError(str(error)) from None
        files = list(apifiles)
        if not files:
            return files, {}, {}
        missing = next((file for file in files if not Path(file).exists()), None)
        if missing is not None:
            raise FileNotFoundError(2, os.strerror(2), missing)
        try:
            scope = scope_of_files(files)
        except InvalidArgument as error:
            raise VPPValueError(str(error)) from None
        return files, *_loaded(load(scope.set, scope))


def _api(documents: Iterable[Mapping[str, Any]]) -> Api:
    try:
        definitions = ParsedDefinitions(documents)
    except (TypeError, AttributeError, LookupError) as error:
        raise VPPValueError(f"this is no description of an API: {error}") from None
    missing = unknown_types(definitions)
    if missing is not None:
        name, spelling = missing
        if name in definitions.messages:
            raise VPPSerializerValueError(f"{name}: Unknown message type {spelling}")
        raise VPPValueError(f"Unresolved type definitions: {name} needs {spelling}")
    return load(definitions)


def _loaded(api: Api) -> Loaded:
    return api.messages(), api.services()
