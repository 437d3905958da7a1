"""Pickling of values whose classes were made at run time.

No import finds such a class, so a pickle names the definitions that it was made from, by the key
under which they are cached, and what it is called there. Who loads it has the definitions already
(the same VPP is connected), or finds them in the cache; then the classes are the same for all.
Classes of generated packages are importable, and pickled as usual.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from . import _cache
from ._errors import DefinitionError
from ._unions import UnionKind
from ._wire import EnumKind

if TYPE_CHECKING:
    from ._blocks import Block
    from ._registry import SharedScope

#: Scopes that only pickles asked for: kept, because many values come one after the other.
_restored: dict[str, SharedScope] = {}
_lock = Lock()


def scope_of(key: str, name: str) -> SharedScope:
    """The definitions of that key. Errors: `DefinitionError` if they are not at hand."""
    from ._registry import known_scope, scope_of_package

    found = _restored.get(key) or known_scope(key)
    if found is None:
        if key == _cache.OWN:
            return scope_of_package()
        found = known_scope(key, _cache.find(key))
        if found is None:
            raise DefinitionError(
                f"the definitions of {name} that this was pickled with are not at hand: connect "
                "to the same VPP first, or share its cache (VAPI_CACHE_DIR)"
            )
        with _lock:
            _restored[key] = found
    return found


def restore(key: str, section: str, name: str, wire: bytes) -> Any:
    """A struct or message."""
    scope = scope_of(key, name)
    found: Any = scope.codec(name) if section == "messages" else scope.kind(name)
    block: Block = getattr(found, "block", found)
    return block.lazies([wire])[0]


def restore_union(key: str, name: str, arm: str | None, raw: bytes) -> Any:
    """A union."""
    kind = scope_of(key, name).kind(name)
    if not isinstance(kind, UnionKind):
        raise DefinitionError(f"{name} is no union")
    return kind.make(arm, raw)


def restore_member(key: str, name: str, value: int) -> Any:
    """A member of an enum."""
    kind = scope_of(key, name).kind(name)
    if not isinstance(kind, EnumKind):
        raise DefinitionError(f"{name} is no enum")
    return kind.members[value]
