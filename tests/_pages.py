"""Pages that are to be followed: files (blocks with a title) and commands (blocks of sh)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """What stands between fences."""

    language: str
    title: str | None
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """All blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(found[1], found[2], found[3], line)


def write_files(page: Path, folder: Path) -> list[Path]:
    """The files of a page. Blocks of one title follow each other in one file."""
    texts: dict[str, str] = {}
    for block in blocks(page):
        if block.title is not None and block.language != "sh":
            before = texts.get(block.title)
            texts[block.title] = block.text if before is None else f"{before}\n\n{block.text}"
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]
