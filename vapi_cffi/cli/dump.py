"""`vapi dump` and `vapi get`: requests that are answered by many messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from . import _complete
from ._options import Format, Target, fields_argument, output_options, target_options

EXAMPLES = (
    "\b\nExamples:\n"
    "  vapi dump sw_interface_dump\n"
    "  vapi dump sw_interface_dump --columns interface_name,mtu[0] --sort -mtu[0]\n"
    "  vapi dump sw_interface_dump --where '\"loop\" in interface_name'\n"
    "  vapi dump ip_route_v2_dump --where 'route.prefix in \"10.0.0.0/8\"'\n"
    "  vapi dump ip_route_v2_dump -o json | jq -r '.[].route.prefix'\n"
)
CONDITIONS = (
    "\n"
    "Conditions are Python's comparisons, and/or/not, in, arithmetic, and the functions\n"
    "len, min, max, sum, abs, int, str, lower, startswith, endswith,\n"
    "like(x, 'loop*'), matches(x, REGEX), any/all(... for x in LIST).\n"
    "Texts become what the field is: 'admin_up' in flags, route.prefix in '10.0.0.0/8'."
)


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.option(
                "--columns",
                "-c",
                multiple=True,
                metavar="PATH,...",
                shell_complete=_complete.columns,
                help="What to show: a,b.c,mtu[0]. Default: a choice of what fits.",
            ),
            click.option(
                "--where",
                "-w",
                multiple=True,
                metavar="CONDITION",
                help="Only those of which this is true; may be repeated.",
            ),
            click.option(
                "--sort",
                "-s",
                multiple=True,
                metavar="PATH,...",
                shell_complete=_complete.columns,
                help="Order by these; -PATH the other way round.",
            ),
            click.option(
                "--limit", "-n", type=click.IntRange(0), metavar="COUNT", help="At most so many."
            ),
        )
    ):
        function = option(function)
    return output_options()(target_options(function))


@click.command(epilog=EXAMPLES + CONDITIONS)
@click.argument("message", metavar="MESSAGE", shell_complete=_complete.dumps)
@fields_argument(_complete.fields)
@_options
def command(message: str, fields: tuple[str, ...], **options: Any) -> None:
    """Print what a dump brings, as a table.

    Fields of the request are given as for `vapi call`; sw_if_index, bd_id and acl_index mean all
    when they are left out. A table in a terminal has as many columns as fit; in a pipe it has all,
    and no colour.
    """
    run(message, fields, **options)


@click.command(
    epilog="\b\nExamples:\n"
    "  vapi get ip_path_mtu_get\n"
    "  vapi get lcp_itf_pair_get_v2 -o json\n" + CONDITIONS
)
@click.argument("message", metavar="MESSAGE", shell_complete=_complete.streams)
@fields_argument(_complete.fields)
@_options
def get_command(message: str, fields: tuple[str, ...], **options: Any) -> None:
    """Print what a stream (..._get) brings, as a table.

    As `vapi dump`; VPP is asked again at the cursor for as long as it has more.
    """
    run(message, fields, **options)


def run(
    message: str,
    fields: Sequence[str],
    *,
    columns: Sequence[str],
    where: Sequence[str],
    sort: Sequence[str],
    limit: int | None,
    output: Format,
    target: Target,
) -> None:
    """Both commands: VPP understands both kinds of request alike."""
    from ._fields import parse
    from ._output import print_objects, print_rows
    from ._requests import function_of, with_all
    from ._rows import Rows, split_columns

    with target.connect() as client:
        function = function_of(client, message, ("dump", "get"))
        binding = function.binding
        rows = Rows(
            binding.details_codec,
            columns=split_columns(columns),
            where=where,
            sort=split_columns(sort),
            limit=limit,
        ).for_output(output)
        given = with_all(binding.codec, parse(binding.codec, fields))
        details = rows.select(function(**given))
        if output in ("json", "yaml"):
            print_objects(map(rows.plain, details), output)
        elif output == "csv":
            print_rows(rows.paths, (), map(rows.plain_cells, details), output)
        else:
            _table(rows, [rows.cells(item) for item in details])


def _table(rows: Any, cells: list[list[str]]) -> None:
    from ._output import fitting, print_rows, width

    columns = rows.paths
    shown = len(columns) if rows.chosen else fitting(columns, cells, width())
    numbers = [index for index in rows.numbers if index < shown]
    print_rows(columns[:shown], numbers, (row[:shown] for row in cells), "table")
    if shown < len(columns):
        more = ", ".join(columns[shown:])
        click.echo(f"not shown: {more}", err=True)
