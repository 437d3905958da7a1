"""Values that are bytes until somebody looks: messages from VPP, elements of their arrays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import repeat
from threading import RLock
from typing import TYPE_CHECKING, Any

from ._values import ApiValue

if TYPE_CHECKING:
    from ._blocks import Block

#: Held while a message is decoded, for others that look at the same one at the same time.
_decoding = RLock()


def make_lazy(block: Block) -> type[ApiValue]:
    """A subclass whose objects become those of the class when a field is looked at.

    It has no slots of its own, so `__class__` may be assigned; after that nothing is slower than
    it would have been. Properties hide the slots until then (a miss in `__getattr__` would cost
    more than the decoding of ten fields). In between objects are of a third class: another thread
    that looks for an attribute which is not there yet waits until it is.
    """
    cls = block.cls
    raw_of: Callable[[Any], bytes] = ApiValue.__dict__["__raw__"].__get__
    fill: Callable[[Any, bytes], None] | None = None

    def materialise(value: Any) -> None:
        nonlocal fill
        with _decoding:
            if type(value) is not lazy:
                return
            if fill is None:
                fill = block.fill
            raw = raw_of(value)
            value.__class__ = filling
            try:
                fill(value, raw)
                value.__raw__ = None
            except BaseException:
                value.__class__ = lazy
                raise
            value.__class__ = cls

    def hiding(name: str) -> property:
        def get(self: Any) -> Any:
            materialise(self)
            return getattr(self, name)

        def put(self: Any, value: object) -> None:
            materialise(self)
            setattr(self, name, value)

        return property(get, put)

    def get_after(self: Any, name: str) -> Any:
        with _decoding:
            return object.__getattribute__(self, name)

    common = {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
    }

    def reduce(self: Any, version: Any) -> Any:
        materialise(self)
        return self.__reduce_ex__(version)

    hidden: dict[str, Any] = {name: hiding(name) for name in block.slots}
    hidden["__reduce_ex__"] = reduce
    lazy: Any = type(cls.__name__, (cls,), {**common, **hidden})
    filling: Any = type(cls.__name__, (cls,), {**common, "__getattr__": get_after})
    return lazy  # type: ignore[no-any-return]


_new = object.__new__
_set_raw: Callable[[Any, bytes], None] = ApiValue.__dict__["__raw__"].__set__


def lazies(lazy: type[ApiValue], datas: Iterable[bytes]) -> list[Any]:
    """An object of a lazy class for each; the loops are C."""
    datas = list(datas)
    found = list(map(_new, repeat(lazy, len(datas))))
    deque(map(_set_raw, found, datas), maxlen=0)
    return found
