"""Every Python block of the documents runs, in the order of its document, against the embedded
peer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["README.md", "docs/architecture.md"]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def blocks(path: Path) -> list[tuple[int, str]]:
    """Line numbers and texts of the Python blocks of a document."""
    text = path.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start()) + 1, match[1])
        for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_code_of_a_document_runs(name: str) -> None:
    found = blocks(ROOT / name)
    assert found, "a document without code needs no place here"
    names: dict[str, object] = {"__name__": "document"}
    for line, text in found:
        exec(compile("\n" * line + text, name, "exec"), names)


@pytest.mark.parametrize("name", [*DOCUMENTS, "CONTRIBUTING.md"])
def test_links_lead_somewhere(name: str) -> None:
    for target in LINK.findall((ROOT / name).read_text(encoding="utf-8")):
        assert (ROOT / name).parent.joinpath(target).exists(), target


def test_commands_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in (*DOCUMENTS, "CONTRIBUTING.md"):
        for target in re.findall(r"^make (\S+)", (ROOT / name).read_text(encoding="utf-8"), re.M):
            assert re.search(rf"^[^\n:=]*\b{target}\b[^\n:=]*:", makefile, re.M), target
