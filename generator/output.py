"""From model to files: runs emitters, compares, and replaces what differs, all or nothing.

Every text is made before the first file is touched, and each file is written beside its place and
then renamed, so whoever reads an output never sees half of it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from . import emit
from ._diagnostics import ApiError, Diagnostic, Diagnostics, Location
from .emit import EmitOptions
from .model import Model
from .source import Loader, PathLike, find_inputs
from .stamp import Stamp

#: Called with (done, total, what) while a run goes on.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One run of the generator."""

    paths: Sequence[PathLike]
    """Files, and directories to search."""
    targets: Mapping[str, PathLike]
    """Emitter name to output directory."""
    include_dirs: Sequence[PathLike] = ()
    options: EmitOptions = field(default_factory=EmitOptions)
    check: bool = False
    """Write nothing, only tell what would change."""
    use_cache: bool = True
    effort: int = 100_000
    """Steps to spend on proving the CRC of one JSON file; 0 takes it as it is."""
    trust_crc: bool = False
    """Take the CRCs of messages in JSON as they are, whatever their fields say."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did, or with `check` would do."""

    changed: tuple[Path, ...]
    """Files that were new or different."""
    unchanged: tuple[Path, ...]
    warnings: tuple[Diagnostic, ...] = ()
    from_cache: bool = False
    """True if a stamp showed that there was nothing to do."""


def generate(request: Request, progress: Progress | None = None) -> Result:
    """Run emitters over API files and write what they give. Raises `ApiError`, `OSError` if a file
    cannot be written, or `UnknownEmitterError`."""
    emitters = {name: emit.get(name) for name in request.targets}
    diagnostics = Diagnostics()
    inputs = find_inputs(request.paths, diagnostics)
    diagnostics.raise_if_errors()
    stamp = Stamp(_command(request, [f"{item.name} {item.version}" for item in emitters.values()]))
    if request.use_cache:
        outputs = stamp.is_current(inputs)
        if outputs is not None:
            return Result((), tuple(outputs), from_cache=True)

    from . import load_with

    loader = Loader(request.include_dirs, diagnostics)
    model = load_with(
        loader, diagnostics, inputs, effort=request.effort, trust_crc=request.trust_crc
    )
    texts = emit_all(model, request, progress)
    changed = [path for path, text in texts.items() if not _has_text(path, text)]
    unchanged = [path for path in texts if path not in set(changed)]
    if not request.check:
        write_all({path: texts[path] for path in changed})
    if request.use_cache and not (request.check and changed) and not model.warnings:
        stamp.write(inputs, loader.consulted, loader.missing, texts)
    return Result(tuple(changed), tuple(unchanged), model.warnings)


def _command(request: Request, versions: Sequence[str]) -> list[str]:
    """What makes two runs the same command. Absolute, because stamps of all projects meet."""
    return [
        *versions,
        *(f"{name}={Path(path).absolute()}" for name, path in sorted(request.targets.items())),
        *(f"-I{Path(path).absolute()}" for path in request.include_dirs),
        f"banner={request.options.banner} effort={request.effort} trust={request.trust_crc}",
        *(f"{name}={value}" for name, value in sorted(request.options.extra.items())),
        *(str(Path(path).absolute()) for path in request.paths),
    ]


def emit_all(model: Model, request: Request, progress: Progress | None = None) -> dict[Path, str]:
    """The text of every output, by path."""
    texts: dict[Path, str] = {}
    makers: dict[Path, str] = {}
    total = len(request.targets) * len(model.files)
    done = 0
    for name, directory in request.targets.items():
        emitter = emit.get(name)
        root = Path(directory)
        for file in model.files:
            made = emitter.emit(file, model, request.options)
            _merge(texts, makers, root, made, f"{name} of {file.name}")
            done += 1
            if progress is not None:
                progress(done, total, f"{name} {file.name}")
        _merge(texts, makers, root, emitter.finish(model, request.options), name)
    return texts


def _merge(
    texts: dict[Path, str],
    makers: dict[Path, str],
    root: Path,
    made: Mapping[str, str],
    maker: str,
) -> None:
    """Add texts to the plan; two makers of one file, or a path that leads out, are mistakes."""
    for relative, text in made.items():
        pure = PurePosixPath(relative)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise _mistake(maker, f"path {relative!r}: expected one inside the output directory")
        path = root / pure
        if path in texts and texts[path] != text:
            raise _mistake(maker, f"{path} is also made by {makers[path]}, with another content")
        texts[path] = text
        makers[path] = maker


def _mistake(maker: str, message: str) -> ApiError:
    return ApiError([Diagnostic(Location(f"emitter {maker}"), message)])


def _has_text(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def write_all(texts: Mapping[Path, str]) -> None:
    """Write every file beside its place, then rename them all. On failure nothing is left over."""
    ready: list[tuple[Path, Path]] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            ready.append((temporary, path))
            temporary.write_bytes(text.encode())
        for temporary, path in ready:
            temporary.replace(path)
    finally:
        for temporary, _ in ready:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
