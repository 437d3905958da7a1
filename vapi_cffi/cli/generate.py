"""`vapi generate`: bindings from API files. The work is vapi_cffi.generator's."""

from __future__ import annotations

import click

#: The emitters that have an option of their own, and what they write.
TARGETS = {
    "c": "C headers, in DIR/vapi/",
    "cpp": "C++ headers, in DIR/vapi/",
    "python": "a Python package",
    "json": ".api.json files",
    "api": "canonical .api files",
}


def _pairs(ctx: click.Context, option: click.Parameter, items: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for item in items:
        name, sign, value = item.partition("=")
        if not sign or not name or not value:
            raise click.BadParameter(f"{item!r}: expected NAME=VALUE", ctx, option)
        found[name] = value
    return found


@click.command(
    epilog="\b\nExamples:\n  vapi generate my_plugin.api --python out/\n"
    "  vapi generate /usr/share/vpp/api --c include/ --check"
)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...")
@click.option("--emit", multiple=True, metavar="NAME=DIR", callback=_pairs, help="Another emitter.")
@click.option(
    "--option", multiple=True, metavar="NAME=VALUE", callback=_pairs, help="For emitters."
)
@click.option("-I", "include", multiple=True, metavar="DIR", help="Look for imports below DIR.")
@click.option("--check", is_flag=True, help="Fail if any file would change; write nothing.")
@click.option("--no-cache", is_flag=True, help="Do the work even if nothing changed.")
@click.option("--no-version", is_flag=True, help="Leave the generator's version out.")
@click.option("--trust-file-crc", is_flag=True, help="Take file CRCs of JSON without proof.")
@click.option("--trust-crc", is_flag=True, help="Take message CRCs of JSON without check.")
def command(
    paths: tuple[str, ...],
    emit: dict[str, str],
    option: dict[str, str],
    include: tuple[str, ...],
    check: bool,
    no_cache: bool,
    no_version: bool,
    trust_file_crc: bool,
    trust_crc: bool,
    **targets: str | None,
) -> int:
    """Generate bindings from .api and .api.json files."""
    from ..generator import DEFAULT_EFFORT
    from ..generator.cli import run_generate
    from ..generator.emit import EmitOptions
    from ..generator.output import Request

    wanted = {name: folder for name, folder in targets.items() if folder} | emit
    if not wanted:
        raise click.UsageError(f"expected one of --{', --'.join(TARGETS)}, --emit")
    request = Request(
        paths=paths,
        targets=wanted,
        include_dirs=include,
        options=EmitOptions(banner=not no_version, extra=option),
        check=check,
        use_cache=not no_cache,
        effort=0 if trust_file_crc else DEFAULT_EFFORT,
        trust_crc=trust_crc,
    )
    status: int = run_generate(request)
    return status


for _name, _text in reversed(TARGETS.items()):
    command = click.option(f"--{_name}", metavar="DIR", help=f"Write {_text}.")(command)
