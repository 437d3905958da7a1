"""`vapi diff`: two snapshots, or one and the live state."""

from __future__ import annotations

import click

from ._options import Format, Target, output_options, target_options
from .snapshot import MESSAGES, split_messages

#: Not configuration: ages, and places in VPP's own tables.
_VOLATILE = ["age", "stats_index"]


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi diff before.json                  # with the VPP as it is now\n"
    "  vapi diff before.json after.json\n"
    "  vapi diff before.json --ignore stats_index --ignore tag\n"
    "  vapi diff before.json -o json | jq '.[].key'\n"
    "\n\b\n"
    "Exits with 0 if nothing is different, 1 if something is."
)
@click.argument("old", type=click.Path(exists=True, dir_okay=False))
@click.argument("new", required=False, type=click.Path(exists=True, dir_okay=False))
@MESSAGES
@click.option(
    "--ignore", multiple=True, metavar="FIELD,...", help="Fields that may differ, by name or path."
)
@click.option("--strict", is_flag=True, help="Also what changes by itself: age, stats_index.")
@output_options("table", "json", "yaml")
@target_options
def command(
    old: str,
    new: str | None,
    messages: tuple[str, ...],
    ignore: tuple[str, ...],
    strict: bool,
    output: Format,
    target: Target,
) -> int:
    """Compare two snapshots, or a snapshot with the live state.

    - is what went, + what came, ~ what changed, with its old and new values. The live state is
    asked for what the snapshot has in it.
    """
    from ._changes import compare
    from ._output import print_objects
    from ._state import read, take

    before, asked = read(old)
    wanted = split_messages(messages)
    if new is not None:
        after, _ = read(new)
    else:
        with target.connect() as client:
            after = take(client, wanted or asked)
    if wanted:
        names = {item.split()[0] for item in wanted}
        before, after = (
            {section: rows for section, rows in state.items() if section.split()[0] in names}
            for state in (before, after)
        )
    hidden = [name.strip() for some in ignore for name in some.split(",")]
    hidden += [] if strict else _VOLATILE
    changes = list(compare(before, after, hidden))
    if output == "table":
        for change in changes:
            click.echo(_colour(change.text()))
    else:
        print_objects((change.plain() for change in changes), output)
    return 1 if changes else 0


def _colour(line: str) -> str:
    return click.style(line, {"-": "red", "+": "green", "~": "yellow"}[line[0]])
