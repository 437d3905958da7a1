"""Definitions on disk, in a form from which a second start reads only what it uses.

A file is a line of JSON with the places of its parts, the definitions one after the other (JSON as
well), and an index. It is written beside its place and renamed, checked by CRC when it is read, and
made anew when anything about it is wrong. Its name says what it holds: the same content is the same
file, so nothing can be stale.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ._definitions import DefinitionSet, ParsedDefinitions, Service, crc_of

log = logging.getLogger("vapi_cffi")

#: Part of the name of every file: change it with the form.
_FORMAT = 1
#: Most files that are kept; the least recently used ones go.
_KEEP = 32
_HEADER_BYTES = 128
#: The key of the definitions that come with this package; they are not cached.
OWN = "vapi_cffi"


def directory() -> Path | None:
    """Where the cache is: $VAPI_CACHE_DIR, or `vapi_cffi` in the user's cache directory. None if
    the variable is empty (no cache)."""
    given = os.environ.get("VAPI_CACHE_DIR")
    if given is not None:
        return Path(given) if given else None
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "vapi_cffi"


def key_of(parts: Iterable[str]) -> str:
    """The name of a content."""
    hexdigest: str = _sha256()("\n".join(parts).encode()).hexdigest()
    return hexdigest[:32]


def _sha256() -> Callable[[bytes], Any]:
    """Python's own where it is (as `random` does it): `hashlib` loads OpenSSL, which takes a tenth
    of the time from a program's start to its first answer."""
    for name in ("_sha2", "_sha256", "hashlib"):
        with suppress(ImportError):
            return import_module(name).sha256  # type: ignore[no-any-return]
    raise AssertionError("a Python without hashlib")


class CachedDefinitions(DefinitionSet):
    """Definitions of a cache file, parsed one by one."""

    def __init__(self, data: bytes) -> None:
        header = json.loads(data[:_HEADER_BYTES])
        at, size = header["index"]
        if len(data) != at + size or zlib.crc32(data[_HEADER_BYTES:]) != header["crc"]:
            raise ValueError("damaged")
        index = json.loads(data[at:])
        self._data = data
        names, ends = index["messages"].split(), index["message_ends"]
        self._messages = _places(names, _HEADER_BYTES, ends)
        self._crcs = dict(zip(names, index["crcs"].split(), strict=True))
        begin = ends[-1] if ends else _HEADER_BYTES
        self._types = _places(index["types"].split(), begin, index["type_ends"])
        self._callers: list[str] = index["callers"].split()
        self._subscriptions: dict[str, str] = index["subscriptions"]

    @classmethod
    def read(cls, file: Path) -> CachedDefinitions:
        """Errors: OSError, ValueError and what else damaged JSON brings."""
        return cls(file.read_bytes())

    def _item(self, place: tuple[int, int] | None) -> Any:
        return None if place is None else json.loads(self._data[place[0] : place[1]])

    def type_of(self, name: str) -> tuple[str, Any] | None:
        found = self._item(self._types.get(name))
        return None if found is None else (found[0], found[1])

    def message(self, name: str) -> list[Any] | None:
        found = self._item(self._messages.get(name))
        return None if found is None else found[0]

    def crc(self, name: str) -> str | None:
        return self._crcs.get(name)

    def service(self, name: str) -> Service | None:
        found = self._item(self._messages.get(name))
        return None if found is None or found[1] is None else Service.of(name, found[1])

    def names(self) -> Iterable[str]:
        return self._messages

    def type_names(self) -> Iterable[str]:
        return self._types

    def callers(self) -> Iterable[str]:
        return self._callers

    def subscriptions(self) -> Mapping[str, str]:
        return self._subscriptions


def _places(names: list[str], begin: int, ends: list[int]) -> dict[str, tuple[int, int]]:
    """Where each definition begins and ends: they lie behind each other."""
    starts = [begin, *ends[:-1]] if ends else []
    return dict(zip(names, zip(starts, ends, strict=True), strict=True))


def pack(parsed: ParsedDefinitions) -> bytes:
    """The content of a cache file."""
    body = bytearray()

    def place(items: Iterable[Any]) -> list[int]:
        ends = []
        for item in items:
            body.extend(json.dumps(item, separators=(",", ":")).encode())
            ends.append(_HEADER_BYTES + len(body))
        return ends

    messages = {name: raw for name, raw in parsed.messages.items() if crc_of(raw)}
    message_ends = place((raw, parsed.services.get(name)) for name, raw in messages.items())
    type_ends = place(parsed.types.values())
    index = {
        "messages": " ".join(messages),
        "message_ends": message_ends,
        "crcs": " ".join(map(crc_of, messages.values())),
        "types": " ".join(parsed.types),
        "type_ends": type_ends,
        "callers": " ".join(parsed.services),
        "subscriptions": parsed.subscriptions(),
    }
    at = _HEADER_BYTES + len(body)
    tail = json.dumps(index, separators=(",", ":")).encode()
    body.extend(tail)
    header = json.dumps({"index": [at, len(tail)], "crc": zlib.crc32(body)}).encode()
    return header.ljust(_HEADER_BYTES) + bytes(body)


def file_of(folder: Path, key: str) -> Path:
    """The cache file of a content."""
    return folder / f"definitions-{_FORMAT}-{key}.json"


def find(key: str) -> DefinitionSet | None:
    """Definitions that are in the cache, by the name of their content; None if they are not."""
    folder = directory()
    if folder is None:
        return None
    try:
        return CachedDefinitions.read(file_of(folder, key))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        log.warning("the cache file of %s is of no use: %s", key, error)
        return None


def load(key: str, make: Callable[[], ParsedDefinitions], folder: Path | None) -> DefinitionSet:
    """Definitions by the name of their content: from the cache, else made and put there.

    Writing goes on in a thread behind the caller's back. Without a folder, or where it cannot be
    written, everything works without a cache.
    """
    if folder is None:
        return make()
    file = file_of(folder, key)
    try:
        found = CachedDefinitions.read(file)
        with suppress(OSError):
            os.utime(file)
        return found
    except FileNotFoundError:
        pass  # the first time
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        log.warning("the cache file %s is of no use (%s): made anew", file, error)
    parsed = make()
    # Not a daemon: the process waits for it at its end, so that the next start has the file.
    threading.Thread(target=_write, args=(file, parsed), name="vapi-cache").start()
    return parsed


def _write(file: Path, parsed: ParsedDefinitions) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.write_bytes(pack(parsed))
        temporary.replace(file)
        _forget_old(file.parent)
    except OSError as error:
        log.info("no cache of definitions: %s", error)
        with suppress(OSError):
            temporary.unlink()


def _forget_old(folder: Path) -> None:
    files = [(file.stat().st_mtime, file) for file in folder.glob("definitions-*.json")]
    for _, file in sorted(files)[:-_KEEP]:
        with suppress(OSError):
            file.unlink()


def stamp_of(files: Iterable[Path]) -> str:
    """The name of what files hold, by their paths, sizes and times."""
    parts = []
    for file in files:
        status = file.stat()
        parts.append(f"{file.resolve()} {status.st_size} {status.st_mtime_ns}")
    return key_of(parts)
