"""`vapi trace`: what `client.trace(file)` recorded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, TextIO

import click

from .._errors import InvalidArgument
from ._output import console, is_plain

_ARROWS = {"sent": "->", "received": "<-"}
_COLOURS = {"sent": "cyan", "received": "green"}
_KEYS: dict[str, type | tuple[type, ...]] = {"time": (int, float), "direction": str, "name": str}


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi trace vpp.trace\n"
    "  vapi trace vpp.trace --name 'sw_interface*' --name 'ip_route*'\n"
    "  vapi trace vpp.trace --failed           # answers with a negative retval\n"
    "  vapi trace vpp.trace --sent --json | jq .fields"
)
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option(
    "--name",
    "-n",
    "names",
    multiple=True,
    metavar="PATTERN",
    help="Messages of that name; with * and ?.",
)
@click.option("--sent", "direction", flag_value="sent", help="What the client sent.")
@click.option("--received", "direction", flag_value="received", help="What VPP sent.")
@click.option("--failed", is_flag=True, help="Answers with a negative retval.")
@click.option("--no-fields", is_flag=True, help="Names only.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they are.")
def command(
    file: TextIO,
    names: tuple[str, ...],
    direction: str | None,
    failed: bool,
    no_fields: bool,
    as_json: bool,
) -> None:
    """Print the messages of a trace ("-" reads standard input): when, after how many milliseconds,
    which way, and what was in them."""
    before: float | None = None
    show = _printer()
    for line in _lines(file):
        if direction is not None and line["direction"] != direction:
            continue
        if names and not any(fnmatchcase(line["name"], pattern) for pattern in names):
            continue
        if failed and not _failed(line):
            continue
        if as_json:
            sys.stdout.write(json.dumps(line) + "\n")
            continue
        after = 0.0 if before is None else line["time"] - before
        before = line["time"]
        show(line, after, "" if no_fields else _content(line))


def _lines(file: TextIO) -> Iterator[dict[str, Any]]:
    """Errors: `InvalidArgument` names file and line."""
    for number, text in enumerate(file, 1):
        if not text.strip():
            continue
        where = f"{file.name}:{number}"
        try:
            line = json.loads(text)
        except ValueError as error:
            raise InvalidArgument(f"{where}: not a line of a trace: {error}") from None
        for key, kind in _KEYS.items():
            if not isinstance(line, dict) or not isinstance(line.get(key), kind):
                raise InvalidArgument(f"{where}: not a line of a trace: it has no {key}")
        yield line


def _failed(line: Mapping[str, Any]) -> bool:
    fields = line.get("fields")
    retval = fields.get("retval", 0) if isinstance(fields, dict) else 0
    return isinstance(retval, int) and retval < 0


def _content(line: Mapping[str, Any]) -> str:
    """Fields for people, or why there are none."""
    fields = line.get("fields")
    if isinstance(fields, dict):
        words = [f"{name}={_short(value)}" for name, value in fields.items()]
    elif "error" in line:
        words = [f"({line['error']})", str(line.get("hex", ""))]
    else:
        words = []
    if "times" in line:
        words.append(f"(x {line['times']})")
    return " ".join(words)


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value if value.isprintable() and value and " " not in value else json.dumps(value)
    return "-" if value is None else json.dumps(value)


def _printer() -> Any:
    """What prints one message: plain in a pipe, coloured in a terminal."""
    write = sys.stdout.write
    if is_plain():

        def plain(line: Mapping[str, Any], after: float, content: str) -> None:
            arrow = _ARROWS.get(line["direction"], "??")
            text = f"{_clock(line)} {after * 1e3:+10.3f} {arrow} {line['name']} {content}"
            write(text.rstrip() + "\n")

        return plain
    from rich.text import Text

    out = console()

    def coloured(line: Mapping[str, Any], after: float, content: str) -> None:
        arrow = _ARROWS.get(line["direction"], "??")
        text = Text(f"{_clock(line)} {after * 1e3:+10.3f} ", style="dim")
        text.append(f"{arrow} {line['name']} ", style=_COLOURS.get(line["direction"], ""))
        text.append(content, style="red" if _failed(line) else "default")
        out.print(text, soft_wrap=True)

    return coloured


def _clock(line: Mapping[str, Any]) -> str:
    return f"{datetime.fromtimestamp(line['time']).astimezone():%H:%M:%S.%f}"
