"""Unions: one of several kinds of value in the same bytes, told apart by a field before them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._values import ApiUnion
from ._wire import FieldError, Kind, Many, as_bytes


class UnionKind(Kind):
    """A union and its arms; `cases` maps values of the discriminator to arms."""

    def __init__(self, name: str, arms: Mapping[str, Kind], cls: type[ApiUnion]) -> None:
        self.name = name
        self.arms = dict(arms)
        self.size = max((arm.size for arm in arms.values()), default=0)
        self.fmt = f"{self.size}s"
        self.cls = cls
        cls.__kind__ = self
        #: The key of its definitions, "" if they have none: for pickles.
        self.home = ""
        self.out_type = cls.__name__
        self.in_type = f"{cls.__name__} | Mapping[str, object] | bytes"
        self._codecs = {arm: Many(kind) for arm, kind in self.arms.items()}

    def zero(self) -> ApiUnion:
        return self.make(None, bytes(self.size))

    def make(self, arm: str | None, raw: bytes) -> ApiUnion:
        """A value of wire bytes."""
        made: ApiUnion = object.__new__(self.cls)
        made._arm = arm
        made._raw = raw
        return made

    def fill_in(self, value: ApiUnion, arms: Mapping[str, Any]) -> None:
        """The constructor of the class: one arm, or several of the same bytes, as `to_dict` has
        them of a union that nothing told the arm of."""
        packed = [self._pack(arm, given) for arm, given in arms.items()]
        raw = max(packed, key=len, default=b"")
        if not packed or not all(raw.startswith(each) for each in packed):
            raise FieldError(f"expected one of the arms {', '.join(self.arms)}", dict(arms))
        value._arm = next(iter(arms)) if len(arms) == 1 else None
        value._raw = raw.ljust(self.size, b"\0")

    def _pack(self, arm: str, given: Any) -> bytes:
        """The bytes of an arm. Errors: `FieldError`."""
        kind = self.arms.get(arm)
        if kind is None:
            raise FieldError(f"expected one of the arms {', '.join(self.arms)}", arm)
        try:
            return self._codecs[arm].pack([kind.convert(given)])
        except FieldError as error:
            raise error.inside(arm) from None

    def get(self, value: ApiUnion, arm: str) -> Any:
        """The value of an arm. AttributeError if another one is set."""
        if value._arm != arm and value._arm is not None:
            raise AttributeError(f"{self.cls.__name__} holds {value._arm!r}, not {arm!r}")
        return self._codecs[arm].unpack(value._raw[: self.arms[arm].size])[0]

    def convert(self, value: Any) -> ApiUnion:
        if isinstance(value, ApiUnion):
            kind = type(value).__kind__
            if kind is self:
                return value
            # Of a generated package, or of the VPP before this one.
            if kind.cls.__name__ == self.cls.__name__ and kind.size == self.size:
                return self.make(value._arm if value._arm in self.arms else None, value._raw)
        elif isinstance(value, Mapping):
            made: ApiUnion = object.__new__(self.cls)
            self.fill_in(made, value)
            return made
        elif isinstance(value, bytes | bytearray | memoryview):
            raw = as_bytes(value)
            if len(raw) <= self.size:
                return self.make(None, raw.ljust(self.size, b"\0"))
        else:
            fitting = [arm for arm in self.arms if self._takes(arm, value)]
            if len(fitting) == 1:
                return self.convert({fitting[0]: value})
        raise FieldError(f"expected {{arm: value}}, an arm of {', '.join(self.arms)}", value)

    def _takes(self, arm: str, value: Any) -> bool:
        """Whether a natural value ("10.0.0.1") says by itself that it is of this arm."""
        try:
            self.arms[arm].convert(value)
        except FieldError:
            return False
        return True

    def packing(self, source: str, ns: Any) -> str:
        return f"{source}._raw"

    def unpacking(self, leaves: list[str], ns: Any) -> str:
        return f"{ns.use(self.make, 'union')}(None, {leaves[0]})"


class Tag:
    """A union and the field of the same struct that tells its arm."""

    def __init__(self, union: UnionKind, cases: Mapping[int, str]) -> None:
        self.union = union
        self.arm_of = dict(cases)
        self.case_of = {arm: case for case, arm in self.arm_of.items()}

    def pack(self, value: Any, discriminator: int) -> bytes:
        """The bytes of a union; ValueError if the discriminator tells another arm."""
        arm = value._arm
        if arm is not None and self.arm_of.get(discriminator) != arm:
            raise ValueError
        raw: bytes = value._raw
        return raw

    def unpack(self, raw: bytes, discriminator: int) -> ApiUnion:
        """The union of bytes."""
        return self.union.make(self.arm_of.get(discriminator), raw)

    def settle(self, value: ApiUnion, discriminator: Any, name: str) -> tuple[ApiUnion, Any]:
        """Union and discriminator, whichever of them was left open filled in from the other.

        `discriminator` is None if it was not given. Errors: `FieldError` if they disagree.
        """
        arm = value._arm
        if discriminator is None:
            if arm in self.case_of:
                return value, self.case_of[arm]
            discriminator = 0
        told = self.arm_of.get(discriminator)
        if arm is None:
            return self.union.make(told, value._raw), discriminator
        if told != arm:
            case = self.case_of.get(arm or "")
            right = case if case is None else type(discriminator)(case)
            reason = f"the union holds {arm!r}: expected {right!r}"
            raise FieldError(reason, discriminator, name, told=repr(discriminator))
        return value, discriminator


def make_class(name: str, arms: Mapping[str, object], module: str) -> type[ApiUnion]:
    """The class of a union that no generated package has; arms are properties."""
    body: dict[str, Any] = {"__slots__": (), "__module__": module}
    body |= {arm: arm_property(arm) for arm in arms}
    return type(name, (ApiUnion,), body)


def arm_property(arm: str) -> property:
    """The attribute of an arm."""

    def get(self: ApiUnion) -> Any:
        return type(self).__kind__.get(self, arm)

    return property(get, doc=f"The arm {arm}; AttributeError if another one is set.")
