"""`vapi api`: looks into APIs, of files and of a running VPP. The work is vapi_cffi.generator's."""

from __future__ import annotations

import click

from ._complete import requests
from ._options import Target, connection_options

_PATHS = click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...")
_PATHS_OR_LIVE = click.argument("paths", nargs=-1, metavar="[FILE|DIR]...")
_INCLUDE = click.option(
    "-I", "include", multiple=True, metavar="DIR", help="Look for imports below DIR."
)
#: In the place of a path: the VPP that the options name.
LIVE = "live"


@click.group(
    epilog="\b\nExamples:\n"
    "  vapi api show show_version                  # of the VPP at the usual place\n"
    "  vapi api ls -a /run/vpp/api.sock --match '*_dump'\n"
    "  vapi api show show_version /usr/share/vpp/api/core\n"
    "  vapi api diff /usr/share/vpp/api live       # files and the running VPP\n"
    "  vapi api lint my_plugin.api"
)
def command() -> None:
    """Look into APIs, of files or of a running VPP: list, show, compare, advise."""


@command.command(
    epilog="\b\nExamples:\n  vapi api ls my_plugin.api\n  vapi api ls --match 'ip_route*'"
)
@_PATHS_OR_LIVE
@click.option("--match", default="*", metavar="GLOB", help="Only names that match.")
@_INCLUDE
@connection_options
def ls(
    paths: tuple[str, ...],
    match: str,
    include: tuple[str, ...],
    address: str | None,
    transport: object,
    timeout: float,
) -> int:
    """List messages with their CRCs and sizes: of files, or of a VPP where none are given.

    The columns: name, CRC, bytes, what it is, its module.
    """
    from ..generator.cli import ls_lines, run_ls

    if paths:
        status: int = run_ls(paths, include_dirs=include, pattern=match)
        return status
    from ._live import Live

    with Live(_target(address, transport, timeout)) as live:
        for line in ls_lines(live.model(), match):
            click.echo(line)
    return 0


@command.command(
    epilog="\b\nExamples:\n  vapi api show create_loopback\n  vapi api show fib_path my.api"
)
@click.argument("name", metavar="MESSAGE", shell_complete=requests)
@_PATHS_OR_LIVE
@_INCLUDE
@connection_options
def show(
    name: str,
    paths: tuple[str, ...],
    include: tuple[str, ...],
    address: str | None,
    transport: object,
    timeout: float,
) -> int:
    """Show a message or type: fields, offsets, services. Of files, or of a VPP."""
    from ..generator.cli import run_show, show_lines

    if paths:
        status: int = run_show(name, paths, include_dirs=include)
        return status
    from ._live import Live

    with Live(_target(address, transport, timeout)) as live:
        model = live.model()
        lines = show_lines(model, name)
        if not lines:
            from ._requests import nearest

            hint = nearest(name, [*model.messages, *model.types])
            raise click.ClickException(f"no message or type {name!r}{hint}")
        for line in lines:
            click.echo(line)
        if name in model.messages:
            click.echo(live.number_text(model.messages[name].name_crc))
    return 0


@command.command(
    epilog="\b\nExamples:\n  vapi api diff old/ new/\n"
    "  vapi api diff /usr/share/vpp/api live -a /run/vpp/api.sock"
)
@click.argument("old")
@click.argument("new")
@_INCLUDE
@connection_options
def diff(
    old: str,
    new: str,
    include: tuple[str, ...],
    address: str | None,
    transport: object,
    timeout: float,
) -> int:
    """Compare two APIs: what came, what went, what changed its layout.

    `live` in the place of one is the VPP that the options name. Exits with 1 if anything changed.
    """
    if LIVE not in (old, new):
        from ..generator.cli import run_diff

        status: int = run_diff([old], [new], include_dirs=include)
        return status
    from ..generator import load
    from ..generator.diff import diff as differences
    from ..generator.diff import summary
    from ._live import Live

    with Live(_target(address, transport, timeout)) as live:
        models = [
            live.model() if side == LIVE else load([side], include, effort=0) for side in (old, new)
        ]
    changes = differences(*models)
    for change in changes:
        click.echo(str(change))
    click.echo(summary(changes))
    return 1 if changes else 0


@command.command(epilog="\b\nExample:\n  vapi api lint my_plugin.api")
@_PATHS
@click.option("--without", multiple=True, metavar="RULE", help="Leave a rule out.")
@_INCLUDE
def lint(paths: tuple[str, ...], without: tuple[str, ...], include: tuple[str, ...]) -> int:
    """Give advice on API files. Exits with 1 if there is any."""
    from ..generator.cli import run_lint

    status: int = run_lint(paths, include_dirs=include, without=frozenset(without))
    return status


def _target(address: str | None, transport: object, timeout: float) -> Target:
    return Target(address, transport, timeout)  # type: ignore[arg-type]
