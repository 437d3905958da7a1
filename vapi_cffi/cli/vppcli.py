"""`vapi cli`: VPP's own command line, over the API."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ._options import Format, Target, output_options, target_options

if TYPE_CHECKING:
    from .._client import Client


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi cli 'show interface'\n"
    "  vapi cli 'show version' 'show runtime'\n"
    "  vapi cli show hardware-interfaces\n"
    "  vapi cli - < commands.txt"
)
@click.argument("commands", nargs=-1, required=True, metavar="COMMAND...")
@output_options("table", "json", "yaml")
@target_options
def command(commands: tuple[str, ...], output: Format, target: Target) -> int:
    """Run commands of VPP's own command line and print what it says.

    An argument with a space in it is a command; words without are one command together. - reads
    commands from standard input, one a line. VPP says "unknown input" in its own words: that, and
    a negative retval, exit with 1.
    """
    from ._output import print_objects

    with target.connect() as client:
        answers = [(line, *_ask(client, line)) for line in _lines(commands)]
    if output == "table":
        for _, reply, _ in answers:
            if reply:
                sys.stdout.write(reply if reply.endswith("\n") else f"{reply}\n")
    else:
        print_objects(({"command": line, "reply": reply} for line, reply, _ in answers), output)
    failed = [error for *_, error in answers if error]
    if failed:
        sys.stdout.flush()
        raise click.ClickException("; ".join(failed))
    return 0


def _ask(client: Client, line: str) -> tuple[str, str]:
    """What VPP prints, and what is wrong with the command ("" if nothing)."""
    made = client.api.cli_inband
    answer = made.raw(cmd=line)
    if answer.retval >= 0 and not _is_refusal(answer.reply):
        return answer.reply, ""
    said = answer.reply.strip() or str(made.binding.error(answer))
    return "", f"{line!r}: {said}"


def _lines(commands: tuple[str, ...]) -> list[str]:
    if commands == ("-",):
        lines = (line.strip() for line in sys.stdin)
        return [line for line in lines if line and not line.startswith("#")]
    if any(" " in one.strip() for one in commands):
        return list(commands)
    return [" ".join(commands)]


def _is_refusal(reply: str) -> bool:
    """VPP reports what it does not understand in the text alone."""
    first = reply.lstrip().split("\n", 1)[0].lower()
    return first.startswith("unknown input") or ": unknown input" in first
