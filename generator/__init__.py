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

import os
from collections.abc import Callable, Iterable, Sequence

from ._diagnostics import ApiError, Diagnostic, Diagnostics, Location, Pointer
from .model import ApiFile, Model
from .schema import SchemaFile
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
    "load_with",
]

#: Steps to spend on proving the CRC of one JSON file; most need a few hundred.
DEFAULT_EFFORT = 100_000


def load(
    paths: Iterable[PathLike] | PathLike,
    include_dirs: Sequence[PathLike] = (),
    *,
    effort: int = DEFAULT_EFFORT,
    trust_crc: bool = False,
) -> Model:
    """The model of files and directories (searched for `*.api` and `*.api.json`).

    Imports of `.api` files are looked for below `include_dirs`, then below the directories that
    contain the importing file. `effort` 0 takes the file CRCs of JSON as they are, `trust_crc` the
    CRCs of its messages: for hand-made files, where they are invented. Raises `ApiError`.
    """
    diagnostics = Diagnostics()
    loader = Loader(include_dirs, diagnostics)
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    return load_with(loader, diagnostics, several, effort=effort, trust_crc=trust_crc)


def load_with(
    loader: Loader,
    diagnostics: Diagnostics,
    paths: Iterable[PathLike],
    *,
    effort: int,
    trust_crc: bool = False,
) -> Model:
    """As `load`, with a loader of one's own, which afterwards tells what was read."""
    return _resolve(loader, diagnostics, lambda: loader.load(paths), effort, trust_crc)


def load_json_text(
    text: str | bytes, name: str = "api.json", *, effort: int = 0, trust_crc: bool = False
) -> Model:
    """The model of one `.api.json` text, or of an array of them as VPP's `get_api_json` returns it.

    Message CRCs are checked unless `trust_crc`; file CRCs only with an `effort`, because whoever
    asks a running server does not need them. Raises `ApiError`.
    """
    diagnostics = Diagnostics()
    loader = Loader((), diagnostics)
    return _resolve(loader, diagnostics, lambda: loader.load_text(text, name), effort, trust_crc)


def load_api_text(
    text: str | bytes, name: str = "text.api", include_dirs: Sequence[PathLike] = ()
) -> Model:
    """The model of one `.api` text. Raises `ApiError`."""
    diagnostics = Diagnostics()
    loader = Loader(include_dirs, diagnostics)
    return _resolve(loader, diagnostics, lambda: loader.load_text(text, name), 0)


def _resolve(
    loader: Loader,
    diagnostics: Diagnostics,
    read: Callable[[], Sequence[SchemaFile]],
    effort: int,
    trust_crc: bool = False,
) -> Model:
    """Read and resolve; places in JSON, which readers keep as paths, become lines in errors."""
    from .resolve import resolve

    try:
        return resolve(read(), loader, diagnostics, effort=effort, trust_crc=trust_crc)
    except ApiError as problem:
        from ._json_positions import located

        raise ApiError(located(problem.diagnostics, loader.text_of)) from None
