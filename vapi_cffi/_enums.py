"""Enums of the API: members of `IntEnum` and `IntFlag` that keep values which VPP knows and this
definition does not."""

from __future__ import annotations

import enum
import keyword
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import takewhile
from typing import Any, Self

#: Values outside of the definition that are remembered for one enum; more are made each time.
_MAX_CACHED = 4096


def _reduced(member: Any) -> Any:
    """For pickle: a member by the definitions that its enum was made from, or as any enum's."""
    key, name = type(member).__home__
    if not key:
        return type(member), (member._value_,)
    from ._pickling import restore_member

    return restore_member, (key, name, member._value_)


class ApiEnum(enum.IntEnum):
    """Base of every `enum`. A value without a name is kept, as a number with the enum's type."""

    #: Key of its definitions and name there, of a class made at run time: for pickles.
    __home__ = ("", "")

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _reduced(self)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        unknown = int.__new__(cls, value)
        unknown._name_ = str(value)
        unknown._value_ = value
        return unknown

    def __repr__(self) -> str:
        if self._name_ in type(self).__members__:
            return f"{type(self).__name__}.{self._name_}"
        return f"{type(self).__name__}({self._value_})"


class ApiFlag(enum.IntFlag, boundary=enum.KEEP):
    """Base of every `enumflag`. Bits without a name are kept.

    >>> "admin_up" in interface.flags                                   # doctest: +SKIP
    True
    """

    __home__ = ("", "")

    def __contains__(self, other: Any) -> bool:
        """Whether all bits of a member, or of a name, are set."""
        return super().__contains__(to_member(type(self), other))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _reduced(self)

    def __repr__(self) -> str:
        kind = type(self).__name__
        names = [member.name or "" for member in self]
        rest = self._value_ & ~sum(member._value_ for member in self)
        if rest or not names:
            exact = type(self).__members__
            zero = next((name for name, member in exact.items() if member._value_ == 0), None)
            if zero is not None and not self._value_:
                return f"{kind}.{zero}"
            return f"{kind}({self._value_:#x})" if self._value_ else f"{kind}(0)"
        return "|".join(f"{kind}.{name}" for name in names)


class Members(dict[int, Any]):
    """From number to member, by one look-up; numbers without a member get one when they come."""

    def __init__(self, cls: type[ApiEnum] | type[ApiFlag]) -> None:
        super().__init__((int(member), member) for member in cls.__members__.values())
        self._cls = cls

    def __missing__(self, value: int) -> Any:
        member = self._cls(value)
        if len(self) < _MAX_CACHED:
            self[value] = member
        return member


def member_name(name: str) -> str:
    """An enumerator as Python can have it (as `generator.naming.python_member`)."""
    if name == "mro" or (name.startswith("_") and name.endswith("_")):
        return f"{name}v"
    return f"{name}_" if keyword.iskeyword(name) else name


def make_enum(
    name: str,
    members: Iterable[tuple[str, int]],
    *,
    is_flag: bool,
    module: str,
    home: tuple[str, str] = ("", ""),
) -> type[ApiEnum] | type[ApiFlag]:
    """The class of an enum that no generated package has."""
    items = [(member_name(member), value) for member, value in members]
    base: Any = ApiFlag if is_flag else ApiEnum
    made: type[ApiEnum] | type[ApiFlag] = base(name, items, module=module)
    made.__home__ = home
    return made


def to_member(cls: type[ApiEnum] | type[ApiFlag], value: object) -> Any:
    """A member from a number, a member, or a name; flags also from names joined by `|` or listed.

    Names may lack the part that all members begin with: "admin_up" for
    "IF_STATUS_API_FLAG_ADMIN_UP". Errors: ValueError that lists the names.
    """
    if isinstance(value, cls):
        return value
    if isinstance(value, str):
        if issubclass(cls, ApiFlag) and "|" in value:
            return to_member(cls, value.split("|"))
        return _by_name(cls, value.strip())
    if isinstance(value, list | tuple | set | frozenset) and issubclass(cls, ApiFlag):
        total = 0
        for item in value:
            total |= int(to_member(cls, item))
        return cls(total)
    if hasattr(value, "__index__"):
        return cls(value.__index__())
    raise ValueError(_expected(cls))


def _by_name(cls: type[ApiEnum] | type[ApiFlag], name: str) -> Any:
    members = cls.__members__
    found = members.get(name)
    if found is None:
        upper = name.upper().replace("-", "_")
        found = members.get(upper)
        if found is None and upper:
            ends = {
                key.upper(): member
                for key, member in members.items()
                if key.upper().endswith(f"_{upper}")
            }
            # Of several (..._TRANSMIT, ..._MARK_AND_TRANSMIT): the one without what all begin with.
            one = next(iter(ends), "") if len(ends) == 1 else f"{_beginning(members)}{upper}"
            found = ends.get(one)
    if found is None:
        raise ValueError(_expected(cls, name))
    return found


def _beginning(names: Iterable[str]) -> str:
    """The words that all names begin with: `IF_STATUS_API_FLAG_`."""
    words = zip(*(name.upper().split("_")[:-1] for name in names), strict=False)
    return "".join(f"{some[0]}_" for some in takewhile(lambda some: len({*some}) == 1, words))


def _expected(cls: type[ApiEnum] | type[ApiFlag], given: str = "") -> str:
    names = list(cls.__members__)
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    close = _nearest(names, given.upper().replace("-", "_")) if given else None
    hint = f" (did you mean {close}?)" if close else ""
    return f"expected a member of {cls.__name__}, its name or number: {shown}{hint}"


def _nearest(names: list[str], given: str) -> str | None:
    """The name that looks like it, or whose end does."""
    ends: dict[str, str] = {}
    for name in reversed(names):
        words = name.split("_")
        ends |= {"_".join(words[start:]): name for start in range(len(words))}
    close = get_close_matches(given, ends, 1, 0.7)
    return ends[close[0]] if close else None
