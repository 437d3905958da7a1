"""`vapi api`: looks into API files. The work is vapi_cffi.generator's."""

from __future__ import annotations

import click

_PATHS = click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...")
_INCLUDE = click.option(
    "-I", "include", multiple=True, metavar="DIR", help="Look for imports below DIR."
)


@click.group(epilog="\b\nExample:\n  vapi api show show_version /usr/share/vpp/api/core")
def command() -> None:
    """Look into API files: list, show, compare, advise."""


@command.command()
@_PATHS
@click.option("--match", default="*", metavar="GLOB", help="Only names that match.")
@_INCLUDE
def ls(paths: tuple[str, ...], match: str, include: tuple[str, ...]) -> int:
    """List messages with their CRCs and sizes."""
    from ..generator.cli import run_ls

    status: int = run_ls(paths, include_dirs=include, pattern=match)
    return status


@command.command()
@click.argument("name", metavar="MESSAGE")
@_PATHS
@_INCLUDE
def show(name: str, paths: tuple[str, ...], include: tuple[str, ...]) -> int:
    """Show a message or type: fields, offsets, services."""
    from ..generator.cli import run_show

    status: int = run_show(name, paths, include_dirs=include)
    return status


@command.command()
@click.argument("old")
@click.argument("new")
@_INCLUDE
def diff(old: str, new: str, include: tuple[str, ...]) -> int:
    """Compare two APIs: what came, what went, what changed its layout."""
    from ..generator.cli import run_diff

    status: int = run_diff([old], [new], include_dirs=include)
    return status


@command.command()
@_PATHS
@click.option("--without", multiple=True, metavar="RULE", help="Leave a rule out.")
@_INCLUDE
def lint(paths: tuple[str, ...], without: tuple[str, ...], include: tuple[str, ...]) -> int:
    """Give advice on API files."""
    from ..generator.cli import run_lint

    status: int = run_lint(paths, include_dirs=include, without=frozenset(without))
    return status
