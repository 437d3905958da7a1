"""The program in a pseudo-terminal of 80 columns."""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from .conftest import Vapi  # type: ignore[import-not-found]

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][0-9A-B]|\x1b[=>]")
SECONDS = 30


class Terminal:
    """A program in a terminal; `seen` is what it has written so far."""

    def __init__(self, process: subprocess.Popen[bytes], leader: int) -> None:
        self.process = process
        self._leader = leader
        self.seen = ""
        # What is read at once may end within a character.
        self._decode = codecs.getincrementaldecoder("utf-8")().decode

    def until(self, test: Callable[[str], bool]) -> str:
        """Reads until the test is true of everything seen. Fails after half a minute."""
        deadline = monotonic() + SECONDS
        while not test(self.seen):
            left = deadline - monotonic()
            assert left > 0, f"not seen in time: {self.seen!r}"
            if not select.select([self._leader], [], [], left)[0]:
                continue
            try:
                part = os.read(self._leader, 65536)
            except OSError:  # EIO: the program ended
                break
            self.seen += self._decode(part)
        return self.seen

    def send(self, text: str) -> None:
        os.write(self._leader, text.encode())

    def end(self) -> int:
        """Reads to the end, which may have come already; the exit code."""
        self.until(lambda seen: False)
        return self.process.wait(SECONDS)

    def modes(self) -> list[object]:
        """How the terminal is set."""
        return termios.tcgetattr(self._leader)

    @property
    def lines(self) -> list[str]:
        """What is seen, without escapes."""
        return ESCAPES.sub("", self.seen).replace("\r", "").splitlines()


@contextmanager
def terminal(*arguments: str, **variables: str) -> Iterator[Terminal]:
    """`vapi` in a terminal of 80 columns and 24 lines."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"TERM": "xterm-256color"} | variables
    environment.pop("COLUMNS", None)
    with subprocess.Popen(
        # The terminal is the controlling one: Ctrl-C comes from it.
        ["setsid", "--ctty", sys.executable, "-m", "vapi_cffi.cli", *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
    ) as process:
        os.close(follower)
        try:
            yield Terminal(process, leader)
        finally:
            process.kill()
            process.wait()
            os.close(leader)


def test_a_table_has_80_columns_and_a_bold_head(vapi: Vapi) -> None:
    with terminal("dump", "sw_interface_dump") as shown:
        assert shown.end() == 0
    assert "\x1b[1m" in shown.seen
    assert all(len(line) <= 80 for line in shown.lines if not line.startswith("not shown"))
    assert "local0" in shown.seen


def test_pings_that_are_shown_are_alone_on_their_lines(vapi: Vapi) -> None:
    with terminal("ping", "--count", "2") as shown:
        assert shown.end() == 0
    assert "\x1b" not in shown.seen, "no bar"
    assert [line.split(":")[0] for line in shown.lines[1:3]] == ["1", "2"]


def test_no_color_is_respected(vapi: Vapi) -> None:
    with terminal("diff", "--help", NO_COLOR="1") as shown:
        assert shown.end() == 0
    assert "\x1b[3" not in shown.seen
    with terminal("dump", "sw_interface_dump", NO_COLOR="1") as shown:
        assert shown.end() == 0
    assert not re.search(r"\x1b\[3[0-9]", shown.seen)


def test_top_is_live_and_leaves_the_terminal_as_it_was(vapi: Vapi) -> None:
    with terminal("top", "--interval", "0.1") as shown:
        before = shown.modes()
        shown.until(lambda seen: seen.count("main loop") >= 3)
        assert "\x1b[?1049h" in shown.seen, "a screen of its own"
        shown.send("\x03")
        assert shown.end() == 130
        assert shown.modes() == before
    assert shown.seen.rindex("\x1b[?1049l") > shown.seen.rindex("\x1b[?1049h")
    assert "\x1b[?25h" in shown.seen[shown.seen.rindex("\x1b[?1049h") :], "the cursor is back"
    assert "interrupted" in shown.seen
    assert "Traceback" not in shown.seen


def test_watch_says_how_it_ends(vapi: Vapi) -> None:
    with terminal("watch", "sw_interface_event") as shown:
        before = shown.modes()
        shown.until(lambda seen: "Ctrl-C" in seen)
        shown.process.send_signal(signal.SIGINT)
        assert shown.end() == 130
        assert shown.modes() == before
    assert "Traceback" not in shown.seen


def test_the_prompt_of_the_shell(vapi: Vapi, tmp_path_factory: pytest.TempPathFactory) -> None:
    state = tmp_path_factory.mktemp("state")
    with terminal("shell", "--plain", XDG_STATE_HOME=str(state)) as shown:
        shown.until(lambda seen: ">>> " in seen)
        shown.send("api.create_loopb\t")
        shown.until(lambda seen: "api.create_loopback" in seen.replace("\x07", ""))
        shown.send("\x15print(6 * 7)\n")
        # With the prompt behind it: what is typed before is not readline's.
        shown.until(lambda seen: "\n42\n>>> " in seen.replace("\r", ""))
        shown.send("\x04")
        assert shown.end() == 0
    assert "requests" in shown.seen
    assert (state / "vapi_cffi" / "shell_history").exists()


def test_bulk_has_a_bar_and_can_be_interrupted(
    vapi: Vapi, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bulk")
    file, state = folder / "pings.csv", folder / "state"
    count = 500_000
    file.write_text("sw_if_index\n" + "0\n" * count)
    with terminal(
        *("bulk", "sw_interface_set_flags", "-c", str(file), "--resume", str(state))
    ) as shown:
        before = shown.modes()
        shown.until(lambda seen: "rows" in seen and state.exists())
        shown.send("\x03")
        assert shown.end() == 130
        assert shown.modes() == before
    assert "Traceback" not in shown.seen
    assert "interrupted" in shown.seen
    assert "\x1b[?25h" in shown.seen, "the cursor is back"
    done = json.loads(state.read_text())["done"]
    assert 0 < done < count
    assert f"{done:,} answered" in shown.seen
