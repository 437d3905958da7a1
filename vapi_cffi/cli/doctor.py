"""`vapi doctor`: why no connection comes about, and what to do."""

from __future__ import annotations

from dataclasses import asdict

import click

from ._options import Format, Target, output_options, target_options

_MARKS = {"ok": ("ok  ", "green"), "note": ("note", "yellow"), "bad": ("BAD ", "red")}


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi doctor\n"
    "  vapi doctor -a /run/vpp/api.sock -t memfd\n"
    "  vapi doctor -a shm:vpp1 -o json | jq '.[] | select(.state == \"bad\")'\n"
    "\n\b\n"
    "Exits with 0 if a connection comes about and works, 3 if not."
)
@output_options("table", "json", "yaml")
@target_options
def command(output: Format, target: Target) -> int:
    """Say why no connection comes about, and what to do.

    Looks at the path, its permissions and who listens there, at /dev/shm, versions, limits and
    namespaces; then connects over every transport that the address allows, and asks for a ping.
    """
    from ._doctor import examine
    from ._group import NO_CONNECTION, OK
    from ._output import print_objects

    findings = []
    for finding in examine(target):
        findings.append(finding)
        if output == "table":
            mark, colour = _MARKS[finding.state]
            click.echo(f"{click.style(mark, colour)} {finding.what}: {finding.text}")
            if finding.advice:
                click.echo(f"     -> {finding.advice}")
    if output != "table":
        print_objects(map(asdict, findings), output)
    good = [finding for finding in findings if finding.what.startswith("connect")]
    return OK if good and good[0].state == "ok" else NO_CONNECTION
