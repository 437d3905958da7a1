"""docs/emitters.md: its package, installed and run by the command line as the page says."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from _pages import blocks, write_files

PAGE = Path(__file__).resolve().parents[2] / "docs" / "emitters.md"

API = """
/* Feeds one pet. */
autoreply define pet_feed { u32 client_index; u32 context; string name[16]; };
define pet_dump { u32 client_index; u32 context; };
define pet_details { u32 context; u8 n; u32 toys[n]; };
"""

TABLE = """\
# my

| message | CRC | bytes | fields |
| --- | --- | --- | --- |
| pet_feed | `27dda999` | 26 | string name |
| pet_feed_reply | `e8d4e804` | 10 | i32 retval |
| pet_dump | `51077d14` | 10 |  |
| pet_details | `22cb3f96` | 7+ | u8 n, u32 toys |
"""


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    files = write_files(PAGE, tmp_path)
    assert [path.name for path in files] == ["markdown_emitter.py", "pyproject.toml"]
    classes = files[0].read_text("utf-8").partition("class ")[2]
    assert classes.count("\n") <= 30
    (tmp_path / "my.api").write_text(API, "utf-8")
    (commands,) = [block.text.splitlines() for block in blocks(PAGE) if block.language == "sh"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # Into a directory of its own, instead of the environment that runs this test; and offline.
    assert commands[0] == "pip install ."
    offline = ("--no-index", "--no-build-isolation", "--no-deps", "--target", "site")
    run("pip", "install", "-q", *offline, "--disable-pip-version-check", ".")
    program, *words = shlex.split(commands[1])
    assert program == "vapi"
    assert run("vapi_cffi.cli", *words) == "2 files, 2 written\n"
    assert (tmp_path / "tables/my.md").read_text("utf-8") == TABLE
    assert (tmp_path / "tables/index.md").read_text("utf-8") == "# Our API\n\n- my.md\n"
    assert run("vapi_cffi.cli", *words) == "2 files, 0 written\n"
