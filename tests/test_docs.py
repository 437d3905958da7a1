"""Every Python block of every page runs, in the order of its page, against the embedded peer; every
link leads somewhere.

A block that a reader should not run as it stands (it needs a live VPP, or shows a fragment) is
fenced as `py` instead of `python`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import vapi_cffi
from vapi_cffi.sim import Peer, Request

ROOT = Path(__file__).parent.parent
CORPUS = ROOT.parent / "shared" / "vpp-26.06"
VPP = "/run/vpp/api.sock"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
#: Pages whose blocks a test of their own runs, as one program or step by step.
ELSEWHERE = {"plugin.md", "emitters.md"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[tuple[int, str]]:
    """Line numbers and texts of the Python blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, match.start()) + 1, match[1]) for match in BLOCK.finditer(text)]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page) and page.name not in ELSEWHERE], ids=name_of
)
def test_the_code_of_a_page_runs(page: Path) -> None:
    names: dict[str, object] = {"__name__": "document"}
    for line, text in blocks(page):
        exec(compile("\n" * line + text, name_of(page), "exec"), names)


def test_access_lists() -> None:
    """What that page would do on a VPP, on an embedded peer with the plugin's API file."""
    file = CORPUS / "plugins" / "acl.api.json"
    if not file.exists():
        pytest.skip(f"no API files of VPP in {CORPUS}")
    page = ROOT / "docs" / "cookbook" / "acl.md"
    text = page.read_text(encoding="utf-8")
    program = "".join(re.findall(r"^```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    lists: dict[int, Any] = {}

    with Peer(api=[file]) as peer:

        @peer.on("acl_add_replace")
        def add(request: Request) -> bytes:
            lists[5] = request.args
            return request.reply(acl_index=5)

        @peer.on("acl_del")
        def delete(request: Request) -> int:
            del lists[request.args.acl_index]
            return 0

        @peer.on("acl_dump")
        def dump(request: Request) -> list[bytes]:
            rules = lists[request.args.acl_index]
            return [request.details(acl_index=5, tag=rules.tag, r=rules.r)]

        assert program.count(VPP) == 1
        names = {"vapi_cffi": vapi_cffi}  # imported at the top of the page
        exec(compile(program.replace(VPP, peer.address()), name_of(page), "exec"), names)
    assert not lists


def test_the_pages_that_teach_have_code() -> None:
    taught = {name_of(page) for page in PAGES if blocks(page)}
    assert {"README.md", "docs/tutorial.md", "docs/architecture.md"} <= taught


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        assert page.parent.joinpath(target).exists(), target


def test_commands_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"^make (\S+)", (ROOT / name).read_text(encoding="utf-8"), re.M):
            assert re.search(rf"^[^\n:=]*\b{target}\b[^\n:=]*:", makefile, re.M), target
