"""The classes of values: messages, structs and unions of the API, as programs see them.

Every class has slots, takes keywords, compares by value, shows itself, and works in `match`. Its
`__api__` is the `Block` that knows its wire form; field names are therefore never hidden by ours.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from ._blocks import Block
    from ._unions import UnionKind


class LazyBlock:
    """Stands for the `__api__` of a generated class until somebody asks for it."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __get__(self, instance: object, owner: type[ApiValue]) -> Block:
        home = next(cls for cls in owner.__mro__ if cls.__dict__.get("__api__") is self)
        block: Block = self._make(home)
        type.__setattr__(home, "__api__", block)
        _ = block.cls  # finds the class, and gives it what only the definitions know
        return block


class _Signature:
    """The `__signature__` of a class, for help(): made when somebody asks."""

    def __get__(self, instance: object, owner: type[ApiValue]) -> Any:
        block = getattr(owner, "__api__", None)
        if block is None:  # of a base
            return None
        from inspect import Signature

        from ._outline import parameters

        return Signature(parameters(block))


class ApiValue:
    """Base of every struct and message.

    >>> FibMplsLabel(label=16)                                          # doctest: +SKIP
    FibMplsLabel(is_uniform=0, label=16, ttl=0, exp=0)
    """

    __slots__ = ("__raw__",)

    if TYPE_CHECKING:  # at run time the module that is named has no such names
        __api__: ClassVar[Block]
    __signature__ = _Signature()

    def __init__(self, **fields: Any) -> None:
        type(self).__api__.fill_in(self, fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ApiValue):
            return NotImplemented
        block = type(self).__api__
        if block is not type(other).__api__:
            return NotImplemented
        return bool(block.key(self) == block.key(other))

    __hash__ = None  # type: ignore[assignment]  # a value that can be changed has none

    def __repr__(self) -> str:
        block = type(self).__api__
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in block.shown)
        return f"{type(self).__name__}({shown})"

    def __copy__(self) -> Self:
        block = type(self).__api__
        made = object.__new__(block.cls)
        for name in block.slots:
            setattr(made, name, getattr(self, name))
        return made  # type: ignore[return-value]

    def __reduce_ex__(self, protocol: Any) -> Any:
        block = type(self).__api__
        key, section = block.home
        if not key:  # of a generated package: it can be imported
            return super().__reduce_ex__(protocol)
        from ._pickling import restore

        return restore, (key, section, block.name, block.wire(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        from copy import deepcopy

        block = type(self).__api__
        made = object.__new__(block.cls)
        for name in block.slots:
            setattr(made, name, deepcopy(getattr(self, name), memo))
        return made  # type: ignore[return-value]


class ApiMessage(ApiValue):
    """Base of every message.

    A message that came from VPP is decoded when its first field is looked at: until then it is
    the bytes, and an own subclass without slots, which turns into the class itself.
    """

    __slots__ = ()


class ApiUnion:
    """Base of every union: one arm of several; `which` names it.

    >>> PuntUnion(l4={"af": 0, "protocol": 17, "port": 5000}).which      # doctest: +SKIP
    'l4'

    `which` is None where nothing told the arm: every arm can then be read, and bytes are kept.
    """

    __slots__ = ("_arm", "_raw")

    if TYPE_CHECKING:
        __kind__: ClassVar[UnionKind]

    _arm: str | None
    _raw: bytes

    def __init__(self, **arms: Any) -> None:
        type(self).__kind__.fill_in(self, arms)

    @property
    def which(self) -> str | None:
        """Name of the arm that is set."""
        return self._arm

    def __bytes__(self) -> bytes:
        return self._raw

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ApiUnion) or type(self).__kind__ is not type(other).__kind__:
            return NotImplemented
        return self._raw == other._raw and (
            self._arm == other._arm or self._arm is None or other._arm is None
        )

    def __hash__(self) -> int:
        return hash(self._raw)

    def __reduce_ex__(self, protocol: Any) -> Any:
        kind = type(self).__kind__
        if not kind.home:
            return super().__reduce_ex__(protocol)
        from ._pickling import restore_union

        return restore_union, (kind.home, kind.name, self._arm, self._raw)

    def __repr__(self) -> str:
        name = type(self).__name__
        if self._arm is None:
            return f"{name}({self._raw!r})"
        return f"{name}({self._arm}={type(self).__kind__.get(self, self._arm)!r})"


def to_dict(value: Any) -> Any:
    """Messages, structs and unions as dicts, lists and natural values, for JSON and printing.

    Unions have the arm that is set; all, where nothing told which. Requests take such dicts.

    >>> to_dict(reply)                                                  # doctest: +SKIP
    {'retval': 0, 'program': 'vpe', ...}
    """
    if isinstance(value, ApiValue):
        return {name: to_dict(getattr(value, name)) for name in type(value).__api__.shown}
    if isinstance(value, ApiUnion):
        kind = type(value).__kind__
        arms = kind.arms if value.which is None else (value.which,)
        return {arm: to_dict(kind.get(value, arm)) for arm in arms}
    if isinstance(value, list):
        return [to_dict(item) for item in value]
    return value


def comparing(slots: tuple[str, ...]) -> Any:
    """The function by which two values are compared."""
    return attrgetter(*slots) if slots else len_of_nothing


def len_of_nothing(value: object) -> int:
    """The key of a value without fields: all are equal."""
    return 0
