"""Draws the pictures of the documentation: `python tools/pictures.py` writes docs/img/*.svg.

Boxes and arrows in a fixed palette that reads on light and dark pages; no library, since all there
is are rectangles, lines and text.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

OUT = Path(__file__).resolve().parents[1] / "docs" / "img"

INK, PAPER, LINE = "#1f2937", "#ffffff", "#94a3b8"
OURS, THEIRS, SHARED, NOTE = "#dbeafe", "#fee2e2", "#dcfce7", "#fef9c3"


@dataclass
class Picture:
    """An SVG under construction; coordinates are pixels, y grows downwards."""

    width: int
    height: int
    title: str
    parts: list[str] = field(default_factory=list)

    def box(
        self, x: int, y: int, w: int, h: int, text: str, fill: str = OURS, *, small: str = ""
    ) -> None:
        """A rectangle with a title, and smaller lines under it."""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6" fill="{fill}" stroke="{LINE}"/>'
        )
        lines = [(text, 14, "600")] + [(line, 12, "400") for line in small.split("\n") if line]
        top = y + (h - 17 * len(lines)) // 2 + 13
        for number, (line, size, weight) in enumerate(lines):
            self.text(x + w // 2, top + 17 * number, line, size, weight, "middle")

    def text(
        self, x: int, y: int, line: str, size: int = 12, weight: str = "400", anchor: str = "start"
    ) -> None:
        """One line of text, its baseline at y."""
        self.parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{INK}" '
            f'text-anchor="{anchor}">{escape(line)}</text>'
        )

    def arrow(self, x1: int, y1: int, x2: int, y2: int, *, dashed: bool = False) -> None:
        """A line with a head at its second end."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{INK}" stroke-width="1.4"'
            f'{dash} marker-end="url(#head)"/>'
        )

    def save(self, name: str) -> None:
        """Writes the file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" role="img" font-family="Helvetica, Arial, sans-serif">\n'
            f"<title>{escape(self.title)}</title>\n"
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            f'markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker>'
            "</defs>\n"
            f'<rect width="{self.width}" height="{self.height}" rx="10" fill="{PAPER}"/>\n'
        )
        OUT.mkdir(parents=True, exist_ok=True)
        text = head + "\n".join(self.parts) + "\n</svg>\n"
        (OUT / f"{name}.svg").write_text(text, encoding="utf-8")


def layers() -> None:
    """Which layer stands on which."""
    p = Picture(760, 452, "The layers of vapi_cffi")
    p.box(20, 20, 170, 50, "vapi", small="command line")
    p.box(205, 20, 170, 50, "vapi_cffi.papi", small="drop-in for vpp_papi")
    p.box(390, 20, 350, 50, "your program", PAPER)
    p.box(
        20,
        86,
        720,
        52,
        "connect(), aio.connect()",
        small="client.api, dumps, events, bulk, columns",
    )
    p.box(20, 150, 350, 52, "objects", small="Request, Dump, Stream, EventRegistration")
    p.box(390, 150, 350, 52, "callback", small="one function a message, dispatch()")
    p.box(20, 214, 720, 44, "Connection", small="messages as bytes: alloc, send, recv, call, pump")
    p.text(380, 277, "CFFI, one abi3 module, one crossing a batch", 12, "400", "middle")
    p.box(
        20,
        288,
        460,
        60,
        "C core",
        small="vapi.h (VAPI's API), batch.h, requests, dispatch, drain thread",
    )
    p.box(500, 288, 240, 60, "C and C++ programs", PAPER, small="libvapiclient, vapi.hpp")
    p.box(20, 362, 150, 40, "socket")
    p.box(175, 362, 150, 40, "memfd")
    p.box(330, 362, 150, 40, "classic /dev/shm")
    p.arrow(250, 402, 250, 424)
    p.text(262, 420, "VPP, or the embedded peer", 12)
    p.box(
        500,
        362,
        240,
        76,
        "generator",
        SHARED,
        small=".api or .api.json in\nC, C++, Python, JSON out",
    )
    p.save("layers")


def message() -> None:
    """The life of one message over shared memory."""
    p = Picture(960, 366, "The life of a message over classic shared memory")
    for x, name, fill in (
        (20, "your process", OURS),
        (390, "shared memory", SHARED),
        (760, "VPP", THEIRS),
    ):
        p.box(x, 16, 180, 34, name, fill)
        p.parts.append(
            f'<line x1="{x + 90}" y1="50" x2="{x + 90}" y2="332" stroke="{LINE}" stroke-width="2"/>'
        )
    steps = (
        (84, 110, 480, "1 copy into a slot of our own arena, number the context"),
        (122, 110, 480, "2 its address into VPP's input queue"),
        (160, 480, 850, "3 VPP takes it; if it sleeps, the late bell wakes it"),
        (198, 850, 480, "4 answer into a slot of VPP's rings, address into our queue"),
        (236, 480, 110, "5 spin, then sleep: taken, checked, matched by context"),
        (274, 850, 480, "6 VPP marks our request's slot free"),
        (312, 110, 480, "7 release(): the slot is VPP's again"),
    )
    for y, x1, x2, line in steps:
        p.arrow(x1, y, x2, y)
        p.text(min(x1, x2) + 8, y - 6, line, 11)
    p.text(
        20,
        354,
        "No thread of ours stands in this path; a drain thread steps in after 2 ms.",
    )
    p.save("message")


def shared_memory() -> None:
    """What lies where in the classic segment."""
    p = Picture(760, 322, "The classic shared-memory segment")
    p.text(20, 28, "/dev/shm/PREFIX-global_vm: the root region, 64 MiB", 14, "600")
    p.box(20, 40, 110, 70, "header", THEIRS, small="lock, bitmap")
    p.box(135, 40, 250, 70, "API region", THEIRS, small="laid over it: PREFIX-vpe-api")
    p.box(
        390,
        40,
        350,
        70,
        "idle pages",
        SHARED,
        small="mapped by VPP, used by nobody\nwe reserve runs of them in the bitmap",
    )
    p.text(20, 150, "PREFIX-vpe-api: the API region", 14, "600")
    p.box(20, 162, 90, 70, "header", THEIRS)
    p.box(115, 162, 150, 70, "input queue", THEIRS, small="requests: 1024\naddresses")
    p.box(
        270,
        162,
        220,
        70,
        "message rings",
        THEIRS,
        small="VPP's answers; freed by\nstoring 0 in a slot's q",
    )
    p.box(
        495,
        162,
        245,
        70,
        "heap",
        THEIRS,
        small="long answers; never allocated from\nby us, returned to VPP",
    )
    p.text(20, 268, "our pages of the root region", 14, "600")
    p.box(20, 278, 190, 34, "mark: pid, start time", OURS)
    p.box(215, 278, 250, 34, "our input queue, 8192 places", OURS)
    p.box(470, 278, 270, 34, "our arena: slots for requests", OURS)
    p.save("shared-memory")


def main() -> int:
    """All of them."""
    for draw in (layers, message, shared_memory):
        draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
