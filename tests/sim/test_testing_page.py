"""docs/testing.md, done as it says: its files, and pytest with the plugin as it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from _pages import write_files

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def run_pytest(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers", *options],
        cwd=folder,
        env={**os.environ, "VAPI_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    files = write_files(PAGE, tmp_path)
    assert len(files) == 5
    said = run_pytest(tmp_path)
    assert said.startswith("0\n"), said
    assert "11 passed" in said, said


@pytest.mark.vapi_peer(transports=["socket"])
def test_the_fixture_is_there_in_this_run_too(vapi_peer: object) -> None:
    assert "running" in repr(vapi_peer)
