"""docs/cli.md: every command of its console blocks is run, in order, and prints what the page
says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from vapi_cffi.cli._group import COMMANDS

from .conftest import Vapi  # type: ignore[import-not-found]

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CSV = re.compile(r"^```text\n(route\.prefix,.*?)^```$", re.MULTILINE | re.DOTALL)


def steps() -> list[tuple[str, str]]:
    """Commands, and what the page shows of their output."""
    found = []
    for block in CONSOLE.findall(PAGE.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            found.append((line, output))
    return found


def matches(shown: str, real: str) -> bool:
    """Whether `...` of the page can stand for the rest of what was printed."""
    parts = [re.escape(part) for part in shown.rstrip("\n").split("...")]
    return re.fullmatch(".*?".join(parts), real.rstrip("\n"), re.DOTALL) is not None


def test_the_page_is_true(vapi: Vapi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = CSV.search(PAGE.read_text(encoding="utf-8"))
    assert rows is not None
    Path("routes.csv").write_text(rows[1], encoding="utf-8")
    seen = set()
    for line, shown in steps():
        program, *arguments = shlex.split(line)
        assert program == "vapi"
        seen.add(arguments[0])
        done = vapi(*arguments)
        # Standard error comes with the output, as in a terminal.
        real = done.out + done.err
        assert matches(shown, real), f"$ {line}\n{real}--- the page says:\n{shown}"
    assert len(seen) >= 12


def test_the_page_has_every_command() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"vapi {name}" not in text] == []
