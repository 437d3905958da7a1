"""Records the terminal pictures of docs/cli.md: `python tools/recordings.py` writes docs/img/*.svg.

Each is `vapi` in a pseudo-terminal of 80 columns against an embedded peer, its output drawn by
rich. The fonts are the reader's own: nothing is loaded from elsewhere.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from vapi_cffi.sim import SpawnedPeer

OUT = Path(__file__).resolve().parents[1] / "docs" / "img"
COLUMNS, LINES = 80, 24
ROUTES = 200_000

_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)
#: What moves the cursor, and clears: everything but colours.
_MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b[()][0-9A-B]|\x1b[=>]")


def run(line: str, folder: Path, address: str) -> str:
    """What a command writes to a terminal."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", LINES, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "VAPI_ADDRESS": address}
    for name in ("NO_COLOR", "COLUMNS"):
        environment.pop(name, None)
    _, *arguments = shlex.split(line)
    with subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "vapi_cffi.cli", *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=folder,
        env=environment,
    ) as process:
        os.close(follower)
        written = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # EIO: the program ended
                break
            written += part
    os.close(leader)
    if process.returncode not in (0, 1, 2):
        sys.exit(f"{line}: exit code {process.returncode}\n{written.decode()}")
    return written.decode().replace("\r\n", "\n")


def as_it_is(written: str) -> str:
    """Of a command that just prints."""
    return _MOVES.sub("", written)


def last_screen(written: str) -> str:
    """Of a command with a screen of its own."""
    screen = written.rsplit("\x1b[?1049l", 1)[0].rsplit("\x1b[H", 1)[1]
    return "\n".join(line.rstrip() for line in as_it_is(screen).rstrip().split("\n"))


def with_bar(written: str) -> str:
    """Of a command with a bar: the bar halfway, and what follows it."""
    bars = [part for part in re.split(r"\r|\n", written) if "rows" in part and "━" in part]
    tail = written.rstrip("\n").rsplit("\n", 1)[-1].rsplit("\r", 1)[-1]
    return f"{as_it_is(bars[len(bars) // 2])}\n{as_it_is(tail)}"


def picture(title: str, parts: Iterable[tuple[str, str]]) -> str:
    """The SVG of commands and their output."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line, output in parts:
        console.print(Text.assemble(("$ ", "bold green"), line), soft_wrap=False)
        if output.strip():
            console.print(Text.from_ansi(output.rstrip("\n")), overflow="fold")
    name = title.replace(" ", "-")
    svg = _FONT.sub("", console.export_svg(title=title, unique_id=name))
    # Lines without anything at their ends, so that git finds nothing to complain about.
    return "\n".join(line.rstrip() for line in svg.split("\n") if line.strip()) + "\n"


RECORDINGS: dict[str, list[tuple[str, Callable[[str], str]]]] = {
    "call": [
        ("vapi call create_loopback mac_address=02:fe:00:00:00:01", as_it_is),
        ("vapi call sw_interface_set_flags sw_if_index=1 flags=admin_up", as_it_is),
        ("vapi call sw_interface_set_flags sw_if_indx=1", as_it_is),
        ("vapi call sw_interface_set_flags sw_if_index=4711", as_it_is),
        ("vapi call show_version --json", as_it_is),
    ],
    "dump": [
        ("vapi dump sw_interface_dump", as_it_is),
        (
            "vapi dump sw_interface_dump -w 'mtu[0] > 1500' -s -mtu[0] -c interface_name,mtu,flags",
            as_it_is,
        ),
        ("vapi dump ip_route_v2_dump -w 'route.prefix in \"10.1.0.0/16\"'", as_it_is),
    ],
    "top": [("vapi top --count 1 --interval 0.2", last_screen)],
    "bulk": [
        (
            "vapi bulk ip_route_add_del_v2 is_add=1 -c routes.csv",
            with_bar,
        ),
    ],
}
PREPARATION = [
    "vapi call create_loopback",
    "vapi call create_loopback",
    "vapi call sw_interface_set_mtu sw_if_index=2 mtu=1400",
    "vapi call ip_route_add_del_v2 is_add=true route.prefix=10.1.0.0/16 "
    "route.paths[0].sw_if_index=1 route.paths[0].nh.address.ip4=10.0.0.2",
]


def main() -> None:
    """All of them."""
    with tempfile.TemporaryDirectory() as name, SpawnedPeer() as peer:
        folder, address = Path(name), peer.address()
        rows = (
            f"10.{64 + (i >> 16)}.{i >> 8 & 255}.{i & 255}/32,1,10.0.0.2\n" for i in range(ROUTES)
        )
        with (folder / "routes.csv").open("w") as file:
            file.write("route.prefix,route.paths[0].sw_if_index,route.paths[0].nh.address.ip4\n")
            file.writelines(rows)
        for title, lines in RECORDINGS.items():
            parts = [(line, show(run(line, folder, address))) for line, show in lines]
            if title == "call":
                for line in PREPARATION:
                    run(line, folder, address)
            target = OUT / f"{title}.svg"
            target.write_text(picture(f"vapi {title}", parts), encoding="utf-8")
            print(f"{target.relative_to(OUT.parents[1])}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
