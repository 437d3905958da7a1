"""The commands, free of any argument parser: `__main__` and `vapi` put one in front.

Each function prints to the stream it is given and returns an exit status: 0 fine, 1 errors in the
input or (with `check`) files that would change. Usage errors (2) are the front's business.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import TextIO

from . import DEFAULT_EFFORT, load
from ._diagnostics import ApiError, Diagnostics
from ._json_positions import place
from .emit import UnknownEmitterError
from .model import Message, Model, Service, Tail
from .output import Request, generate
from .source import Loader, PathLike

#: Files from which on a run is worth a progress bar.
PROGRESS_FROM = 20


def run_generate(request: Request, *, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Generate, or with `request.check` tell what would change."""
    out, err = out or sys.stdout, err or sys.stderr
    bar = _Bar(err)
    try:
        result = generate(request, bar if err.isatty() else None)
    except (ApiError, UnknownEmitterError) as problem:
        bar.clear()
        print(problem, file=err)
        return 1
    except OSError as problem:
        bar.clear()
        print(f"{problem.filename or 'output'}: error: {problem.strerror or problem}", file=err)
        return 1
    bar.clear()
    for warning in result.warnings:
        print(warning, file=err)
    if request.check:
        for path in result.changed:
            print(f"{path}: would change", file=out)
        return 1 if result.changed else 0
    total = len(result.changed) + len(result.unchanged)
    print(f"{total} files, {len(result.changed)} written", file=out)
    return 0


class _Bar:
    """A progress bar on a terminal, for runs with much to do."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._width = 0

    def __call__(self, done: int, total: int, what: str) -> None:
        if total < PROGRESS_FROM:
            return
        filled = 30 * done // total
        text = f"[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} {what}"[:79]
        self._stream.write(f"\r{text:<{self._width}}")
        self._stream.flush()
        self._width = len(text)

    def clear(self) -> None:
        """Leave the line empty."""
        if self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
            self._width = 0


def _with_models(
    path_lists: Sequence[Sequence[PathLike]],
    include_dirs: Sequence[PathLike],
    use: Callable[[list[Model]], int],
    err: TextIO | None,
    effort: int = DEFAULT_EFFORT,
) -> int:
    """Load and use models; errors in the input are printed."""
    try:
        return use([load(paths, include_dirs, effort=effort) for paths in path_lists])
    except ApiError as problem:
        print(problem, file=err or sys.stderr)
        return 1


def run_ls(
    paths: Sequence[PathLike],
    *,
    include_dirs: Sequence[PathLike] = (),
    pattern: str = "*",
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """List messages: name, CRC, bytes, what they are."""

    def use(models: list[Model]) -> int:
        for line in ls_lines(models[0], pattern):
            print(line, file=out or sys.stdout)
        return 0

    return _with_models([paths], include_dirs, use, err, effort=0)


def ls_lines(model: Model, pattern: str = "*") -> list[str]:
    """One line a message whose name matches the glob pattern, sorted."""
    chosen = [model.messages[name] for name in sorted(model.messages) if fnmatchcase(name, pattern)]
    width = max((len(item.name) for item in chosen), default=0)
    return [
        f"{item.name:<{width}}  {item.crc:08x}  {size_text(item.size, item.tail):<10}  "
        f"{roles_text(item):<14}  {item.module}"
        for item in chosen
    ]


def size_text(size: int, tail: Tail | None) -> str:
    """`26` or `26+n*38`."""
    return str(size) if tail is None else f"{size}+n*{tail.element_size}"


def roles_text(message: Message) -> str:
    """`caller`, `reply`, `details, event`, or `-`."""
    return ", ".join(sorted(item.value for item in message.roles)) or "-"


def run_show(
    name: str,
    paths: Sequence[PathLike],
    *,
    include_dirs: Sequence[PathLike] = (),
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Show one message or type: its text, layout and services."""

    def use(models: list[Model]) -> int:
        lines = show_lines(models[0], name)
        if not lines:
            print(f"no message or type {name!r}", file=err or sys.stderr)
            return 1
        for line in lines:
            print(line, file=out or sys.stdout)
        return 0

    return _with_models([paths], include_dirs, use, err, effort=0)


def show_lines(model: Model, name: str) -> list[str]:
    """A message or type in full; empty if there is none of that name."""
    from .emit.api import field_text, message_text, type_text

    message = model.messages.get(name)
    if message is None:
        kind = model.types.get(name.removeprefix("vl_api_").removesuffix("_t"))
        if kind is None:
            return []
        tail = getattr(kind, "tail", None)
        fields = getattr(kind, "fields", ())
        lines = [*type_text(kind).rstrip("\n").split("\n"), ""]
        lines.append(f"{kind.kind} of module {kind.origin}, {size_text(kind.size, tail)} bytes")
    else:
        fields = message.fields
        lines = [*message_text(message).rstrip("\n").split("\n"), ""]
        lines.append(f"{message.name_crc}, {size_text(message.size, message.tail)} bytes, module")
        lines[-1] += f" {message.module}, {roles_text(message)}, {message.status.value}"
        lines += [_service_text(item) for item in model.services.values() if _is_in(message, item)]
    if fields:
        lines.append("offset  size  field")
        if message is not None:
            lines.append("     0     2  u16 _vl_msg_id;")
        lines += [f"{item.offset:6}  {item.size:4}  {field_text(item)}" for item in fields]
    return lines


def _is_in(message: Message, service: Service) -> bool:
    return message in (service.caller, service.reply, service.details, *service.events)


def _service_text(service: Service) -> str:
    from .emit.api import returns_text

    return f"rpc {service.caller.name} returns {returns_text(service)}"


def run_diff(
    old: Sequence[PathLike],
    new: Sequence[PathLike],
    *,
    include_dirs: Sequence[PathLike] = (),
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Print what changed from one API to another. Status 1 if anything did, as `diff` has it."""
    from .diff import diff, summary

    def use(models: list[Model]) -> int:
        changes = diff(*models)
        for change in changes:
            print(change, file=out or sys.stdout)
        print(summary(changes), file=out or sys.stdout)
        return 1 if changes else 0

    return _with_models([old, new], include_dirs, use, err, effort=0)


def run_lint(
    paths: Sequence[PathLike],
    *,
    include_dirs: Sequence[PathLike] = (),
    without: frozenset[str] = frozenset(),
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Print advice. Status 1 if there is any."""
    from .lint import lint

    def use(models: list[Model]) -> int:
        found = lint(models[0], without=without)
        texts = Loader((), Diagnostics())
        for item in found:
            where = place(item.where, texts.text_of)
            print(f"{where}: {item.rule}: {item.message}", file=out or sys.stdout)
        return 1 if found else 0

    return _with_models([paths], include_dirs, use, err)
