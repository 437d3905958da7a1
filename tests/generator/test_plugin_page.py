"""docs/plugin.md, followed word by word: its files, its commands, and what they print."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from _pages import Block, blocks, write_files

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "plugin.md"
EXAMPLE = ROOT / "examples" / "plugin"

pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("cc", "c++", "make")),
    reason="needs cc, c++ and make",
)


def steps() -> list[tuple[Block, str]]:
    """The commands of the page, each with what the page says it prints."""
    found = [block for block in blocks(PAGE) if block.language in ("sh", "text")]
    commands = []
    for at, block in enumerate(found):
        if block.language == "sh":
            said = found[at + 1].text if found[at + 1 : at + 2] else ""
            is_said = bool(said) and found[at + 1].language == "text"
            commands.append((block, said if is_said else ""))
    return commands


def test_the_page_shows_the_files_of_the_example(tmp_path: Path) -> None:
    shown = {path.name: path.read_text("utf-8") for path in write_files(PAGE, tmp_path)}
    kept = {path.name: path.read_text("utf-8") for path in EXAMPLE.iterdir() if path.is_file()}
    assert shown == kept


def test_each_step_does_what_the_page_says(tmp_path: Path) -> None:
    write_files(PAGE, tmp_path)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "VAPI_CACHE_DIR": str(tmp_path / "cache"),
        "VAPI_CFFI_CACHE": str(tmp_path / "stamps"),
    }
    peer: subprocess.Popen[str] | None = None
    done = 0
    try:
        for block, said in steps():
            if block.title is not None:  # a terminal of its own, until it serves
                peer = subprocess.Popen(
                    ["sh", "-ec", f"exec {block.text}"],
                    cwd=tmp_path,
                    env=environment,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                assert peer.stdout is not None
                assert peer.stdout.readline() == said
                continue
            run = subprocess.run(
                ["sh", "-ec", block.text],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
            assert run.returncode == 0, f"{block.text}{run.stdout}{run.stderr}"
            if said:
                assert run.stdout == said
            done += 1
    finally:
        if peer is not None:
            peer.terminate()
            peer.communicate(timeout=20)
    assert done == 5
    assert peer is not None
    assert peer.returncode == 0
