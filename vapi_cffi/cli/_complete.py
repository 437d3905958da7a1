"""What the Tab key offers: names of messages and fields.

The VPP that the line names is asked, if it answers at once; else what the cache of definitions
knows, else what this package knows. Completion never says a word of its own: a line that cannot be
completed is no error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import click

    from .._blocks import Block
    from .._registry import SharedScope

#: Seconds that a server has; who presses a key waits no longer.
_QUICK = 0.3

Complete = Callable[["click.Context", "click.Parameter", str], list[CompletionItem]]


class Known:
    """Definitions at hand, and the messages that the server has (None: there is no server)."""

    def __init__(self, scopes: Iterable[SharedScope], table: Iterable[str] | None) -> None:
        self.scopes = list(scopes)
        self._table = None if table is None else frozenset(table)

    def _has(self, scope: SharedScope, name: str) -> bool:
        return self._table is None or f"{name}_{scope.set.crc(name)}" in self._table

    def messages(self, start: str = "", kinds: Iterable[str] = ()) -> list[str]:
        """Requests that begin so; of these kinds only: "call", "dump", "get"."""
        wanted = set(kinds)
        found: set[str] = set()
        for scope in self.scopes:
            for name in scope.set.callers():
                if name.startswith(start) and name not in found and self._has(scope, name):
                    service = scope.set.service(name)
                    if not wanted or (service is not None and kind_of(service) in wanted):
                        found.add(name)
        return sorted(found)

    def events(self, start: str = "") -> list[str]:
        """Events that somebody may subscribe to."""
        found = {
            name
            for scope in self.scopes
            for name in scope.set.subscriptions()
            if name.startswith(start) and self._has(scope, name)
        }
        return sorted(found)

    def block(self, name: str) -> Block | None:
        """The fields of a message."""
        for scope in self.scopes:
            if scope.set.crc(name) is not None and self._has(scope, name):
                return scope.codec(name)
        return None

    def details(self, name: str) -> Block | None:
        """The fields of what a dump or stream brings."""
        for scope in self.scopes:
            service = scope.set.service(name)
            if service is not None and service.details is not None:
                return self.block(service.details)
        return None


def kind_of(service: Any) -> str:
    """How a request is answered: "call" (once, or not at all), "dump", or "get" (a stream)."""
    if service.details is None:
        return "call"
    return "dump" if service.reply is None else "get"


def known(ctx: click.Context, stack: ExitStack) -> Known:
    """What is known about the server that a line means."""
    from .._errors import VapiError
    from ._options import Target

    given = ctx.params
    definitions = given.get("definitions") or ()
    target = Target(given.get("address"), given.get("transport"), _QUICK, tuple(definitions))
    logging.getLogger("vapi_cffi").setLevel(logging.CRITICAL)
    try:
        client = stack.enter_context(target.connect())
        scopes = list(client.sources.each(client.connection))
        return Known(scopes, client.connection.message_table)
    except (VapiError, OSError):
        return Known(_offline(), None)


def _offline() -> Iterator[SharedScope]:
    from .. import _cache
    from .._registry import SharedScope, scope_of_package

    folder = _cache.directory()
    files = [] if folder is None else list(folder.glob("definitions-*-server-*.json"))
    for file in sorted(files, key=lambda file: file.stat().st_mtime)[-1:]:
        try:
            yield SharedScope(_cache.CachedDefinitions.read(file))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue  # a damaged file is made anew by who connects next
    yield scope_of_package()


def _message(ctx: click.Context) -> str:
    """The message of the line; behind an option without its value click leaves it in the rest."""
    return str(ctx.params.get("message") or next(iter(ctx.args), ""))


def _items(names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names]


# ---- for parameters ------------------------------------------------------------------------------


def addresses(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """sim:, the regions in /dev/shm, files."""
    from pathlib import Path

    found = ["sim:"]
    for region in sorted(Path("/dev/shm").glob("*vpe-api")):
        found.append(f"shm:{region.name.removesuffix('vpe-api').removesuffix('-')}")
    fits = [CompletionItem(name) for name in found if name.startswith(incomplete)]
    return fits or [CompletionItem(incomplete, type="file")]


def _of_kinds(*kinds: str) -> Complete:
    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        with ExitStack() as stack:
            return _items(known(ctx, stack).messages(incomplete, kinds))

    return complete


messages = _of_kinds("call")
dumps = _of_kinds("dump", "get")
streams = _of_kinds("get", "dump")
requests = _of_kinds()


def events(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of events."""
    if "=" in incomplete:
        return []
    with ExitStack() as stack:
        return _items(known(ctx, stack).events(incomplete))


def fields(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`field=` of the request before it, and the values of enums and bools behind the sign."""
    with ExitStack() as stack:
        block = known(ctx, stack).block(_message(ctx))
        return [] if block is None else _items(field_words(block, incomplete))


def columns(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Paths of the details, the last one of several with commas between them."""
    from ._values import leaf_paths

    before, comma, last = incomplete.rpartition(",")
    sign = "-" if last.startswith("-") else ""
    with ExitStack() as stack:
        block = known(ctx, stack).details(_message(ctx))
        if block is None:
            return []
        paths = [path for path in leaf_paths(block) if path.startswith(last.removeprefix("-"))]
        return _items(f"{before}{comma}{sign}{path}" for path in paths)


def field_words(block: Block, incomplete: str) -> list[str]:
    """What may follow: paths to fields with their sign, or values."""
    from .._blocks import BlockTail, StructKind
    from .._unions import UnionKind
    from .._wire import BoolKind, EnumKind
    from ._fields import split_path

    path, sign, value = incomplete.partition("=")
    before, dot, last = path.rpartition(".")
    kind: Any = block
    try:
        steps = split_path(path if sign else before) if (sign or before) else ()
    except ValueError:
        return []
    for step in steps:
        kind = _step_into(kind, step)
    if sign:
        if isinstance(kind, EnumKind):
            names = [str(name) for name in _enum_words(kind)]
            done, bar, part = value.rpartition("|")
            return [f"{path}={done}{bar}{n}" for n in names if n.startswith(part.lower())]
        if isinstance(kind, BoolKind):
            return [f"{path}={word}" for word in ("true", "false") if word.startswith(value)]
        return []
    inner = getattr(kind, "block", kind)
    arms = kind.arms if isinstance(kind, UnionKind) else {}
    found = []
    known_fields = [(item.name, item.kind, item.counts) for item in getattr(inner, "fields", ())]
    for name, of, counts in known_fields or [(arm, of, None) for arm, of in arms.items()]:
        if counts is None and name.startswith(last):
            nested = isinstance(of, StructKind | BlockTail | UnionKind)
            found.append(f"{before}{dot}{name}{'.' if nested else '='}")
    return found


def _enum_words(kind: Any) -> list[object]:
    from ._values import _short_names

    return list(_short_names(kind.cls).values())


def _step_into(kind: Any, step: str | int) -> Any:
    """The kind one step further in; None where there is nothing."""
    inner = getattr(kind, "block", kind)
    if isinstance(step, int):
        many = getattr(kind, "many", None)
        return None if many is None else many.element
    for item in getattr(inner, "fields", ()):
        if step in (item.name, item.api_name):
            return item.kind
    return getattr(kind, "arms", {}).get(step)
