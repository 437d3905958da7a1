"""Stamps: notes of finished runs, by which a run with nothing to do is recognised.

A stamp lives in the user's cache directory, so that output directories hold output alone. It names
everything a run depends on (command, versions, the generator's own code, content of every file
read, files that were looked for and not there) and the content of every file it wrote. Losing it
costs time, never correctness.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .version import GENERATOR_VERSION

#: Environment variable with another place for stamps.
CACHE_VARIABLE = "VAPI_CFFI_CACHE"


def cache_dir() -> Path:
    """Where stamps are kept."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vapi_cffi" / "generate"


def digest_of(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


def code_digest() -> str:
    """Changes with every edit of the generator itself: a developer sees his change at once."""
    root = Path(__file__).parent
    parts = [GENERATOR_VERSION]
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.lark")]):
        status = path.stat()
        parts.append(f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns}")
    return digest_of("\n".join(parts).encode())


class Stamp:
    """The stamp of one command: same inputs, outputs and options, whatever the files contain."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        key = digest_of(json.dumps(self._command).encode())
        self._file = cache_dir() / f"{key[:32]}.json"

    def is_current(self, inputs: Iterable[Path]) -> list[Path] | None:
        """The outputs of the noted run if it would do the same again, else None."""
        try:
            noted = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(noted, dict) or noted.get("command") != self._command:
            return None
        if noted.get("code") != code_digest():
            return None
        if noted.get("inputs") != [str(path) for path in inputs]:
            return None
        if not all(_has_digest(path, digest) for path, digest in noted["read"].items()):
            return None
        if any(os.path.exists(path) for path in noted["missing"]):
            return None
        outputs: dict[str, Any] = noted["outputs"]
        if not all(_is_untouched(path, note) for path, note in outputs.items()):
            return None
        return [Path(path) for path in outputs]

    def write(
        self,
        inputs: Iterable[Path],
        read: Mapping[str, str],
        missing: Iterable[str],
        outputs: Mapping[Path, str],
    ) -> None:
        """Note a finished run. `read`: path to digest; `outputs`: path to text."""
        note = {
            "command": self._command,
            "code": code_digest(),
            "inputs": [str(path) for path in inputs],
            "read": dict(read),
            "missing": sorted(missing),
            "outputs": {str(path): _note(path, text) for path, text in outputs.items()},
        }
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._file.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(note), "utf-8")
            temporary.replace(self._file)
        except OSError:
            # No home directory, no space, read-only: the next run does the work again.
            return


def _has_digest(path: str, digest: str) -> bool:
    try:
        return digest_of(Path(path).read_bytes()) == digest
    except OSError:
        return False


def _note(path: Path, text: str) -> list[Any]:
    status = path.stat()
    return [digest_of(text.encode()), status.st_size, status.st_mtime_ns]


def _is_untouched(path: str, note: Sequence[Any]) -> bool:
    """Unchanged by size and time, or else by content."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    if status.st_size != note[1]:
        return False
    return bool(status.st_mtime_ns == note[2]) or _has_digest(path, note[0])
