"""Schema records to linked types, fields and messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ._diagnostics import Diagnostics, Where
from .crc import Marks, bare_name, is_marked
from .graph import place_of, unknown_type
from .model import (
    BASE_TYPES,
    Alias,
    Enum,
    Enumerator,
    Field,
    Header,
    Message,
    Role,
    Status,
    Struct,
    Type,
    Union,
    UserType,
    unalias,
)
from .schema import (
    AliasDecl,
    DefineDecl,
    EnumDecl,
    FieldDecl,
    StructDecl,
    TypeDecl,
    UnionDecl,
)
from .sizes import MAX_SIZE, Layout, LayoutError, UnsupportedError, lay_out

_ENUM_BASES = ("u8", "u16", "u32", "i8", "i16", "i32")
_FLAG_BASES = ("u8", "u16", "u32")


class Linker:
    """Builds the types of a run, one object for each name.

    A type or message that is unsupported is left out, with a warning, and so is what needs it: the
    rest of a plugin is of use without.
    """

    def __init__(self, marks: Marks, origins: Mapping[str, str], diagnostics: Diagnostics) -> None:
        self._marks = marks
        self._origins = origins
        self._diagnostics = diagnostics
        self.types: dict[str, UserType] = {}
        self._left_out: set[str] = set()

    def add(self, decl: TypeDecl) -> None:
        """Link one type; everything it needs was added before. Mistakes are reported."""
        if isinstance(decl, EnumDecl):
            made: UserType | None = self._enum(decl)
        elif isinstance(decl, AliasDecl):
            made = self._alias(decl)
        else:
            made = self._block(decl)
        if made is not None:
            self.types[decl.name] = made

    def find(self, spelling: str) -> Type | None:
        """The type of that spelling, or None."""
        base = BASE_TYPES.get(spelling)
        if base is not None:
            return base
        name = bare_name(spelling)
        return None if name is None else self.types.get(name)

    def _enum(self, decl: EnumDecl) -> Enum | None:
        allowed = _FLAG_BASES if decl.is_flag else _ENUM_BASES
        if decl.base not in allowed:
            expected = f"expected one of {', '.join(allowed)}"
            self._diagnostics.error(decl.where, f"enum {decl.name!r} on {decl.base!r}: {expected}")
            return None
        base = BASE_TYPES[decl.base]
        low, high = (-(1 << (8 * base.size - 1)), 1 << (8 * base.size - 1))
        if not base.is_signed:
            low, high = 0, 1 << (8 * base.size)
        members = []
        seen: set[str] = set()
        first_dropped = len(decl.members) - self._marks.get(decl.name, 0)
        has_marked = False
        for index, item in enumerate(decl.members):
            where = item.where or decl.where
            marked = is_marked(item) or index >= first_dropped
            if item.name in seen:
                self._diagnostics.error(where, f"second enumerator {item.name!r} in one enum")
            if not low <= item.value < high:
                expected = f"expected a value of {decl.base}"
                self._diagnostics.error(where, f"{item.name} = {item.value}: {expected}")
            if decl.is_flag and item.value.bit_count() > 1:
                expected = "expected at most one bit set in an enumflag"
                self._diagnostics.error(where, f"{item.name} = {item.value:#x}: {expected}")
            if has_marked and not marked:
                expected = "expected it before those marked backwards_compatible"
                self._diagnostics.error(where, f"{item.name}: {expected}")
            seen.add(item.name)
            has_marked = has_marked or marked
            members.append(Enumerator(item.name, item.value, marked))
        origin = self._origins.get(decl.name, "")
        return Enum(decl.name, base, tuple(members), decl.is_flag, origin, decl.where)

    def _alias(self, decl: AliasDecl) -> Alias | None:
        target = self.find(decl.type)
        if target is None:
            if bare_name(decl.type) in self._left_out:
                self._leave_out(decl.name, decl.where, f"{decl.type} is")
            return None
        if decl.length is None and decl.type == "string":
            message = f"alias {decl.name!r} of string: expected a length"
        elif decl.length == 0:
            message = f"alias {decl.name!r} of an array without a length: expected a number"
        elif decl.length is not None and target.is_variable:
            message = f"alias {decl.name!r}: array of {decl.type}, which has a variable size"
        elif (decl.length or 1) * target.size > MAX_SIZE:
            message = f"alias {decl.name!r}: larger than {MAX_SIZE} bytes"
        else:
            size = target.size * (1 if decl.length is None else decl.length)
            origin = self._origins.get(decl.name, "")
            return Alias(decl.name, target, decl.length, size, origin, decl.where)
        self._diagnostics.error(decl.where, message)
        return None

    def _block(self, decl: StructDecl | UnionDecl) -> Struct | Union | None:
        is_union = isinstance(decl, UnionDecl)
        layout = self.lay_out(decl.fields, decl.where, decl.name, is_union=is_union)
        if layout is None:
            return None
        origin = self._origins.get(decl.name, "")
        if isinstance(decl, UnionDecl):
            return Union(decl.name, layout.fields, layout.size, decl.flags, origin, decl.where)
        self.check_selectors(layout.fields, decl.where, decl.name)
        return Struct(
            decl.name,
            layout.fields,
            layout.size,
            layout.tail,
            decl.comment,
            decl.flags,
            origin,
            decl.where,
        )

    def lay_out(
        self,
        decls: Sequence[FieldDecl],
        where: Where,
        owner: str,
        *,
        start: int = 0,
        is_union: bool = False,
    ) -> Layout | None:
        """Link and place the fields of a block; None after reporting what is wrong."""
        types = []
        for index, item in enumerate(decls, 1):
            kind = self.find(item.type)
            if kind is None and bare_name(item.type) in self._left_out:
                self._leave_out(owner, place_of(item, where, index), f"{item.type} is")
                return None
            if kind is None:
                # Types that exist but are broken were reported where they are defined.
                self._diagnostics.error(place_of(item, where, index), unknown_type(item.type))
                return None
            types.append(kind)
        try:
            return lay_out(decls, types, start=start, is_union=is_union)
        except LayoutError as bad:
            place = place_of(decls[bad.index], where, bad.index + 1)
            if isinstance(bad, UnsupportedError):
                self._leave_out(owner, place, str(bad))
            else:
                self._diagnostics.error(place, f"{owner!r}: {bad}")
            return None

    def _leave_out(self, name: str, where: Where, reason: str) -> None:
        self._left_out.add(name)
        self._diagnostics.warning(where, f"{name!r} is left out: {reason}")

    def check_selectors(self, fields: Sequence[Field], where: Where, owner: str) -> None:
        """Check each `[discriminator=...]` of a block, and the cases of its union."""
        for index, item in enumerate(fields):
            if "discriminator" not in item.options:
                continue
            place = item.where or where
            selector = next((f for f in fields[:index] if f.name == item.discriminator), None)
            kind, _ = unalias(item.type)
            message = None
            if selector is None:
                message = (
                    f"discriminator {item.options['discriminator']!r}: "
                    "expected an earlier field of the same block"
                )
            elif not isinstance(selector.type, Enum):
                spelling = selector.spelling
                message = f"discriminator {selector.name!r}: expected an enum, not {spelling}"
            elif not isinstance(kind, Union):
                message = f"discriminator on {item.spelling}: expected it on a union"
            else:
                message = _check_cases(kind, selector.type)
            if message is not None:
                self._diagnostics.error(place, f"{owner!r}.{item.name}: {message}")

    def message(
        self,
        decl: DefineDecl,
        crc: int,
        *,
        module: str,
        roles: frozenset[Role],
        is_production: bool,
        is_generated: bool,
        flags: tuple[str, ...],
    ) -> Message | None:
        """Link a message; None after reporting what is wrong."""
        layout = self.lay_out(decl.fields, decl.where, decl.name, start=2)
        if layout is None:
            return None
        self.check_selectors(layout.fields, decl.where, decl.name)
        return Message(
            name=decl.name,
            fields=layout.fields,
            size=layout.size,
            tail=layout.tail,
            header=header_of(decl.fields),
            crc=crc,
            options=decl.options,
            comment=decl.comment,
            roles=roles,
            status=_status(decl, is_production),
            module=module,
            flags=flags,
            is_generated=is_generated,
            where=decl.where,
        )


def _check_cases(union: Union, enum: Enum) -> str | None:
    """What is wrong with the cases of a union for this enum, or None."""
    names = {member.name for member in enum.members}
    seen: set[str] = set()
    for arm in union.fields:
        if arm.case is None:
            return f"arm {arm.name!r} of union {union.name!r}: expected [case=...]"
        if arm.case not in names:
            expected = f"expected an enumerator of {enum.name!r}"
            return f"arm {arm.name!r} of union {union.name!r}: case {arm.case}: {expected}"
        if arm.case in seen:
            return f"arm {arm.name!r} of union {union.name!r}: second case {arm.case}"
        seen.add(arm.case)
    return None


def header_of(fields: Sequence[FieldDecl]) -> Header:
    """The header that a message starts with, judged by name and type of its first fields."""
    names = [item.name for item in fields[:2] if item.type == "u32" and item.length is None]
    if names[:2] == ["client_index", "context"]:
        return Header.REQUEST
    first = fields[0].name if names and fields[0].name == names[0] else ""
    if first == "context":
        return Header.REPLY
    return Header.EVENT if first == "client_index" else Header.BARE


def _status(decl: DefineDecl, is_production: bool) -> Status:
    options = decl.options
    if "deprecated" in options:
        return Status.DEPRECATED
    if "in_progress" in options or options.get("status") == "in_progress" or not is_production:
        return Status.IN_PROGRESS
    return Status.PRODUCTION
