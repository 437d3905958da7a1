"""What generated packages stand on: their classes are shells, filled by the codec when first used.

A package has a module and a JSON file for each API file, and an index of all messages and types;
nothing is read before it is needed. Its `DEFINITIONS` goes into `connect(definitions=...)`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from ._blocks import Block, StructKind, class_name
from ._definitions import DefinitionSet, ParsedDefinitions, Service
from ._enums import ApiEnum, ApiFlag
from ._errors import Incompatible, InvalidArgument
from ._registry import SharedScope
from ._unions import arm_property
from ._values import ApiMessage, ApiUnion, ApiValue, LazyBlock

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ._client import Client
    from ._connection import Connection
    from ._errors import VapiError

    T = TypeVar("T")

    #: What functions of the callback and object levels take first.
    Conn = Connection | Client
    #: In the place of a request: its fields.
    Fields = Mapping[str, object]
    #: Called with connection, context, error, whether it is the last, and a view of what came.
    ReplyCallback = Callable[[Connection, Any, VapiError | None, bool, T | None], object]
    #: Called with connection, context and a view of the event.
    EventCallback = Callable[[Connection, Any, T], object]
    #: Called with the object for which something came.
    ObjectCallback = Callable[[Any], object] | None

__all__ = [
    "ApiEnum",
    "ApiFlag",
    "ApiMessage",
    "ApiUnion",
    "ApiValue",
    "LazyKind",
    "Package",
    "arm_property",
]

#: The form of generated packages that this version understands.
FORMAT_VERSION = 2


class LazyKind:
    """Stands for the `__kind__` of a generated union until somebody asks for it."""

    def __init__(self, package: Package, name: str) -> None:
        self._package = package
        self._name = name

    def __get__(self, instance: object, owner: type[ApiUnion]) -> Any:
        self._package.kind(self._name)  # sets the attribute itself
        kind = owner.__dict__.get("__kind__")
        if kind is None or kind is self:
            raise InvalidArgument(f"{owner.__name__} is not a class of {self._package.name}")
        return kind


class Package(SharedScope):
    """The scope of a generated package; `index` is read from its `_index.json`."""

    def __init__(self, name: str, file: str) -> None:
        self.name = name
        self._folder = Path(file).parent
        super().__init__(PackageDefinitions(self._folder), self)

    def message_block(self, name: str) -> LazyBlock:
        """The `__api__` of a message's class."""
        return LazyBlock(lambda cls: self.codec(name))

    def type_block(self, name: str) -> LazyBlock:
        """The `__api__` of a struct's class."""

        def make(cls: type[ApiValue]) -> Block:
            kind = self.kind(name)
            block = kind.block if isinstance(kind, StructKind) else kind
            if not isinstance(block, Block):
                raise InvalidArgument(f"{cls.__name__} is given as a natural value")
            return block

        return LazyBlock(make)

    def union_kind(self, name: str) -> Any:
        """The `__kind__` of a union's class."""
        return LazyKind(self, name)

    def find(self, section: str, name: str) -> Any:
        """For the catalog: the class of a message or type of this package."""
        module = self.index.module_of(section, name)
        if module is None:
            return None
        home = import_module(f"{self.name}.{module}")
        cls = class_name(name)
        if section == "messages":
            return getattr(home, cls, None)
        # A type with the name of a message has a `_` at its end.
        return getattr(home, f"{cls}_", None) or getattr(home, cls, None)

    @property
    def index(self) -> PackageDefinitions:
        """The definitions."""
        assert isinstance(self.set, PackageDefinitions)
        return self.set


def package_of(cls: type[Any]) -> Package | None:
    """The generated package that a class is from; None for classes that were made at run time."""
    folder = cls.__module__.rpartition(".")[0]
    scope = sys.modules.get(f"{folder}._scope") if folder else None
    found = getattr(scope, "DEFINITIONS", None)
    return found if isinstance(found, Package) else None


class PackageDefinitions(DefinitionSet):
    """Definitions in the JSON files of a generated package, each read when first asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index: dict[str, Any] | None = None
        self._files: dict[str, ParsedDefinitions] = {}
        self._lock = RLock()

    @property
    def index(self) -> dict[str, Any]:
        """`_index.json`. Errors: `Incompatible` for a package of another form."""
        if self._index is None:
            found = json.loads((self._folder / "_index.json").read_text("utf-8"))
            if found["format"] != FORMAT_VERSION:
                raise Incompatible(
                    f"{self._folder} was generated in form {found['format']}, this is "
                    f"{FORMAT_VERSION}: generate it anew"
                )
            self._index = found
        return self._index

    def module_of(self, section: str, name: str) -> str | None:
        """The module that has the class of a message or type."""
        if section == "messages":
            entry = self.index["messages"].get(name)
            return None if entry is None else entry[0]
        module: str | None = self.index["types"].get(name)
        return module

    def _file(self, module: str) -> ParsedDefinitions:
        with self._lock:
            found = self._files.get(module)
            if found is None:
                text = (self._folder / f"{module}.json").read_text("utf-8")
                found = self._files[module] = ParsedDefinitions([json.loads(text)])
            return found

    def type_of(self, name: str) -> tuple[str, Any] | None:
        module = self.index["types"].get(name)
        return None if module is None else self._file(module).type_of(name)

    def message(self, name: str) -> list[Any] | None:
        entry = self.index["messages"].get(name)
        return None if entry is None else self._file(entry[0]).message(name)

    def crc(self, name: str) -> str | None:
        entry = self.index["messages"].get(name)
        return None if entry is None else entry[1]

    def service(self, name: str) -> Service | None:
        entry = self.index["messages"].get(name)
        return None if entry is None else self._file(entry[0]).service(name)

    def names(self) -> Iterable[str]:
        return self.index["messages"]  # type: ignore[no-any-return]

    def type_names(self) -> Iterable[str]:
        return self.index["types"]  # type: ignore[no-any-return]

    def callers(self) -> Iterable[str]:
        return self.index["callers"]  # type: ignore[no-any-return]

    def subscriptions(self) -> Mapping[str, str]:
        return self.index["subscriptions"]  # type: ignore[no-any-return]
