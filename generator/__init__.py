"""The generator: `.api` and `.api.json` in, bindings out. Needs no VPP.

>>> from generator import load_json_text
>>> model = load_json_text('{"messages": [["ping", ["u16", "_vl_msg_id"], ["u32", "context"]]]}')
>>> model.messages["ping"].size
6

`load` reads files and directories, `load_json_text` and `load_api_text` a text in memory; all give
a `Model` (see `model` for what is in it) or raise `ApiError` with everything that is wrong.
`generate` in `output` runs emitters over a model and writes the files. Importing this package is
cheap: the grammar of `.api` is only loaded when there is some.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ._diagnostics import ApiError, Diagnostic, Diagnostics, Location, Pointer
from .model import ApiFile, Model
from .source import Loader, PathLike
from .version import FORMAT_VERSION, GENERATOR_VERSION

__all__ = [
    "DEFAULT_EFFORT",
    "FORMAT_VERSION",
    "GENERATOR_VERSION",
    "ApiError",
    "ApiFile",
    "Diagnostic",
    "Location",
    "Model",
    "Pointer",
    "load",
    "load_api_text",
    "load_json_text",
]

#: Steps to spend on proving the CRC of one JSON file; VPP's files take 50 to 5000.
DEFAULT_EFFORT = 200_000


def load(
    paths: Iterable[PathLike] | PathLike,
    include_dirs: Sequence[PathLike] = (),
    *,
    effort: int = DEFAULT_EFFORT,
) -> Model:
    """The model of files and directories (searched for `*.api` and `*.api.json`).

    Imports of `.api` files are looked for below `include_dirs`, then below the directories that
    contain the importing file. `effort` 0 takes the file CRCs of JSON as they are. Raises
    `ApiError`.
    """
    from .resolve import resolve

    diagnostics = Diagnostics()
    loader = Loader(include_dirs, diagnostics)
    single = isinstance(paths, str) or hasattr(paths, "__fspath__")
    schemas = loader.load([paths] if single else paths)  # type: ignore[list-item, arg-type]
    return resolve(schemas, loader, diagnostics, effort=effort)


def load_json_text(text: str | bytes, name: str = "api.json", *, effort: int = 0) -> Model:
    """The model of one `.api.json` text, or of an array of them as VPP's `get_api_json` returns it.

    Message CRCs are always checked; file CRCs only with an `effort`, because whoever asks a running
    server does not need them. Raises `ApiError`.
    """
    from .resolve import resolve

    diagnostics = Diagnostics()
    loader = Loader((), diagnostics)
    return resolve(loader.load_text(text, name), loader, diagnostics, effort=effort)


def load_api_text(
    text: str | bytes, name: str = "text.api", include_dirs: Sequence[PathLike] = ()
) -> Model:
    """The model of one `.api` text. Raises `ApiError`."""
    from .resolve import resolve

    diagnostics = Diagnostics()
    loader = Loader(include_dirs, diagnostics)
    return resolve(loader.load_text(text, name), loader, diagnostics, effort=0)
