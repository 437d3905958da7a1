"""From definitions, as `.api.json` writes them, to codecs: everything resolved when first used.

A `Scope` holds the definitions of one source, in which a name of a type means one thing. Nothing is
checked here that the generator checks: definitions come from VPP itself or from the generator, and
what is malformed ends as `DefinitionError`, not as wrong bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, Protocol

from ._blocks import (
    ArrayTail,
    Block,
    BlockField,
    BlockTail,
    StringTail,
    StructKind,
    Tail,
    arm_name,
    class_name,
    count_properties,
    make_class,
)
from ._codec import MessageCodec
from ._enums import ApiEnum, ApiFlag, make_enum
from ._errors import DefinitionError
from ._unions import Tag, UnionKind
from ._unions import make_class as make_union_class
from ._values import ApiMessage, ApiUnion, ApiValue
from ._wire import BASE, INTEGERS, NATURAL, ArrayKind, BytesKind, EnumKind, Kind, TextKind

#: Deeper nesting of types than any API has.
_MAX_DEPTH = 50
#: Where dynamic classes say they are from.
_MODULE = "vapi_cffi.messages"


class Definitions(Protocol):
    """What a scope reads from: definitions in the form of `.api.json`."""

    def type_of(self, name: str) -> tuple[str, Any] | None:
        """Section (`enums`, `enumflags`, `aliases`, `unions`, `types`) and definition of a bare
        name, None if there is none."""

    def message(self, name: str) -> list[Any] | None:
        """The definition of a message, None if there is none."""


class Classes(Protocol):
    """Classes that exist already (a generated package has them), by kind and bare name."""

    def find(self, section: str, name: str) -> Any:
        """The class, or None: one is made."""


class NoClasses:
    """All classes are made when needed."""

    def find(self, section: str, name: str) -> None:
        return None


class Scope:
    """Types and messages of one source of definitions."""

    def __init__(
        self, definitions: Definitions, classes: Classes | None = None, key: str = ""
    ) -> None:
        self.definitions = definitions
        self.key = key
        self._classes: Classes = classes or NoClasses()
        self._kinds: dict[str, Kind | Block] = {}
        self._codecs: dict[str, MessageCodec] = {}
        self._lock = RLock()
        self._depth = 0

    # ---- messages ------------------------------------------------------------------------------

    def codec(self, name: str) -> MessageCodec:
        """The codec of a message. Errors: KeyError if there is no such message,
        `DefinitionError`."""
        found = self._codecs.get(name)
        if found is None:
            with self._lock:
                found = self._codecs.get(name)
                if found is None:
                    found = self._codecs[name] = self._make_codec(name)
        return found

    def _make_codec(self, name: str) -> MessageCodec:
        raw = self.definitions.message(name)
        if raw is None:
            raise KeyError(name)
        try:
            items, extra = split(raw)
            if items and items[0][1] == "_vl_msg_id":
                items = items[1:]
            crc = int(extra["crc"], 16)
            fields = self._fields(items)
            doc = comment_text(extra.get("comment"))
            made = MessageCodec(name, crc, fields, self._class_maker(ApiMessage, "messages", doc))
            made.home = self.key, "messages"
            return made
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise DefinitionError(f"the definition of message {name!r} is malformed") from error

    def _class_maker(
        self, base: type[ApiValue], section: str, doc: str
    ) -> Callable[[Block], type[ApiValue]]:
        def make(block: Block) -> type[ApiValue]:
            found: type[ApiValue] | None = self._classes.find(section, block.name)
            if found is None:
                return make_class(base, _MODULE, doc)(block)
            type.__setattr__(found, "__api__", block)
            for name, counting in count_properties(block).items():
                type.__setattr__(found, name, counting)
            return found

        return make

    # ---- types ---------------------------------------------------------------------------------

    def kind(self, spelling: str) -> Kind | Block:
        """What a field's type means; a `Block` is a struct with a tail."""
        base = BASE.get(spelling)
        if base is not None:
            return base
        name = spelling
        if spelling.startswith("vl_api_") and spelling.endswith("_t"):
            name = spelling[len("vl_api_") : -len("_t")]
        found = self._kinds.get(name)
        if found is None:
            with self._lock:
                if self._depth > _MAX_DEPTH:
                    raise DefinitionError(f"type {name!r} is nested too deeply, or in itself")
                self._depth += 1
                try:
                    found = self._kinds[name] = self._make_kind(name)
                finally:
                    self._depth -= 1
        return found

    def _make_kind(self, name: str) -> Kind | Block:
        known = self.definitions.type_of(name)
        if known is None:
            raise DefinitionError(f"unknown type {name!r}")
        section, raw = known
        if section == "aliases":
            return self._alias(name, raw)
        items, extra = split(raw)
        if section in ("enums", "enumflags"):
            # Half of the flags of VPP are declared as plain enums; their names tell.
            flags = section == "enumflags" or name.endswith("_flags")
            return self._enum(name, items, extra, is_flag=flags)
        if section == "unions":
            arms = {arm_name(item[1]): self._plain(item) for item in items}
            made = self._classes.find(section, name)
            cls: type[ApiUnion] = made or make_union_class(class_name(name), arms, _MODULE)
            union = UnionKind(name, arms, cls)
            union.home = self.key
            return union
        doc = comment_text(extra.get("comment"))
        block = Block(name, self._fields(items), self._class_maker(ApiValue, "types", doc))
        block.home = self.key, "types"
        if block.tail is not None:
            return block
        return NATURAL.get((name, block.size)) or StructKind(block)

    def _alias(self, name: str, raw: Mapping[str, Any]) -> Kind | Block:
        length = raw.get("length")
        item = [raw["type"], name] if length is None else [raw["type"], name, length]
        if length is None:
            kind = self.kind(raw["type"])
            if isinstance(kind, Block):
                return kind
        else:
            kind = self._plain(item)
        return NATURAL.get((name, kind.size)) or kind

    def _enum(
        self, name: str, items: list[Any], extra: Mapping[str, Any], *, is_flag: bool
    ) -> Kind:
        cls: type[ApiEnum] | type[ApiFlag] | None = self._classes.find("enums", name)
        if cls is None:
            members = [(item[0], item[1]) for item in items]
            home = (self.key, name)
            cls = make_enum(class_name(name), members, is_flag=is_flag, module=_MODULE, home=home)
        return EnumKind(INTEGERS[extra.get("enumtype", "u32")], cls)

    # ---- fields --------------------------------------------------------------------------------

    def _plain(self, item: list[Any]) -> Kind:
        """The kind of a field of constant size."""
        kind = self._field_kind(item)
        if isinstance(kind, Tail):
            raise ValueError(f"{item[1]} has a variable size")
        return kind

    def _field_kind(self, item: list[Any]) -> Kind | Tail:
        spelling = item[0]
        length = item[2] if len(item) > 2 and isinstance(item[2], int) else None
        if spelling == "string":
            return TextKind(length) if length else StringTail()
        kind = self.kind(spelling)
        if isinstance(kind, Block):
            if len(item) > 2 and not isinstance(item[2], dict):
                what = f"array {item[1]!r} of {spelling}, which has a variable size"
                raise DefinitionError(f"{what}: not supported")
            return BlockTail(kind)
        if length is None:
            return kind
        if length == 0:
            return Tail() if spelling == "u8" else ArrayTail(kind)
        return BytesKind(length) if spelling == "u8" else ArrayKind(kind, length)

    def _fields(self, items: list[Any]) -> list[BlockField]:
        made = []
        for item in items:
            options = item[2] if len(item) == 3 and isinstance(item[2], dict) else {}
            made.append(BlockField(item[1], self._field_kind(item), options.get("default")))
        if any(isinstance(field.kind, Tail) for field in made[:-1]):
            raise ValueError("a field of variable size is not the last")
        by_name = {field.api_name: field for field in made}
        spellings = {item[1]: item[0] for item in items}
        for field, item in zip(made, items, strict=True):
            if len(item) > 3 and item[3] is not None:
                by_name[item[3]].counts = field.name
            options = item[2] if len(item) == 3 and isinstance(item[2], dict) else {}
            teller = options.get("discriminator")
            if teller is not None and isinstance(field.kind, UnionKind):
                self._tie(field, by_name[teller], item[0], spellings[teller])
        return made

    def _tie(self, field: BlockField, teller: BlockField, union: str, enum: str) -> None:
        """Ties a union to the enum that tells its arm."""
        arms, members = self._items(union), self._items(enum)
        if arms is None or members is None or not isinstance(teller.kind, EnumKind):
            raise ValueError(f"{field.api_name} is told by what is no enum")
        values = {item[0]: item[1] for item in members}
        cases = {values[arm[2]["case"]]: arm_name(arm[1]) for arm in arms if len(arm) > 2}
        assert isinstance(field.kind, UnionKind)
        field.tag = Tag(field.kind, cases)
        field.told_by, teller.tells = teller.name, field.name

    def _items(self, spelling: str) -> list[Any] | None:
        """The arms or members of a type, as written; an alias has those of what it stands for."""
        known = self.definitions.type_of(spelling[len("vl_api_") : -len("_t")])
        if known is None:
            return None
        section, raw = known
        return self._items(raw["type"]) if section == "aliases" else split(raw)[0]


def split(raw: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    """`[name, item..., {extra}?]`: the items and the extra."""
    if len(raw) > 1 and isinstance(raw[-1], dict):
        return raw[1:-1], raw[-1]
    return raw[1:], {}


def comment_text(raw: str | None) -> str:
    """A comment of the API without its delimiters and stars."""
    if not raw:
        return ""
    text = raw.strip().removeprefix("/*").removesuffix("*/").lstrip("/*!")
    lines = [line.strip().removeprefix("*").strip() for line in text.split("\n")]
    return "\n".join(lines).strip()
