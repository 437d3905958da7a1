"""Emitters: model to text. Each is a plain object with a name; this module finds it by that name.

An emitter never touches disk: it returns a mapping from relative path (POSIX form) to text, and
`output` does the rest. Built-in emitters are imported when first asked for; others come from
installed packages, through the entry point group `vapi_cffi.emitters` (name = emitter name, value =
object that satisfies `Emitter`, or a class without arguments that makes one).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from ..model import ApiFile, Model

ENTRY_POINT_GROUP = "vapi_cffi.emitters"

#: name: (module in this package, attribute)
_BUILTIN: Mapping[str, tuple[str, str]] = {
    "api": ("api", "EMITTER"),
    "c": ("c_header", "EMITTER"),
    "cpp": ("cpp_header", "EMITTER"),
    "json": ("json", "EMITTER"),
    "python": ("python", "EMITTER"),
}


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """What a run asks of its emitters."""

    banner: bool = True
    """False: leave the generator's version out of the first lines, for stable diffs."""
    extra: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Free options of third-party emitters, from `--option NAME=VALUE`."""


@runtime_checkable
class Emitter(Protocol):
    """What the command line and `generate` need of an emitter."""

    @property
    def name(self) -> str:
        """Short name: the command line has `--NAME DIR` for it."""

    @property
    def version(self) -> str:
        """Part of the stamp: change it whenever the same model gives other text."""

    def emit(self, file: ApiFile, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """Texts for one file, by path relative to the output directory. Must be deterministic."""

    def finish(self, model: Model, options: EmitOptions) -> Mapping[str, str]:
        """Texts that cover the whole model (a package's `__init__.py`); empty if there are none."""


class UnknownEmitterError(LookupError):
    """No emitter of that name; the message lists those that exist."""


def names() -> list[str]:
    """Names of all emitters, built-in and installed, sorted."""
    from importlib.metadata import entry_points

    return sorted({*_BUILTIN, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))})


def get(name: str) -> Emitter:
    """The emitter of that name; built-in ones win. Raises `UnknownEmitterError`."""
    if name in _BUILTIN:
        module, attribute = _BUILTIN[name]
        built_in = getattr(import_module(f".{module}", __name__), attribute)
        if not isinstance(built_in, Emitter):
            raise TypeError(f"{module}.{attribute} is not an emitter")
        return built_in

    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        loaded: object = point.load()
        candidate = loaded() if isinstance(loaded, type) else loaded
        if not isinstance(candidate, Emitter):
            raise TypeError(
                f"entry point {point.value!r} of group {ENTRY_POINT_GROUP} is not an emitter: "
                "it needs name, version, emit() and finish()"
            )
        return candidate
    raise UnknownEmitterError(f"no emitter {name!r}; there are {', '.join(names())}")
